// SPDX-License-Identifier: GPL-2.0-only
/*
 * records.c - libFuzzer target: what the records of an image mean. The input is what a RECORDS chunk
 * holds; checksums are another target's business (image.c). Everything is done to it that happens
 * before the first task of a restore is made, and it is shown.
 */
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "plan.h"
#include "rec_state.h"
#include "record_json.h"
#include "records.h"
#include "res.h"
#include "tree.h"

#define INPUT_MAX (256u << 10)

/* Records as they are, up to the first that does not fit, like index_records() of image_read.c. */
static void take(struct snap *s, char *p, size_t len)
{
	while (len >= 2 * sizeof(struct rec_hdr)) {
		struct rec_hdr *h = (void *)p;

		if (h->len < 2 * sizeof(*h) || h->len % REC_ALIGN || h->len > len || snap_index(s, h))
			return;
		p += h->len;
		len -= h->len;
	}
}

static void ignore(void *arg, const struct proc *p, const char *fmt, ...)
{
}

static void plan(const struct snap *s)
{
	struct plan_opts opts = {};
	struct plan plan = {};
	struct tree tree = {};

	snap_for_each(s, REC_TREE, const struct rec_tree, info) {
		opts.shell_job = info->flags & TREE_F_SHELL_JOB;
		opts.entrants = info->flags & TREE_F_ENTRANTS;
		if (!tree_build(&tree, s, info->root)) {
			plan_build(&plan, &tree, &opts, ignore, NULL);
			plan_free(&plan);
		}
		tree_free(&tree);
	}
}

static void show(const struct snap *s)
{
	static FILE *null;

	if (!null)
		null = fopen("/dev/null", "we");
	for (unsigned int i = 0; i < nr_res_types; i++) {
		size_t nr;
		void **rec = snap_all(s, res_types[i]->tag, &nr);

		for (size_t j = 0; j < nr; j++) {
			if (((struct rec_hdr *)rec[j])->len < res_types[i]->size)
				continue;
			json_object_put(record_json(res_types[i], rec[j]));
			record_print(res_types[i], rec[j], null);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image img = { .fd = -1 };
	char *copy = size <= INPUT_MAX ? malloc(size + 1) : NULL;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	take(&img.snap, copy, size);
	if (!image_validate(&img)) {
		plan(&img.snap);
		show(&img.snap);
	}
	snap_free(&img.snap);
	free(copy);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	return records_mutate(data, size, max, seed);
}
