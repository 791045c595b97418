// SPDX-License-Identifier: GPL-2.0-only
/* picture_dot.c - a picture of tasks and pid namespaces for dot(1) of Graphviz. */
#include "picture.h"

static void put_task(const struct picture *p, const struct picture_task *t, FILE *out)
{
	char chain[512];

	fprintf(out, "t%zu [label=\"", t - p->tasks);
	put_dot(out, t->name);
	fprintf(out, "%s%s\\n%s\"", *t->note ? " " : "", t->note,
		pid_chain(t->proc->pid, p->from, chain, sizeof(chain)));
	if (t->init)
		fputs(", peripheries=2", out);
	if (t->proc->zombie)
		fputs(", fillcolor=\"#d0d0d0\", fontcolor=\"#505050\"", out);
	if (t->foreign)
		fputs(", color=\"#c04a00\"", out);
	fputs("];\n", out);
}

/* Namespaces nest at most 32 deep. */
static void put_box(const struct picture *p, const struct picture_box *b, FILE *out)
{
	static const char *const tint[] = { "#f6f7f9", "#e3edf7", "#cfe0f0", "#bbd2e8" };
	unsigned int deep = 0;
	char label[128];

	for (const struct picture_box *up = b->parent; up; up = up->parent)
		deep++;
	picture_label(b, label, sizeof(label));
	fprintf(out, "subgraph cluster_%zu {\nlabel=\"%s\"; bgcolor=\"%s\";%s\n", b - p->all, label,
		tint[deep < 4 ? deep : 3], b->ns ? "" : " style=dotted;");
	for (struct picture_task *t = b->first; t; t = picture_next(t)) {
		put_task(p, t, out);
		for (struct picture_box *in = t->boxes; in; in = in->sibling)
			put_box(p, in, out);
	}
	for (struct picture_box *in = b->boxes; in; in = in->sibling)
		put_box(p, in, out);
	fputs("}\n", out);
}

void picture_dot(const struct picture *p, FILE *out)
{
	fputs("digraph pidns {\n"
	      "graph [fontname=\"monospace\", fontsize=11, labeljust=l, ranksep=0.35, nodesep=0.2];\n"
	      "node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"monospace\", "
	      "fontsize=10, margin=\"0.1,0.05\"];\n"
	      "edge [arrowsize=0.6];\n", out);
	if (p->outside)
		put_box(p, p->outside, out);
	for (size_t i = 0; i < p->nr_boxes; i++)
		if (!p->boxes[i]->parent)
			put_box(p, p->boxes[i], out);
	for (size_t i = 0; i < p->nr_tasks; i++) {
		const struct picture_task *t = &p->tasks[i];

		if (t->parent)
			fprintf(out, "t%zu -> t%zu%s;\n", t->parent - p->tasks, i,
				picture_is_dashed(t) ? " [style=dashed, color=\"#c04a00\"]" : "");
	}
	fputs("}\n", out);
}
