// SPDX-License-Identifier: GPL-2.0-only
/* madvise.c - advice, locking, names, guards and other flags of areas, and what they do. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA	     0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define PAGE 4096UL
#define GAP  4 /* pages */

static char *anon(size_t size)
{
	return must_map(
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static bool has_flag(const void *addr, const char *flag)
{
	return strstr(fx_vmflags(addr), flag);
}

/* ---- madvise ---- */

static const struct advice {
	int advice;
	const char *flag, *name;
	bool optional;
} advices[] = {
	{MADV_DONTFORK, "dc", "DONTFORK"},	     {MADV_WIPEONFORK, "wf", "WIPEONFORK"},
	{MADV_DONTDUMP, "dd", "DONTDUMP"},	     {MADV_HUGEPAGE, "hg", "HUGEPAGE", true},
	{MADV_NOHUGEPAGE, "nh", "NOHUGEPAGE", true}, {MADV_RANDOM, "rr", "RANDOM"},
	{MADV_SEQUENTIAL, "sr", "SEQUENTIAL"},	     {MADV_MERGEABLE, "mg", "MERGEABLE", true},
};

static char *advised;
static bool refused[FX_COUNT(advices)];

static char *advised_area(size_t i)
{
	return advised + 2 * i * GAP * PAGE;
}

static void setup(void)
{
	advised = anon(2 * GAP * PAGE * FX_COUNT(advices));
	for (size_t i = 0; i < FX_COUNT(advices); i++) {
		fx_fill(advised_area(i), GAP * PAGE, i);
		if (!madvise(advised_area(i), GAP * PAGE, advices[i].advice))
			continue;
		if (!advices[i].optional)
			fx_die("madvise %s: %s", advices[i].name, strerror(errno));
		refused[i] = true;
	}
}

/* What the advice of the first two does at a fork. */
static void verify_fork(void)
{
	pid_t pid = fork();

	expect(fx_faults(advised_area(0), false), "an area with DONTFORK is in a child");
	if (!pid) {
		for (size_t i = 0; i < GAP * PAGE; i++)
			if (advised_area(1)[i])
				_exit(1);
		_exit(0);
	}
	expect(!fx_exit_of(pid), "an area with WIPEONFORK is not wiped in a child");
}

static void verify(void)
{
	for (size_t i = 0; i < FX_COUNT(advices); i++) {
		expect(refused[i] || has_flag(advised_area(i), advices[i].flag), "%s is lost",
		       advices[i].name);
		expect(!fx_differs(advised_area(i), GAP * PAGE, i), "content with %s",
		       advices[i].name);
		expect(!has_flag(advised_area(i) + GAP * PAGE, advices[i].flag),
		       "%s spread to the next area", advices[i].name);
	}
	verify_fork();
}

const struct fixture fixture_madvise = {
	.name = "madvise",
	.about = "advice that is kept in area flags",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS,
};

/* ---- guard pages: no area of their own ---- */

static char *guarded;

static void setup_guard(void)
{
	guarded = anon(64 * PAGE);
	fx_fill(guarded, 64 * PAGE, 20);
	if (madvise(guarded + 8 * PAGE, 2 * PAGE, MADV_GUARD_INSTALL))
		fx_skip("the kernel has no MADV_GUARD_INSTALL");
	must(madvise(guarded + 63 * PAGE, PAGE, MADV_GUARD_INSTALL));
}

static void verify_guard(void)
{
	expect(fx_faults(guarded + 8 * PAGE, false), "first guard page can be read");
	expect(fx_faults(guarded + 9 * PAGE, true), "second guard page can be written");
	expect(fx_faults(guarded + 63 * PAGE, false), "last guard page can be read");
	expect(!fx_differs(guarded, 8 * PAGE, 20), "content below the guard");
	expect(!fx_faults(guarded + 10 * PAGE, true), "page after the guard");
	if (!fx_last())
		return;
	must(madvise(guarded + 8 * PAGE, 2 * PAGE, MADV_GUARD_REMOVE));
	expect(!guarded[8 * PAGE], "a removed guard is not empty");
}

const struct fixture fixture_guard = {
	.name = "guard",
	.about = "guard pages of MADV_GUARD_INSTALL",
	.setup = setup_guard,
	.verify = verify_guard,
	.flags = FX_ROUNDS,
};

/* ---- locked memory ---- */

static char *locked;

static void setup_mlock(void)
{
	locked = anon(64 * PAGE);
	must(mlock(locked, 8 * PAGE));
	must(mlock2(locked + 16 * PAGE, 8 * PAGE, MLOCK_ONFAULT));
	fx_fill(locked + 16 * PAGE, PAGE, 3);
	must(mlock(locked + 32 * PAGE, 8 * PAGE));
	must(munlock(locked + 34 * PAGE, 2 * PAGE));
	must(mprotect(locked + 48 * PAGE, 4 * PAGE, PROT_READ));
	must(mlock(locked + 48 * PAGE, 4 * PAGE));
}

static void verify_mlock(void)
{
	unsigned char core[8];

	expect(has_flag(locked, "lo"), "mlock is lost");
	expect(has_flag(locked + 16 * PAGE, "lo"), "mlock2 is lost");
	expect(!has_flag(locked + 34 * PAGE, "lo"), "an unlocked part is locked");
	expect(has_flag(locked + 36 * PAGE, "lo"), "mlock after an unlocked part is lost");
	expect(has_flag(locked + 48 * PAGE, "lo"), "mlock of read-only memory is lost");
	expect(!fx_differs(locked + 16 * PAGE, PAGE, 3), "content of locked memory");
	must(mincore(locked + 16 * PAGE, 8 * PAGE, core));
	expect(core[0] & 1, "the touched page is not there");
	for (int i = 1; i < 8; i++)
		expect(!(core[i] & 1), "page %d locked on fault is there without one", i);
}

const struct fixture fixture_mlock = {
	.name = "mlock",
	.about = "locked memory, at once and on fault",
	.setup = setup_mlock,
	.verify = verify_mlock,
	.flags = FX_ROUNDS,
};

static long locked_kib(void)
{
	return atol(fx_status("VmLck"));
}

static void setup_mlockall(void)
{
	must(mlockall(MCL_CURRENT | MCL_FUTURE));
}

static void verify_mlockall(void)
{
	long before = locked_kib();
	char *more = anon(16 * PAGE);

	expect(before > 1000, "only %ld KiB are locked", before);
	expect_eq("locked memory after a new mapping", locked_kib(), before + 64);
	munmap(more, 16 * PAGE);
}

const struct fixture fixture_mlockall = {
	.name = "mlockall",
	.about = "mlockall, of now and of the future",
	.setup = setup_mlockall,
	.verify = verify_mlockall,
	.flags = FX_ROUNDS,
};

/* ---- names ---- */

static char *named;

static void setup_name(void)
{
	named = anon(4 * PAGE);
	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, 2 * PAGE, "a name"))
		fx_skip("the kernel has no names of areas (CONFIG_ANON_VMA_NAME)");
	fx_fill(named, 4 * PAGE, 4);
}

static void verify_name(void)
{
	static char maps[1 << 16];

	fx_read_file("/proc/self/maps", maps, sizeof(maps));
	expect(strstr(maps, "[anon:a name]"), "the name is lost");
	expect(!fx_differs(named, 4 * PAGE, 4), "content");
}

const struct fixture fixture_vma_name = {
	.name = "vma_name",
	.about = "a named anonymous area",
	.setup = setup_name,
	.verify = verify_name,
	.flags = FX_ROUNDS,
};

/* ---- an area that grows down ---- */

static char *grows;

static void setup_growsdown(void)
{
	char *space = anon(1024 * PAGE);

	must(munmap(space, 1024 * PAGE));
	grows = must_map(mmap(space + 1000 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
	fx_fill(grows, 8 * PAGE, 5);
	*(volatile char *)(grows - PAGE) = 1;
}

static void verify_growsdown(void)
{
	expect(!fx_differs(grows, 8 * PAGE, 5), "content");
	expect(has_flag(grows, "gd"), "it does not grow any more");
	expect(grows[-(long)PAGE] == 1, "the page that it grew by");
	expect(!fx_faults(grows - 3 * PAGE, true), "growing by two pages more");
}

const struct fixture fixture_growsdown = {
	.name = "growsdown",
	.about = "an area with MAP_GROWSDOWN",
	.setup = setup_growsdown,
	.verify = verify_growsdown,
	.flags = FX_ROUNDS,
};
