// SPDX-License-Identifier: GPL-2.0-only
/* mprctl.c - what prctl(2) and mseal(2) say about a whole address space or forbid for good. */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#define SYS_MSEAL 462
#define EXCEPT_ADVISED 2 /* PR_THP_DISABLE_EXCEPT_ADVISED */

#define PAGE 4096UL

static char *anon(size_t size)
{
	return must_map(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static bool has_flag(const void *addr, const char *flag)
{
	return strstr(fx_vmflags(addr), flag);
}

/* ---- no new code, and all memory offered for merging, but for one area ---- */

static char *code, *merged, *unmerged;
static bool merges, bans;

static void setup(void)
{
	code = anon(PAGE);
	fx_fill(code, PAGE, 1);
	must(mprotect(code, PAGE, PROT_READ | PROT_EXEC));
	merges = !prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
	merged = anon(8 * PAGE);
	anon(PAGE);
	unmerged = anon(8 * PAGE);
	fx_fill(merged, 8 * PAGE, 2);
	fx_fill(unmerged, 8 * PAGE, 3);
	if (merges)
		must(madvise(unmerged, 8 * PAGE, MADV_UNMERGEABLE));
	bans = !prctl(PR_SET_MDWE, 3, 0, 0, 0);
	if (!merges && !bans)
		fx_skip("the kernel has neither PR_SET_MDWE nor PR_SET_MEMORY_MERGE");
}

static void verify(void)
{
	char *more = anon(PAGE);

	expect_eq("PR_GET_MDWE", prctl(PR_GET_MDWE, 0, 0, 0, 0), bans ? 3 : 0);
	expect_eq("PR_GET_MEMORY_MERGE", prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0), merges);
	expect(!bans || mprotect(more, PAGE, PROT_READ | PROT_EXEC), "memory can be made executable");
	expect(!mprotect(code, PAGE, PROT_READ | PROT_EXEC), "code is no code any more");
	expect(!merges || has_flag(merged, "mg"), "an area is not offered for merging any more");
	expect(!merges || has_flag(more, "mg"), "a new area is not offered for merging");
	expect(!has_flag(unmerged, "mg"), "an area is offered for merging");
	expect(!fx_differs(code, PAGE, 1), "code");
	expect(!fx_differs(merged, 8 * PAGE, 2) && !fx_differs(unmerged, 8 * PAGE, 3), "contents");
	munmap(more, PAGE);
}

const struct fixture fixture_mprctl = {
	.name = "mprctl",
	.about = "PR_SET_MDWE, PR_SET_MEMORY_MERGE and an area taken out of that",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- huge pages only where asked for ---- */

static int thp;

static void setup_thp(void)
{
	thp = prctl(PR_SET_THP_DISABLE, 1, EXCEPT_ADVISED, 0, 0) ? 1 : 1 | EXCEPT_ADVISED;
	if (thp == 1)
		must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

static void verify_thp(void)
{
	expect_eq("PR_GET_THP_DISABLE", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), thp);
}

static void verify_thp_child(void)
{
	expect_eq("PR_GET_THP_DISABLE", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
}

static void setup_thp_child(void)
{
	must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

static void setup_thps(void)
{
	fx_child("off", setup_thp_child, verify_thp_child);
	setup_thp();
}

const struct fixture fixture_mprctl_thp = {
	.name = "mprctl_thp",
	.about = "PR_SET_THP_DISABLE, whole and except where advised",
	.setup = setup_thps,
	.verify = verify_thp,
	.flags = FX_ROUNDS,
};

/* ---- sealed areas ---- */

static char *sealed;

static void setup_mseal(void)
{
	sealed = anon(8 * PAGE);
	fx_fill(sealed, 8 * PAGE, 4);
	must(mprotect(sealed + 4 * PAGE, PAGE, PROT_READ));
	if (syscall(SYS_MSEAL, sealed, 5 * PAGE, 0))
		fx_skip("the kernel has no mseal(2)");
}

static void verify_mseal(void)
{
	expect(mprotect(sealed, PAGE, PROT_READ) && errno == EPERM, "a sealed area can be protected");
	expect(munmap(sealed + 4 * PAGE, PAGE) && errno == EPERM, "a sealed area can be unmapped");
	expect(!mprotect(sealed + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE), "the area behind is sealed");
	expect(!fx_differs(sealed, 8 * PAGE, 4), "contents");
	expect(fx_faults(sealed + 4 * PAGE, true), "the read-only part is writable");
}

const struct fixture fixture_mseal = {
	.name = "mseal",
	.about = "sealed areas",
	.setup = setup_mseal,
	.verify = verify_mseal,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- memory that may be dropped ---- */

static char *dropped;

static void setup_droppable(void)
{
	dropped = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
	if (dropped == MAP_FAILED)
		fx_skip("the kernel has no MAP_DROPPABLE");
	fx_fill(dropped, 2 * PAGE, 5);
}

static void verify_droppable(void)
{
	expect(has_flag(dropped, "dp"), "it is not droppable any more: %s", fx_vmflags(dropped));
	for (int i = 0; i < 2; i++) /* the kernel may have dropped it */
		expect(!dropped[i * PAGE] || i || !fx_differs(dropped, 2 * PAGE, 5), "contents");
}

const struct fixture fixture_droppable = {
	.name = "droppable",
	.about = "an area of MAP_DROPPABLE",
	.setup = setup_droppable,
	.verify = verify_droppable,
	.flags = FX_ROUNDS,
};
