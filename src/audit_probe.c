// SPDX-License-Identifier: GPL-2.0-only
/* audit_probe.c - load and attach audit's BPF programs, and read what they tell. */
#include "audit_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.skel.h"
#include "cleanup.h"
#include "log.h"

#define PROGS_MAX 16
#define RING_DEFAULT (4u << 20)
#define ENOUGH (-10000) /* a ring's callback: as many as asked for */

struct audit_probe {
	struct audit_bpf *skel;
	struct ring_buffer *events, *seen;
	struct bpf_link *link[PROGS_MAX];
	struct bpf_program *prog[PROGS_MAX];
	unsigned int nr_progs;
	struct bpf_link *walk;
	struct audit_hooks hooks;
	size_t ring;
	int stats;
	/* while one of the rings is read */
	int (*fn)(void *, const struct rec_audit *);
	void *arg;
	long nr, most;
	__u64 nr_events; /* read since the start */
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return 0;
}

static int loud(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, ap);
}

/* ---- what loads here ---- */

/* Can a program be put around that kernel function? By trying it, with one that does nothing. */
static bool can_trace(const char *function, enum bpf_attach_type type)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type);
	int id = libbpf_find_vmlinux_btf_id(function, type);
	int fd _close_ = -1;

	if (id <= 0)
		return false;
	opts.attach_btf_id = id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", nothing, ARRAY_SIZE(nothing), &opts);
	return fd >= 0;
}

bool audit_probe_has_calls(void)
{
	libbpf_set_print(quiet);
	return can_trace("__x64_sys_setns", BPF_TRACE_FEXIT) && can_trace("__x64_sys_unshare", BPF_TRACE_FEXIT) &&
	       can_trace("__x64_sys_clone", BPF_TRACE_FEXIT) && can_trace("__x64_sys_clone3", BPF_TRACE_FEXIT);
}

bool audit_probe_has_nsfree(void)
{
	libbpf_set_print(quiet);
	return can_trace("delayed_free_pidns", BPF_TRACE_FENTRY);
}

static void add_phrase(char *list, size_t len, const char *phrase)
{
	size_t used = strlen(list);

	snprintf(list + used, len - used, "%s%s", used ? ", " : "", phrase);
}

/* Optional programs: each only where it loads. */
static void choose(struct audit_probe *p, const struct audit_probe_opts *opts)
{
	struct audit_hooks *h = &p->hooks;
	bool fexit = audit_probe_has_calls();

	h->calls = fexit || opts->calls;
	h->nsfree = audit_probe_has_nsfree();
	bpf_program__set_autoload(p->skel->progs.audit_setns, fexit);
	bpf_program__set_autoload(p->skel->progs.audit_unshare, fexit);
	bpf_program__set_autoload(p->skel->progs.audit_clone, fexit);
	bpf_program__set_autoload(p->skel->progs.audit_clone3, fexit);
	bpf_program__set_autoload(p->skel->progs.audit_sys_exit, !fexit && opts->calls);
	bpf_program__set_autoload(p->skel->progs.audit_nsfree, h->nsfree);
	libbpf_set_print(opts->verbose ? loud : quiet);
	add_phrase(h->in_force, sizeof(h->in_force), "births, execs, names and ends of tasks (tp_btf)");
	if (fexit)
		add_phrase(h->in_force, sizeof(h->in_force), "setns, unshare and refusals (fexit)");
	else if (h->calls)
		add_phrase(h->in_force, sizeof(h->in_force), "setns, unshare and refusals (sys_exit)");
	else
		add_phrase(h->missing, sizeof(h->missing),
			   "refused calls, and setns or unshare before the first fork that follows (no fexit "
			   "loads here; --calls sees them, at the cost of every system call)");
	if (h->nsfree)
		add_phrase(h->in_force, sizeof(h->in_force), "ends of pid namespaces (fentry)");
}

/* ---- reading ---- */

static bool is_whole(const struct rec_audit *r, size_t len)
{
	size_t want = r->h.tag == REC_AUDIT_BORN || r->h.tag == REC_AUDIT_SEEN ? sizeof(struct rec_audit_born) :
		      r->h.tag == REC_AUDIT_EXEC ? sizeof(struct rec_audit_exec) :
		      r->h.tag == REC_AUDIT_EXIT ? sizeof(struct rec_audit_exit) :
		      r->h.tag == REC_AUDIT_CALL ? sizeof(struct rec_audit_call) : sizeof(*r);

	return len >= sizeof(*r) && r->h.len >= want && r->h.len <= len;
}

static int take(void *arg, void *data, size_t len)
{
	struct audit_probe *p = arg;
	int err;

	if (!is_whole(data, len))
		return fail(-EPROTO, "audit: a record of %zu bytes is not whole", len);
	err = p->fn(p->arg, data);
	if (err)
		return err < 0 ? err : -err;
	return ++p->nr == p->most ? ENOUGH : 0;
}

long audit_probe_read(struct audit_probe *p, int (*fn)(void *, const struct rec_audit *), void *arg, long most)
{
	int n;

	p->fn = fn;
	p->arg = arg;
	p->nr = 0;
	p->most = most;
	n = ring_buffer__consume(p->events);
	p->nr_events += p->nr;
	return n < 0 && n != ENOUGH ? n : p->nr;
}

int audit_probe_walk(struct audit_probe *p, int (*fn)(void *, const struct rec_audit *), void *arg)
{
	int iter _close_ = bpf_iter_create(bpf_link__fd(p->walk));
	char buf[64];
	ssize_t n;
	int err;

	if (iter < 0)
		return fail(iter, "start the walk");
	p->fn = fn;
	p->arg = arg;
	p->most = -1;
	for (;;) {
		n = read(iter, buf, sizeof(buf));
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(-errno, "walk");
		err = ring_buffer__consume(p->seen);
		if (err < 0)
			return err;
		if (!n)
			return 0;
	}
}

/* ---- loading ---- */

static int attach(struct audit_probe *p)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, p->skel->obj) {
		struct bpf_link *link;

		if (!bpf_program__autoload(prog))
			continue;
		link = prog == p->skel->progs.audit_walk ? bpf_program__attach_iter(prog, NULL) :
							   bpf_program__attach(prog);
		if (!link)
			return fail(-errno, "attach BPF program %s", bpf_program__name(prog));
		if (prog == p->skel->progs.audit_walk)
			p->walk = link;
		else
			p->link[p->nr_progs] = link;
		p->prog[p->nr_progs++] = prog;
	}
	return 0;
}

static size_t ring_bytes(size_t wanted)
{
	size_t bytes = getpagesize();

	while (bytes < wanted && bytes < 1u << 30)
		bytes *= 2;
	return bytes;
}

static int load(struct audit_probe *p, const struct audit_probe_opts *opts)
{
	int err;

	libbpf_set_print(opts->verbose ? loud : quiet);
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return fail(-errno, "this kernel has no BTF (/sys/kernel/btf/vmlinux): "
				    "CONFIG_DEBUG_INFO_BTF is needed");
	p->skel = audit_bpf__open();
	if (!p->skel)
		return fail(-errno, "open BPF object");
	choose(p, opts);
	p->ring = ring_bytes(opts->ring ?: RING_DEFAULT);
	p->skel->rodata->with_threads = opts->threads;
	p->skel->rodata->ring_bytes = p->ring;
	err = bpf_map__set_max_entries(p->skel->maps.events, p->ring);
	if (!err)
		err = audit_bpf__load(p->skel);
	if (err == -EPERM)
		return fail(err, "load BPF programs (needs root, or CAP_BPF and CAP_PERFMON)");
	if (err)
		return fail(err, "load BPF programs (-v shows what the kernel said)");
	if (!p->skel->bss) /* see walk.c */
		return fail(-ENOTSUP, "load BPF programs: no memory of theirs could be mapped");
	p->events = ring_buffer__new(bpf_map__fd(p->skel->maps.events), take, p, NULL);
	p->seen = ring_buffer__new(bpf_map__fd(p->skel->maps.seen), take, p, NULL);
	if (!p->events || !p->seen)
		return fail(-errno, "map the ring of %zu bytes", p->ring);
	return attach(p);
}

int audit_probe_open(struct audit_probe **out, const struct audit_probe_opts *opts)
{
	struct audit_probe *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return fail(-ENOMEM, "audit");
	p->stats = opts->stats ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
	err = opts->stats && p->stats < 0 ? fail(p->stats, "let the kernel measure BPF programs (--stats)") :
					    load(p, opts);
	malloc_trim(0); /* libbpf has had the kernel's types in memory to load them */
	if (err)
		audit_probe_close(p);
	else
		*out = p;
	return err;
}

void audit_probe_close(struct audit_probe *p)
{
	if (!p)
		return;
	for (unsigned int i = 0; i < p->nr_progs; i++)
		bpf_link__destroy(p->link[i]);
	bpf_link__destroy(p->walk);
	ring_buffer__free(p->events);
	ring_buffer__free(p->seen);
	audit_bpf__destroy(p->skel);
	if (p->stats >= 0)
		close(p->stats);
	free(p);
}

/* ---- what is known of it ---- */

const struct audit_hooks *audit_probe_hooks(const struct audit_probe *p)
{
	return &p->hooks;
}

size_t audit_probe_ring(const struct audit_probe *p)
{
	return p->ring;
}

int audit_probe_fd(const struct audit_probe *p)
{
	return ring_buffer__epoll_fd(p->events);
}

/* The kernel writes them while we read: each is read once. */
#define COUNTER(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)

void audit_probe_counts(const struct audit_probe *p, struct audit_counts *c)
{
	memset(c, 0, sizeof(*c));
	c->lost_ns = COUNTER(p->skel->bss->event_lost_ns);
	c->host_mnt = COUNTER(p->skel->bss->host_mnt);
	c->host_cgroup = COUNTER(p->skel->bss->host_cgroup);
	for (int i = 0; i < AUDIT_TYPES; i++) {
		for (int r = 0; r < AUDIT_LOST_REASONS; r++)
			c->lost[i] += COUNTER(p->skel->bss->event_lost[i][r]);
		c->lost_all += c->lost[i];
	}
	c->seen_all = p->nr_events + c->lost_all;
}

void audit_probe_pid_max(struct audit_probe *p, __u32 pid_max)
{
	p->skel->bss->pid_max_global = pid_max;
}

size_t audit_probe_stats(const struct audit_probe *p, struct audit_prog_stat *stats, size_t nr)
{
	for (size_t i = 0; i < p->nr_progs && i < nr; i++) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		stats[i] = (struct audit_prog_stat){ bpf_program__name(p->prog[i]) };
		if (bpf_obj_get_info_by_fd(bpf_program__fd(p->prog[i]), &info, &len))
			continue;
		stats[i].runs = info.run_cnt;
		stats[i].ns = info.run_time_ns;
	}
	return p->nr_progs;
}
