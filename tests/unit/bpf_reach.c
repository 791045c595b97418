// SPDX-License-Identifier: GPL-2.0-only
/*
 * bpf_reach.c - which instructions of a BPF program can be executed at all, as far as constants tell.
 *
 * Constants are propagated along the ways that they leave open, until nothing changes. What is read
 * from memory may be anything, so more is reached than the kernel's verifier would say, never less.
 */
#include "bpf_reach.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

enum { NEVER, CONSTANT, ANYTHING };

struct value {
	int is;
	uint64_t bits;
};

struct place {
	struct value reg[MAX_BPF_REG];
};

struct search {
	const struct bpf_insn *insn;
	size_t nr, nr_todo;
	struct place *before; /* each instruction */
	size_t *todo;
	bool *queued, *reached;
};

static const struct value anything = { ANYTHING, 0 };

static bool merge(struct value *to, const struct value *from)
{
	if (from->is == NEVER || to->is == ANYTHING ||
	    (to->is == CONSTANT && from->is == CONSTANT && to->bits == from->bits))
		return false;
	*to = to->is == NEVER ? *from : anything;
	return true;
}

static void go(struct search *s, size_t i, const struct place *p)
{
	bool changed;

	if (i >= s->nr)
		return;
	changed = !s->reached[i];
	for (int r = 0; r < MAX_BPF_REG; r++)
		changed |= merge(&s->before[i].reg[r], &p->reg[r]);
	s->reached[i] = true;
	if (changed && !s->queued[i]) {
		s->queued[i] = true;
		s->todo[s->nr_todo++] = i;
	}
}

static bool calculate(int op, uint64_t a, uint64_t b, unsigned int bits, uint64_t *result)
{
	switch (op) {
	case BPF_MOV: *result = b; break;
	case BPF_ADD: *result = a + b; break;
	case BPF_SUB: *result = a - b; break;
	case BPF_MUL: *result = a * b; break;
	case BPF_OR:  *result = a | b; break;
	case BPF_AND: *result = a & b; break;
	case BPF_XOR: *result = a ^ b; break;
	case BPF_LSH: *result = a << (b & (bits - 1)); break;
	case BPF_RSH: *result = (bits == 32 ? (uint32_t)a : a) >> (b & (bits - 1)); break;
	case BPF_ARSH: *result = bits == 32 ? (uint64_t)((int32_t)a >> (b & 31)) : (uint64_t)((int64_t)a >> (b & 63)); break;
	default: return false;
	}
	if (bits == 32)
		*result = (uint32_t)*result;
	return true;
}

static struct value operand(const struct bpf_insn *in, const struct place *p)
{
	if (BPF_SRC(in->code) == BPF_X)
		return p->reg[in->src_reg];
	return (struct value){ CONSTANT, (uint64_t)(int64_t)in->imm };
}

static void compute(const struct bpf_insn *in, struct place *p)
{
	struct value a = p->reg[in->dst_reg], b = operand(in, p), *to = &p->reg[in->dst_reg];
	unsigned int bits = BPF_CLASS(in->code) == BPF_ALU64 ? 64 : 32;
	int op = BPF_OP(in->code);

	to->is = ANYTHING;
	if (b.is == CONSTANT && (a.is == CONSTANT || op == BPF_MOV) &&
	    calculate(op, a.bits, b.bits, bits, &to->bits))
		to->is = CONSTANT;
}

static bool holds(int op, uint64_t a, uint64_t b, bool narrow)
{
	int64_t x = narrow ? (int32_t)a : (int64_t)a, y = narrow ? (int32_t)b : (int64_t)b;

	if (narrow)
		a = (uint32_t)a, b = (uint32_t)b;
	switch (op) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSET: return a & b;
	case BPF_JSGT: return x > y;
	case BPF_JSGE: return x >= y;
	case BPF_JSLT: return x < y;
	default: return x <= y; /* BPF_JSLE */
	}
}

static void branch(struct search *s, size_t i, const struct place *p)
{
	const struct bpf_insn *in = &s->insn[i];
	struct value a = p->reg[in->dst_reg], b = operand(in, p);
	bool known = a.is == CONSTANT && b.is == CONSTANT, taken;

	taken = known && holds(BPF_OP(in->code), a.bits, b.bits, BPF_CLASS(in->code) == BPF_JMP32);
	if (!known || taken)
		go(s, i + 1 + in->off, p);
	if (!known || !taken)
		go(s, i + 1, p);
}

/* Of another function of this program, its arguments may be anything. */
static void enter(struct search *s, size_t i)
{
	struct place p;

	for (int r = 0; r < MAX_BPF_REG; r++)
		p.reg[r] = anything;
	go(s, i, &p);
}

static void call(struct search *s, size_t i, struct place *p)
{
	if (s->insn[i].src_reg == BPF_PSEUDO_CALL)
		enter(s, i + 1 + s->insn[i].imm);
	for (int r = BPF_REG_0; r <= BPF_REG_5; r++)
		p->reg[r] = anything;
	go(s, i + 1, p);
}

static void load_wide(struct search *s, size_t i, struct place *p)
{
	const struct bpf_insn *in = &s->insn[i];
	uint64_t bits = (uint32_t)in[0].imm | (uint64_t)(uint32_t)in[1].imm << 32;

	p->reg[in->dst_reg] = in->src_reg ? anything : (struct value){ CONSTANT, bits };
	if (in->src_reg == BPF_PSEUDO_FUNC)
		enter(s, i + 1 + in->imm);
	s->reached[i + 1] = true;
	go(s, i + 2, p);
}

static void step(struct search *s, size_t i)
{
	const struct bpf_insn *in = &s->insn[i];
	struct place p = s->before[i];

	switch (BPF_CLASS(in->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		compute(in, &p);
		break;
	case BPF_LD:
		load_wide(s, i, &p);
		return;
	case BPF_LDX:
		p.reg[in->dst_reg] = anything;
		break;
	case BPF_STX: /* atomic ones bring a register or R0 back */
		if (BPF_MODE(in->code) == BPF_ATOMIC)
			p.reg[in->src_reg] = p.reg[BPF_REG_0] = anything;
		break;
	case BPF_JMP:
	case BPF_JMP32:
		if (BPF_OP(in->code) == BPF_EXIT)
			return;
		if (BPF_OP(in->code) == BPF_CALL)
			call(s, i, &p);
		else if (BPF_OP(in->code) == BPF_JA)
			go(s, i + 1 + in->off, &p);
		else
			branch(s, i, &p);
		return;
	}
	go(s, i + 1, &p);
}

int bpf_reach(const struct bpf_insn *insn, size_t nr, bool *reached)
{
	struct search s = { insn, nr, 0, calloc(nr, sizeof(*s.before)), calloc(nr, sizeof(*s.todo)),
			    calloc(nr, sizeof(bool)), reached };
	bool ok = s.before && s.todo && s.queued;

	for (size_t i = 0; i < nr; i++)
		reached[i] = false;
	if (ok)
		enter(&s, 0);
	while (ok && s.nr_todo) {
		size_t i = s.todo[--s.nr_todo];

		s.queued[i] = false;
		step(&s, i);
	}
	free(s.before);
	free(s.todo);
	free(s.queued);
	return ok ? 0 : -ENOMEM;
}
