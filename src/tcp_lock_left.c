// SPDX-License-Identifier: GPL-2.0-only
/* tcp_lock_left.c - locks that a dump leaves behind, and what becomes of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "tcp_lock_table.h"

#define TRIES 20

static int remove_table(struct tcp_lock *l)
{
	lock_batch_begin(l);
	lock_end(l, lock_table_msg(l, NFT_MSG_DELTABLE, NLM_F_ACK, NFTA_TABLE_NAME));
	return lock_batch_send(l);
}

int tcp_lock_remove(__u64 token)
{
	struct tcp_lock *l = lock_new(token, true);
	int err;

	if (!l)
		return fail(-errno, "speak to nf_tables");
	err = remove_table(l);
	lock_free(l);
	return err && err != -ENOENT ? fail(err, "let connections go on by nf_tables") : 0;
}

/* ---- those of other dumps ---- */

struct names {
	char (*name)[40];
	size_t nr;
	int err;
};

/* Asks for a list, and has it read. */
static int list(struct tcp_lock *l, struct nlmsghdr *h, mnl_cb_t read, void *arg)
{
	char answer[32768];
	int ret = 1;

	if (mnl_socket_sendto(l->nl, h, h->nlmsg_len) < 0)
		return -errno;
	while (ret > 0) {
		ssize_t n = mnl_socket_recvfrom(l->nl, answer, sizeof(answer));

		ret = n < 0 ? -1 : mnl_cb_run(answer, n, l->seq, mnl_socket_get_portid(l->nl), read, arg);
	}
	return ret < 0 ? -errno : 0;
}

static int note_table(const struct nlmsghdr *h, void *arg)
{
	struct names *v = arg;
	const char *name = NULL;
	const struct nlattr *a;
	__u32 flags = 0;
	void *more;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) == NFTA_TABLE_NAME)
			name = mnl_attr_get_str(a);
		else if (mnl_attr_get_type(a) == NFTA_TABLE_FLAGS)
			flags = ntohl(mnl_attr_get_u32(a));
	}
	if (!name || strncmp(name, LOCK_NAME, strlen(LOCK_NAME)) || strlen(name) >= sizeof(*v->name) ||
	    flags & 2 /* NFT_TABLE_F_OWNER: somebody's who is at it */)
		return MNL_CB_OK;
	more = realloc(v->name, (v->nr + 1) * sizeof(*v->name));
	if (!more) {
		v->err = -ENOMEM;
		return MNL_CB_STOP;
	}
	v->name = more;
	strcpy(v->name[v->nr++], name);
	return MNL_CB_OK;
}

static int find_tables(struct tcp_lock *l, struct names *v)
{
	int err;

	lock_restart(l);
	err = list(l, lock_begin(l, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_DUMP, NFPROTO_INET, 0),
		   note_table, v);
	return err ?: v->err;
}

struct elements {
	const struct lock_family *family;
	const struct tcp_tuple *ours; /* sorted, each once */
	size_t nr_ours;
	struct tcp_tuple *found; /* those of ours that are in the set; room for all */
	size_t nr_found;
	bool others; /* there are more */
};

static void note_key(struct elements *e, const struct nlattr *value)
{
	struct tcp_tuple t;

	if (mnl_attr_get_payload_len(value) < e->family->key_len) {
		e->others = true;
		return;
	}
	lock_key_tuple(e->family, mnl_attr_get_payload(value), &t);
	if (bsearch(&t, e->ours, e->nr_ours, sizeof(t), lock_by_tuple) && e->nr_found < e->nr_ours)
		e->found[e->nr_found++] = t;
	else
		e->others = true;
}

static const struct nlattr *inside(const struct nlattr *nest, int type)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, nest)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

static int note_elements(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a, *elem;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(elem, a) {
			const struct nlattr *key = inside(elem, NFTA_SET_ELEM_KEY);
			const struct nlattr *value = key ? inside(key, NFTA_DATA_VALUE) : NULL;

			if (value)
				note_key(arg, value);
		}
	}
	return MNL_CB_OK;
}

static int read_set(struct tcp_lock *l, struct elements *e)
{
	struct nlmsghdr *h;

	lock_restart(l);
	h = lock_table_msg(l, NFT_MSG_GETSETELEM, NLM_F_DUMP, NFTA_SET_ELEM_LIST_TABLE);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, e->family->set);
	return list(l, h, note_elements, e);
}

/* One that is not is being filled. */
static bool is_complete(struct tcp_lock *l)
{
	struct nlmsghdr *h;

	lock_restart(l);
	h = lock_table_msg(l, NFT_MSG_GETCHAIN, NLM_F_ACK, NFTA_CHAIN_TABLE);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, LOCK_CHAIN);
	return !list(l, h, NULL, NULL);
}

/* Those of v, and the whole table when nothing is left in it: also when an hour has passed. */
static int forget_in(struct tcp_lock *l, const struct tcp_tuple *v, size_t nr)
{
	struct tcp_tuple *found _free_ = calloc(nr + 1, sizeof(*found));
	bool others = false;
	int err = found ? 0 : -ENOMEM;

	for (size_t f = 0; f < LOCK_FAMILIES && !err; f++) {
		struct elements e = { &lock_families[f], v, nr, found };

		err = read_set(l, &e) ?: lock_change(l, NFT_MSG_DELSETELEM, e.family, found, e.nr_found);
		others |= e.others;
	}
	if (!err && !others && is_complete(l))
		err = remove_table(l);
	return err == -ENOENT ? 0 : err; /* an hour had passed, or somebody else has removed it */
}

static int forget_once(const struct tcp_tuple *v, size_t nr)
{
	struct tcp_lock *l = lock_new(0, true);
	struct names tables = {};
	int err = l ? find_tables(l, &tables) : -errno;

	for (size_t i = 0; i < tables.nr && !err; i++) {
		strcpy(l->table, tables.name[i]);
		err = forget_in(l, v, nr);
	}
	free(tables.name);
	lock_free(l);
	return err;
}

/* A list that somebody has changed meanwhile (NLM_F_DUMP_INTR) is read again. */
static int forget_all(const struct tcp_tuple *v, size_t nr)
{
	int err = -EINTR;

	for (int i = 0; i < TRIES && err == -EINTR; i++)
		err = forget_once(v, nr);
	return err;
}

int tcp_lock_forget(const struct tcp_tuple *v, size_t nr)
{
	size_t n = 0;
	struct tcp_tuple *both _free_ = lock_directions(v, nr, &n);
	int err = both ? forget_all(both, n) : -ENOMEM;

	return err ? fail(err, "let connections go on that another dump keeps quiet, by nf_tables") : 0;
}

int tcp_lock_leave(__u64 token, const struct tcp_tuple *v, size_t nr)
{
	struct tcp_lock *l;
	int err;

	forget_all(NULL, 0); /* those of images that nobody came back to within the hour; no matter if it fails */
	err = lock_make(&l, token, true, v, nr);
	if (!err)
		lock_free(l);
	return err;
}
