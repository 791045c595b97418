// SPDX-License-Identifier: GPL-2.0-only
/* audit_metrics.c - the state of an audit as Prometheus text. */
#include "audit_metrics.h"

#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "audit_print.h"
#include "audit_probe.h"
#include "cleanup.h"

#define PER_NS 7 /* series of one namespace */
#define SECOND 1e9

struct measured {
	const struct audit_ns *ns;
	__u64 oldest; /* when its oldest zombie ended, 0: it has none */
	char labels[80];
};

struct metrics {
	const struct audit *a;
	FILE *out;
	struct measured *ns; /* sorted by address */
	size_t nr, left_out;
};

static void head(const struct metrics *m, const char *name, const char *type, const char *about)
{
	fprintf(m->out, "# HELP bpf_ckpt_%s %s\n# TYPE bpf_ckpt_%s %s\n", name, about, name, type);
}

static void put(const struct metrics *m, const char *name, const char *type, const char *about, double value)
{
	head(m, name, type, about);
	fprintf(m->out, "bpf_ckpt_%s %.17g\n", name, value);
}

/* Label values: https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void put_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", out);
			continue;
		}
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('"', out);
}

/* ---- namespaces ---- */

static int by_level(const void *x, const void *y)
{
	const struct audit_ns *a = ((const struct measured *)x)->ns, *b = ((const struct measured *)y)->ns;

	if (a->where.level != b->where.level)
		return a->where.level < b->where.level ? -1 : 1;
	return a->where.born_ns < b->where.born_ns ? -1 : a->where.born_ns > b->where.born_ns;
}

static int by_address(const void *x, const void *y)
{
	const struct audit_ns *a = ((const struct measured *)x)->ns, *b = ((const struct measured *)y)->ns;

	return a < b ? -1 : a > b;
}

/* The oldest zombie of each: the first one that is met in the order of their ends. */
static void find_oldest(struct metrics *m)
{
	for (const struct audit_task *t = m->a->oldest; t; t = t->newer) {
		const struct measured key = { .ns = t->ns };
		struct measured *found = bsearch(&key, m->ns, m->nr, sizeof(*m->ns), by_address);

		if (found && !found->oldest)
			found->oldest = t->exit_ns;
	}
}

static void choose(struct metrics *m, unsigned int max_series)
{
	size_t nr = 0;
	char id[64];

	m->ns = calloc(m->a->nr_namespaces + 1, sizeof(*m->ns));
	if (!m->ns) {
		m->left_out = m->a->nr_namespaces;
		return;
	}
	for (const struct audit_ns *ns = m->a->namespaces; ns; ns = ns->next)
		if (!ns->gone && (!m->a->opts.root || ns->wanted))
			m->ns[nr++].ns = ns;
	m->nr = nr < max_series / PER_NS ? nr : max_series / PER_NS;
	m->left_out = nr - m->nr;
	if (m->left_out)
		qsort(m->ns, nr, sizeof(*m->ns), by_level);
	qsort(m->ns, m->nr, sizeof(*m->ns), by_address);
	for (size_t i = 0; i < m->nr; i++)
		snprintf(m->ns[i].labels, sizeof(m->ns[i].labels), "pidns=\"%s\",level=\"%u\"",
			 audit_where_id(id, sizeof(id), &m->ns[i].ns->where, m->a->boot_id),
			 m->ns[i].ns->where.level);
	find_oldest(m);
}

static double of_used(const struct metrics *m, const struct measured *n)
{
	return n->ns->used;
}

static double of_max(const struct metrics *m, const struct measured *n)
{
	return n->ns->pid_max;
}

static double of_zombies(const struct metrics *m, const struct measured *n)
{
	return n->ns->zombies;
}

static double of_oldest(const struct metrics *m, const struct measured *n)
{
	return n->oldest && m->a->now_ns > n->oldest ? (m->a->now_ns - n->oldest) / SECOND : 0;
}

static double of_init(const struct metrics *m, const struct measured *n)
{
	return !n->ns->died_ns;
}

static const struct {
	const char *name, *about;
	double (*value)(const struct metrics *m, const struct measured *n);
} per_ns[] = {
	{ "pidns_pids", "Numbers in use in a pid namespace and those below it, when last seen.", of_used },
	{ "pidns_pid_max", "Its limit of numbers; 0: it has none of its own.", of_max },
	{ "pidns_zombies", "Processes in it that have ended and were not waited for.", of_zombies },
	{ "pidns_oldest_zombie_seconds", "How long the oldest of these has been one.", of_oldest },
	{ "pidns_init_alive", "1 while its init lives.", of_init },
};

static void put_namespaces(const struct metrics *m)
{
	head(m, "pidns_tasks", "gauge", "Processes in a pid namespace itself.");
	for (size_t i = 0; i < m->nr; i++) {
		const struct audit_ns *ns = m->ns[i].ns;

		fprintf(m->out, "bpf_ckpt_pidns_tasks{%s,state=\"alive\"} %u\n", m->ns[i].labels,
			ns->tasks - ns->zombies);
		fprintf(m->out, "bpf_ckpt_pidns_tasks{%s,state=\"zombie\"} %u\n", m->ns[i].labels,
			ns->zombies);
	}
	for (size_t k = 0; k < ARRAY_SIZE(per_ns); k++) {
		head(m, per_ns[k].name, "gauge", per_ns[k].about);
		for (size_t i = 0; i < m->nr; i++)
			fprintf(m->out, "bpf_ckpt_%s{%s} %.17g\n", per_ns[k].name, m->ns[i].labels,
				per_ns[k].value(m, &m->ns[i]));
	}
	put(m, "pidns_left_out", "gauge", "Namespaces without series of their own: more than --max-series allows.",
	    m->left_out);
}

/* ---- what came, and what was lost ---- */

static int on_event(struct audit_sink *s, const struct audit *a, const struct audit_event *e)
{
	struct audit_metrics *m = (struct audit_metrics *)s;

	if (e->type == AE_ENTERED && e->to.inum)
		m->entered[e->to.level > e->from.level ? 0 : e->to.level == e->from.level ? 1 : 2]++;
	if (e->type == AE_LOST)
		m->in_doubt = true;
	if (e->type == AE_RESYNC)
		m->in_doubt = !e->healed;
	return 0;
}

void audit_metrics_init(struct audit_metrics *m, unsigned int max_series)
{
	*m = (struct audit_metrics){ .sink.event = on_event, .max_series = max_series };
	m->sink.types = 1u << AE_ENTERED | 1u << AE_LOST | 1u << AE_RESYNC;
}

static void put_lost(const struct metrics *m)
{
	static const char *const names[AUDIT_TYPES] = { "other", "born", "seen", "exec", "exit", "reaped",
							"rename", "call", "nsfree" };
	struct audit_counts c = {};

	if (m->a->probe)
		audit_probe_counts(m->a->probe, &c);
	head(m, "events_lost_total", "counter", "Events that the kernel side had no room for, by type.");
	for (int i = 0; i < AUDIT_TYPES; i++)
		fprintf(m->out, "bpf_ckpt_events_lost_total{type=\"%s\",reason=\"ring_full\"} %llu\n",
			names[i], c.lost[i]);
}

/* Only while the kernel keeps these statistics: audit --stats. */
static void put_programs(const struct metrics *m)
{
	struct audit_prog_stat s[16];
	size_t nr = m->a->probe ? audit_probe_stats(m->a->probe, s, ARRAY_SIZE(s)) : 0;

	nr = nr < ARRAY_SIZE(s) ? nr : ARRAY_SIZE(s);
	head(m, "prog_runs_total", "counter", "Runs of each BPF program; 0 without --stats.");
	for (size_t i = 0; i < nr; i++)
		fprintf(m->out, "bpf_ckpt_prog_runs_total{prog=\"%s\"} %llu\n", s[i].name, s[i].runs);
	head(m, "prog_run_seconds_total", "counter", "Time that these took.");
	for (size_t i = 0; i < nr; i++)
		fprintf(m->out, "bpf_ckpt_prog_run_seconds_total{prog=\"%s\"} %.9f\n", s[i].name,
			s[i].ns / SECOND);
}

/* ---- the whole ---- */

static void put_events(const struct metrics *m, const __u64 entered[3])
{
	static const char *const direction[] = { "deeper", "same", "outer" };

	head(m, "events_total", "counter", "Events by type, also those that were not asked for.");
	for (int i = 0; i < AE_TYPES; i++)
		fprintf(m->out, "bpf_ckpt_events_total{type=\"%s\"} %llu\n", audit_type_names[i],
			m->a->totals.events[i]);
	head(m, "alerts_allowed_total", "counter", "Alerts that a rule has kept back.");
	for (int i = 0; i < AE_TYPES; i++)
		if (audit_is_alert(i))
			fprintf(m->out, "bpf_ckpt_alerts_allowed_total{type=\"%s\"} %llu\n", audit_type_names[i],
				m->a->totals.allowed[i]);
	head(m, "setns_total", "counter", "Tasks that entered a pid namespace for their children, by direction.");
	for (int i = 0; i < 3; i++)
		fprintf(m->out, "bpf_ckpt_setns_total{direction=\"%s\"} %llu\n", direction[i], entered[i]);
}

static void put_build(const struct metrics *m)
{
	struct utsname u;
	char libbpf[32];

	uname(&u);
	snprintf(libbpf, sizeof(libbpf), "%u.%u", libbpf_major_version(), libbpf_minor_version());
	head(m, "build_info", "gauge", "Always 1; the labels tell versions.");
	fputs("bpf_ckpt_build_info{", m->out);
	put_label(m->out, "version", VERSION);
	fputc(',', m->out);
	put_label(m->out, "libbpf", libbpf);
	fputc(',', m->out);
	put_label(m->out, "kernel", u.release);
	fputs("} 1\n", m->out);
}

void audit_metrics_put(const struct audit_metrics *metrics, const struct audit *a, FILE *out)
{
	struct metrics m = { .a = a, .out = out };

	choose(&m, metrics->max_series);
	put_build(&m);
	put(&m, "tasks", "gauge", "Processes in the table.", a->nr_tasks);
	put(&m, "zombies", "gauge", "Those that have ended and were not waited for.", a->nr_zombies);
	put(&m, "foreign_tasks", "gauge", "Those whose parent lives in another pid namespace, inits aside.",
	    a->nr_foreign);
	put(&m, "pidns_live", "gauge", "Pid namespaces that are known.", a->nr_namespaces);
	put(&m, "pidns_created_total", "counter", "Pid namespaces that were made.", a->totals.created);
	put(&m, "pidns_destroyed_total", "counter", "Pid namespaces that have ended.", a->totals.destroyed);
	put(&m, "resyncs_total", "counter", "Walks that made the table right after a loss.", a->totals.resyncs);
	put(&m, "last_event_timestamp_seconds", "gauge", "Time of day of the last event.",
	    (a->totals.last_boot_ns + a->real_offset) / SECOND);
	put(&m, "in_doubt", "gauge", "1 after a loss until a walk has made it good.", metrics->in_doubt);
	put_events(&m, metrics->entered);
	put_lost(&m);
	put_programs(&m);
	put_namespaces(&m);
	free(m.ns);
}
