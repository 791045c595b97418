// SPDX-License-Identifier: GPL-2.0-only
/*
 * picture_place.c - the layout of a picture: every task a card, its children in rows below it, every
 * namespace a box around its tasks.
 *
 * Three passes without recursion (a chain of parents may be as long as there are numbers): from the
 * outside in, how wide a block may be; from the inside out, how large it is; from the outside in,
 * where it is.
 */
#include <string.h>

#include "picture.h"
#include "picture_look.h"

struct flow {
	int left, right; /* of the rows; right is kept unless one thing alone is wider */
	int x, y, row;   /* where the next one goes, height of this row */
	int w, h;        /* of all */
};

static void flow_break(struct flow *f)
{
	if (f->x == f->left)
		return;
	f->y += f->row + LOOK_GUTTER;
	f->x = f->left;
	f->row = 0;
}

static void flow_add(struct flow *f, struct area *a)
{
	if (f->x + a->w > f->right)
		flow_break(f);
	a->x = f->x;
	a->y = f->y;
	f->x += a->w + LOOK_GAP;
	if (a->h > f->row)
		f->row = a->h;
	if (a->x + a->w > f->w)
		f->w = a->x + a->w;
	if (a->y + a->h > f->h)
		f->h = a->y + a->h;
}

/* Leaves share rows, and low branches do, and tall ones: a tall one beside low ones would waste space. */
enum { LEAF, LOW, TALL, CLASSES };

static int class_of(const struct picture_task *t)
{
	return t->leaf ? LEAF : t->block.h <= LOOK_LOW ? LOW : TALL;
}

static void flow_tasks(struct flow *f, struct picture_task **list)
{
	struct picture_task *first[CLASSES] = {}, **end[CLASSES];

	for (int i = 0; i < CLASSES; i++)
		end[i] = &first[i];
	for (struct picture_task *t = *list; t; t = t->sibling) {
		*end[class_of(t)] = t;
		end[class_of(t)] = &t->sibling;
	}
	for (int i = 0; i < CLASSES; i++) {
		*end[i] = NULL;
		for (struct picture_task *t = first[i]; t; t = t->sibling)
			flow_add(f, &t->block);
		flow_break(f);
	}
	for (int i = 0; i < CLASSES; i++) {
		*list = first[i];
		list = first[i] ? end[i] : list;
	}
}

static void flow_boxes(struct flow *f, struct picture_box *first)
{
	for (struct picture_box *b = first; b; b = b->sibling)
		flow_add(f, &b->area);
	flow_break(f);
}

static void size_card(const struct picture *p, struct picture_task *t)
{
	char chain[512];
	int name = LOOK_NAME_WIDTH(t->columns), note = LOOK_CHAIN_WIDTH(strlen(t->note));
	int numbers = LOOK_CHAIN_WIDTH(strlen(pid_chain(t->proc->pid, p->from, chain, sizeof(chain))));

	if (note)
		name += note + LOOK_NOTE_GAP;
	t->card.w = (name > numbers ? name : numbers) + 2 * LOOK_CARD_PAD;
	if (t->card.w < LOOK_CARD_MIN)
		t->card.w = LOOK_CARD_MIN;
	t->card.h = LOOK_CARD_H;
}

static void size_block(struct picture_task *t)
{
	struct flow f = { .left = LOOK_INDENT, .right = t->room, .x = LOOK_INDENT,
			  .y = LOOK_CARD_H + LOOK_GUTTER };

	flow_tasks(&f, &t->child);
	flow_boxes(&f, t->boxes);
	t->block.w = f.w > t->card.w ? f.w : t->card.w;
	t->block.h = f.h > LOOK_CARD_H ? f.h : LOOK_CARD_H;
}

/* Who has no parent in the box stands beside the init; what hangs below the init makes room for them. */
static void flow_guests(struct flow *f, struct picture_task *init)
{
	struct flow g = { .left = f->left + init->card.w + LOOK_GAP, .right = f->right,
			  .x = f->left + init->card.w + LOOK_GAP, .y = f->y };
	int lift;

	flow_tasks(&g, &init->sibling);
	lift = init->leaf ? 0 : g.h - f->y - LOOK_CARD_H;
	if (lift > 0) {
		for (struct picture_task *t = init->child; t; t = t->sibling)
			t->block.y += lift;
		for (struct picture_box *b = init->boxes; b; b = b->sibling)
			b->area.y += lift;
		init->block.h += lift;
	}
	flow_add(f, &init->block);
	f->w = g.w > f->w ? g.w : f->w;
	f->h = g.h > f->h ? g.h : f->h;
	f->row = f->h - f->y;
	flow_break(f);
}

static void size_box(struct picture_box *b)
{
	struct flow f = { .left = LOOK_BOX_PAD, .right = b->room - LOOK_BOX_PAD, .x = LOOK_BOX_PAD,
			  .y = LOOK_BOX_HEAD };
	char label[128];
	int head = LOOK_CHAIN_WIDTH(picture_label(b, label, sizeof(label))) + LOOK_LABEL_X + LOOK_BOX_PAD;

	if (b->init)
		flow_guests(&f, b->init);
	else
		flow_tasks(&f, &b->first);
	flow_boxes(&f, b->boxes);
	b->area.w = f.w + LOOK_BOX_PAD > head ? f.w + LOOK_BOX_PAD : head;
	b->area.h = (f.h ? f.h : LOOK_BOX_HEAD) + LOOK_BOX_PAD;
}

/* ---- the passes; p->tasks has parents before children, p->boxes outer boxes before inner ones ---- */

static int narrower(int room, int by)
{
	return room - by > LOOK_ROOM_MIN ? room - by : LOOK_ROOM_MIN;
}

static void move(struct area *a, const struct area *by)
{
	a->x += by->x;
	a->y += by->y;
}

/* What a task's block lies in: the parent's block or the box. */
static const struct area *around(const struct picture_task *t)
{
	return t->parent && t->parent->box == t->box ? &t->parent->block : &t->box->area;
}

static void give_room(struct picture_box *b)
{
	const struct picture_task *h = b->holder;

	if (h)
		b->room = narrower(h->room, LOOK_INDENT);
	else if (b->parent)
		b->room = narrower(b->parent->room, 2 * LOOK_BOX_PAD);
	for (struct picture_task *t = b->first; t; t = picture_next(t))
		t->room = around(t) == &b->area ? narrower(b->room, 2 * LOOK_BOX_PAD) :
						  narrower(t->parent->room, LOOK_INDENT);
}

static struct picture_task *lowest(struct picture_task *t)
{
	while (t && t->child)
		t = t->child;
	return t;
}

/* Children before parents. */
static void size_tasks(const struct picture *p, struct picture_box *b)
{
	struct picture_task *t = lowest(b->first);

	while (t) {
		size_card(p, t);
		size_block(t);
		t = t->sibling ? lowest(t->sibling) :
		    t->parent && t->parent->box == b ? t->parent : NULL;
	}
}

static void place_box(struct picture_box *b)
{
	if (b->holder)
		move(&b->area, &b->holder->block);
	else if (b->parent)
		move(&b->area, &b->parent->area);
	for (struct picture_task *t = b->first; t; t = picture_next(t)) {
		move(&t->block, around(t));
		t->card.x = t->block.x;
		t->card.y = t->block.y;
	}
}

/* Boxes that lie in no other one, and the outside above them, in rows of their own. */
static void place_tops(struct picture *p)
{
	struct flow f = { .left = LOOK_MARGIN, .right = LOOK_MARGIN, .x = LOOK_MARGIN,
			  .y = LOOK_TOP };

	if (p->outside)
		flow_add(&f, &p->outside->area);
	for (size_t i = 0; i < p->nr_boxes; i++)
		if (!p->boxes[i]->parent)
			flow_add(&f, &p->boxes[i]->area);
	p->width = f.w + LOOK_MARGIN;
	p->height = f.h + LOOK_LEGEND;
}

static void lay_out(struct picture *p, int room)
{
	struct picture_box *out = p->outside;

	for (size_t i = 0; i < p->nr_boxes; i++) {
		p->boxes[i]->room = room;
		give_room(p->boxes[i]);
	}
	for (size_t i = p->nr_boxes; i--;) {
		size_tasks(p, p->boxes[i]);
		size_box(p->boxes[i]);
	}
	if (out) {
		out->room = room;
		give_room(out);
		size_tasks(p, out);
		size_box(out);
	}
	place_tops(p);
	for (size_t i = 0; i < p->nr_boxes; i++)
		place_box(p->boxes[i]);
	if (out)
		place_box(out);
}

void picture_place(struct picture *p)
{
	/* as wide as a screen or a slide, unless a large tree would be a ribbon then */
	for (int room = 480; room <= 3840; room += room / 4) {
		lay_out(p, room);
		if (p->width * 3 >= p->height * 4)
			break;
	}
	if (p->width < LOOK_WIDTH_MIN)
		p->width = LOOK_WIDTH_MIN;
}
