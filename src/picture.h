/* SPDX-License-Identifier: GPL-2.0-only */
/* picture.h - tasks and pid namespaces as a picture: nested boxes, by dot or as SVG of our own. */
#ifndef BPF_CKPT_PICTURE_H
#define BPF_CKPT_PICTURE_H

#include <stdbool.h>
#include <stdio.h>

#include "markup.h"
#include "tree.h"

struct area {
	int x, y, w, h; /* the place in the box or below the task that holds it; at last in the picture */
};

/* A process: a card. */
struct picture_task {
	const struct proc *proc;
	struct picture_box *box;
	struct picture_task *parent;         /* whoever is drawn; NULL: nobody */
	struct picture_task *child, *sibling; /* of the same box; siblings are also the roots of a box */
	struct picture_box *boxes;           /* whose init is its child, straight below its own box */
	bool init, foreign;                  /* foreign: the parent lives in another namespace */
	bool leaf;                           /* nothing hangs below it */
	char name[CLEAN_SIZE(16)];
	char note[24];                       /* "zombie", "x12" */
	unsigned int columns;                /* of name */
	struct area card, block;             /* block: with all that hangs below */
	int room;                            /* width that a block should keep to */
};

/* A pid namespace: a box. */
struct picture_box {
	const struct rec_pidns *ns;          /* NULL: parents that live outside of what is shown */
	struct picture_box *parent, *sibling;
	struct picture_box *boxes;           /* which hang on no task of this box */
	struct picture_task *first;          /* roots: the init first, then who has no parent here */
	struct picture_task *init;           /* NULL: not shown */
	struct picture_task *holder;         /* the task that this box hangs on, or NULL */
	unsigned int tasks, zombies;
	bool used;
	struct area area;
	int room;
};

struct picture {
	const struct tree *tree;
	unsigned int from;          /* level of the first number of a chain */
	struct picture_task *tasks; /* parents before children */
	size_t nr_tasks;
	struct picture_box *all;    /* boxes as allocated; the last one is the outside */
	struct picture_box **boxes; /* those that are used, outer ones before inner ones */
	size_t nr_boxes;
	struct picture_box *outside; /* NULL: nobody there */
	int width, height;
};

/*
 * The processes of a tree for which shown() says true, their namespaces, those between them, and the
 * parents of foreign tasks. Points into the tree. 0 or -ENOMEM, not reported.
 */
int picture_build(struct picture *p, const struct tree *t, unsigned int from,
		  bool (*shown)(const struct proc *p, const void *arg), const void *arg);
void picture_free(struct picture *p);

/* Give everything its place: picture_svg() needs it. */
void picture_place(struct picture *p);

/* Errors of out are left in it, see ferror(3). */
void picture_dot(const struct picture *p, FILE *out);
void picture_svg(const struct picture *p, FILE *out);

/* "level 1, pidns 4026532177: 5 processes, 1 zombie"; returns its length. */
int picture_label(const struct picture_box *b, char *buf, size_t len);

/* Build, and write it to path, or to standard output when that is NULL. Reported. */
enum picture_form { PICTURE_NONE, PICTURE_DOT, PICTURE_SVG };
int picture_write(const struct tree *t, unsigned int from,
		  bool (*shown)(const struct proc *p, const void *arg), const void *arg,
		  enum picture_form form, const char *path);

/* The tasks of one box, parents before children, from box->first on; NULL at the end. */
struct picture_task *picture_next(struct picture_task *t);

/* An edge that leaves the box of the child and is not the way into it. */
static inline bool picture_is_dashed(const struct picture_task *t)
{
	return t->parent && t->parent->box != t->box && t->box->holder != t->parent;
}

#endif
