// SPDX-License-Identifier: GPL-2.0-only
/* x86_64_vdso.c - functions of a vdso that lead to another one: arch/x86/entry/vdso/vdso.lds.S lists them. */
#include <string.h>
#include <sys/syscall.h>

#include "../cleanup.h"
#include "arch.h"

/* mov $TO, %r11; jmp *%r11: a register that no caller counts on */
static bool put_jump(unsigned char *at, size_t room, __u64 to)
{
	unsigned char code[13] = { 0x49, 0xbb, [10] = 0x41, 0xff, 0xe3 };

	memcpy(code + 2, &to, sizeof(to));
	if (room < sizeof(code))
		return false;
	memcpy(at, code, sizeof(code));
	return true;
}

/* mov $NR, %eax; syscall; ret: arguments are in the registers where a system call has them, up to the third */
static bool put_syscall(unsigned char *at, size_t room, int nr)
{
	unsigned char code[8] = { 0xb8, [5] = 0x0f, 0x05, 0xc3 };

	memcpy(code + 1, &nr, sizeof(nr));
	if (room < sizeof(code))
		return false;
	memcpy(at, code, sizeof(code));
	return true;
}

/* mov $-ENOSYS, %rax; ret */
static bool put_nothing(unsigned char *at, size_t room)
{
	static const unsigned char code[] = { 0x48, 0xc7, 0xc0, 0xda, 0xff, 0xff, 0xff, 0xc3 };

	if (room < sizeof(code))
		return false;
	memcpy(at, code, sizeof(code));
	return true;
}

/*
 * getrandom(2) but for a size of ~0 of the state (the fifth argument), which asks for its layout: ENOSYS, as
 * of a kernel without it. The state that a program has is of the old kernel's layout, so ours may not use it.
 */
static bool put_getrandom(unsigned char *at, size_t room)
{
	static const unsigned char ask[] = { 0x49, 0x83, 0xf8, 0xff, /* cmp $-1, %r8 */
					     0x74, 0x08,	     /* je: behind the system call */
	};
	if (room < sizeof(ask))
		return false;
	memcpy(at, ask, sizeof(ask));
	at += sizeof(ask);
	room -= sizeof(ask);
	return put_syscall(at, room, SYS_getrandom) && put_nothing(at + 8, room - 8);
}

bool arch_redirect(void *at, size_t room, const char *name, __u64 to)
{
	static const struct { const char *name; int nr; } calls[] = {
		{ "clock_gettime", SYS_clock_gettime }, { "gettimeofday", SYS_gettimeofday },
		{ "clock_getres", SYS_clock_getres },   { "time", SYS_time },
		{ "getcpu", SYS_getcpu },
	};

	if (!strncmp(name, "__vdso_", 7))
		name += 7;
	if (!strcmp(name, "getrandom"))
		return put_getrandom(at, room);
	if (to)
		return put_jump(at, room, to);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!strcmp(name, calls[i].name))
			return put_syscall(at, room, calls[i].nr);
	return put_nothing(at, room);
}
