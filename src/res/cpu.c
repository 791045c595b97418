// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu.c - kind "cpu": a tree goes on only where the processor has all that it may have seen.
 *
 * Programs and libraries look at CPUID once and choose their code by it: glibc has chosen its memcpy()
 * and how much its linker saves before main() begins. So every feature of the processor where the tree
 * was dumped must be there, used or not. More instructions do no harm to what was chosen already, but
 * more register state does: XSAVE in glibc's _dl_runtime_resolve() writes all that the processor has
 * of a fixed set, to room on the stack that was measured when the program began.
 */
#include "cpu.h"

#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "dump.h"
#include "log.h"
#include "rec_cpu.h"
#include "rec_state.h"
#include "regs.h"
#include "res.h"
#include "restore.h"

#define R struct rec_cpu

static const struct field fields[] = {
	{ "root", offsetof(R, root), sizeof(__u64), 1, IS_OWNER, AS_REF, REC_PID },
	FIELD(R, model, MAY_DIFFER, AS_TEXT),
	FIELD(R, xfeatures, MAY_DIFFER, AS_HEX),
	FIELD(R, xsave_size, MAY_DIFFER, AS_DEC),
	FIELD_ARRAY(R, word, MAY_DIFFER, AS_HEX),
	FIELD_ARRAY(R, state_at, MAY_DIFFER, AS_DEC),
	FIELD_ARRAY(R, state_size, MAY_DIFFER, AS_DEC),
};

int cpu_collect(struct dump *d)
{
	R *r = snap_new(&d->snap, REC_CPU, sizeof(*r));
	struct rec_hdr h;

	if (!r)
		return fail(-ENOMEM, "dump");
	h = r->h;
	*r = d->cpu;
	r->h = h;
	r->root = d->tree.root->pid->addr;
	return 0;
}

static int read_cpu(const struct image *img, const void *rec)
{
	const R *r = rec;
	size_t nr;

	snap_all(&img->snap, REC_CPU, &nr);
	if (nr != 1)
		return fail(-ERR_IMAGE, "image: %zu processors instead of one", nr);
	for (size_t i = 0; i < sizeof(r->model) && r->model[i]; i++)
		if (r->model[i] < ' ' || r->model[i] > '~')
			return fail(-ERR_IMAGE, "image: the processor has no proper name");
	return 0;
}

/* What the kernel would refuse to load, whatever the image says of its processor. */
static int check_registers(const struct restore *r)
{
	snap_for_each(&r->image.snap, REC_REGS, const struct rec_regs, regs) {
		__u64 need = arch_xstate_features(regs->data + REGS_GREGS, regs->xsave_len) & ~3ull;

		if (need & ~r->cpu.xfeatures)
			return fail(-EOPNOTSUPP, "this processor lacks register state that the tree uses "
				    "(xstate features %#llx, here %#llx)", need, r->cpu.xfeatures);
	}
	return 0;
}

static int check_features(const struct restore *r, const R *image)
{
	const char *moved;
	unsigned int i;
	char names[2048];

	if (arch_cpu_lacks(&r->cpu, image, names, sizeof(names)))
		return fail(-EOPNOTSUPP, "this processor (%.64s) lacks what programs may have seen on that of "
			    "the image (%.64s): %s", r->cpu.model, image->model, names);
	if (arch_cpu_saves_more(&r->cpu, image, names, sizeof(names)))
		return fail(-EOPNOTSUPP, "this processor (%.64s) has more register state than that of the image (%.64s): "
			    "%s; who saves it (glibc's dynamic linker does) would write past the room for less",
			    r->cpu.model, image->model, names);
	moved = arch_cpu_moved(&r->cpu, image, &i);
	if (moved)
		return fail(-EOPNOTSUPP, "this processor (%.64s) keeps %u bytes of register state (%s) at %u, that "
			    "of the image (%.64s) %u at %u: signal frames would be read wrong", r->cpu.model,
			    r->cpu.state_size[i], moved, r->cpu.state_at[i], image->model,
			    image->state_size[i], image->state_at[i]);
	return 0;
}

int cpu_preflight(struct restore *r)
{
	int err = 0;

	arch_cpu(&r->cpu);
	snap_for_each(&r->image.snap, REC_CPU, const R, image)
		err = err ?: check_features(r, image);
	return err ? err : check_registers(r);
}

const struct res_type res_cpu = {
	.name = "cpu", .tag = REC_CPU, .size = sizeof(R), .owned = true,
	.fields = fields, .nr_fields = sizeof(fields) / sizeof(fields[0]),
	.read = read_cpu,
};
