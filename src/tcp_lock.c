// SPDX-License-Identifier: GPL-2.0-only
/*
 * tcp_lock.c - a table of nf_tables with a set of connections, whose packets are dropped before anything
 * else sees them (priority "raw"). Spoken to by libmnl, as nft(8) need not be installed; the messages are
 * those of include/uapi/linux/netfilter/nf_tables.h.
 *
 * A table with an owner goes away with the netlink socket that made it, however this process ends.
 */
#include "tcp_lock.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "log.h"
#include "tcp_lock_table.h"

#define BATCH_BYTES (256u << 10)
#define BATCH_ELEMENTS 1000 /* a nest of attributes has 64 KiB at most; of IPv6, a direction takes 52 bytes */
#define PRIORITY_RAW (-300)
#define LIFE_MS (3600 * 1000ull)

/* ---- messages ---- */

struct nlmsghdr *lock_begin(struct tcp_lock *l, __u16 type, __u16 flags, __u8 family, __u16 res)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(l->buf + l->used);
	struct nfgenmsg *g;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = l->seq;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = htons(res);
	return h;
}

void lock_end(struct tcp_lock *l, const struct nlmsghdr *h)
{
	l->used += NLMSG_ALIGN(h->nlmsg_len);
}

struct nlmsghdr *lock_table_msg(struct tcp_lock *l, __u16 type, __u16 flags, int name_attr)
{
	struct nlmsghdr *h = lock_begin(l, NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET, 0);

	mnl_attr_put_strz(h, name_attr, l->table);
	return h;
}

void lock_restart(struct tcp_lock *l)
{
	l->used = 0;
	l->seq++;
}

void lock_batch_begin(struct tcp_lock *l)
{
	lock_restart(l);
	lock_end(l, lock_begin(l, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

/* The last message before the end asks for an answer. */
int lock_batch_send(struct tcp_lock *l)
{
	char answer[8192];
	ssize_t n;

	lock_end(l, lock_begin(l, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	if (mnl_socket_sendto(l->nl, l->buf, l->used) < 0)
		return -errno;
	n = mnl_socket_recvfrom(l->nl, answer, sizeof(answer));
	if (n < 0)
		return -errno;
	return mnl_cb_run(answer, n, l->seq, mnl_socket_get_portid(l->nl), NULL, NULL) < 0 ? -errno : 0;
}

/* ---- expressions of a rule ---- */

static struct nlattr *expr_begin(struct nlmsghdr *h, const char *name, struct nlattr **data)
{
	struct nlattr *elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM);

	mnl_attr_put_strz(h, NFTA_EXPR_NAME, name);
	*data = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
	return elem;
}

static void expr_end(struct nlmsghdr *h, struct nlattr *elem, struct nlattr *data)
{
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, elem);
}

/* Go on if that property of the packet compares so. */
static void expr_meta(struct nlmsghdr *h, enum nft_meta_keys key, enum nft_cmp_ops op, const void *value,
		      size_t len)
{
	struct nlattr *data, *elem = expr_begin(h, "meta", &data), *v;

	mnl_attr_put_u32(h, NFTA_META_KEY, htonl(key));
	mnl_attr_put_u32(h, NFTA_META_DREG, htonl(NFT_REG_1));
	expr_end(h, elem, data);
	elem = expr_begin(h, "cmp", &data);
	mnl_attr_put_u32(h, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(h, NFTA_CMP_OP, htonl(op));
	v = mnl_attr_nest_start(h, NFTA_CMP_DATA);
	mnl_attr_put(h, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(h, v);
	expr_end(h, elem, data);
}

static void expr_payload(struct nlmsghdr *h, enum nft_payload_bases base, __u32 offset, __u32 len, __u32 reg)
{
	struct nlattr *data, *elem = expr_begin(h, "payload", &data);

	mnl_attr_put_u32(h, NFTA_PAYLOAD_DREG, htonl(reg));
	mnl_attr_put_u32(h, NFTA_PAYLOAD_BASE, htonl(base));
	mnl_attr_put_u32(h, NFTA_PAYLOAD_OFFSET, htonl(offset));
	mnl_attr_put_u32(h, NFTA_PAYLOAD_LEN, htonl(len));
	expr_end(h, elem, data);
}

static void expr_lookup(struct nlmsghdr *h, const char *set)
{
	struct nlattr *data, *elem = expr_begin(h, "lookup", &data);

	mnl_attr_put_strz(h, NFTA_LOOKUP_SET, set);
	mnl_attr_put_u32(h, NFTA_LOOKUP_SREG, htonl(NFT_REG_1));
	expr_end(h, elem, data);
}

static void expr_drop(struct nlmsghdr *h)
{
	struct nlattr *data, *elem = expr_begin(h, "immediate", &data), *v, *verdict;

	mnl_attr_put_u32(h, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	v = mnl_attr_nest_start(h, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(h, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(h, NFTA_VERDICT_CODE, htonl(NF_DROP));
	mnl_attr_nest_end(h, verdict);
	mnl_attr_nest_end(h, v);
	expr_end(h, elem, data);
}

/* ---- the table ---- */

/* Numbers of types as nft(8) shows them. */
const struct lock_family lock_families[LOCK_FAMILIES] = {
	{ "ipv4", NFPROTO_IPV4, 7 << 18 | 13 << 12 | 7 << 6 | 13, 16, 4, 12, 16 },
	{ "ipv6", NFPROTO_IPV6, 8 << 18 | 13 << 12 | 8 << 6 | 13, 40, 16, 8, 24 },
};

static void add_set(struct tcp_lock *l, const struct lock_family *f, __u32 id, bool last)
{
	struct nlmsghdr *h = lock_table_msg(l, NFT_MSG_NEWSET, NLM_F_CREATE | (last ? NLM_F_ACK : 0), NFTA_SET_TABLE);

	mnl_attr_put_strz(h, NFTA_SET_NAME, f->set);
	mnl_attr_put_u32(h, NFTA_SET_ID, htonl(id));
	mnl_attr_put_u32(h, NFTA_SET_FLAGS, htonl(l->lasts ? NFT_SET_TIMEOUT : 0));
	mnl_attr_put_u32(h, NFTA_SET_KEY_TYPE, htonl(f->key_type));
	mnl_attr_put_u32(h, NFTA_SET_KEY_LEN, htonl(f->key_len));
	if (l->lasts)
		mnl_attr_put_u64(h, NFTA_SET_TIMEOUT, htobe64(LIFE_MS));
	lock_end(l, h);
}

static void add_rule(struct tcp_lock *l, const char *chain, const struct lock_family *f, bool last)
{
	struct nlmsghdr *h = lock_table_msg(l, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | (last ? NLM_F_ACK : 0),
				       NFTA_RULE_TABLE);
	__u8 tcp = IPPROTO_TCP;
	__u32 mark = TCP_LOCK_MARK, words = f->addr_len / 4, reg = NFT_REG32_00;
	struct nlattr *list;

	mnl_attr_put_strz(h, NFTA_RULE_CHAIN, chain);
	list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
	expr_meta(h, NFT_META_NFPROTO, NFT_CMP_EQ, &f->nfproto, sizeof(f->nfproto));
	expr_meta(h, NFT_META_L4PROTO, NFT_CMP_EQ, &tcp, sizeof(tcp));
	expr_meta(h, NFT_META_MARK, NFT_CMP_NEQ, &mark, sizeof(mark));
	expr_payload(h, NFT_PAYLOAD_NETWORK_HEADER, f->saddr, f->addr_len, reg);
	expr_payload(h, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, reg + words);
	expr_payload(h, NFT_PAYLOAD_NETWORK_HEADER, f->daddr, f->addr_len, reg + words + 1);
	expr_payload(h, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg + words + 1 + words);
	expr_lookup(h, f->set);
	expr_drop(h);
	mnl_attr_nest_end(h, list);
	lock_end(l, h);
}

static void add_chain(struct tcp_lock *l, const char *name, __u32 hook_nr)
{
	struct nlmsghdr *h = lock_table_msg(l, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE);
	struct nlattr *hook;

	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(hook_nr));
	mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl(PRIORITY_RAW));
	mnl_attr_nest_end(h, hook);
	mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
	lock_end(l, h);
}

static int make_table(struct tcp_lock *l)
{
	struct nlmsghdr *h;

	lock_batch_begin(l);
	h = lock_table_msg(l, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, NFTA_TABLE_NAME);
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htonl(l->lasts ? 0 : 2 /* NFT_TABLE_F_OWNER, since 5.12 */));
	lock_end(l, h);
	for (size_t i = 0; i < LOCK_FAMILIES; i++)
		add_set(l, &lock_families[i], i + 1, i + 1 == LOCK_FAMILIES);
	return lock_batch_send(l);
}

/* Once the sets are full, so that all connections are quiet at once; who has a chain is complete. */
static int make_rules(struct tcp_lock *l)
{
	lock_batch_begin(l);
	add_chain(l, LOCK_CHAIN, NF_INET_PRE_ROUTING);
	add_chain(l, "out", NF_INET_LOCAL_OUT);
	for (size_t i = 0; i < LOCK_FAMILIES; i++) {
		add_rule(l, LOCK_CHAIN, &lock_families[i], false);
		add_rule(l, "out", &lock_families[i], i + 1 == LOCK_FAMILIES);
	}
	return lock_batch_send(l);
}

static bool is_mapped(const __u8 addr[16])
{
	static const __u8 prefix[12] = { [10] = 0xff, 0xff };

	return !memcmp(addr, prefix, sizeof(prefix));
}

/* Of a key: an address and a port, padded to words. Both give what follows. */
static __u8 *put_end(const struct lock_family *f, __u8 *key, const __u8 addr[16], __u16 port)
{
	__be16 be = htons(port);

	memcpy(key, addr + 16 - f->addr_len, f->addr_len);
	memcpy(key + f->addr_len, &be, sizeof(be));
	return key + f->addr_len + 4;
}

static const __u8 *get_end(const struct lock_family *f, const __u8 *key, __u8 addr[16], __u16 *port)
{
	__be16 be;

	memset(addr, 0, 16);
	if (f->nfproto == NFPROTO_IPV4)
		memset(addr + 10, 0xff, 2);
	memcpy(addr + 16 - f->addr_len, key, f->addr_len);
	memcpy(&be, key + f->addr_len, sizeof(be));
	*port = ntohs(be);
	return key + f->addr_len + 4;
}

void lock_key_tuple(const struct lock_family *f, const __u8 *key, struct tcp_tuple *t)
{
	key = get_end(f, key, t->saddr, &t->sport);
	get_end(f, key, t->daddr, &t->dport);
}

static void add_element(struct nlmsghdr *h, const struct lock_family *f, const struct tcp_tuple *t)
{
	struct nlattr *elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM), *data;
	__u8 key[40] = {};

	put_end(f, put_end(f, key, t->saddr, t->sport), t->daddr, t->dport);
	data = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(h, NFTA_DATA_VALUE, f->key_len, key);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, elem);
}

static int change_some(struct tcp_lock *l, __u16 type, const struct lock_family *f, const struct tcp_tuple *v,
		       size_t nr)
{
	struct nlmsghdr *h;
	struct nlattr *list;
	size_t n = 0;

	lock_batch_begin(l);
	h = lock_table_msg(l, type, NLM_F_ACK | (type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0),
			   NFTA_SET_ELEM_LIST_TABLE);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, f->set);
	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < nr; i++) {
		if (is_mapped(v[i].saddr) != (f->nfproto == NFPROTO_IPV4))
			continue;
		add_element(h, f, &v[i]);
		n++;
	}
	mnl_attr_nest_end(h, list);
	lock_end(l, h);
	return n ? lock_batch_send(l) : 0;
}

int lock_change(struct tcp_lock *l, __u16 type, const struct lock_family *f, const struct tcp_tuple *v, size_t nr)
{
	int err = 0;

	for (size_t i = 0; i < nr && !err; i += BATCH_ELEMENTS)
		err = change_some(l, type, f, v + i, nr - i < BATCH_ELEMENTS ? nr - i : BATCH_ELEMENTS);
	return err;
}

int lock_by_tuple(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct tcp_tuple));
}

struct tcp_tuple *lock_directions(const struct tcp_tuple *v, size_t nr, size_t *out)
{
	struct tcp_tuple *both = calloc(2 * nr + 1, sizeof(*both));
	size_t n = 0;

	for (size_t i = 0; both && i < nr; i++) {
		both[2 * i] = v[i];
		memcpy(both[2 * i + 1].saddr, v[i].daddr, 16);
		memcpy(both[2 * i + 1].daddr, v[i].saddr, 16);
		both[2 * i + 1].sport = v[i].dport;
		both[2 * i + 1].dport = v[i].sport;
	}
	if (!both)
		return NULL;
	qsort(both, 2 * nr, sizeof(*both), lock_by_tuple);
	for (size_t i = 0; i < 2 * nr; i++)
		if (!n || lock_by_tuple(&both[n - 1], &both[i]))
			both[n++] = both[i];
	*out = n;
	return both;
}

void lock_free(struct tcp_lock *l)
{
	if (!l)
		return;
	if (l->nl)
		mnl_socket_close(l->nl);
	free(l->buf);
	free(l);
}

struct tcp_lock *lock_new(__u64 token, bool lasts)
{
	struct tcp_lock *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->lasts = lasts;
	l->buf = malloc(BATCH_BYTES);
	l->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	snprintf(l->table, sizeof(l->table), LOCK_NAME "%016llx", token);
	if (!l->buf || !l->nl || mnl_socket_bind(l->nl, 0, MNL_SOCKET_AUTOPID)) {
		lock_free(l);
		return NULL;
	}
	return l;
}

static int fill(struct tcp_lock *l, const struct tcp_tuple *v, size_t nr)
{
	size_t n = 0;
	struct tcp_tuple *both _free_ = lock_directions(v, nr, &n);
	int err = both ? make_table(l) : -ENOMEM;

	for (size_t f = 0; f < LOCK_FAMILIES && !err; f++)
		err = lock_change(l, NFT_MSG_NEWSETELEM, &lock_families[f], both, n);
	return err ?: make_rules(l);
}

int lock_make(struct tcp_lock **out, __u64 token, bool lasts, const struct tcp_tuple *v, size_t nr)
{
	int err;

	*out = lock_new(token, lasts);
	if (!*out)
		return fail(-errno, "speak to nf_tables, which keeps connections quiet");
	err = fill(*out, v, nr);
	if (!err)
		return 0;
	lock_free(*out);
	*out = NULL;
	return fail(err, "keep connections quiet by nf_tables");
}

int tcp_lock_open(struct tcp_lock **out, const struct tcp_tuple *v, size_t nr)
{
	__u64 token;

	if (getrandom(&token, sizeof(token), 0) != sizeof(token))
		return fail(-EIO, "getrandom");
	return lock_make(out, token, false, v, nr);
}

void tcp_lock_close(struct tcp_lock *l)
{
	lock_free(l);
}

bool tcp_lock_available(void)
{
	struct tcp_lock *l = lock_new(0x7e57000000000000ull | getpid(), false);
	bool ok = l && !make_table(l) && !make_rules(l);

	lock_free(l);
	return ok;
}
