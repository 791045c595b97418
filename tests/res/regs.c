// SPDX-License-Identifier: GPL-2.0-only
/* regs.c - values that live in registers only, in a busy loop and across a system call. */
#include <asm/prctl.h>
#include <cpuid.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

#define HIDDEN __attribute__((visibility("hidden"), aligned(64)))

enum { WITH_SSE, WITH_AVX, WITH_AVX512 };

/* The loops below address these from the instruction pointer: every register is taken. */
HIDDEN uint64_t regs_gp_in[15], regs_gp_out[15];
HIDDEN uint8_t regs_v_in[32][64], regs_v_out[32][64];
HIDDEN uint64_t regs_k_in[8], regs_k_out[8];
HIDDEN double regs_x87_in[8], regs_x87_out[8];
HIDDEN uint32_t regs_mxcsr_in = 0x1fc0, regs_mxcsr_out; /* denormals are zero */
HIDDEN uint16_t regs_fcw_in = 0x0c7f, regs_fcw_out;	/* round to zero, single */
HIDDEN uint32_t regs_level, regs_stop;
HIDDEN struct timespec regs_nap = {0, 3000000};

void regs_hold(void);
void regs_hold_asleep(void);

__asm__(".text\n"

	/* Vectors, masks, x87 and control words <- memory. */
	"fpu_load:\n"
	"	cmpl	$1, regs_level(%rip)\n"
	"	jl	1f\n"
	"	je	2f\n"
	".irp r, "
	"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	"	vmovdqu64 regs_v_in+64*\\r(%rip), %zmm\\r\n"
	".endr\n"
	".irp r, 1,2,3,4,5,6,7\n"
	"	kmovq	regs_k_in+8*\\r(%rip), %k\\r\n"
	".endr\n"
	"	jmp	3f\n"
	"2:\n"
	".irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	vmovdqu	regs_v_in+64*\\r(%rip), %ymm\\r\n"
	".endr\n"
	"	jmp	3f\n"
	"1:\n"
	".irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movdqu	regs_v_in+64*\\r(%rip), %xmm\\r\n"
	".endr\n"
	"3:	fninit\n"
	"	fldcw	regs_fcw_in(%rip)\n"
	".irp r, 0,1,2,3,4,5,6,7\n"
	"	fldl	regs_x87_in+8*\\r(%rip)\n"
	".endr\n"
	"	ldmxcsr	regs_mxcsr_in(%rip)\n"
	"	ret\n"

	/* Memory <- vectors, masks, x87 and control words; clean afterwards. */
	"fpu_store:\n"
	"	cmpl	$1, regs_level(%rip)\n"
	"	jl	1f\n"
	"	je	2f\n"
	".irp r, "
	"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
	"	vmovdqu64 %zmm\\r, regs_v_out+64*\\r(%rip)\n"
	".endr\n"
	".irp r, 1,2,3,4,5,6,7\n"
	"	kmovq	%k\\r, regs_k_out+8*\\r(%rip)\n"
	".endr\n"
	"	vzeroupper\n"
	"	jmp	3f\n"
	"2:\n"
	".irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	vmovdqu	%ymm\\r, regs_v_out+64*\\r(%rip)\n"
	".endr\n"
	"	vzeroupper\n"
	"	jmp	3f\n"
	"1:\n"
	".irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
	"	movdqu	%xmm\\r, regs_v_out+64*\\r(%rip)\n"
	".endr\n"
	"3:	fnstcw	regs_fcw_out(%rip)\n"
	".irp r, 7,6,5,4,3,2,1,0\n"
	"	fstpl	regs_x87_out+8*\\r(%rip)\n"
	".endr\n"
	"	stmxcsr	regs_mxcsr_out(%rip)\n"
	"	fninit\n"
	"	ret\n"

	/* All registers but the stack pointer hold values while this spins. */
	".globl regs_hold\n"
	".hidden regs_hold\n"
	"regs_hold:\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	push	%r12\n"
	"	push	%r13\n"
	"	push	%r14\n"
	"	push	%r15\n"
	"	call	fpu_load\n"
	"	.set	i, 0\n"
	".irp r, rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15\n"
	"	mov	regs_gp_in+8*i(%rip), %\\r\n"
	"	.set	i, i+1\n"
	".endr\n"
	"4:	pause\n"
	"	cmpl	$0, regs_stop(%rip)\n"
	"	je	4b\n"
	"	.set	i, 0\n"
	".irp r, rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15\n"
	"	mov	%\\r, regs_gp_out+8*i(%rip)\n"
	"	.set	i, i+1\n"
	".endr\n"
	"	jmp	6f\n"

	/* The same across system calls, which keep all but rax, rcx and r11. */
	".globl regs_hold_asleep\n"
	".hidden regs_hold_asleep\n"
	"regs_hold_asleep:\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	push	%r12\n"
	"	push	%r13\n"
	"	push	%r14\n"
	"	push	%r15\n"
	"	call	fpu_load\n"
	"	.set	i, 0\n"
	".irp r, rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15\n"
	"	mov	regs_gp_in+8*i(%rip), %\\r\n"
	"	.set	i, i+1\n"
	".endr\n"
	"5:	lea	regs_nap(%rip), %rdi\n"
	"	xor	%esi, %esi\n"
	"	mov	$35, %eax\n" /* nanosleep */
	"	syscall\n"
	"	cmpl	$0, regs_stop(%rip)\n"
	"	je	5b\n"
	"	.set	i, 0\n"
	".irp r, rax,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15\n"
	"	mov	%\\r, regs_gp_out+8*i(%rip)\n"
	"	.set	i, i+1\n"
	".endr\n"
	"6:	call	fpu_store\n"
	"	pop	%r15\n"
	"	pop	%r14\n"
	"	pop	%r13\n"
	"	pop	%r12\n"
	"	pop	%rbp\n"
	"	pop	%rbx\n"
	"	ret\n");

static const char *const gp_names[15] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
					 "r9",	"r10", "r11", "r12", "r13", "r14", "r15"};

static pthread_t holder;
static bool asleep;
static volatile int holding;
static unsigned long gs_base = 0x123456789000, fs_base;

static uint32_t cpu_level(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return WITH_SSE;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX512F) || !(b & bit_AVX512BW))
		return WITH_AVX;
	return WITH_AVX512;
}

static void *hold(void *arg)
{
	unsigned long base;

	syscall(SYS_arch_prctl, ARCH_SET_GS, gs_base);
	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_base);
	holding = 1;
	(asleep ? regs_hold_asleep : regs_hold)();
	syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
	expect(base == gs_base, "gs base is %lx, was %lx", base, gs_base);
	syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
	expect(base == fs_base, "fs base is %lx, was %lx", base, fs_base);
	return NULL;
}

static void start(void)
{
	int err;

	fx_fill(regs_gp_in, sizeof(regs_gp_in), 11 + fx_round());
	fx_fill(regs_v_in, sizeof(regs_v_in), 12 + fx_round());
	fx_fill(regs_k_in, sizeof(regs_k_in), 13 + fx_round());
	/* of few digits: QEMU's fldl rounds by the control word, which processors do not */
	for (int i = 0; i < 8; i++)
		regs_x87_in[i] = 3 + i + fx_round() + 1.0 / (2 << i);
	memset(regs_gp_out, 0, sizeof(regs_gp_out));
	memset(regs_v_out, 0, sizeof(regs_v_out));
	regs_stop = 0;
	holding = 0;
	err = pthread_create(&holder, NULL, hold, NULL);
	if (err)
		fx_die("pthread_create: %s", strerror(err));
	while (!holding)
		fx_nap();
	fx_nap();
}

static void setup_busy(void)
{
	regs_level = cpu_level();
	start();
}

static void setup_asleep(void)
{
	asleep = true;
	setup_busy();
}

static void check_vectors(void)
{
	int count = regs_level == WITH_AVX512 ? 32 : 16;
	int width = regs_level == WITH_AVX512 ? 64 : regs_level == WITH_AVX ? 32 : 16;

	for (int i = 0; i < count; i++)
		expect(!memcmp(regs_v_in[i], regs_v_out[i], width),
		       "vector register %d of %d bytes", i, width);
	for (int i = 1; i < 8 && regs_level == WITH_AVX512; i++)
		expect(regs_k_in[i] == regs_k_out[i], "mask register k%d", i);
}

/* Are rdi, rsi, rcx, rax, r11 those of the loop? Not checked: they are where the call is. */
static bool is_scratch(int i)
{
	return asleep && (i == 0 || i == 2 || i == 4 || i == 5 || i == 10);
}

static void verify(void)
{
	regs_stop = 1;
	pthread_join(holder, NULL);
	for (int i = 0; i < 15; i++)
		expect(is_scratch(i) || regs_gp_in[i] == regs_gp_out[i], "%s is %lx, was %lx",
		       gp_names[i], regs_gp_out[i], regs_gp_in[i]);
	check_vectors();
	for (int i = 0; i < 8; i++)
		expect(regs_x87_in[i] == regs_x87_out[i], "x87 register %d is %.20g, was %.20g", i,
		       regs_x87_out[i], regs_x87_in[i]);
	expect_eq("x87 control word", regs_fcw_out, regs_fcw_in);
	expect_eq("mxcsr", regs_mxcsr_out & ~0x3f, regs_mxcsr_in);
	if (!fx_last())
		start();
}

const struct fixture fixture_regs = {
	.name = "regs",
	.about = "general, x87, SSE, AVX and AVX-512 registers of a thread that spins",
	.setup = setup_busy,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

const struct fixture fixture_regs_asleep = {
	.name = "regs_asleep",
	.about = "registers that are kept across a nanosleep",
	.setup = setup_asleep,
	.verify = verify,
	.flags = FX_ROUNDS,
};
