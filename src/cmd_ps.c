// SPDX-License-Identifier: GPL-2.0-only
/* cmd_ps.c - bpf-ckpt ps: tasks with their numbers in every pid namespace, nothing stopped. */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "cmd.h"
#include "log.h"
#include "picture.h"
#include "task_state.h"
#include "tree.h"
#include "walk.h"

enum { OPT_TREE = 256, OPT_JSON, OPT_PIDNS, OPT_THREADS, OPT_ALL, OPT_DOT, OPT_SVG };

static const struct option options[] = {
	{ "tree", no_argument, NULL, OPT_TREE },	{ "json", no_argument, NULL, OPT_JSON },
	{ "pidns", no_argument, NULL, OPT_PIDNS },	{ "threads", no_argument, NULL, OPT_THREADS },
	{ "all", no_argument, NULL, OPT_ALL },		{ "dot", optional_argument, NULL, OPT_DOT },
	{ "svg", optional_argument, NULL, OPT_SVG },	{ "help", no_argument, NULL, 'h' },
	{},
};

struct view {
	pid_t pid; /* 0: everything */
	bool tree, json, pidns, threads, all;
	const char *columns;
	enum picture_form picture;
	const char *path; /* of the picture; NULL: standard output */
	struct snap snap;
	struct tree forest;
	const struct proc *root; /* NULL: everything is shown */
};

/* One line of the table: a thread of a process. */
struct row {
	const struct view *view;
	const struct proc *proc;
	const struct rec_task *task;
	const struct rec_pid *pid;
};

static void chain(const struct rec_pid *p, char *buf, size_t len)
{
	if (p)
		pid_chain(p, 0, buf, len);
	else
		snprintf(buf, len, "-");
}

static void col_pid(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%d", r->pid->numbers[0]);
}

static void col_ppid(const struct row *r, char *buf, size_t len)
{
	const struct rec_pid *p = snap_find(&r->view->snap, REC_PID, r->task->parent);

	snprintf(buf, len, "%d", p ? p->numbers[0] : 0);
}

static void col_depth(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%u", r->proc->depth);
}

static void col_level(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%u", r->pid->level);
}

static void col_chain(const struct row *r, char *buf, size_t len)
{
	chain(r->pid, buf, len);
}

static void col_pgid(const struct row *r, char *buf, size_t len)
{
	chain(r->proc->pgid, buf, len);
}

static void col_sid(const struct row *r, char *buf, size_t len)
{
	chain(r->proc->sid, buf, len);
}

static void col_pidns(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%u", r->proc->ns ? r->proc->ns->inum : 0);
}

static void col_owner(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%u", r->proc->ns ? r->proc->ns->owner_inum : 0);
}

static void col_childns(const struct row *r, char *buf, size_t len)
{
	const struct rec_pidns *n = snap_find(&r->view->snap, REC_PIDNS, r->task->pidns_children);

	snprintf(buf, len, "%u", n ? n->inum : 0);
}

static void col_state(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%c", task_state_letter(r->task));
}

static void col_comm(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%.16s", r->task->comm);
}

static void col_uid(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%u", r->task->uid);
}

static void col_nice(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%d", r->task->nice);
}

static void col_sigblk(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%016llx", r->task->blocked);
}

static void col_threads(const struct row *r, char *buf, size_t len)
{
	snprintf(buf, len, "%u", r->proc->nr_threads);
}

static const struct column {
	const char *name;
	void (*text)(const struct row *r, char *buf, size_t len);
	bool right;
} columns[] = {
	{ "PID", col_pid, true },    { "PPID", col_ppid, true },   { "DEPTH", col_depth, true },
	{ "LEVEL", col_level, true }, { "CHAIN", col_chain, false }, { "PGID", col_pgid, false },
	{ "SID", col_sid, false },   { "PIDNS", col_pidns, true }, { "OWNER", col_owner, true },
	{ "CHILDNS", col_childns, true }, { "STATE", col_state, false }, { "UID", col_uid, true },
	{ "NICE", col_nice, true },  { "SIGBLK", col_sigblk, false }, { "THREADS", col_threads, true },
	{ "COMM", col_comm, false },
};

static void help(void)
{
	printf("Usage: bpf-ckpt ps [PID] [OPTIONS]\n\n"
	       "A live table of tasks with their numbers in every pid namespace they are in (the chain,\n"
	       "outermost first). Nothing is stopped. With PID, only that tree.\n\n"
	       "      --tree       draw parents and children\n"
	       "      --pidns      PID's whole pid namespace and those below it\n"
	       "      --threads    a line for every thread\n"
	       "      --all        kernel threads too\n"
	       "  -o COL[,COL...]  columns (default PID,PPID,DEPTH,CHAIN,PIDNS,STATE,COMM); there are:\n"
	       "                  ");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		printf(" %s", columns[i].name);
	puts("\n      --json       one object {\"tasks\": [...]} with everything\n"
	     "      --svg[=FILE] a picture: namespaces as boxes in boxes, tasks with their chains, dashed\n"
	     "                   lines to tasks whose parent lives in another namespace\n"
	     "      --dot[=FILE] the same for dot(1) of Graphviz\n"
	     "  -h, --help       this text");
}

/* ---- which tasks ---- */

static int take_walk(struct view *v)
{
	struct walk_opts opts = {};
	struct walk *w = NULL;
	int err = walk_open(&w, &opts);

	if (!err)
		err = walk_run(w, WALK_TASKS, &v->snap);
	walk_close(w);
	snap_unique(&v->snap, REC_PIDNS);
	snap_unique(&v->snap, REC_PID);
	snap_unique(&v->snap, REC_TASK);
	snap_unique(&v->snap, REC_PROC);
	if (!err && tree_build_all(&v->forest, &v->snap))
		err = fail(-ENOMEM, "ps");
	return err;
}

static const struct proc *find_root(const struct view *v)
{
	for (size_t i = 0; i < v->forest.nr; i++)
		for (unsigned int j = 0; j < v->forest.procs[i].nr_threads; j++) {
			const struct rec_pid *p = snap_find(&v->snap, REC_PID,
							    v->forest.procs[i].threads[j]->pid);

			if (p && p->numbers[0] == v->pid)
				return &v->forest.procs[i];
		}
	return NULL;
}

static bool is_shown(const struct proc *p, const void *arg)
{
	const struct view *v = arg;
	const struct proc *root = v->root;

	if (!v->all && p->leader->flags & TASK_F_KTHREAD)
		return false;
	if (!root)
		return true;
	if (v->pidns)
		return pidns_within(&v->snap, p->pid->ns, root->pid->ns);
	for (; p; p = p->parent)
		if (p == root)
			return true;
	return false;
}

/* Depth counts from the namespace of what is shown. */
static void set_depths(struct view *v)
{
	for (size_t i = 0; i < v->forest.nr; i++) {
		struct proc *p = &v->forest.procs[i];
		unsigned int from = v->root ? v->root->pid->level : 0;

		p->depth = p->pid->level > from ? p->pid->level - from : 0;
	}
}

/* ---- output ---- */

static struct json_object *json_chain(const struct rec_pid *p)
{
	struct json_object *a = json_object_new_array();

	for (unsigned int l = 0; p && l <= p->level; l++)
		json_object_array_add(a, json_object_new_int(p->numbers[l]));
	return a;
}

static void put(struct json_object *o, const char *key, __s64 value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

static struct json_object *json_row(const struct row *r)
{
	const struct snap *s = &r->view->snap;
	const struct rec_pid *parent = snap_find(s, REC_PID, r->task->parent);
	const struct rec_pidns *children = snap_find(s, REC_PIDNS, r->task->pidns_children);
	struct json_object *o = json_object_new_object();
	char text[32];

	put(o, "pid", r->pid->numbers[0]);
	put(o, "tgid", r->proc->pid->numbers[0]);
	put(o, "ppid", parent ? parent->numbers[0] : 0);
	put(o, "level", r->pid->level);
	put(o, "depth", r->proc->depth);
	json_object_object_add(o, "chain", json_chain(r->pid));
	json_object_object_add(o, "ppid_chain", json_chain(parent));
	json_object_object_add(o, "pgid_chain", json_chain(r->proc->pgid));
	json_object_object_add(o, "sid_chain", json_chain(r->proc->sid));
	put(o, "pidns", r->proc->ns ? r->proc->ns->inum : 0);
	put(o, "pidns_owner", r->proc->ns ? r->proc->ns->owner_inum : 0);
	put(o, "pidns_children", children ? children->inum : 0);
	put(o, "uid", r->task->uid);
	put(o, "euid", r->task->euid);
	put(o, "gid", r->task->gid);
	put(o, "nice", r->task->nice);
	put(o, "threads", r->proc->nr_threads);
	snprintf(text, sizeof(text), "%016llx", r->task->blocked);
	json_object_object_add(o, "blocked", json_object_new_string(text));
	snprintf(text, sizeof(text), "%c", task_state_letter(r->task));
	json_object_object_add(o, "state", json_object_new_string(text));
	json_object_object_add(o, "comm", json_object_new_string_len(r->task->comm,
					  strnlen(r->task->comm, sizeof(r->task->comm))));
	return o;
}

static const struct column *find_column(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (strlen(columns[i].name) == len && !strncasecmp(columns[i].name, name, len))
			return &columns[i];
	return NULL;
}

struct sink {
	struct json_object *list;
	struct libscols_table *table;
	const struct column *col[32];
	size_t nr_cols;
	struct libscols_line **line; /* by index of the process, for parents */
};

static int choose_columns(struct view *v, struct sink *out)
{
	const char *at = v->columns;

	out->table = scols_new_table();
	scols_table_enable_noheadings(out->table, 0);
	while (*at && out->nr_cols < ARRAY_SIZE(out->col)) {
		size_t len = strcspn(at, ",");
		const struct column *c = find_column(at, len);

		if (!c)
			return cmd_usage_error("ps", "no column \"%.*s\"", (int)len, at);
		scols_table_new_column(out->table, c->name, 0,
				       (c->right ? SCOLS_FL_RIGHT : 0) |
				       (v->tree && c->text == col_comm ? SCOLS_FL_TREE : 0));
		out->col[out->nr_cols++] = c;
		at += len + (at[len] == ',');
	}
	return 0;
}

static void emit(struct view *v, struct sink *out, const struct row *r)
{
	size_t i = r->proc - v->forest.procs;
	struct libscols_line *up = NULL, *line;
	char buf[512];

	if (v->json) {
		json_object_array_add(out->list, json_row(r));
		return;
	}
	if (v->tree && r->task != r->proc->leader)
		up = out->line[i];
	else if (v->tree && r->proc->parent)
		up = out->line[r->proc->parent - v->forest.procs];
	line = scols_table_new_line(out->table, up);
	if (r->task == r->proc->leader)
		out->line[i] = line;
	for (size_t c = 0; c < out->nr_cols; c++) {
		out->col[c]->text(r, buf, sizeof(buf));
		scols_line_set_data(line, c, buf);
	}
}

static void emit_all(struct view *v, struct sink *out)
{
	for (size_t i = 0; i < v->forest.nr; i++) {
		const struct proc *p = &v->forest.procs[i];

		if (!is_shown(p, v))
			continue;
		for (unsigned int j = 0; j < (v->threads ? p->nr_threads : 1); j++) {
			struct row r = { v, p, p->threads[j],
					 snap_find(&v->snap, REC_PID, p->threads[j]->pid) };

			if (r.pid)
				emit(v, out, &r);
		}
	}
}

static int show(struct view *v)
{
	struct sink out = {};
	int err = 0;

	v->root = v->pid ? find_root(v) : NULL;
	if (v->pid && !v->root)
		return fail(-ESRCH, "pid %d", v->pid);
	if (v->picture)
		return picture_write(&v->forest, 0, is_shown, v, v->picture, v->path);
	set_depths(v);
	out.list = json_object_new_array();
	out.line = calloc(v->forest.nr + 1, sizeof(*out.line));
	if (!out.line)
		return fail(-ENOMEM, "ps");
	scols_init_debug(0);
	err = choose_columns(v, &out);
	if (!err)
		emit_all(v, &out);
	if (!err && v->json) {
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "tasks", json_object_get(out.list));
		puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY));
		json_object_put(o);
	} else if (!err) {
		scols_print_table(out.table);
	}
	scols_unref_table(out.table);
	json_object_put(out.list);
	free(out.line);
	return err > 0 ? -ERR_USAGE : err;
}

int cmd_ps(int argc, char **argv)
{
	struct view v = { .columns = "PID,PPID,DEPTH,CHAIN,PIDNS,STATE,COMM" };
	int c, err;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (c) {
		case OPT_TREE:
			v.tree = true;
			break;
		case OPT_JSON:
			v.json = true;
			break;
		case OPT_PIDNS:
			v.pidns = true;
			break;
		case OPT_THREADS:
			v.threads = true;
			break;
		case OPT_ALL:
			v.all = true;
			break;
		case OPT_DOT:
		case OPT_SVG:
			v.picture = c == OPT_DOT ? PICTURE_DOT : PICTURE_SVG;
			v.path = optarg;
			break;
		case 'o':
			v.columns = optarg;
			break;
		case 'h':
			help();
			return STATUS_DONE;
		default:
			return cmd_usage_error("ps", "wrong option");
		}
	}
	if (argc - optind > 1)
		return cmd_usage_error("ps", "give one PID or none");
	if (argc > optind) {
		v.pid = cmd_parse_pid(argv[optind]);
		if (v.pid < 0)
			return cmd_usage_error("ps", "\"%s\" is no pid", argv[optind]);
	}
	err = take_walk(&v);
	if (!err)
		err = show(&v);
	tree_free(&v.forest);
	snap_free(&v.snap);
	return exit_status(err);
}
