// SPDX-License-Identifier: GPL-2.0-only
/* pkeys.c - protection keys: which are allocated, which areas have them, and what a thread may do with them. */
#include <stdio.h>
#include <sys/mman.h>

#include "../fixture.h"

#define PAGE 4096

static int hole, no_write, no_access;
static char *area, *hidden, *code;

/* The key that smaps tells of the area at addr. */
static int key_of(const void *addr)
{
	char *text = malloc(1 << 20), at[32], *line;
	long len = fx_read_file("/proc/self/smaps", text, (1 << 20) - 1);
	int key = -1;

	text[len > 0 ? len : 0] = 0;
	snprintf(at, sizeof(at), "\n%lx-", (unsigned long)addr);
	line = strstr(text, at);
	line = line ? strstr(line, "ProtectionKey:") : NULL;
	if (line)
		sscanf(line, "ProtectionKey: %d", &key);
	free(text);
	return key;
}

static char *map(int prot)
{
	return must_map(mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void setup(void)
{
	hole = pkey_alloc(0, 0);
	if (hole < 0)
		fx_skip("this processor has no protection keys: %s", strerror(errno));
	code = map(PROT_READ | PROT_WRITE);
	memcpy(code, "\xb8\x2a\0\0\0\xc3", 6); /* return 42 */
	must(mprotect(code, PAGE, PROT_EXEC));
	no_write = must(pkey_alloc(0, PKEY_DISABLE_WRITE));
	no_access = must(pkey_alloc(0, 0));
	area = map(PROT_READ | PROT_WRITE);
	fx_fill(area, PAGE, 5);
	must(pkey_mprotect(area, PAGE, PROT_READ | PROT_WRITE, no_write));
	hidden = map(PROT_READ | PROT_WRITE);
	fx_fill(hidden, PAGE, 6);
	must(pkey_mprotect(hidden, PAGE, PROT_READ | PROT_WRITE, no_access));
	must(pkey_set(no_access, PKEY_DISABLE_ACCESS));
	must(pkey_free(hole));
}

static void verify(void)
{
	expect_eq("rights of the first key", pkey_get(no_write), PKEY_DISABLE_WRITE);
	expect_eq("rights of the second key", pkey_get(no_access), PKEY_DISABLE_ACCESS);
	expect_eq("key of an area", key_of(area), no_write);
	expect_eq("key of another", key_of(hidden), no_access);
	expect(!fx_differs(area, PAGE, 5), "what may be read differs");
	expect(fx_faults(area, true), "what may not be written can be");
	expect(fx_faults(hidden, false), "what may not be read can be");
	must(pkey_set(no_access, 0));
	expect(!fx_differs(hidden, PAGE, 6), "what is hidden differs");
	must(pkey_set(no_access, PKEY_DISABLE_ACCESS));
	expect_eq("what the code says", ((int (*)(void))code)(), 42);
	expect(fx_faults(code, false), "code that may only be executed can be read");
	expect_eq("the next key", pkey_alloc(0, 0), hole);
	must(pkey_free(hole));
}

const struct fixture fixture_pkeys = {
	.name = "pkeys",
	.about = "protection keys, areas that have them, code that can be executed only",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- a key that was given back while an area has it ---- */

static void setup_freed(void)
{
	int key = pkey_alloc(0, 0);

	if (key < 0)
		fx_skip("this processor has no protection keys: %s", strerror(errno));
	must(pkey_mprotect(map(PROT_READ), PAGE, PROT_READ, key));
	must(pkey_free(key));
}

const struct fixture fixture_refuse_pkeys = {
	.name = "refuse_pkeys",
	.about = "an area whose protection key was given back",
	.setup = setup_freed,
	.flags = FX_LEAVE_ONLY,
};
