// SPDX-License-Identifier: GPL-2.0-only
/* audit_table.c - audit's table of live tasks and pid namespaces: hash tables, lists, family. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"

#define BITS_MIN 10

static size_t slot_of(__u64 key, unsigned int bits)
{
	return key * 0x9e3779b97f4a7c15ull >> (64 - bits); /* Fibonacci hashing */
}

int audit_table_init(struct audit *a)
{
	a->bits = a->ns_bits = BITS_MIN;
	a->by_key = calloc(1 << a->bits, sizeof(*a->by_key));
	a->by_pid = calloc(1 << a->bits, sizeof(*a->by_pid));
	a->ns_by_key = calloc(1 << a->ns_bits, sizeof(*a->ns_by_key));
	return a->by_key && a->by_pid && a->ns_by_key ? 0 : -ENOMEM;
}

void audit_table_free(struct audit *a)
{
	for (size_t i = 0; a->by_key && i < (size_t)1 << a->bits; i++)
		while (a->by_key[i])
			audit_task_remove(a, a->by_key[i]);
	for (struct audit_ns *ns = a->namespaces; ns; ns = ns->next)
		audit_ns_set_parent(ns, NULL);
	while (a->namespaces)
		audit_ns_remove(a, a->namespaces);
	free(a->by_key);
	free(a->by_pid);
	free(a->ns_by_key);
	audit_names_free(a);
}

/* ---- tasks ---- */

static void hash_in(struct audit *a, struct audit_task *t)
{
	size_t key = slot_of(t->key, a->bits), pid = slot_of(t->numbers[0], a->bits);

	t->hash_next = a->by_key[key];
	a->by_key[key] = t;
	t->pid_next = a->by_pid[pid];
	a->by_pid[pid] = t;
}

static void hash_out(struct audit *a, struct audit_task *t)
{
	struct audit_task **at = &a->by_key[slot_of(t->key, a->bits)];

	while (*at != t)
		at = &(*at)->hash_next;
	*at = t->hash_next;
	at = &a->by_pid[slot_of(t->numbers[0], a->bits)];
	while (*at != t)
		at = &(*at)->pid_next;
	*at = t->pid_next;
}

/* Twice the room. Chains of one number keep their order: the newest first. */
static int grow(struct audit *a)
{
	struct audit_task **old = a->by_pid, **by_key, **by_pid;
	size_t nr = (size_t)1 << a->bits;

	by_key = calloc(nr * 2, sizeof(*by_key));
	by_pid = calloc(nr * 2, sizeof(*by_pid));
	if (!by_key || !by_pid) {
		free(by_key);
		free(by_pid);
		return -ENOMEM;
	}
	free(a->by_key);
	a->by_key = by_key;
	a->by_pid = by_pid;
	a->bits++;
	for (size_t i = 0; i < nr; i++) {
		struct audit_task *reversed = NULL, *t, *next;

		for (t = old[i]; t; t = next) {
			next = t->pid_next;
			t->pid_next = reversed;
			reversed = t;
		}
		for (t = reversed; t; t = next) {
			next = t->pid_next;
			hash_in(a, t);
		}
	}
	free(old);
	return 0;
}

struct audit_task *audit_task_find(const struct audit *a, __u64 key)
{
	struct audit_task *t = key ? a->by_key[slot_of(key, a->bits)] : NULL;

	while (t && t->key != key)
		t = t->hash_next;
	return t;
}

struct audit_task *audit_task_by_pid(const struct audit *a, pid_t pid)
{
	struct audit_task *t = a->by_pid[slot_of(pid, a->bits)];

	while (t && (t->numbers[0] != pid || t->thread))
		t = t->pid_next;
	return t;
}

struct audit_task *audit_task_next(const struct audit *a, const struct audit_task *t)
{
	size_t i = t ? slot_of(t->key, a->bits) + 1 : 0;

	if (t && t->hash_next)
		return t->hash_next;
	for (; i < (size_t)1 << a->bits; i++)
		if (a->by_key[i])
			return a->by_key[i];
	return NULL;
}

struct audit_task *audit_task_add(struct audit *a, __u64 key, const __s32 *numbers, __u32 level)
{
	struct audit_task *t;

	if (a->nr_tasks >= (size_t)1 << a->bits && grow(a))
		return NULL;
	t = calloc(1, sizeof(*t) + (level + 1) * sizeof(t->numbers[0]));
	if (!t)
		return NULL;
	t->key = key;
	t->level = level;
	memcpy(t->numbers, numbers, (level + 1) * sizeof(t->numbers[0]));
	hash_in(a, t);
	a->nr_tasks++;
	return t;
}

void audit_task_set_parent(struct audit_task *t, struct audit_task *parent)
{
	if (t->at) {
		*t->at = t->sibling;
		if (t->sibling)
			t->sibling->at = t->at;
	}
	t->parent = parent == t ? NULL : parent;
	t->sibling = NULL;
	t->at = NULL;
	if (!t->parent)
		return;
	t->ppid = t->parent->numbers[0];
	t->sibling = t->parent->child;
	if (t->sibling)
		t->sibling->at = &t->sibling;
	t->at = &t->parent->child;
	t->parent->child = t;
}

static void count_in(struct audit_task *t, int by)
{
	if (!t->ns)
		return;
	for (struct audit_ns *ns = t->ns; ns; ns = ns->parent)
		ns->inside += by;
	if (t->thread) {
		t->ns->threads += by;
		return;
	}
	t->ns->tasks += by;
	if (t->dead)
		t->ns->zombies += by;
}

void audit_task_set_ns(struct audit_task *t, struct audit_ns *ns)
{
	count_in(t, -1);
	t->ns = ns;
	count_in(t, 1);
}

void audit_task_set_dead(struct audit *a, struct audit_task *t, __u64 when)
{
	if (t->dead)
		return;
	count_in(t, -1);
	t->dead = true;
	count_in(t, 1);
	t->exit_ns = when;
	if (t->thread)
		return;
	t->ask_ns = when + 1000000000ull;
	t->older = a->newest;
	*(a->newest ? &a->newest->newer : &a->oldest) = t;
	a->newest = t;
	if (!a->unasked)
		a->unasked = t;
	a->nr_zombies++;
}

bool audit_task_is_zombie(const struct audit_task *t)
{
	return t->dead && !(t->ns && t->level && t->numbers[t->level] == 1 && t->ns->inside > 1);
}

static void forget_zombie(struct audit *a, struct audit_task *t)
{
	if (a->unasked == t)
		a->unasked = t->newer;
	*(t->older ? &t->older->newer : &a->oldest) = t->newer;
	*(t->newer ? &t->newer->older : &a->newest) = t->older;
	a->nr_zombies--;
}

void audit_task_remove(struct audit *a, struct audit_task *t)
{
	while (t->child)
		audit_task_set_parent(t->child, NULL);
	audit_task_set_parent(t, NULL);
	audit_task_set_ns(t, NULL);
	if (t->dead && !t->thread)
		forget_zombie(a, t);
	hash_out(a, t);
	audit_name_put(a, t->exe);
	free(t->found_in);
	a->nr_tasks--;
	free(t);
}

/* ---- namespaces ---- */

struct audit_ns *audit_ns_find(const struct audit *a, __u64 key)
{
	struct audit_ns *ns = key ? a->ns_by_key[slot_of(key, a->ns_bits)] : NULL;

	while (ns && ns->key != key)
		ns = ns->hash_next;
	return ns;
}

void audit_ns_hash(struct audit *a, struct audit_ns *ns)
{
	size_t i = slot_of(ns->key, a->ns_bits);

	ns->hash_next = a->ns_by_key[i];
	a->ns_by_key[i] = ns;
}

void audit_ns_unhash(struct audit *a, struct audit_ns *ns)
{
	struct audit_ns **at = &a->ns_by_key[slot_of(ns->key, a->ns_bits)];

	while (*at != ns)
		at = &(*at)->hash_next;
	*at = ns->hash_next;
}

static int grow_ns(struct audit *a)
{
	struct audit_ns **bigger = calloc((size_t)2 << a->ns_bits, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	free(a->ns_by_key);
	a->ns_by_key = bigger;
	a->ns_bits++;
	for (struct audit_ns *ns = a->namespaces; ns; ns = ns->next)
		audit_ns_hash(a, ns);
	return 0;
}

struct audit_ns *audit_ns_add(struct audit *a, __u64 key)
{
	struct audit_ns *ns;

	if (a->nr_namespaces >= (size_t)1 << a->ns_bits && grow_ns(a))
		return NULL;
	ns = calloc(1, sizeof(*ns));
	if (!ns)
		return NULL;
	ns->key = key;
	audit_ns_hash(a, ns);
	ns->next = a->namespaces;
	if (ns->next)
		ns->next->prev = ns;
	a->namespaces = ns;
	a->nr_namespaces++;
	return ns;
}

void audit_ns_set_parent(struct audit_ns *ns, struct audit_ns *parent)
{
	if (ns->parent)
		ns->parent->below--;
	for (struct audit_ns *up = ns->parent; up; up = up->parent)
		up->inside -= ns->inside;
	ns->parent = parent;
	for (struct audit_ns *up = parent; up; up = up->parent)
		up->inside += ns->inside;
	if (parent)
		parent->below++;
}

void audit_ns_remove(struct audit *a, struct audit_ns *ns)
{
	audit_ns_unhash(a, ns);
	*(ns->prev ? &ns->prev->next : &a->namespaces) = ns->next;
	if (ns->next)
		ns->next->prev = ns->prev;
	audit_ns_set_parent(ns, NULL);
	a->nr_namespaces--;
	free(ns);
}

/* ---- paths, one copy for all who share it ---- */

struct audit_name {
	struct audit_name *next;
	size_t refs;
	char text[];
};

#define NAME_SLOTS 1024

static struct audit_name **name_slot(struct audit *a, const char *text)
{
	__u64 hash = 5381; /* Bernstein's */

	for (const char *c = text; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	return &a->names[slot_of(hash, 10)];
}

const char *audit_name_get(struct audit *a, const char *text)
{
	struct audit_name **slot, *n;

	if (!a->names)
		a->names = calloc(NAME_SLOTS, sizeof(*a->names));
	if (!a->names || !text)
		return NULL;
	slot = name_slot(a, text);
	for (n = *slot; n; n = n->next) {
		if (!strcmp(n->text, text)) {
			n->refs++;
			return n->text;
		}
	}
	n = malloc(sizeof(*n) + strlen(text) + 1);
	if (!n)
		return NULL;
	strcpy(n->text, text);
	n->refs = 1;
	n->next = *slot;
	*slot = n;
	return n->text;
}

void audit_name_put(struct audit *a, const char *text)
{
	struct audit_name **at, *n;

	if (!text)
		return;
	n = (struct audit_name *)(text - offsetof(struct audit_name, text));
	if (--n->refs)
		return;
	for (at = name_slot(a, text); *at != n; at = &(*at)->next)
		;
	*at = n->next;
	free(n);
}

void audit_names_free(struct audit *a)
{
	for (size_t i = 0; a->names && i < NAME_SLOTS; i++) {
		while (a->names[i]) {
			struct audit_name *n = a->names[i];

			a->names[i] = n->next;
			free(n);
		}
	}
	free(a->names);
}
