// SPDX-License-Identifier: GPL-2.0-only
/* mqueue.c - POSIX message queues: priorities, order, sizes, notification, no name, a waiter. */
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

#define MOST 8
#define SIZE 8192

static char name[64];
static mqd_t full, nameless, notifying;
static char buf[SIZE];

static const char *named(const char *what)
{
	static char text[128];

	snprintf(text, sizeof(text), "/%s.%s", name, what);
	return text;
}

static mqd_t make(const char *what, int flags, int mode)
{
	struct mq_attr attr = {.mq_maxmsg = MOST, .mq_msgsize = SIZE};
	mqd_t q = must(mq_open(named(what), O_RDWR | O_CREAT | O_EXCL | flags, 0600, &attr));

	fx_mark("ipc.p.%s", named(what) + 1);
	must(fchmod(q, mode));
	return q;
}

static void post(mqd_t q, unsigned int priority, size_t size)
{
	fx_fill(buf, size, priority + size);
	must(mq_send(q, buf, size, priority));
}

static void take(mqd_t q, unsigned int priority, size_t size)
{
	unsigned int got = 0;
	ssize_t n = mq_receive(q, buf, SIZE, &got);

	expect(n == (ssize_t)size && got == priority && !fx_differs(buf, size, priority + size),
	       "a message of %zd bytes and priority %u instead of %zu and %u", n, got, size, priority);
}

/* ---- one that waits for a message, and one that is told of it ---- */

static pid_t waiting;
static volatile sig_atomic_t told;

static void waiter(void)
{
	ssize_t n = mq_receive(nameless, buf, SIZE, NULL);

	_exit(n == 5 && !memcmp(buf, "hello", 5) ? 21 : 22);
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	told = info->si_value.sival_int;
}

static void setup_child(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 77};

	must(sigaction(SIGUSR2, &sa, NULL));
	must(mq_notify(notifying, &ev));
}

static void verify_child(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_NONE};

	expect(mq_notify(notifying, &ev) && errno == EBUSY, "nobody is to be notified any more");
	if (!fx_last())
		return;
	post(notifying, 1, 8);
	for (int i = 0; i < 400 && !told; i++)
		fx_nap();
	expect_eq("what the notification tells", told, 77);
	take(notifying, 1, 8);
}

static void setup(void)
{
	snprintf(name, sizeof(name), "bpf-ckpt.%d.%llx", getpid(), (long long)fx_now());
	full = make("full", O_NONBLOCK, 0640);
	nameless = make("nameless", 0, 0600);
	must(mq_unlink(named("nameless")));
	notifying = make("notifying", O_NONBLOCK, 0600);
	expect_eq("what read(2) tells", read(full, buf, 7), 7);
	post(full, 5, 0);
	post(full, 1, SIZE);
	post(full, 9, 4048);
	post(full, 9, 4048 + 8);
	post(full, 5, 16);
	post(full, 32767, 8);
	post(full, 0, 5 * 1024);
	post(full, 5, 24);
	waiting = must(fork());
	if (!waiting)
		waiter();
	while (fx_state(waiting) != 'S')
		fx_nap();
	fx_child("notified", setup_child, verify_child);
}

static void verify(void)
{
	mqd_t again = mq_open(named("full"), O_RDONLY);
	struct mq_attr attr;
	struct stat st;

	expect(again >= 0, "it is not there by its name: %s", strerror(errno));
	must(mq_getattr(full, &attr));
	expect_eq("messages", attr.mq_curmsgs, MOST);
	expect_eq("room", attr.mq_maxmsg, MOST);
	expect_eq("size", attr.mq_msgsize, SIZE);
	expect_eq("flags", attr.mq_flags, O_NONBLOCK);
	expect_eq("position", must(lseek(full, 0, SEEK_CUR)), 7);
	must(fstat(full, &st));
	expect_eq("mode", st.st_mode & 07777, 0640);
	close(again);
	expect(mq_send(full, buf, 1, 1) && errno == EAGAIN, "it is not full");
	if (!fx_last())
		return;
	take(full, 32767, 8);
	take(full, 9, 4048);
	take(full, 9, 4048 + 8);
	take(full, 5, 0);
	take(full, 5, 16);
	take(full, 5, 24);
	take(full, 1, SIZE);
	take(full, 0, 5 * 1024);
	expect(mq_receive(full, buf, SIZE, NULL) && errno == EAGAIN, "one more message");
	must(mq_send(nameless, "hello", 5, 3));
	expect_eq("the end of the waiter", fx_exit_of(waiting), 21);
	must(mq_unlink(named("full")));
	must(mq_unlink(named("notifying")));
}

const struct fixture fixture_mqueue = {
	.name = "mqueue",
	.about = "POSIX message queues: order, sizes, a notification, one without a name",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED | FX_OUTLIVED,
};
