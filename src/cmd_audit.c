// SPDX-License-Identifier: GPL-2.0-only
/* cmd_audit.c - bpf-ckpt audit: who lives in which pid namespace, told as it changes. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "audit_cgroup.h"
#include "audit_html.h"
#include "audit_notify.h"
#include "audit_out.h"
#include "audit_replay.h"
#include "audit_rules.h"
#include "audit_run.h"
#include "audit_views.h"
#include "cleanup.h"
#include "cmd.h"
#include "log.h"

#define SECOND 1000000000ull
#define SNAPSHOT (1u << AE_PIDNS | 1u << AE_TASK)

enum {
	OPT_JSON = 256, OPT_PIDNS, OPT_THREADS, OPT_ALL, OPT_CALLS, OPT_STRICT, OPT_FOR, OPT_COUNT,
	OPT_EVENTS, OPT_RULES, OPT_ZOMBIES, OPT_NEAR, OPT_DEPTH, OPT_RING, OPT_STATS, OPT_FIELDS,
	OPT_METRICS, OPT_LISTEN, OPT_SERIES, OPT_HTML, OPT_TOP,
};

static const struct option options[] = {
	{ "json", no_argument, NULL, OPT_JSON },       { "document", no_argument, NULL, 'J' },
	{ "write", required_argument, NULL, 'w' },     { "read", required_argument, NULL, 'r' },
	{ "pidns", no_argument, NULL, OPT_PIDNS },     { "threads", no_argument, NULL, OPT_THREADS },
	{ "all", no_argument, NULL, OPT_ALL },	       { "calls", no_argument, NULL, OPT_CALLS },
	{ "strict", no_argument, NULL, OPT_STRICT },   { "for", required_argument, NULL, OPT_FOR },
	{ "count", required_argument, NULL, OPT_COUNT }, { "events", required_argument, NULL, OPT_EVENTS },
	{ "rules", required_argument, NULL, OPT_RULES }, { "zombies", required_argument, NULL, OPT_ZOMBIES },
	{ "near", required_argument, NULL, OPT_NEAR }, { "max-level", required_argument, NULL, OPT_DEPTH },
	{ "ring", required_argument, NULL, OPT_RING }, { "stats", no_argument, NULL, OPT_STATS },
	{ "top", no_argument, NULL, OPT_TOP },	       { "html", required_argument, NULL, OPT_HTML },
	{ "metrics-file", required_argument, NULL, OPT_METRICS },
	{ "listen", required_argument, NULL, OPT_LISTEN }, { "max-series", required_argument, NULL, OPT_SERIES },
	{ "fields", no_argument, NULL, OPT_FIELDS },   { "help", no_argument, NULL, 'h' },
	{},
};

struct request {
	struct audit_run run;
	struct audit_views views;
	enum audit_format format;
	__u32 types;
	bool types_given;
	const char *write, *read, *html;
};

static void help(void)
{
	printf("Usage: bpf-ckpt audit [PID] [OPTIONS]\n"
	       "       bpf-ckpt audit -r FILE [OPTIONS]\n"
	       "       bpf-ckpt audit diff [--json] FILE FILE\n\n"
	       "Watches pid namespaces and the tasks in them, without stopping anything: first what is\n"
	       "there, then what changes, without a gap. With PID, only that tree.\n\n"
	       "      --json          a JSON object a line; bpf-ckpt-audit(5) describes them\n"
	       "  -J, --document      one JSON document\n"
	       "  -w, --write FILE    record everything in FILE\n"
	       "  -r, --read FILE     tell what FILE recorded instead of what happens now\n"
	       "      --pidns         PID's whole pid namespace and those below it\n"
	       "      --threads       threads, too\n"
	       "      --all           kernel threads, too\n"
	       "      --calls         setns, unshare and refused calls, even where every system call pays for it\n"
	       "      --events LIST   only these, comma in between; -NAME leaves one out. There are:\n"
	       "                     ");
	for (int i = 0; i < AE_TYPES; i++)
		printf(" %s%s", audit_type_names[i], i % 6 == 5 ? "\n                     " : "");
	puts("\n      --rules FILE    alerts that are expected: lines of \"allow ALERT [comm=GLOB] [exe=GLOB]\n"
	     "                      [cgroup=GLOB] [uid=N[-M]] [parent=GLOB] [how=GLOB]\"\n"
	     "      --zombies SEC   alert when a zombie is older (default 60; 0: never)\n"
	     "      --near PERCENT  alert when a limit of pids is that full (default 90; 0: never)\n"
	     "      --max-level N   alert when a task is born deeper than N (default 32)\n"
	     "      --for SEC       end after that time\n"
	     "      --count N       end after N events\n"
	     "      --strict        exit status 6 when events were lost and no walk could make it good\n"
	     "      --ring BYTES    room for events that were not read yet (default 4194304)\n"
	     "      --stats         in the end, what each BPF program cost\n"
	     "      --top           a table of pid namespaces on the whole screen; q ends it\n"
	     "      --html FILE     with -r: a page of namespaces over time, with alerts; for any browser\n"
	     "      --metrics-file FILE\n"
	     "                      keep Prometheus text in FILE, replaced as a whole every few seconds\n"
	     "      --listen WHERE  answer /metrics and /healthz: PORT of 127.0.0.1, ADDRESS:PORT, unix:PATH\n"
	     "      --max-series N  of namespaces in these, at most (default 10000)\n"
	     "      --fields        the fields of events, and what they mean\n"
	     "  -v                  what libbpf says\n"
	     "  -h, --help          this text");
}

static int show_fields(void)
{
	for (const struct audit_field *f = audit_fields; f->name; f++) {
		const char *sep = " [";

		printf("%-18s %s", f->name, f->about);
		for (int t = 0; t < AE_TYPES && f->types + 1 != 1u << AE_TYPES; t++) {
			if (!(f->types >> t & 1))
				continue;
			printf("%s%s", sep, audit_type_names[t]);
			sep = " ";
		}
		puts(*sep == ' ' && sep[1] ? "" : "]");
	}
	return STATUS_DONE;
}

/* ---- arguments ---- */

static int parse_events(struct request *q, const char *text)
{
	char *list _free_ = strdup(text), *save; /* a copy: ps(1) shows the arguments */
	char *word = list ? strtok_r(list, ",", &save) : NULL;

	if (!list)
		return exit_status(-ENOMEM);
	if (!q->types_given)
		q->types = word && *word == '-' ? ~SNAPSHOT : 0;
	q->types_given = true;
	for (; word; word = strtok_r(NULL, ",", &save)) {
		bool out = *word == '-';
		int type = audit_type_by_name(word + out, strlen(word + out));

		if (!out && !strcmp(word, "alerts")) {
			q->types |= AUDIT_ALERTS;
			continue;
		}
		if (type < 0)
			return cmd_usage_error("audit", "no event \"%s\"", word + out);
		q->types = out ? q->types & ~(1u << type) : q->types | 1u << type;
	}
	return 0;
}

/* A number with a fraction of up to limit, or -1. */
static double parse_number(const char *text, double limit)
{
	char *end;
	double n = strtod(text, &end);

	return *text >= '0' && *text <= '9' && !*end && n <= limit ? n : -1;
}

static int take_number(const char *name, double limit, __u64 unit, __u64 *out)
{
	double n = parse_number(optarg, limit);

	if (n < 0)
		return cmd_usage_error("audit", "%s: \"%s\" is no number up to %.0f", name, optarg, limit);
	*out = n * unit;
	return 0;
}

static int parse_option(struct request *q, int c)
{
	struct audit_opts *o = &q->run.audit.opts;
	__u64 n = 0;
	int err = 0;

	switch (c) {
	case OPT_JSON:
		q->format = AUDIT_JSON_LINES;
		break;
	case 'J':
		q->format = AUDIT_DOCUMENT;
		break;
	case 'w':
		q->write = optarg;
		break;
	case 'r':
		q->read = optarg;
		break;
	case 'v':
		q->run.probe_opts.verbose = true;
		break;
	case OPT_PIDNS:
		o->pidns = true;
		break;
	case OPT_THREADS:
		o->threads = q->run.probe_opts.threads = true;
		break;
	case OPT_ALL:
		o->kthreads = true;
		break;
	case OPT_CALLS:
		q->run.probe_opts.calls = true;
		break;
	case OPT_STRICT:
		o->strict = true;
		break;
	case OPT_STATS:
		q->run.probe_opts.stats = true;
		break;
	case OPT_EVENTS:
		return parse_events(q, optarg);
	case OPT_TOP:
		q->views.top = true;
		break;
	case OPT_HTML:
		q->html = optarg;
		break;
	case OPT_METRICS:
		q->views.metrics_file = optarg;
		break;
	case OPT_LISTEN:
		q->views.listen = optarg;
		break;
	case OPT_SERIES:
		err = take_number("--max-series", 1e7, 1, &n);
		q->views.max_series = n;
		return err;
	case OPT_RULES:
		q->run.rules = optarg;
		break;
	case OPT_FOR:
		return take_number("--for", 1e9, SECOND, &q->run.for_ns);
	case OPT_COUNT:
		return take_number("--count", 1e15, 1, &q->run.count);
	case OPT_ZOMBIES:
		return take_number("--zombies", 1e9, SECOND, &o->zombie_ns);
	case OPT_NEAR:
		err = take_number("--near", 100, 1, &n);
		o->near_percent = n;
		return err;
	case OPT_DEPTH:
		err = take_number("--max-level", PIDNS_LEVEL_MAX, 1, &n);
		o->max_level = n;
		return err;
	case OPT_RING:
		err = take_number("--ring", 1 << 30, 1, &n);
		q->run.probe_opts.ring = n;
		return err ?: n ? 0 : cmd_usage_error("audit", "--ring: at least one byte");
	default:
		return cmd_usage_error("audit", "wrong option");
	}
	return 0;
}

static int parse(struct request *q, int argc, char **argv)
{
	int c, err;

	while ((c = getopt_long(argc, argv, "Jw:r:vh", options, NULL)) != -1) {
		if (c == 'h' || c == OPT_FIELDS)
			return c == 'h' ? (help(), -1) : (show_fields(), -1);
		err = parse_option(q, c);
		if (err)
			return err;
	}
	if (argc - optind > 1)
		return cmd_usage_error("audit", "give one PID or none");
	if (argc > optind) {
		q->run.audit.opts.root = cmd_parse_pid(argv[optind]);
		if (q->run.audit.opts.root < 0)
			return cmd_usage_error("audit", "\"%s\" is no pid", argv[optind]);
	}
	if (q->run.audit.opts.pidns && !q->run.audit.opts.root)
		return cmd_usage_error("audit", "--pidns is of a PID: give one");
	if (q->read && (q->write || q->run.probe_opts.stats || q->run.for_ns))
		return cmd_usage_error("audit", "-r tells of the past: it cannot be recorded, measured or waited for");
	if (q->html && !q->read)
		return cmd_usage_error("audit", "--html draws a recording: give -r FILE");
	if (q->views.top && (q->read || q->format != AUDIT_LINES))
		return cmd_usage_error("audit", "--top is a table of now on a terminal: neither -r nor JSON");
	if (q->read && (q->views.metrics_file || q->views.listen))
		return cmd_usage_error("audit", "-r tells of the past: metrics are of now");
	return 0;
}

/* ---- running ---- */

/*
 * SIGINT and SIGTERM end the audit as the end of its time does; a closed pipe is an error to report.
 * hangup: whether that asks for the rules to be read again; else it is the end, as that of a terminal.
 */
static int catch_signals(bool hangup)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	if (hangup)
		sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void print_stats(const struct audit_probe *p)
{
	struct audit_prog_stat s[16];
	size_t nr = audit_probe_stats(p, s, ARRAY_SIZE(s));
	struct audit_counts c;

	audit_probe_counts(p, &c);
	fprintf(stderr, "%-16s %12s %9s\n", "program", "runs", "ns/run");
	for (size_t i = 0; i < nr && i < ARRAY_SIZE(s); i++)
		fprintf(stderr, "%-16s %12llu %9.0f\n", s[i].name, s[i].runs,
			s[i].runs ? (double)s[i].ns / s[i].runs : 0);
	fprintf(stderr, "%llu events, %llu lost; ring of %zu bytes\n", c.seen_all, c.lost_all, audit_probe_ring(p));
}

/* For people, on standard error: a stream that ends says what it was. */
static void print_summary(const struct audit *a)
{
	unsigned long long alerts = 0, allowed = 0;

	for (int i = 0; i < AE_TYPES; i++) {
		alerts += audit_is_alert(i) ? a->totals.events[i] : 0;
		allowed += a->totals.allowed[i];
	}
	inform("audit: %llu born, %llu ended, %llu namespaces made; %llu alerts, %llu allowed by rules; %llu events "
	       "lost, %llu walks made it good", a->totals.events[AE_BORN], a->totals.events[AE_EXIT],
	       a->totals.created, alerts, allowed, a->totals.lost, a->totals.resyncs);
}

/* Which events the stream tells when nobody says it: people do not want all that is there. */
static void choose_types(struct request *q, struct audit_out *out)
{
	if (q->types_given)
		out->sink.types = q->types;
	else if (q->format == AUDIT_LINES)
		out->sink.types = ~(SNAPSHOT | 1u << AE_RENAMED);
}

static int watch(struct request *q)
{
	struct audit_run *r = &q->run;
	struct audit *a = &r->audit;
	struct audit_notify notify;
	struct audit_out out = {}, record = {};
	int err = audit_out_open(&out, q->format, NULL, a->boot_id);

	if (!err && q->write)
		err = audit_out_open(&record, AUDIT_JSON_LINES, q->write, a->boot_id);
	if (err)
		return err;
	choose_types(q, &out);
	if (q->views.top)
		out.sink.types = 0;
	a->opts.paths = q->write || q->format != AUDIT_LINES || a->opts.rules;
	out.sink.next = q->write ? &record.sink : NULL;
	audit_notify_open(&notify);
	notify.sink.next = &out.sink;
	a->sinks = &notify.sink;
	r->signals = catch_signals((r->rules || notify.socket >= 0) && !q->views.top);
	if (r->signals < 0)
		return fail(-errno, "signalfd");
	err = audit_views_open(&q->views, a, &r->stop);
	if (!err)
		err = audit_run(r);
	audit_views_close(&q->views);
	if (!err)
		err = audit_out_close(&out);
	if (!err && q->write)
		err = audit_out_close(&record);
	if (r->probe && q->run.probe_opts.stats)
		print_stats(r->probe);
	if (!err && q->format == AUDIT_LINES)
		print_summary(a);
	if (!err && a->opts.strict && r->doubt_ns)
		err = fail(-ERR_INCOMPLETE, "audit: events were lost and no walk could make it good: there are too "
			   "many for the ring (--ring)");
	audit_probe_close(r->probe);
	audit_notify_close(&notify);
	close(r->signals);
	return err;
}

static int replay(struct request *q)
{
	struct audit *a = &q->run.audit;
	struct audit_out out;
	int err = audit_out_open(&out, q->format, NULL, a->boot_id);

	if (err)
		return err;
	signal(SIGPIPE, SIG_IGN);
	choose_types(q, &out);
	a->sinks = &out.sink;
	err = audit_replay_run(a, q->read);
	return err ?: audit_out_close(&out);
}

static int write_page(struct request *q)
{
	struct audit_page page;
	int err;

	audit_page_init(&page);
	q->run.audit.sinks = &page.sink;
	err = audit_replay_run(&q->run.audit, q->read);
	if (!err)
		err = audit_page_write(&page, q->html);
	audit_page_free(&page);
	return err;
}

static int diff(int argc, char **argv)
{
	bool json = argc > 2 && !strcmp(argv[2], "--json");

	if (argc != 4 + json || argv[2 + json][0] == '-' || argv[3 + json][0] == '-')
		return cmd_usage_error("audit", "diff [--json] FILE FILE");
	return exit_status(audit_diff(argv[2 + json], argv[3 + json], json));
}

int cmd_audit(int argc, char **argv)
{
	struct request q = {
		.run.audit.opts = { .zombie_ns = 60 * SECOND, .near_percent = 90, .max_level = PIDNS_LEVEL_MAX },
		.views.max_series = AUDIT_SERIES,
	};
	int err;

	if (argc > 1 && !strcmp(argv[1], "diff"))
		return diff(argc, argv);
	err = parse(&q, argc, argv);
	if (err)
		return err < 0 ? STATUS_DONE : err;
	if (q.run.rules)
		err = audit_rules_read(&q.run.audit.opts.rules, q.run.rules);
	if (!err)
		err = q.html ? write_page(&q) : q.read ? replay(&q) : watch(&q);
	audit_rules_free(q.run.audit.opts.rules);
	audit_cgroups_free(q.run.audit.cgroups);
	audit_table_free(&q.run.audit);
	return exit_status(err);
}
