// SPDX-License-Identifier: GPL-2.0-only
/* picture_svg.c - draw a picture of tasks and pid namespaces as SVG. */
#include <stdlib.h>
#include <string.h>

#include "picture.h"
#include "picture_look.h"
#include "task_state.h"

#define TINTS 6

/*
 * Depth is lightness of one hue, what is unusual is vermilion: told apart by every kind of eyes, and on
 * paper. Programs that know nothing of dark screens skip the last rule.
 */
static const char style[] =
	"text{font:11px \"DejaVu Sans Mono\",Menlo,Consolas,monospace;fill:#4a5560}"
	".name{font-size:13px;font-weight:bold;fill:#16202a}"
	".title{font-size:17px;font-weight:bold;fill:#16202a}"
	".level{font-weight:bold;fill:#16202a}"
	".page{fill:#fff}"
	".box{stroke:#8aa1b8}"
	".b0{fill:#f5f6f8}.b1{fill:#e6eef6}.b2{fill:#d4e2f0}.b3{fill:#c2d6ea}.b4{fill:#b0cae3}.b5{fill:#9ebedc}"
	".out{fill:none;stroke-dasharray:2 4}"
	".card{fill:#fff;stroke:#5b7083;stroke-width:1.2}"
	".ring{fill:none;stroke:#5b7083;stroke-width:1.2}"
	".dead .card{fill:#c9cdd2;stroke:#9299a1}.dead .ring{stroke:#9299a1}"
	".dead text{fill:#5a6169}"
	".guest .card,.guest .ring{stroke:#c04a00;stroke-width:1.6}"
	".line{fill:none;stroke:#5b7083;stroke-width:1.2}"
	".foreign{fill:none;stroke:#c04a00;stroke-width:1.6;stroke-dasharray:6 4}"
	".head{fill:#c04a00}"
	"@media(prefers-color-scheme:dark){"
	"text{fill:#a9b6c3}.name,.title,.level{fill:#eef3f8}.page{fill:#11161c}"
	".box{stroke:#4d6378}"
	".b0{fill:#171d24}.b1{fill:#1b2733}.b2{fill:#203142}.b3{fill:#263c52}.b4{fill:#2c4762}.b5{fill:#325273}"
	".card{fill:#0d1116;stroke:#8aa1b8}.ring,.line{stroke:#8aa1b8}"
	".dead .card{fill:#3a4047;stroke:#737b84}.dead text{fill:#a4abb3}"
	".guest .card,.guest .ring,.foreign{stroke:#ff8a4c}.head{fill:#ff8a4c}}";

static void put_rect(FILE *out, const char *class, const struct area *a, int inset, int radius)
{
	fprintf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>", class,
		a->x + inset, a->y + inset, a->w - 2 * inset, a->h - 2 * inset, radius);
}

/* What a pointer over the card tells. */
static void put_hover(const struct picture *p, const struct picture_task *t, FILE *out)
{
	const struct proc *q = t->proc;
	char chain[512];

	fputs("<title>", out);
	put_xml(out, t->name);
	fprintf(out, "\npid %s", pid_chain(q->pid, p->from, chain, sizeof(chain)));
	if (q->pgid)
		fprintf(out, "\npgid %s", pid_chain(q->pgid, p->from, chain, sizeof(chain)));
	if (q->sid)
		fprintf(out, "\nsid %s", pid_chain(q->sid, p->from, chain, sizeof(chain)));
	if (q->parent)
		fprintf(out, "\nparent %s", pid_chain(q->parent->pid, p->from, chain, sizeof(chain)));
	fprintf(out, "\nstate %c, threads %u, uid %u", task_state_letter(q->leader), q->nr_threads,
		q->leader->uid);
	if (q->leader->pidns_children && q->leader->pidns_children != q->pid->ns) {
		const struct rec_pidns *n = snap_find(p->tree->snap, REC_PIDNS,
						      q->leader->pidns_children);

		if (n)
			fprintf(out, "\nits children go to pidns %u", n->inum);
	}
	if (t->foreign)
		fputs("\nforeign: its parent lives in another pid namespace", out);
	fputs("</title>", out);
}

static void put_card(const struct picture *p, const struct picture_task *t, FILE *out)
{
	const struct area *a = &t->card;
	char chain[512];

	fprintf(out, "<g class=\"task%s%s\">", t->proc->zombie ? " dead" : "", t->foreign ? " guest" : "");
	put_hover(p, t, out);
	put_rect(out, "card", a, 0, 7);
	if (t->init)
		put_rect(out, "ring", a, 3, 4);
	fprintf(out, "<text x=\"%d\" y=\"%d\"><tspan class=\"name\">", a->x + LOOK_CARD_PAD, a->y + 17);
	put_xml(out, t->name);
	fputs("</tspan>", out);
	if (*t->note)
		fprintf(out, "<tspan dx=\"%d\">%s</tspan>", LOOK_NOTE_GAP, t->note);
	fprintf(out, "</text><text x=\"%d\" y=\"%d\">%s</text></g>\n", a->x + LOOK_CARD_PAD, a->y + 31,
		pid_chain(t->proc->pid, p->from, chain, sizeof(chain)));
}

/* ---- lines ---- */

/* Children hang on a rail that goes down from their parent, and on a line above each row of them. */
struct rail {
	int x, bus; /* where it ends now */
	int start;  /* x of the rail itself */
};

static void put_drop(struct rail *r, const struct area *row, const struct area *card, FILE *out)
{
	int bus = row->y - LOOK_BUS;

	if (bus == r->bus)
		fprintf(out, "M%d %d", r->x, bus);
	else
		fprintf(out, "M%d %dV%d", r->start, r->bus, bus);
	r->x = card->x + LOOK_DROP;
	r->bus = bus;
	fprintf(out, "H%dV%d", r->x, card->y);
}

static void put_children(const struct picture_task *t, FILE *out)
{
	struct rail r = { .start = t->card.x + LOOK_RAIL, .bus = t->card.y + t->card.h };

	if (t->leaf)
		return;
	fputs("<path class=\"line\" d=\"", out);
	for (const struct picture_task *c = t->child; c; c = c->sibling)
		put_drop(&r, &c->block, &c->card, out);
	for (const struct picture_box *b = t->boxes; b; b = b->sibling)
		put_drop(&r, &b->area, &b->init->card, out);
	fputs("\"/>\n", out);
}

/* From a parent elsewhere, behind the cards: out of the nearer side, into the top or a side. */
static void put_foreign(const struct picture_task *t, FILE *out)
{
	const struct area *a = &t->parent->card, *b = &t->card;
	bool below = b->y > a->y + a->h, right = b->x > a->x + a->w;
	int x0 = below ? a->x + a->w - LOOK_DROP : a->x + (right ? a->w : 0);
	int y0 = below ? a->y + a->h : a->y + a->h / 2;
	int x1 = below ? b->x + b->w - LOOK_DROP : b->x + (right ? 0 : b->w);
	int y1 = below ? b->y : b->y + b->h / 2;
	int bend = below ? (y1 - y0) / 2 : abs(x1 - x0) / 2 * (right ? 1 : -1);

	fputs("<path class=\"foreign\" marker-end=\"url(#head)\" d=\"", out);
	if (below)
		fprintf(out, "M%d %dC%d %d %d %d %d %d\"/>\n", x0, y0, x0, y0 + bend, x1, y1 - bend, x1,
			y1);
	else
		fprintf(out, "M%d %dC%d %d %d %d %d %d\"/>\n", x0, y0, x0 + bend, y0, x1 - bend, y1, x1,
			y1);
}

/* ---- boxes, legend ---- */

static void put_box(const struct picture_box *b, FILE *out)
{
	unsigned int deep = 0;
	char label[128], class[16];

	for (const struct picture_box *up = b->parent; up; up = up->parent)
		deep++;
	snprintf(class, sizeof(class), "box b%u", deep < TINTS ? deep : TINTS - 1);
	fputs("<g>", out);
	if (b->ns)
		fprintf(out, "<title>pidns %u\nlevel %u\nowned by user namespace %u\npids in use %u\n"
			"next number after %u</title>", b->ns->inum, b->ns->level, b->ns->owner_inum,
			b->ns->allocated, b->ns->idr_next);
	put_rect(out, b->ns ? class : "box out", &b->area, 0, 10);
	picture_label(b, label, sizeof(label));
	fprintf(out, "<text class=\"level\" x=\"%d\" y=\"%d\">%s</text></g>\n",
		b->area.x + (b->holder ? LOOK_LABEL_X : LOOK_BOX_PAD), b->area.y + 23, label);
}

static void put_legend(const struct picture *p, FILE *out)
{
	struct area a = { LOOK_MARGIN, p->height - 38, 26, 18 };
	static const char *const class[] = { "task", "task dead", "task guest" };
	static const char *const what[] = { "init of its namespace", "zombie", "parent in another namespace" };

	for (int i = 0; i < 3; i++) {
		fprintf(out, "<g class=\"%s\">", class[i]);
		put_rect(out, "card", &a, 0, 5);
		if (!i)
			put_rect(out, "ring", &a, 3, 3);
		fprintf(out, "</g><text x=\"%d\" y=\"%d\">%s</text>\n", a.x + a.w + 8, a.y + 13, what[i]);
		a.x += a.w + 28 + LOOK_CHAIN_WIDTH(strlen(what[i]));
	}
}

void picture_svg(const struct picture *p, FILE *out)
{
	size_t nr = 0;

	for (size_t i = 0; i < p->nr_boxes; i++)
		nr += p->boxes[i]->tasks;
	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\" role=\"img\">\n<title>%zu processes in %zu pid namespaces</title>\n"
		"<style>%s</style>\n<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
		"markerWidth=\"9\" markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">"
		"<path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
		"<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n"
		"<text class=\"title\" x=\"%d\" y=\"40\">%zu process%s in %zu pid namespace%s</text>\n",
		p->width, p->height, p->width, p->height, nr, p->nr_boxes, style, p->width, p->height,
		LOOK_MARGIN, nr, nr == 1 ? "" : "es", p->nr_boxes, p->nr_boxes == 1 ? "" : "s");
	if (p->outside)
		put_box(p->outside, out);
	for (size_t i = 0; i < p->nr_boxes; i++)
		put_box(p->boxes[i], out);
	for (size_t i = 0; i < p->nr_tasks; i++)
		put_children(&p->tasks[i], out);
	for (size_t i = 0; i < p->nr_tasks; i++)
		if (picture_is_dashed(&p->tasks[i]))
			put_foreign(&p->tasks[i], out);
	for (size_t i = 0; i < p->nr_tasks; i++)
		put_card(p, &p->tasks[i], out);
	put_legend(p, out);
	fputs("</svg>\n", out);
}
