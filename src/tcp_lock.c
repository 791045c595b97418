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

#define BATCH_BYTES (256u << 10)
#define BATCH_TUPLES 500 /* a nest of attributes has 64 KiB at most; of IPv6, a connection takes 104 bytes */
#define PRIORITY_RAW (-300)
#define LIFE_MS (3600 * 1000ull)

struct tcp_lock {
	struct mnl_socket *nl;
	char *buf;
	size_t used;
	__u32 seq;
	char table[40];
	bool lasts;
};

/* ---- messages ---- */

static struct nlmsghdr *begin(struct tcp_lock *l, __u16 type, __u16 flags, __u8 family, __u16 res)
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

static void end(struct tcp_lock *l, const struct nlmsghdr *h)
{
	l->used += NLMSG_ALIGN(h->nlmsg_len);
}

static struct nlmsghdr *table_msg(struct tcp_lock *l, __u16 type, __u16 flags, int name_attr)
{
	struct nlmsghdr *h = begin(l, NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET, 0);

	mnl_attr_put_strz(h, name_attr, l->table);
	return h;
}

static void batch_begin(struct tcp_lock *l)
{
	l->used = 0;
	l->seq++;
	end(l, begin(l, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

/* The last message before the end asks for an answer. */
static int batch_send(struct tcp_lock *l)
{
	char answer[8192];
	ssize_t n;

	end(l, begin(l, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
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

/* What differs between the two versions of IP; numbers of types as nft(8) shows them. */
static const struct family {
	const char *set;
	__u8 nfproto;
	__u32 key_type, key_len, addr_len, saddr, daddr;
} families[] = {
	{ "ipv4", NFPROTO_IPV4, 7 << 18 | 13 << 12 | 7 << 6 | 13, 16, 4, 12, 16 },
	{ "ipv6", NFPROTO_IPV6, 8 << 18 | 13 << 12 | 8 << 6 | 13, 40, 16, 8, 24 },
};

static void add_set(struct tcp_lock *l, const struct family *f, __u32 id)
{
	struct nlmsghdr *h = table_msg(l, NFT_MSG_NEWSET, NLM_F_CREATE, NFTA_SET_TABLE);

	mnl_attr_put_strz(h, NFTA_SET_NAME, f->set);
	mnl_attr_put_u32(h, NFTA_SET_ID, htonl(id));
	mnl_attr_put_u32(h, NFTA_SET_FLAGS, htonl(l->lasts ? NFT_SET_TIMEOUT : 0));
	mnl_attr_put_u32(h, NFTA_SET_KEY_TYPE, htonl(f->key_type));
	mnl_attr_put_u32(h, NFTA_SET_KEY_LEN, htonl(f->key_len));
	if (l->lasts)
		mnl_attr_put_u64(h, NFTA_SET_TIMEOUT, htobe64(LIFE_MS));
	end(l, h);
}

static void add_rule(struct tcp_lock *l, const char *chain, const struct family *f, bool last)
{
	struct nlmsghdr *h = table_msg(l, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | (last ? NLM_F_ACK : 0),
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
	end(l, h);
}

static void add_chain(struct tcp_lock *l, const char *name, __u32 hook_nr)
{
	struct nlmsghdr *h = table_msg(l, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE);
	struct nlattr *hook;

	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(hook_nr));
	mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl(PRIORITY_RAW));
	mnl_attr_nest_end(h, hook);
	mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
	end(l, h);
}

static int make_table(struct tcp_lock *l)
{
	struct nlmsghdr *h;

	batch_begin(l);
	h = table_msg(l, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, NFTA_TABLE_NAME);
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htonl(l->lasts ? 0 : 2 /* NFT_TABLE_F_OWNER, since 5.12 */));
	end(l, h);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		add_set(l, &families[i], i + 1);
	add_chain(l, "in", NF_INET_PRE_ROUTING);
	add_chain(l, "out", NF_INET_LOCAL_OUT);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		add_rule(l, "in", &families[i], false);
		add_rule(l, "out", &families[i], i + 1 == ARRAY_SIZE(families));
	}
	return batch_send(l);
}

static bool is_mapped(const __u8 addr[16])
{
	static const __u8 prefix[12] = { [10] = 0xff, 0xff };

	return !memcmp(addr, prefix, sizeof(prefix));
}

static void add_element(struct nlmsghdr *h, const struct family *f, const __u8 *saddr, __u16 sport,
			const __u8 *daddr, __u16 dport)
{
	struct nlattr *elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM), *data;
	__u8 key[40] = {};
	__u16 port = htons(sport);

	memcpy(key, saddr + 16 - f->addr_len, f->addr_len);
	memcpy(key + f->addr_len, &port, sizeof(port));
	port = htons(dport);
	memcpy(key + f->addr_len + 4, daddr + 16 - f->addr_len, f->addr_len);
	memcpy(key + f->addr_len + 4 + f->addr_len, &port, sizeof(port));
	data = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(h, NFTA_DATA_VALUE, f->key_len, key);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, elem);
}

/* Those of v that are of that family, in both directions. */
static int add_tuples(struct tcp_lock *l, const struct family *f, const struct tcp_tuple *v, size_t nr)
{
	struct nlmsghdr *h;
	struct nlattr *list;
	bool any = false;

	batch_begin(l);
	h = table_msg(l, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, NFTA_SET_ELEM_LIST_TABLE);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, f->set);
	list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < nr; i++) {
		if (is_mapped(v[i].saddr) != (f->nfproto == NFPROTO_IPV4))
			continue;
		add_element(h, f, v[i].saddr, v[i].sport, v[i].daddr, v[i].dport);
		add_element(h, f, v[i].daddr, v[i].dport, v[i].saddr, v[i].sport);
		any = true;
	}
	mnl_attr_nest_end(h, list);
	end(l, h);
	return any ? batch_send(l) : 0;
}

static void free_lock(struct tcp_lock *l)
{
	if (!l)
		return;
	if (l->nl)
		mnl_socket_close(l->nl);
	free(l->buf);
	free(l);
}

static struct tcp_lock *new_lock(__u64 token, bool lasts)
{
	struct tcp_lock *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->lasts = lasts;
	l->buf = malloc(BATCH_BYTES);
	l->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	snprintf(l->table, sizeof(l->table), "bpf-ckpt-%016llx", token);
	if (!l->buf || !l->nl || mnl_socket_bind(l->nl, 0, MNL_SOCKET_AUTOPID)) {
		free_lock(l);
		return NULL;
	}
	return l;
}

static int fill(struct tcp_lock *l, const struct tcp_tuple *v, size_t nr)
{
	int err = make_table(l);

	for (size_t i = 0; i < nr && !err; i += BATCH_TUPLES)
		for (size_t f = 0; f < ARRAY_SIZE(families) && !err; f++)
			err = add_tuples(l, &families[f], v + i, nr - i < BATCH_TUPLES ? nr - i : BATCH_TUPLES);
	return err;
}

static int make(struct tcp_lock **out, __u64 token, bool lasts, const struct tcp_tuple *v, size_t nr)
{
	int err;

	*out = new_lock(token, lasts);
	if (!*out)
		return fail(-errno, "speak to nf_tables, which keeps connections quiet");
	err = fill(*out, v, nr);
	if (!err)
		return 0;
	free_lock(*out);
	*out = NULL;
	return fail(err, "keep connections quiet by nf_tables");
}

int tcp_lock_open(struct tcp_lock **out, const struct tcp_tuple *v, size_t nr)
{
	__u64 token;

	if (getrandom(&token, sizeof(token), 0) != sizeof(token))
		return fail(-EIO, "getrandom");
	return make(out, token, false, v, nr);
}

void tcp_lock_close(struct tcp_lock *l)
{
	free_lock(l);
}

int tcp_lock_leave(__u64 token, const struct tcp_tuple *v, size_t nr)
{
	struct tcp_lock *l;
	int err = make(&l, token, true, v, nr);

	if (!err)
		free_lock(l);
	return err;
}

int tcp_lock_remove(__u64 token)
{
	struct tcp_lock *l = new_lock(token, true);
	int err;

	if (!l)
		return fail(-errno, "speak to nf_tables");
	batch_begin(l);
	end(l, table_msg(l, NFT_MSG_DELTABLE, NLM_F_ACK, NFTA_TABLE_NAME));
	err = batch_send(l);
	free_lock(l);
	return err && err != -ENOENT ? fail(err, "let connections go on by nf_tables") : 0;
}

bool tcp_lock_available(void)
{
	struct tcp_lock *l = new_lock(0x7e57000000000000ull | getpid(), false);
	bool ok = l && !make_table(l);

	free_lock(l);
	return ok;
}
