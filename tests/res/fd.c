// SPDX-License-Identifier: GPL-2.0-only
/* fd.c - descriptor tables: shared by processes, with holes, with owners for SIGIO. */
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

/* ---- two processes with one table (CLONE_FILES) ---- */

static pid_t sharer;

static void share(void)
{
	fx_mark("sharing");
	fx_await("opened");
	/* Number 77 was opened by the other one; 78 will be seen there. */
	_exit(fcntl(77, F_GETFD) >= 0 && dup2(77, 78) == 78 ? 5 : 6);
}

static void setup_shared(void)
{
	sharer = must(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
	if (!sharer)
		share();
	fx_await("sharing");
}

static void verify_shared(void)
{
	int fd;

	if (!fx_last())
		return;
	fd = must(open("/dev/null", O_RDONLY));
	must(dup2(fd, 77));
	fx_mark("opened");
	expect_eq("what the other process saw", fx_exit_of(sharer), 5);
	expect(fcntl(78, F_GETFD) >= 0, "a descriptor that the other process made is not here");
}

const struct fixture fixture_fd_shared = {
	.name = "fd_shared",
	.about = "two processes with one descriptor table",
	.setup = setup_shared,
	.verify = verify_shared,
	.flags = FX_NESTED,
};

/* ---- hundreds of descriptors with holes ---- */

#define NR_FDS 600

static void setup_many(void)
{
	int fd = must(open("/dev/null", O_RDWR)), own;

	for (int i = 10; i < NR_FDS; i += 1 + i % 3) {
		own = i % 2 ? fd : must(open("/dev/zero", O_RDONLY));
		must(dup3(own, i, i % 5 ? 0 : O_CLOEXEC));
		if (own != fd)
			close(own);
	}
}

static void verify_many(void)
{
	char c = 1;
	int next = 10;

	for (int i = 10; i < NR_FDS; i++) {
		int flags = fcntl(i, F_GETFD);

		if (i != next) {
			expect(flags < 0, "descriptor %d is open", i);
			continue;
		}
		next += 1 + i % 3;
		expect(flags == (i % 5 ? 0 : FD_CLOEXEC), "descriptor %d has flags %d", i, flags);
		expect(i % 2 ? read(i, &c, 1) == 0 : read(i, &c, 1) == 1, "descriptor %d", i);
	}
	expect(fcntl(NR_FDS + 1, F_GETFD) < 0, "a descriptor too many");
}

const struct fixture fixture_fd_many = {
	.name = "fd_many",
	.about = "hundreds of descriptors with holes between them",
	.setup = setup_many,
	.verify = verify_many,
	.flags = FX_ROUNDS,
};

/* ---- more open files than one process can hold beside them ---- */

#define NR_CROWD 11000

static int crowd[NR_CROWD], watcher, mapped_fd;
static volatile uint64_t *mapped;

static void verify_crowd_heir(void)
{
	uint64_t value = 0;

	fx_await("counted.%d", fx_round());
	expect(read(crowd[77], &value, 8) == 8, "read: %s", strerror(errno));
	expect_eq("what the parent has added", value, 77 + 1000);
	value = 77;
	must(write(crowd[77], &value, 8));
	fx_mark("read.%d", fx_round());
}

static void setup_crowd(void)
{
	struct rlimit lim;

	must(getrlimit(RLIMIT_NOFILE, &lim));
	lim.rlim_cur = lim.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &lim));
	if (lim.rlim_max < NR_CROWD + 1000)
		fx_skip("no more than %lu files can be open", (long)lim.rlim_max);
	for (int i = 0; i < NR_CROWD; i++)
		crowd[i] = must(eventfd(i, EFD_NONBLOCK));
	watcher = must(epoll_create1(0));
	for (int i = NR_CROWD - 40; i < NR_CROWD; i++)
		must(epoll_ctl(watcher, EPOLL_CTL_ADD, crowd[i], &(struct epoll_event){.events = EPOLLIN, .data.u64 = i}));
	mapped_fd = must(open(fx_path("mapped"), O_RDWR | O_CREAT, 0644));
	must(ftruncate(mapped_fd, 4096));
	mapped = must_map(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped_fd, 0));
	fx_child("heir", NULL, verify_crowd_heir);
}

static void verify_crowd(void)
{
	struct epoll_event ev[64];
	uint64_t value;

	for (int i = 0; i < NR_CROWD; i++) {
		value = 0;
		if (i ? read(crowd[i], &value, 8) != 8 : read(crowd[i], &value, 8) >= 0)
			fx_fail("descriptor %d: %s", crowd[i], strerror(errno));
		expect(value == (uint64_t)i, "descriptor %d has %lu instead of %d", crowd[i], value, i);
		must(write(crowd[i], &value, 8));
	}
	expect_eq("files that are ready", epoll_wait(watcher, ev, 64, 0), 40);
	value = 1000;
	must(write(crowd[77], &value, 8));
	fx_mark("counted.%d", fx_round());
	fx_await("read.%d", fx_round());
	*mapped = fx_round();
	expect(pread(mapped_fd, &value, 8, 0) == 8 && value == (uint64_t)fx_round(), "the mapping is of another file");
}

const struct fixture fixture_fd_crowd = {
	.name = "fd_crowd",
	.about = "more open files than one process can hold beside them",
	.setup = setup_crowd,
	.verify = verify_crowd,
	.flags = 0,
};

/* ---- F_SETOWN, F_SETSIG, O_ASYNC ---- */

static int ends[2], plain[2];
static volatile int signals, signal_fd;
static pid_t neighbour;

static void on_io(int sig, siginfo_t *si, void *ctx)
{
	signals++;
	signal_fd = si->si_fd;
}

static void setup_owner(void)
{
	struct sigaction sa = {.sa_sigaction = on_io, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct f_owner_ex owner = {F_OWNER_TID, gettid()};

	must(sigaction(SIGRTMIN + 4, &sa, NULL));
	neighbour = fx_child("neighbour", NULL, NULL);
	must(pipe(ends));
	must(pipe(plain));
	must(fcntl(ends[0], F_SETOWN_EX, &owner));
	must(fcntl(ends[0], F_SETSIG, SIGRTMIN + 4));
	must(fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	must(fcntl(plain[0], F_SETOWN, neighbour));
	must(setpgid(neighbour, neighbour));
	must(fcntl(plain[1], F_SETOWN, -neighbour));
}

static void verify_owner(void)
{
	struct f_owner_ex owner = {};
	int before = signals;
	char c = 'x';

	expect(!fcntl(ends[0], F_GETOWN_EX, &owner), "F_GETOWN_EX: %s", strerror(errno));
	expect_eq("type of the owner", owner.type, F_OWNER_TID);
	expect_eq("owner", owner.pid, gettid());
	expect_eq("signal", fcntl(ends[0], F_GETSIG), SIGRTMIN + 4);
	expect(fcntl(ends[0], F_GETFL) & O_ASYNC, "O_ASYNC is lost");
	expect_eq("owner of another", fcntl(plain[0], F_GETOWN), neighbour);
	expect(!fcntl(plain[1], F_GETOWN_EX, &owner), "F_GETOWN_EX: %s", strerror(errno));
	expect_eq("type of a group as owner", owner.type, F_OWNER_PGRP);
	expect_eq("group that owns", owner.pid, neighbour);
	must(write(ends[1], &c, 1));
	while (signals == before)
		fx_nap();
	expect_eq("descriptor told by the signal", signal_fd, ends[0]);
	must(read(ends[0], &c, 1));
}

/* A worker that is nobody owns what it inherited from root, and root what nobody will have. */
static int masters[2];

static void serve_as_nobody(void)
{
	must(fcntl(masters[0], F_SETOWN, getpid()));
	must(setgroups(0, NULL));
	must(setresgid(65534, 65534, 65534));
	must(setresuid(65534, 65534, 65534));
	must(fcntl(masters[1], F_SETOWN, getpid()));
}

static void verify_nobody(void)
{
	expect_eq("owner that root named", fcntl(masters[0], F_GETOWN), getpid());
	expect_eq("owner that nobody named", fcntl(masters[1], F_GETOWN), getpid());
}

static void setup_owner_nobody(void)
{
	must(chmod(fx_path("."), 0777));
	must(pipe(masters));
	fx_child("nobody", serve_as_nobody, verify_nobody);
}

const struct fixture fixture_fd_owner_nobody = {
	.name = "fd_owner_nobody",
	.about = "F_SETOWN by root and by who gave that up",
	.setup = setup_owner_nobody,
	.verify = NULL,
	.flags = FX_ROUNDS | FX_NESTED,
};

const struct fixture fixture_fd_owner = {
	.name = "fd_owner",
	.about = "F_SETOWN, F_SETSIG and O_ASYNC",
	.setup = setup_owner,
	.verify = verify_owner,
	.flags = FX_ROUNDS | FX_NESTED,
};
