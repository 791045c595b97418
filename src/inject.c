// SPDX-License-Identifier: GPL-2.0-only
/* inject.c - packets to sockets of this host as if they came from their peers: raw(7), IP_HDRINCL. */
#include "inject.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"

#define PACKET_MAX 65535u
#define HOPS 255 /* IP_MINTTL lets it through */

static bool is_mapped(const struct tcp_tuple *t)
{
	static const __u8 prefix[12] = { [10] = 0xff, 0xff };

	return !memcmp(t->saddr, prefix, sizeof(prefix));
}

static __u32 add_words(__u32 sum, const void *data, size_t len)
{
	const __u8 *p = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (len & 1)
		sum += p[len - 1] << 8;
	return (sum & 0xffff) + (sum >> 16);
}

/* Of the pseudo header and the payload: RFC 9293, RFC 8200 section 8.1; a mapped prefix adds up to 0. */
static __u16 checksum(const struct tcp_tuple *t, int protocol, const void *payload, size_t len)
{
	size_t skip = is_mapped(t) ? 12 : 0;
	__u32 sum = add_words(protocol + len, t->saddr + skip, 16 - skip);

	sum = add_words(sum, t->daddr + skip, 16 - skip);
	sum = add_words(sum, payload, len);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	return htons(sum ? sum : 0xffff);
}

static size_t put_header(const struct tcp_tuple *t, const struct packet_look *look, int protocol, size_t len,
			 void *out)
{
	struct iphdr *v4 = out;
	struct ip6_hdr *v6 = out;

	if (is_mapped(t)) {
		*v4 = (struct iphdr){ .version = 4, .ihl = 5, .tos = look->tos, .ttl = look->hops,
				      .protocol = protocol, .tot_len = htons(sizeof(*v4) + len) };
		memcpy(&v4->saddr, t->saddr + 12, 4);
		memcpy(&v4->daddr, t->daddr + 12, 4);
		return sizeof(*v4);
	}
	*v6 = (struct ip6_hdr){ .ip6_flow = htonl(6u << 28 | look->tos << 20 | look->flow), .ip6_plen = htons(len),
				.ip6_nxt = protocol, .ip6_hlim = look->hops };
	memcpy(&v6->ip6_src, t->saddr, 16);
	memcpy(&v6->ip6_dst, t->daddr, 16);
	return sizeof(*v6);
}

static int inject(const struct tcp_tuple *t, const struct packet_look *look, int protocol, const void *payload,
		  size_t len)
{
	bool v4 = is_mapped(t);
	int fd _close_ = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_scope_id = look->scope };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	char *packet _free_ = malloc(sizeof(struct ip6_hdr) + len);
	size_t head;
	ssize_t n;

	if (!packet)
		return -ENOMEM;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &look->mark, sizeof(look->mark)) ||
	    setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &look->priority, sizeof(look->priority)))
		return -errno;
	head = put_header(t, look, protocol, len, packet);
	memcpy(packet + head, payload, len);
	memcpy(&to4.sin_addr, t->daddr + 12, 4);
	memcpy(&to6.sin6_addr, t->daddr, 16);
	if (!IN6_IS_ADDR_LINKLOCAL(&to6.sin6_addr))
		to6.sin6_scope_id = 0;
	n = sendto(fd, packet, head + len, 0, v4 ? (void *)&to4 : (void *)&to6, v4 ? sizeof(to4) : sizeof(to6));
	return n < 0 ? -errno : 0;
}

int inject_tcp(const struct tcp_tuple *t, __u32 scope, __u32 seq, __u32 ack, bool fin)
{
	struct packet_look look = { .scope = scope, .hops = HOPS, .mark = TCP_LOCK_MARK };
	struct tcphdr h = { .source = htons(t->sport), .dest = htons(t->dport), .seq = htonl(seq),
			    .ack_seq = htonl(ack), .doff = sizeof(h) / 4, .ack = 1, .fin = fin };

	h.check = checksum(t, IPPROTO_TCP, &h, sizeof(h));
	return inject(t, &look, IPPROTO_TCP, &h, sizeof(h));
}

int inject_udp(const struct tcp_tuple *t, const struct packet_look *look, int protocol, const void *data, __u32 len)
{
	struct udphdr h = { .source = htons(t->sport), .dest = htons(t->dport), .len = htons(sizeof(h) + len) };
	char *payload _free_ = malloc(sizeof(h) + len);

	if (len > PACKET_MAX - sizeof(h))
		return -EMSGSIZE;
	if (!payload)
		return -ENOMEM;
	memcpy(payload, &h, sizeof(h));
	memcpy(payload + sizeof(h), data, len);
	/* UDP-Lite: the length is that of what the checksum covers, here all of it */
	((struct udphdr *)payload)->check = checksum(t, protocol, payload, sizeof(h) + len);
	return inject(t, look, protocol, payload, sizeof(h) + len);
}
