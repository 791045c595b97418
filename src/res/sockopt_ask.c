// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockopt_ask.c - the dump of socket options: what differs from a fresh socket of the same sort is saved.
 *
 * A hundred getsockopt(2) for each of many sockets are a good part of a pause. The walk tells two words of
 * each socket (rec_sockopt_words); where one is that of a socket that was asked, the answers are too.
 */
#include "sockopt.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "dump.h"
#include "log.h"
#include "rec_sock.h"
#include "rec_sockopt.h"
#include "sockopt_table.h"

#define FRESH_MAX 64
#define ANSWERS_MAX 12 /* a program sets fewer; else each socket is asked */
#define KNOWN_MAX 32

struct value {
	int len; /* -1: such sockets do not have that option */
	unsigned char bytes[FRESH_MAX];
};

/* What a socket with this word answers: only what a fresh one does not, in the order of the table. */
struct answers {
	__u64 word;
	enum sockopt_by by;
	int nr;
	struct { size_t option; struct value value; } differ[ANSWERS_MAX];
};

struct sockopt_sort {
	struct sockopt_sort *next;
	int domain, type, protocol, nr_known;
	struct value fresh[SOCKOPTS];
	struct answers known[KNOWN_MAX];
};

/* One socket that is being asked. */
struct asking {
	struct dump *dump;
	const struct rec_sock *sock;
	int fd;
	bool buffer; /* setting one locks it: what was so is said then in any case */
	struct sockopt_sort *sort;
	struct { const struct answers *known; struct answers *new; int at; } by[WORDS];
};

/* Length, or -1 when the socket does not have it. */
static int get(int fd, const struct option *o, void *value, socklen_t room)
{
	socklen_t len = o->how == FILTER ? room / sizeof(struct sock_filter) : room;

	memset(value, 0, room < FRESH_MAX ? room : FRESH_MAX);
	if (getsockopt(fd, o->level, o->name, value, &len))
		return -1;
	return o->how == FILTER ? len * sizeof(struct sock_filter) : len;
}

static struct sockopt_sort *new_sort(const struct rec_sock *k)
{
	struct sockopt_sort *s = calloc(1, sizeof(*s));
	int fd _close_ = socket(k->family, k->type | SOCK_CLOEXEC, k->protocol);

	if (!s || fd < 0) {
		fail(-errno, "make a socket (domain %d, type %d, protocol %d) to compare with", k->family,
		     k->type, k->protocol);
		free(s);
		return NULL;
	}
	s->domain = k->family;
	s->type = k->type;
	s->protocol = k->protocol;
	for (size_t i = 0; i < SOCKOPTS; i++)
		s->fresh[i].len = get(fd, &sockopt_table[i], s->fresh[i].bytes, FRESH_MAX);
	return s;
}

static struct sockopt_sort *find_sort(struct dump *d, const struct rec_sock *k)
{
	struct sockopt_sort *s = d->sockopts;

	while (s && (s->domain != k->family || s->type != k->type || s->protocol != k->protocol))
		s = s->next;
	if (s)
		return s;
	s = new_sort(k);
	if (s) {
		s->next = d->sockopts;
		d->sockopts = s;
	}
	return s;
}

void sockopt_free(struct sockopt_sort *s)
{
	while (s) {
		struct sockopt_sort *next = s->next;

		free(s);
		s = next;
	}
}

/* Or was, and has ended. */
static bool is_connected(const struct rec_sock *k)
{
	return k->state != TCP_LISTEN && (k->state != TCP_CLOSE || k->shutdown);
}

/* Options that say nothing of the program, whatever they are. */
static bool is_of_no_use(const struct option *o, const struct rec_sock *k)
{
	return (o->flags & NO_STREAM && k->type == SOCK_STREAM) || (o->flags & NO_CONNECTION && is_connected(k));
}

/* Buffers that the kernel sizes as it likes: those of a connection, unless the program did it. */
static bool is_automatic(const struct option *o, const struct rec_sock *k, int fd)
{
	int locked = 0;
	socklen_t len = sizeof(locked);

	if (o->how != BUFFER || !is_connected(k))
		return false;
	getsockopt(fd, SOL_SOCKET, SOCKOPT_BUF_LOCK, &locked, &len);
	return !(locked & (o->name == SO_SNDBUF ? 1 : 2));
}

/* An answer for the sockets that come after; what does not fit is not known of them either. */
static void note(struct asking *a, size_t i, const void *value, int len)
{
	struct answers *new = a->by[sockopt_table[i].by].new;

	if (!new)
		return;
	if (new->nr == ANSWERS_MAX || len > FRESH_MAX) {
		new->word = 0;
		return;
	}
	new->differ[new->nr].option = i;
	new->differ[new->nr].value.len = len;
	memcpy(new->differ[new->nr++].value.bytes, value, len);
}

static int ask(struct asking *a, size_t i)
{
	unsigned char value[SOCKOPT_FILTER_MAX * sizeof(struct sock_filter)];
	const struct option *o = &sockopt_table[i];
	const struct value *fresh = &a->sort->fresh[i];
	int len = get(a->fd, o, value, o->how == FILTER ? sizeof(value) : SOCKOPT_VALUE_MAX);

	if (len < 0)
		return fail(-errno, "read %s of a socket", o->text);
	if (((len == fresh->len && !memcmp(value, fresh->bytes, len)) || is_automatic(o, a->sock, a->fd)) &&
	    !(o->level == SOL_SOCKET && o->name == SOCKOPT_BUF_LOCK && a->buffer))
		return 0;
	a->buffer |= o->how == BUFFER;
	note(a, i, value, len);
	return sockopt_save(&a->dump->snap, a->sock->addr, o, value, len);
}

/* Options come in the order of the table, and so do the answers. */
static int answer(struct asking *a, size_t i)
{
	const struct answers *known = a->by[sockopt_table[i].by].known;
	int *at = &a->by[sockopt_table[i].by].at;
	const struct value *v;

	if (*at == known->nr || known->differ[*at].option != i)
		return 0;
	v = &known->differ[(*at)++].value;
	return sockopt_save(&a->dump->snap, a->sock->addr, &sockopt_table[i], v->bytes, v->len);
}

/* Either it is known what those with this word say, or this one will have told. */
static void look_up(struct asking *a, enum sockopt_by by, __u64 word)
{
	struct sockopt_sort *s = a->sort;
	int i = 0;

	while (i < s->nr_known && (s->known[i].word != word || s->known[i].by != by))
		i++;
	if (!word)
		return;
	if (i < s->nr_known) {
		a->by[by].known = &s->known[i];
	} else if (i < KNOWN_MAX) {
		a->by[by].new = &s->known[s->nr_known++];
		*a->by[by].new = (struct answers){ .word = word, .by = by };
	}
}

int sockopt_collect(struct dump *d, const struct rec_sock *k, int fd)
{
	const struct rec_sockopt_words *words = snap_find(&d->snap, REC_SOCKOPT_WORDS, k->addr);
	struct asking a = { .dump = d, .sock = k, .fd = fd, .sort = find_sort(d, k) };
	int err = 0;

	if (!a.sort)
		return -EIO;
	if (words) {
		look_up(&a, FLAGS, words->flags);
		look_up(&a, FIELDS, words->fields);
	}
	for (size_t i = 0; i < SOCKOPTS && !err; i++) {
		if (a.sort->fresh[i].len < 0 || is_of_no_use(&sockopt_table[i], k))
			continue;
		err = a.by[sockopt_table[i].by].known ? answer(&a, i) : ask(&a, i);
	}
	return err;
}
