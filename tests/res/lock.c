// SPDX-License-Identifier: GPL-2.0-only
/* lock.c - file locks: POSIX, open file description, flock; held and waited for. */
#include <fcntl.h>
#include <signal.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "../fixture.h"

static int posix_fd, ofd_fd, flock_fd, shared_fd;

static int open_own(const char *name)
{
	return must(open(fx_path(name), O_RDWR | O_CREAT, 0666));
}

static void lock_range(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock lock = {.l_type = type, .l_start = start, .l_len = len};

	must(fcntl(fd, cmd, &lock));
}

/* Who holds what a lock of the range would wait for, in the eyes of a separate open. */
static void check_range(const char *name, off_t start, int want_type, off_t want_start,
			off_t want_len, pid_t want_pid)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = start, .l_len = 1};
	int fd = open_own(name);

	/* An open file description's question never counts as our own. */
	expect(!fcntl(fd, F_OFD_GETLK, &lock), "%s: F_OFD_GETLK: %s", name, strerror(errno));
	expect(lock.l_type == want_type, "%s at %ld: type %d, not %d", name, (long)start,
	       lock.l_type, want_type);
	close(fd);
	if (lock.l_type == F_UNLCK || want_type == F_UNLCK)
		return;
	expect_eq("start of a lock", lock.l_start, want_start);
	expect_eq("length of a lock", lock.l_len, want_len);
	expect_eq("holder of a lock", lock.l_pid, want_pid);
}

/* The neighbour has inherited the flocks: they are its own as well. */
static void verify_neighbour(void)
{
	expect(!flock(flock_fd, LOCK_EX | LOCK_NB), "an inherited flock is not ours");
	expect(!flock(shared_fd, LOCK_SH | LOCK_NB), "an inherited shared flock is not ours");
}

static void check_flocks(void)
{
	int fd = open_own("flock");

	expect(flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK, "flock is not held");
	close(fd);
	fd = open_own("shared");
	expect(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK,
	       "shared flock is not held");
	expect(!flock(fd, LOCK_SH | LOCK_NB), "shared flock is exclusive");
	close(fd);
}

/* By another process: closing any descriptor of a file drops the closer's own POSIX locks. */
static void look(void)
{
	pid_t holder = getppid();

	check_range("posix", 100, F_WRLCK, 100, 10, holder);
	check_range("posix", 120, F_UNLCK, 0, 0, 0);
	check_range("posix", 200, F_RDLCK, 200, 50, holder);
	check_range("posix", 1000, F_WRLCK, 1000, 0, holder);
	check_range("ofd", 5, F_WRLCK, 5, 5, -1);
	check_range("ofd", 10, F_RDLCK, 10, 90, -1);
	check_flocks();
}

static void setup(void)
{
	posix_fd = open_own("posix");
	lock_range(posix_fd, F_SETLK, F_WRLCK, 100, 10);
	lock_range(posix_fd, F_SETLK, F_RDLCK, 200, 50);
	lock_range(posix_fd, F_SETLK, F_WRLCK, 1000, 0);
	ofd_fd = open_own("ofd");
	lock_range(ofd_fd, F_OFD_SETLK, F_WRLCK, 5, 5);
	lock_range(ofd_fd, F_OFD_SETLK, F_RDLCK, 10, 90);
	flock_fd = open_own("flock");
	must(flock(flock_fd, LOCK_EX));
	shared_fd = open_own("shared");
	must(flock(shared_fd, LOCK_SH));
	fx_child("neighbour", NULL, verify_neighbour);
	fx_child("looker", NULL, look);
}

const struct fixture fixture_lock = {
	.name = "lock",
	.about = "POSIX, open file description and flock locks",
	.setup = setup,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- waiting for a lock that another process of the tree holds ---- */

static int wanted_fd;
static bool by_flock;
static volatile int got;
static pthread_t waiter;

static void *wait_for_lock(void *arg)
{
	struct flock lock = {.l_type = F_WRLCK};

	got = (by_flock ? flock(wanted_fd, LOCK_EX) : fcntl(wanted_fd, F_SETLKW, &lock)) ? errno
											 : -1;
	return NULL;
}

static void hold(void)
{
	int fd = open_own("wanted");

	if (by_flock)
		must(flock(fd, LOCK_EX));
	else
		lock_range(fd, F_SETLK, F_WRLCK, 0, 0);
}

static void setup_wait(void)
{
	fx_child("holder", hold, NULL);
	wanted_fd = open_own("wanted");
	if (pthread_create(&waiter, NULL, wait_for_lock, NULL))
		fx_die("pthread_create");
	for (int i = 0; i < 20; i++)
		fx_nap();
}

static void setup_wait_flock(void)
{
	by_flock = true;
	setup_wait();
}

static void verify_wait(void)
{
	expect(!got, "waiting ended: %s", got < 0 ? "it has the lock" : strerror(got));
	if (!fx_last())
		return;
	fx_mark("bye"); /* the holder ends */
	while (!got)
		fx_nap();
	expect(got == -1, "waiting ended with %s", strerror(got));
	pthread_join(waiter, NULL);
}

const struct fixture fixture_lock_wait = {
	.name = "lock_wait",
	.about = "waiting in fcntl for a lock",
	.setup = setup_wait,
	.verify = verify_wait,
	.flags = FX_ROUNDS,
};

const struct fixture fixture_lock_wait_flock = {
	.name = "lock_wait_flock",
	.about = "waiting in flock for a lock",
	.setup = setup_wait_flock,
	.verify = verify_wait,
	.flags = FX_ROUNDS,
};

/* ---- leases ---- */

static int lease_read, lease_write;
static volatile int broken_fd;

static void on_break(int sig, siginfo_t *si, void *ctx)
{
	broken_fd = si->si_fd;
}

static int leased(const char *name, int flags, int type)
{
	int fd = must(open(fx_path(name), flags | O_CREAT, 0644));

	must(fcntl(fd, F_SETSIG, SIGRTMIN + 5));
	must(fcntl(fd, F_SETLEASE, type));
	return fd;
}

static void setup_lease(void)
{
	struct sigaction sa = {.sa_sigaction = on_break, .sa_flags = SA_SIGINFO | SA_RESTART};

	must(sigaction(SIGRTMIN + 5, &sa, NULL));
	lease_read = leased("lease-read", O_RDONLY, F_RDLCK);
	lease_write = leased("lease-write", O_RDWR, F_WRLCK);
}

/* Somebody else opens it: told to go away, while we are told of him. */
static void verify_break(const char *name, int fd, int how, int type)
{
	pid_t pid;

	expect_eq(name, fcntl(fd, F_GETLEASE), type);
	broken_fd = -1;
	pid = must(fork());
	if (!pid)
		_exit(open(fx_path(name), how | O_NONBLOCK) < 0 && errno == EWOULDBLOCK ? 0 : 1);
	expect_eq("an open against the lease", fx_exit_of(pid), 0);
	for (int i = 0; i < 200 && broken_fd < 0; i++)
		fx_nap();
	expect_eq("descriptor whose lease is broken", broken_fd, fd);
	must(fcntl(fd, F_SETLEASE, F_UNLCK));
	must(fcntl(fd, F_SETSIG, SIGRTMIN + 5)); /* which giving it up has taken along */
	must(fcntl(fd, F_SETLEASE, type));
}

static void verify_lease(void)
{
	verify_break("lease-read", lease_read, O_WRONLY, F_RDLCK);
	verify_break("lease-write", lease_write, O_RDONLY, F_WRLCK);
}

const struct fixture fixture_lock_lease = {
	.name = "lock_lease",
	.about = "leases for reading and writing, whose holder is told when they are broken",
	.setup = setup_lease,
	.verify = verify_lease,
	.flags = FX_ROUNDS | FX_NESTED,
};
