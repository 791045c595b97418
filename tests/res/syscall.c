// SPDX-License-Identifier: GPL-2.0-only
/* syscall.c - tasks caught inside system calls: they stay in them, and end as they would have. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

#define LONG_SECONDS 5000
#define AHEAD_NS     (FX_SECOND / 4) /* what a timed call has done before it is ready */

/* One thread sits in one call. */
struct call {
	const char *name;
	long (*enter)(struct call *c); /* result, or -errno */
	void (*end)(struct call *c);   /* make it return */
	long want;		       /* its result then */
	bool leaves_time;	       /* enter sets left: what remains of LONG_SECONDS */
	int64_t timeout;	       /* ends by itself, not before this much */

	pthread_t thread;
	pid_t tid;
	int pipe[2];
	int64_t left, started, ahead, returned_at;
	long result;
	volatile int running, returned;
};

static long result_of(long ret)
{
	return ret < 0 ? -errno : ret;
}

static int64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec * FX_SECOND + ts->tv_nsec;
}

/* ---- how a call is ended ---- */

static volatile int handled;

static void on_usr1(int sig)
{
	handled++;
}

static void end_by_signal(struct call *c)
{
	pthread_kill(c->thread, SIGUSR1);
}

static void end_by_usr2(struct call *c)
{
	pthread_kill(c->thread, SIGUSR2);
}

static void end_by_data(struct call *c)
{
	expect(write(c->pipe[1], "12345678", 8) == 8, "write: %s", strerror(errno));
}

static void end_by_reading(struct call *c)
{
	char buf[65536];

	expect(read(c->pipe[0], buf, sizeof(buf)) > 0, "read: %s", strerror(errno));
}

static void end_by_mark(struct call *c)
{
	fx_mark("end-child");
}

/* ---- the calls ---- */

static long enter_read(struct call *c)
{
	char buf[16] = "";
	long ret = result_of(read(c->pipe[0], buf, sizeof(buf)));

	expect(ret != 8 || !memcmp(buf, "12345678", 8), "read got other data");
	return ret;
}

static long enter_write(struct call *c)
{
	static char page[4096];

	return result_of(write(c->pipe[1], page, sizeof(page)));
}

static long enter_nanosleep(struct call *c)
{
	struct timespec ts = {LONG_SECONDS, 0}, rem = {};
	long ret = result_of(syscall(SYS_nanosleep, &ts, &rem));

	c->left = ns_of(&rem);
	return ret;
}

static long enter_clock_nanosleep(struct call *c)
{
	struct timespec ts = {LONG_SECONDS, 0}, rem = {};
	long ret = result_of(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, 0, &ts, &rem));

	c->left = ns_of(&rem);
	return ret;
}

static long enter_poll(struct call *c)
{
	struct pollfd pfd = {c->pipe[0], POLLIN, 0};
	long ret = result_of(syscall(SYS_poll, &pfd, 1, -1));

	expect(pfd.revents == POLLIN, "poll tells events %x", pfd.revents);
	return ret;
}

static long enter_poll_timed(struct call *c)
{
	struct pollfd pfd = {c->pipe[0], POLLIN, 0};

	return result_of(syscall(SYS_poll, &pfd, 1, LONG_SECONDS * 1000));
}

static long enter_ppoll(struct call *c)
{
	struct timespec ts = {LONG_SECONDS, 0};
	struct pollfd pfd = {c->pipe[0], POLLIN, 0};
	uint64_t mask = 1UL << (SIGHUP - 1);
	long ret = result_of(syscall(SYS_ppoll, &pfd, 1, &ts, &mask, 8));

	c->left = ns_of(&ts);
	return ret;
}

static long enter_select(struct call *c)
{
	struct timeval tv = {LONG_SECONDS, 0};
	fd_set set;
	long ret;

	FD_ZERO(&set);
	FD_SET(c->pipe[0], &set);
	ret = result_of(syscall(SYS_select, c->pipe[0] + 1, &set, NULL, NULL, &tv));
	c->left = tv.tv_sec * FX_SECOND + tv.tv_usec * 1000;
	expect(FD_ISSET(c->pipe[0], &set), "select does not tell the pipe");
	return ret;
}

static long enter_pselect(struct call *c)
{
	struct timespec ts = {LONG_SECONDS, 0};
	fd_set set;
	long ret;

	FD_ZERO(&set);
	FD_SET(c->pipe[0], &set);
	ret = result_of(syscall(SYS_pselect6, c->pipe[0] + 1, &set, NULL, NULL, &ts, NULL));
	c->left = ns_of(&ts);
	return ret;
}

static int futex_word;

static long enter_futex(struct call *c)
{
	return result_of(syscall(SYS_futex, &futex_word, FUTEX_WAIT, 0, NULL, NULL, 0));
}

static long enter_futex_timed(struct call *c)
{
	struct timespec ts = {LONG_SECONDS, 0};

	return result_of(syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0));
}

static void end_futex(struct call *c)
{
	syscall(SYS_futex, &futex_word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void end_futex_private(struct call *c)
{
	syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static uint64_t usr2_mask = 1UL << (SIGUSR2 - 1);

static long enter_sigwait(struct call *c)
{
	return result_of(syscall(SYS_rt_sigtimedwait, &usr2_mask, NULL, NULL, 8));
}

static long enter_sigtimedwait(struct call *c)
{
	struct timespec ts = {LONG_SECONDS, 0};

	return result_of(syscall(SYS_rt_sigtimedwait, &usr2_mask, NULL, &ts, 8));
}

/* SIGUSR1 is blocked but for the time of the call; the old mask has to come back. */
static long enter_sigsuspend(struct call *c)
{
	uint64_t inside = 1UL << (SIGHUP - 1), outside = 1UL << (SIGUSR1 - 1), now;
	long ret;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &outside, NULL, 8);
	ret = result_of(syscall(SYS_rt_sigsuspend, &inside, 8));
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8);
	expect(now == outside, "the mask is %lx after sigsuspend, was %lx", now, outside);
	expect(handled == 1, "the handler ran %d times", handled);
	return ret;
}

static long enter_pause(struct call *c)
{
	long ret = result_of(syscall(SYS_pause));

	expect(handled == 1, "the handler ran %d times", handled);
	return ret;
}

static pid_t waited;

static void fork_waited(struct call *c)
{
	waited = must(fork());
	if (!waited) {
		fx_await("end-child");
		_exit(5);
	}
}

static long enter_wait4(struct call *c)
{
	int status = 0;
	long ret;

	fork_waited(c);
	ret = result_of(syscall(SYS_wait4, waited, &status, 0, NULL));
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 5, "wait status %x", status);
	return ret == waited ? 0 : ret;
}

static long enter_waitid(struct call *c)
{
	siginfo_t si = {};
	long ret;

	fork_waited(c);
	ret = result_of(waitid(P_PID, waited, &si, WEXITED));
	expect(si.si_pid == waited && si.si_status == 5, "waitid tells %d, %d", si.si_pid,
	       si.si_status);
	return ret;
}

static long enter_fifo(struct call *c)
{
	int fd;

	must(mkfifo(fx_path("fifo"), 0666));
	fd = open(fx_path("fifo"), O_RDONLY);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -errno : 0;
}

static void end_fifo(struct call *c)
{
	int fd = open(fx_path("fifo"), O_WRONLY);

	expect(fd >= 0, "opening the fifo: %s", strerror(errno));
	close(fd);
}

/* ---- the calls that end by themselves ---- */

#define SHORT_NS (3 * FX_SECOND)

static void timespec_of(struct timespec *ts, int64_t ns)
{
	ts->tv_sec = ns / FX_SECOND;
	ts->tv_nsec = ns % FX_SECOND;
}

static long short_nanosleep(struct call *c)
{
	struct timespec ts;

	timespec_of(&ts, SHORT_NS);
	return result_of(syscall(SYS_nanosleep, &ts, NULL));
}

static long short_absolute(struct call *c)
{
	struct timespec ts;

	timespec_of(&ts, c->started + SHORT_NS);
	return result_of(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
}

static long short_poll(struct call *c)
{
	return result_of(syscall(SYS_poll, NULL, 0, (int)(SHORT_NS / 1000000)));
}

static long short_ppoll(struct call *c)
{
	struct timespec ts;

	timespec_of(&ts, SHORT_NS);
	return result_of(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8));
}

static long short_select(struct call *c)
{
	struct timeval tv = {SHORT_NS / FX_SECOND, 0};

	return result_of(syscall(SYS_select, 0, NULL, NULL, NULL, &tv));
}

static long short_futex(struct call *c)
{
	struct timespec ts;

	timespec_of(&ts, SHORT_NS);
	return result_of(syscall(SYS_futex, &futex_word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0));
}

static long short_futex_absolute(struct call *c)
{
	struct timespec ts;

	timespec_of(&ts, c->started + SHORT_NS);
	return result_of(syscall(SYS_futex, &futex_word, FUTEX_WAIT_BITSET_PRIVATE, 0, &ts, NULL,
				 FUTEX_BITSET_MATCH_ANY));
}

static long short_sigtimedwait(struct call *c)
{
	struct timespec ts;

	timespec_of(&ts, SHORT_NS);
	return result_of(syscall(SYS_rt_sigtimedwait, &usr2_mask, NULL, &ts, 8));
}

static long enter_epoll(struct call *c)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = 99};
	int ep = must(epoll_create1(0));
	long ret;

	must(epoll_ctl(ep, EPOLL_CTL_ADD, c->pipe[0], &ev));
	ret = result_of(epoll_wait(ep, &ev, 1, LONG_SECONDS * 1000));
	expect(ev.data.u32 == 99, "epoll_wait tells %u", ev.data.u32);
	return ret;
}

static int ipc_id;

static long enter_semop(struct call *c)
{
	struct sembuf op = {.sem_op = -1};

	ipc_id = must(semget(IPC_PRIVATE, 1, 0600));
	fx_mark("ipc.s.%d", ipc_id);
	return result_of(semop(ipc_id, &op, 1));
}

static void end_semop(struct call *c)
{
	struct sembuf op = {.sem_op = 1};

	must(semop(ipc_id, &op, 1));
	while (!c->returned)
		fx_nap();
	semctl(ipc_id, 0, IPC_RMID);
}

static long enter_recv(struct call *c)
{
	struct timeval tv = {LONG_SECONDS, 0};
	char buf[16];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, c->pipe));
	must(setsockopt(c->pipe[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	return result_of(recv(c->pipe[0], buf, sizeof(buf), 0));
}

/* ---- running them ---- */

static struct call *calls;
static int nr_calls;

static void *run(void *arg)
{
	struct call *c = arg;

	c->tid = gettid();
	c->started = fx_now();
	c->running = 1;
	c->result = c->enter(c);
	c->returned_at = fx_now();
	c->returned = 1;
	return NULL;
}

/* Is this the thread? /proc may have another number for it, also a new one after a restore. */
static bool has_tid(const char *task, pid_t tid)
{
	char path[300], text[4096], *chain, *end;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
	if (fx_read_file(path, text, sizeof(text)) < 0)
		return false;
	chain = strstr(text, "\nNSpid:");
	end = chain ? strchr(chain + 1, '\n') : NULL;
	if (!end)
		return false;
	*end = 0;
	return atoi(strrchr(chain, '\t')) == tid;
}

/* Asleep, and in a system call. */
static bool is_inside(struct call *c)
{
	char path[300], text[256] = "";
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/task");

	while (dir && (entry = readdir(dir))) {
		if (!has_tid(entry->d_name, c->tid))
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/syscall", entry->d_name);
		fx_read_file(path, text, sizeof(text));
	}
	if (dir)
		closedir(dir);
	return text[0] >= '0' && text[0] <= '9';
}

static void start(struct call *c)
{
	if (pipe(c->pipe))
		fx_die("pipe: %s", strerror(errno));
	if (c->end == end_by_reading) {
		fcntl(c->pipe[1], F_SETFL, O_NONBLOCK);
		while (write(c->pipe[1], c, 1024) > 0)
			;
		fcntl(c->pipe[1], F_SETFL, 0);
	}
	if (pthread_create(&c->thread, NULL, run, c))
		fx_die("pthread_create");
	while (!c->running || !is_inside(c))
		fx_nap();
}

static void start_all(struct call *list, int count)
{
	struct sigaction usr1 = {.sa_handler = on_usr1};
	sigset_t usr2;

	calls = list;
	nr_calls = count;
	sigaction(SIGUSR1, &usr1, NULL);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &usr2, NULL);
	for (int i = 0; i < count; i++)
		start(&list[i]);
	while (fx_now() < list[0].started + AHEAD_NS)
		fx_nap();
	for (int i = 0; i < count; i++)
		list[i].ahead = fx_now() - list[i].started;
}

/*
 * Exact in both directions without a race: at least what had passed before "ready" is gone, and no
 * more than what has passed altogether.
 */
static void check_left(struct call *c)
{
	int64_t whole = LONG_SECONDS * FX_SECOND, used = whole - c->left;

	expect(used <= c->returned_at - c->started, "%s: %ld ms too early", c->name,
	       (long)(used - (c->returned_at - c->started)) / 1000000);
	expect(used >= c->ahead, "%s has begun anew: %ld ms used, but %ld ms before the dump",
	       c->name, (long)used / 1000000, (long)c->ahead / 1000000);
}

static void finish(struct call *c)
{
	int64_t took;

	if (c->end)
		c->end(c);
	while (!c->returned)
		fx_nap();
	pthread_join(c->thread, NULL);
	took = c->returned_at - c->started;
	expect(c->result == c->want, "%s returned %ld (%s), not %ld", c->name, c->result,
	       c->result < 0 ? strerror(-c->result) : "", c->want);
	expect(took >= c->timeout, "%s ended after %ld ms instead of %ld", c->name,
	       (long)(took / 1000000), (long)(c->timeout / 1000000));
	if (c->leaves_time)
		check_left(c);
}

static void verify(void)
{
	for (int i = 0; i < nr_calls; i++) {
		struct call *c = &calls[i];

		while (!c->returned && !is_inside(c))
			fx_nap();
		expect(!c->returned || c->timeout, "%s returned %ld (%s)", c->name, c->result,
		       c->result < 0 ? strerror(-c->result) : "");
		if (fx_last())
			finish(c);
	}
}

#define CALL(id, text, more, ...)                                                                  \
	static void setup_##id(void)                                                               \
	{                                                                                          \
		static struct call list[] = {{.name = #id, __VA_ARGS__}};                          \
                                                                                                   \
		start_all(list, 1);                                                                \
	}                                                                                          \
	const struct fixture fixture_syscall_##id = {                                              \
		.name = "syscall_" #id,                                                            \
		.about = text,                                                                     \
		.setup = setup_##id,                                                               \
		.verify = verify,                                                                  \
		.flags = more,                                                                     \
	}

CALL(read, "read of an empty pipe", FX_ROUNDS, .enter = enter_read, .end = end_by_data, .want = 8);
CALL(write, "write to a full pipe", 0, .enter = enter_write, .end = end_by_reading, .want = 4096);
CALL(nanosleep, "nanosleep, and the time it tells to be left", FX_ROUNDS | FX_NESTED,
     .enter = enter_nanosleep, .end = end_by_signal, .want = -EINTR, .leaves_time = true);
CALL(clock_nanosleep, "clock_nanosleep, and the time it tells to be left", 0,
     .enter = enter_clock_nanosleep, .end = end_by_signal, .want = -EINTR, .leaves_time = true);
CALL(poll, "poll without a timeout", 0, .enter = enter_poll, .end = end_by_data, .want = 1);
CALL(poll_timed, "poll with a long timeout", 0, .enter = enter_poll_timed, .end = end_by_data,
     .want = 1);
CALL(ppoll, "ppoll with a mask, and the time it tells to be left", 0, .enter = enter_ppoll,
     .end = end_by_data, .want = 1, .leaves_time = true);
CALL(select, "select, and the time it tells to be left", 0, .enter = enter_select,
     .end = end_by_data, .want = 1, .leaves_time = true);
CALL(pselect, "pselect, and the time it tells to be left", 0, .enter = enter_pselect,
     .end = end_by_data, .want = 1, .leaves_time = true);
CALL(futex, "futex without a timeout", FX_ROUNDS, .enter = enter_futex, .end = end_futex);
CALL(futex_timed, "futex with a long timeout", 0, .enter = enter_futex_timed,
     .end = end_futex_private);
CALL(sigwait, "rt_sigtimedwait without a timeout", 0, .enter = enter_sigwait, .end = end_by_usr2,
     .want = SIGUSR2);
CALL(sigtimedwait, "rt_sigtimedwait with a long timeout", 0, .enter = enter_sigtimedwait,
     .end = end_by_usr2, .want = SIGUSR2);
CALL(sigsuspend, "sigsuspend, and the mask after it", FX_ROUNDS, .enter = enter_sigsuspend,
     .end = end_by_signal, .want = -EINTR);
CALL(pause, "pause", 0, .enter = enter_pause, .end = end_by_signal, .want = -EINTR);
CALL(wait4, "wait4 for a child", FX_ROUNDS, .enter = enter_wait4, .end = end_by_mark);
CALL(waitid, "waitid for a child", 0, .enter = enter_waitid, .end = end_by_mark);
CALL(fifo, "opening a fifo that nobody writes to", 0, .enter = enter_fifo, .end = end_fifo);
CALL(epoll, "epoll_wait", 0, .enter = enter_epoll, .end = end_by_data, .want = 1);
CALL(semop, "semop", 0, .enter = enter_semop, .end = end_semop);
CALL(recv, "recv with SO_RCVTIMEO", 0, .enter = enter_recv, .end = end_by_data,
     .want = 8);

static void setup_timeouts(void)
{
	static struct call list[] = {
		{.name = "nanosleep", .enter = short_nanosleep, .timeout = SHORT_NS},
		{.name = "absolute sleep", .enter = short_absolute, .timeout = SHORT_NS},
		{.name = "poll", .enter = short_poll, .timeout = SHORT_NS},
		{.name = "ppoll", .enter = short_ppoll, .timeout = SHORT_NS},
		{.name = "select", .enter = short_select, .timeout = SHORT_NS},
		{.name = "futex", .enter = short_futex, .want = -ETIMEDOUT, .timeout = SHORT_NS},
		{.name = "absolute futex",
		 .enter = short_futex_absolute,
		 .want = -ETIMEDOUT,
		 .timeout = SHORT_NS},
		{.name = "sigtimedwait",
		 .enter = short_sigtimedwait,
		 .want = -EAGAIN,
		 .timeout = SHORT_NS},
	};

	start_all(list, FX_COUNT(list));
}

const struct fixture fixture_syscall_timeouts = {
	.name = "syscall_timeouts",
	.about = "timeouts end the calls as they should, and never early",
	.setup = setup_timeouts,
	.verify = verify,
	.flags = FX_NESTED | FX_MOVES,
};
