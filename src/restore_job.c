// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore_job.c - a restored tree as a job of the shell that restore is run from: it gets the terminal, and
 * when it stops we stop too, so that the shell sees one job where there are two process groups.
 */
#include "restore_job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "rec_external.h"
#include "restore.h"
#include "tty.h"

#define TCGETS2_ 0x802c542a
#define TCSETSW2_ 0x402c542c

/* The terminal of the image that ours takes the place of. */
static const struct rec_tty *find_terminal(const struct snap *s)
{
	snap_for_each(s, REC_TTY_FILE, const struct rec_tty_file, f) {
		const struct rec_tty *t = snap_find(s, REC_TTY, f->tty);

		if (tty_is_outside(s, t) && !snap_find(s, REC_EXTERNAL, f->file))
			return t;
	}
	return NULL;
}

/* The number that a process group of the image has here. */
static pid_t group_here(const struct restore *r, __u64 pgid)
{
	for (unsigned int i = 0; i < r->tree.nr; i++)
		if (r->units[i].body && r->units[i].proc->pgid->addr == pgid)
			return getpgid(r->units[i].tid);
	return -1;
}

static bool in_foreground(const struct job *j)
{
	return tcgetpgrp(j->tty) == getpgrp();
}

/* To whoever is to have it, when it is ours to give: we may have been put into the background. */
static void give_terminal(struct job *j)
{
	if (j->tty < 0 || !in_foreground(j))
		return;
	ioctl(j->tty, TCSETSW2_, &j->modes);
	if (j->group && tcsetpgrp(j->tty, j->group))
		warn("the terminal cannot be given to process group %d: it is in the background", j->group);
}

void job_prepare(struct job *j, struct restore *r)
{
	const struct rec_tty *t = find_terminal(&r->image.snap);
	struct winsize size;

	*j = (struct job){ .tty = -1 };
	if (r->opts->detach || !t || r->own_tty < 0 || ioctl(r->own_tty, TCGETS2_, &j->shell))
		return;
	j->tty = fcntl(r->own_tty, F_DUPFD_CLOEXEC, 3);
	j->group = t->pgrp ? group_here(r, t->pgrp) : -1;
	/* its modes are the tree's only when that was in the foreground */
	j->modes = j->group > 0 ? t->termios : j->shell;
	if (j->group < 0)
		j->group = getpgid(r->root_pid);
	if (j->group == getpgrp())
		j->group = 0;
	if (!ioctl(j->tty, TIOCGWINSZ, &size))
		j->resized = size.ws_row != t->rows || size.ws_col != t->cols;
	give_terminal(j); /* now: who reads in the background is stopped */
}

static void take_terminal(struct job *j)
{
	pid_t now = tcgetpgrp(j->tty);

	if (now != getpgrp() && now != j->group)
		return; /* the shell has it */
	ioctl(j->tty, TCGETS2_, &j->modes);
	tcsetpgrp(j->tty, getpgrp());
	ioctl(j->tty, TCSETSW2_, &j->shell);
}

static void on_continue(int sig)
{
}

/* Keys are for the tree; SIGCONT only wakes us, to see whether we are in the foreground now. */
static void set_signals(void)
{
	struct sigaction wake = { .sa_handler = on_continue };

	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	sigaction(SIGCONT, &wake, NULL);
}

/* It has stopped: so do we, until the shell lets us both go on. */
static void stop_with_it(struct job *j)
{
	take_terminal(j);
	raise(SIGSTOP);
	give_terminal(j);
	kill(j->group ? -j->group : 0, SIGCONT);
}

static int await(struct job *j, const struct restore *r, int *status)
{
	if (r->init_pid || j->tty < 0)
		return restore_root_status(r, status);
	for (;;) {
		if (waitpid(r->root_pid, status, WUNTRACED) < 0) {
			if (errno != EINTR)
				return -errno;
			give_terminal(j);
		} else if (WIFSTOPPED(*status)) {
			stop_with_it(j);
		} else {
			return 0;
		}
	}
}

int job_wait(struct job *j, const struct restore *r)
{
	int status, err;

	if (j->tty >= 0) {
		set_signals();
		if (j->resized)
			kill(j->group ? -j->group : r->root_pid, SIGWINCH);
	}
	do {
		err = await(j, r, &status);
	} while (err == -EINTR);
	if (j->tty >= 0)
		take_terminal(j);
	if (err)
		return STATUS_FAILED;
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}
