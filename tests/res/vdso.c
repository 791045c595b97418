// SPDX-License-Identifier: GPL-2.0-only
/* vdso.c - clocks read through the vdso go on, by pointers that were taken before: on the kernel of the dump, or another. */
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

/* As a program that does not use the C library's: the vdso's own symbols, once. */
static struct {
	int (*clock_gettime)(clockid_t clock, struct timespec *t);
	int (*clock_getres)(clockid_t clock, struct timespec *t);
	int (*gettimeofday)(struct timeval *t, void *zone);
	time_t (*time)(time_t *t);
	int (*getcpu)(unsigned int *cpu, unsigned int *node, void *unused);
	ssize_t (*getrandom)(void *buf, size_t len, unsigned int flags, void *state, size_t state_len);
} vdso;

static const ElfW(Phdr) *find_header(const char *image, unsigned int type)
{
	const ElfW(Ehdr) *head = (const void *)image;
	const ElfW(Phdr) *p = (const void *)(image + head->e_phoff);

	for (int i = 0; i < head->e_phnum; i++)
		if (p[i].p_type == type)
			return &p[i];
	fx_die("the vdso has no program header %u", type);
}

static void *find_symbol(const char *image, const char *name)
{
	const ElfW(Dyn) *d = (const void *)(image + find_header(image, PT_DYNAMIC)->p_vaddr);
	const ElfW(Sym) *symbols = NULL;
	const char *names = NULL;
	const Elf32_Word *hash = NULL;

	for (; d->d_tag != DT_NULL; d++) {
		symbols = d->d_tag == DT_SYMTAB ? (const void *)(image + d->d_un.d_ptr) : symbols;
		names = d->d_tag == DT_STRTAB ? image + d->d_un.d_ptr : names;
		hash = d->d_tag == DT_HASH ? (const void *)(image + d->d_un.d_ptr) : hash;
	}
	for (Elf32_Word i = 0; symbols && names && hash && i < hash[1]; i++)
		if (!strcmp(names + symbols[i].st_name, name))
			return (void *)(image + symbols[i].st_value);
	return NULL;
}

static void check_clocks(void)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_REALTIME_COARSE,
					   CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI,
					   CLOCK_PROCESS_CPUTIME_ID};

	for (size_t i = 0; i < FX_COUNT(clocks); i++) {
		struct timespec before, between, after, unit, same;
		int err = syscall(SYS_clock_gettime, clocks[i], &before);

		err |= vdso.clock_gettime(clocks[i], &between);
		err |= syscall(SYS_clock_gettime, clocks[i], &after);
		err |= vdso.clock_getres(clocks[i], &unit);
		err |= syscall(SYS_clock_getres, clocks[i], &same);
		expect(!err, "clock %d: %s", clocks[i], strerror(errno));
		expect(before.tv_sec <= between.tv_sec && between.tv_sec <= after.tv_sec,
		       "clock %d says %ld, between %ld and %ld", clocks[i], between.tv_sec, before.tv_sec, after.tv_sec);
		expect(unit.tv_nsec == same.tv_nsec, "clock %d: resolution %ld and %ld", clocks[i], unit.tv_nsec, same.tv_nsec);
	}
	expect(vdso.clock_gettime(4711, &(struct timespec){}) == -EINVAL, "an impossible clock is read");
}

/* Between what the system call says before and after: a machine that is emulated may lose seconds anywhere. */
static void check_seconds(void)
{
	struct timespec before, after;
	struct timeval now = {};
	time_t seconds;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &before);
	expect(!vdso.gettimeofday(&now, NULL), "gettimeofday: %s", strerror(errno));
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &after);
	expect(before.tv_sec <= now.tv_sec && now.tv_sec <= after.tv_sec, "gettimeofday says %ld, between %ld and %ld",
	       now.tv_sec, before.tv_sec, after.tv_sec);
	syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &before);
	seconds = vdso.time(NULL);
	syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &after);
	expect(before.tv_sec <= seconds && seconds <= after.tv_sec, "time says %ld, between %ld and %ld", seconds,
	       before.tv_sec, after.tv_sec);
}

static const char *image;

static void verify(void)
{
	unsigned int cpu = ~0u;
	char buf[64] = {};

	expect(getauxval(AT_SYSINFO_EHDR) == (unsigned long)image && !memcmp(image, ELFMAG, SELFMAG),
	       "the vdso is not where it was");
	check_clocks();
	check_seconds();
	expect(!vdso.getcpu(&cpu, NULL, NULL) && cpu < 4096, "getcpu says %u", cpu);
	/* without a state it is the system call */
	expect(!vdso.getrandom || vdso.getrandom(buf, sizeof(buf), 0, NULL, 0) == sizeof(buf), "getrandom: %s",
	       strerror(errno));
}

static void *ask_for_time(void *arg)
{
	for (;;) {
		struct timespec t;

		vdso.clock_gettime(CLOCK_MONOTONIC, &t);
		fx_nap();
	}
	return arg;
}

static void setup(void)
{
	pthread_t thread;

	image = (const char *)getauxval(AT_SYSINFO_EHDR);
	if (!image)
		fx_skip("this kernel has no vdso");
	vdso.clock_gettime = find_symbol(image, "__vdso_clock_gettime");
	vdso.clock_getres = find_symbol(image, "__vdso_clock_getres");
	vdso.gettimeofday = find_symbol(image, "__vdso_gettimeofday");
	vdso.time = find_symbol(image, "__vdso_time");
	vdso.getcpu = find_symbol(image, "__vdso_getcpu");
	vdso.getrandom = find_symbol(image, "__vdso_getrandom");
	if (!vdso.clock_gettime || !vdso.clock_getres || !vdso.gettimeofday || !vdso.time || !vdso.getcpu)
		fx_die("the vdso lacks a function");
	if (pthread_create(&thread, NULL, ask_for_time, NULL))
		fx_die("pthread_create");
	verify();
}

const struct fixture fixture_vdso = {
	.name = "vdso",
	.about = "clocks that are read through the vdso",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- a thread that is inside of it most of the time ---- */

static void *ask_all_the_time(void *arg)
{
	struct timespec t;

	for (;;)
		vdso.clock_gettime(CLOCK_MONOTONIC, &t);
	return arg;
}

static void setup_inside(void)
{
	pthread_t thread;

	setup();
	if (pthread_create(&thread, NULL, ask_all_the_time, NULL))
		fx_die("pthread_create");
}

const struct fixture fixture_vdso_inside = {
	.name = "vdso_inside",
	.about = "a thread that reads a clock all the time",
	.setup = setup_inside,
	.verify = verify,
};
