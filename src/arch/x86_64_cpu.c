// SPDX-License-Identifier: GPL-2.0-only
/* x86_64_cpu.c - what of an x86-64 processor a program can come to depend on. */
#include "arch.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "rec_cpu.h"

#define FXSAVE_FEATURES 3 /* x87 and SSE are always there */

/*
 * Instructions that a program may use once it has seen their bit. Left out: what only the kernel can
 * use, hints that are no-ops where they are unknown (CLDEMOTE, PREFETCHI, CET's), promises about speed
 * (ERMS, FSRM), and the x86-64 baseline. Intel SDM 2A, CPUID; AMD APM 3, appendix E.
 */
static const char *const feature[CPU_WORDS][32] = {
	[CPU_1_ECX] = { [0] = "sse3", [1] = "pclmulqdq", [9] = "ssse3", [12] = "fma", [13] = "cx16",
			[19] = "sse4.1", [20] = "sse4.2", [22] = "movbe", [23] = "popcnt", [25] = "aes",
			[27] = "osxsave", [28] = "avx", [29] = "f16c", [30] = "rdrand" },
	[CPU_1_EDX] = { [4] = "tsc", [19] = "clflush" },
	[CPU_7_EBX] = { [3] = "bmi1", [4] = "hle", [5] = "avx2", [8] = "bmi2", [11] = "rtm", [16] = "avx512f",
			[17] = "avx512dq", [18] = "rdseed", [19] = "adx", [21] = "avx512ifma",
			[23] = "clflushopt", [24] = "clwb", [26] = "avx512pf", [27] = "avx512er",
			[28] = "avx512cd", [29] = "sha", [30] = "avx512bw", [31] = "avx512vl" },
	[CPU_7_ECX] = { [1] = "avx512vbmi", [4] = "ospke", [5] = "waitpkg", [6] = "avx512vbmi2", [8] = "gfni",
			[9] = "vaes", [10] = "vpclmulqdq", [11] = "avx512vnni", [12] = "avx512bitalg",
			[14] = "avx512vpopcntdq", [22] = "rdpid", [27] = "movdiri", [28] = "movdir64b",
			[29] = "enqcmd" },
	[CPU_7_EDX] = { [2] = "avx512_4vnniw", [3] = "avx512_4fmaps", [5] = "uintr", [8] = "avx512vp2intersect",
			[14] = "serialize", [16] = "tsxldtrk", [22] = "amx-bf16", [23] = "avx512fp16",
			[24] = "amx-tile", [25] = "amx-int8" },
	[CPU_7_1_EAX] = { [0] = "sha512", [1] = "sm3", [2] = "sm4", [3] = "rao-int", [4] = "avx-vnni",
			  [5] = "avx512bf16", [7] = "cmpccxadd", [21] = "amx-fp16", [23] = "avx-ifma" },
	[CPU_7_1_EDX] = { [4] = "avx-vnni-int8", [5] = "avx-ne-convert", [8] = "amx-complex",
			  [10] = "avx-vnni-int16", [19] = "avx10", [21] = "apx" },
	/* glibc's dynamic linker saves registers by the best of these */
	[CPU_13_1_EAX] = { [0] = "xsaveopt", [1] = "xsavec", [2] = "xgetbv1" },
	[CPU_EXT1_ECX] = { [0] = "lahf", [5] = "lzcnt", [6] = "sse4a", [7] = "misalignsse", [8] = "prefetchw",
			   [11] = "xop", [15] = "lwp", [16] = "fma4", [21] = "tbm", [29] = "mwaitx" },
	[CPU_EXT1_EDX] = { [22] = "mmxext", [27] = "rdtscp", [30] = "3dnowext", [31] = "3dnow" },
	[CPU_EXT8_EBX] = { [0] = "clzero", [4] = "rdpru" },
	/* arch/x86/include/uapi/asm/hwcap2.h */
	[CPU_HWCAP2] = { [0] = "ring3mwait", [1] = "fsgsbase" },
};

static const char *const state_name[CPU_STATES] = {
	[0] = "x87", [1] = "SSE", [2] = "AVX", [3] = "MPX bounds", [4] = "MPX configuration",
	[5] = "AVX-512 masks", [6] = "AVX-512 upper halves", [7] = "AVX-512 registers 16 to 31",
	[9] = "protection keys", [17] = "AMX configuration", [18] = "AMX tiles", [19] = "APX registers",
};

static void read_model(char model[64])
{
	__u32 part[3][4] = {};

	if ((__u32)__get_cpuid_max(0x80000000, NULL) >= 0x80000004)
		for (unsigned int i = 0; i < 3; i++)
			__cpuid(0x80000002 + i, part[i][0], part[i][1], part[i][2], part[i][3]);
	snprintf(model, 64, "%.48s", (const char *)part);
	for (char *c = model; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static void read_states(struct rec_cpu *c)
{
	__u32 eax, ebx, ecx, edx;

	if (!c->xfeatures || !__get_cpuid_count(13, 0, &eax, &ebx, &ecx, &edx))
		return;
	c->xsave_size = ebx;
	for (unsigned int i = 2; i < CPU_STATES; i++)
		if (c->xfeatures >> i & 1)
			__cpuid_count(13, i, c->state_size[i], c->state_at[i], ecx, edx);
}

void arch_cpu(struct rec_cpu *c)
{
	__u32 eax, ebx, none, *word = c->word;

	__get_cpuid(1, &eax, &ebx, &word[CPU_1_ECX], &word[CPU_1_EDX]);
	__get_cpuid_count(7, 0, &eax, &word[CPU_7_EBX], &word[CPU_7_ECX], &word[CPU_7_EDX]);
	if (__get_cpuid_count(7, 0, &eax, &ebx, &none, &none) && eax)
		__get_cpuid_count(7, 1, &word[CPU_7_1_EAX], &ebx, &none, &word[CPU_7_1_EDX]);
	__get_cpuid_count(13, 1, &word[CPU_13_1_EAX], &ebx, &none, &none);
	__get_cpuid(0x80000001, &eax, &ebx, &word[CPU_EXT1_ECX], &word[CPU_EXT1_EDX]);
	__get_cpuid(0x80000008, &eax, &word[CPU_EXT8_EBX], &none, &none);
	word[CPU_HWCAP2] = getauxval(AT_HWCAP2);
	if (word[CPU_1_ECX] & bit_OSXSAVE) {
		__asm__ volatile("xgetbv" : "=a"(eax), "=d"(ebx) : "c"(0));
		c->xfeatures = (__u64)ebx << 32 | eax;
	}
	read_states(c);
	read_model(c->model);
}

static void add_name(char *buf, size_t len, const char *name)
{
	size_t at = strlen(buf);

	snprintf(buf + at, len - at, "%s%s", at ? ", " : "", name);
}

static void add_states(char *buf, size_t len, __u64 states, const char *how)
{
	char name[64];

	for (unsigned int i = 0; i < 64; i++) {
		if (!(states >> i & 1))
			continue;
		snprintf(name, sizeof(name), "%s%s", how,
			 i < CPU_STATES && state_name[i] ? state_name[i] : "unknown registers");
		add_name(buf, len, name);
	}
}

bool arch_cpu_lacks(const struct rec_cpu *have, const struct rec_cpu *need, char *names, size_t len)
{
	*names = 0;
	for (unsigned int w = 0; w < CPU_WORDS; w++)
		for (unsigned int bit = 0; bit < 32; bit++)
			if (feature[w][bit] && need->word[w] & ~have->word[w] & 1u << bit)
				add_name(names, len, feature[w][bit]);
	add_states(names, len, need->xfeatures & ~have->xfeatures & ~(__u64)FXSAVE_FEATURES, "the state of ");
	return *names;
}

bool arch_cpu_saves_more(const struct rec_cpu *have, const struct rec_cpu *need, char *names, size_t len)
{
	*names = 0;
	add_states(names, len, have->xfeatures & ~need->xfeatures & ~(__u64)FXSAVE_FEATURES, "");
	return *names;
}

const char *arch_cpu_moved(const struct rec_cpu *have, const struct rec_cpu *need, unsigned int *which)
{
	for (unsigned int i = 2; i < CPU_STATES; i++) {
		*which = i;
		if (need->xfeatures >> i & 1 && (need->state_at[i] != have->state_at[i] ||
						 need->state_size[i] != have->state_size[i]))
			return state_name[i] ? state_name[i] : "unknown registers";
	}
	return NULL;
}
