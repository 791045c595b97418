// SPDX-License-Identifier: GPL-2.0-only
/* cmd_show.c - bpf-ckpt show: what an image holds. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "cmd.h"
#include "image.h"
#include "log.h"
#include "markup.h"
#include "picture.h"
#include "rec_file.h"
#include "rec_mem.h"
#include "rec_state.h"
#include "record_json.h"
#include "tree.h"
#include "users.h"

enum { SHOW_TREE = 256, SHOW_MAPS, SHOW_FILES, SHOW_PIDS, SHOW_ALL, SHOW_JSON, SHOW_DOT,
       SHOW_SVG };

static const struct option options[] = {
	{ "tree", no_argument, NULL, SHOW_TREE },   { "maps", no_argument, NULL, SHOW_MAPS },
	{ "files", no_argument, NULL, SHOW_FILES }, { "pids", no_argument, NULL, SHOW_PIDS },
	{ "all", no_argument, NULL, SHOW_ALL },	    { "json", no_argument, NULL, SHOW_JSON },
	{ "dot", optional_argument, NULL, SHOW_DOT }, { "svg", optional_argument, NULL, SHOW_SVG },
	{ "help", no_argument, NULL, 'h' },	    {},
};

static void help(void)
{
	puts("Usage: bpf-ckpt show FILE|- [OPTIONS]\n\n"
	     "Print what an image holds. The whole image is checked first.\n\n"
	     "      --tree   processes with their chains of numbers (default, after a summary)\n"
	     "      --maps   areas of every address space\n"
	     "      --files  descriptors of every process\n"
	     "      --pids   every pid object and namespace\n"
	     "      --all    every record with all its fields\n"
	     "      --json   all records as one JSON object\n"
	     "      --svg[=FILE] the processes in their pid namespaces as a picture\n"
	     "      --dot[=FILE] the same for dot(1) of Graphviz\n"
	     "  -h, --help   this text");
}

static const struct rec_tree *tree_record(const struct image *img)
{
	size_t nr;
	void **rec = snap_all(&img->snap, REC_TREE, &nr);

	return rec[0];
}

static void show_summary(const struct image *img, const char *path)
{
	const struct rec_tree *t = tree_record(img);
	time_t when = img->header.created / 1000000000;
	unsigned long long pages = 0;
	char date[64];

	for (size_t i = 0; i < img->nr_runs; i++)
		pages += img->runs[i].ext.len / 4096;
	strftime(date, sizeof(date), "%F %T %z", localtime(&when));
	printf("%s: made %s on Linux ", path, date);
	put_clean(stdout, img->header.release, sizeof(img->header.release));
	putchar('\n');
	printf("%llu processes, %llu threads, %llu zombies; %llu pages, %zu bytes\n", t->processes,
	       t->threads, t->zombies, pages, img->size);
	printf("%s\n\n", t->flags & TREE_F_CONTAINER ?
			 "the tree of a pid namespace: restored in a new one" :
			 "a tree without its pid namespace: restored with its numbers where it is restored");
}

static void show_task(const struct tree *t, const struct rec_pid *pid, const struct rec_task *task)
{
	char chain[512];

	printf("%s ", pid_chain(pid, t->root_level, chain, sizeof(chain)));
	put_clean(stdout, task->comm, sizeof(task->comm));
}

static void show_tree(const struct image *img, const struct tree *t)
{
	for (size_t i = 0; i < t->nr; i++) {
		const struct proc *p = &t->procs[i];
		unsigned int indent = 0;

		for (const struct proc *up = p->parent; up; up = up->parent)
			indent++;
		printf("%*s", indent * 2, "");
		show_task(t, p->pid, p->leader);
		printf("%s", p->zombie ? " (zombie)" : "");
		if (p->nr_threads > 1)
			printf(" %u threads", p->nr_threads);
		putchar('\n');
	}
}

static void show_maps(const struct image *img, const struct users *u, const struct tree *t)
{
	__u64 mm = 0;

	snap_for_each(&img->snap, REC_VMA, const struct rec_vma, v) {
		const struct shared_by *by = v->mm != mm ? users_find(u, v->mm) : NULL;
		const struct rec_pid *pid = by ? snap_find(&img->snap, REC_PID, by->task->tgid) : NULL;
		const struct rec_file *f = v->file ? snap_find(&img->snap, REC_FILE, v->file) : NULL;

		if (pid) {
			show_task(t, pid, by->task);
			putchar('\n');
		}
		mm = v->mm;
		printf("  %012llx-%012llx %c%c%c%c ", v->start, v->end, v->flags & 1 ? 'r' : '-',
		       v->flags & 2 ? 'w' : '-', v->flags & 4 ? 'x' : '-', v->flags & 0x80 ? 's' : 'p');
		if (f && f->path_len)
			put_clean(stdout, f->path, f->path_len);
		else
			put_clean(stdout, v->name, sizeof(v->name));
		putchar('\n');
	}
}

static void show_files(const struct image *img, const struct users *u, const struct tree *t)
{
	__u64 files = 0;

	snap_for_each(&img->snap, REC_FD, const struct rec_fd, slot) {
		const struct shared_by *by = slot->files != files ? users_find(u, slot->files) : NULL;
		const struct rec_pid *pid = by ? snap_find(&img->snap, REC_PID, by->task->tgid) : NULL;
		const struct rec_file *f = snap_find(&img->snap, REC_FILE, slot->file);

		if (pid) {
			show_task(t, pid, by->task);
			putchar('\n');
		}
		files = slot->files;
		printf("  %4u%s flags 0%o pos %llu file %llu ", slot->fd, slot->cloexec ? "*" : " ",
		       f->flags, f->pos, f->addr);
		if (f->path_len)
			put_clean(stdout, f->path, f->path_len);
		else
			put_clean(stdout, f->name, sizeof(f->name));
		putchar('\n');
	}
}

static void show_kind(const struct image *img, __u32 tag)
{
	snap_for_each(&img->snap, tag, const struct rec_hdr, rec)
		record_print(res_type(tag), rec, stdout);
}

static void show_json(const struct image *img)
{
	struct json_object *o = json_object_new_object(), *records = json_object_new_object();

	json_object_object_add(o, "version", json_object_new_int(img->header.version));
	json_object_object_add(o, "release", json_object_new_string_len(img->header.release,
			       strnlen(img->header.release, sizeof(img->header.release))));
	json_object_object_add(o, "created_ns", json_object_new_uint64(img->header.created));
	for (unsigned int i = 0; i < nr_res_types; i++) {
		struct json_object *list = json_object_new_array();

		snap_for_each(&img->snap, res_types[i]->tag, const struct rec_hdr, rec)
			json_object_array_add(list, record_json(res_types[i], rec));
		json_object_object_add(records, res_types[i]->name, list);
	}
	json_object_object_add(o, "records", records);
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static bool everything(const struct proc *p, const void *arg)
{
	return true;
}

static int show(const struct image *img, const char *path, int what, const char *picture)
{
	struct tree t = {};
	struct users u = {};
	int err = tree_build(&t, &img->snap, tree_record(img)->root);

	if (err)
		return fail(-ERR_IMAGE, "%s: its tasks do not make a tree", path);
	err = users_build(&u, &t);
	if (err)
		return fail(err, "show");
	if (what == SHOW_DOT || what == SHOW_SVG) {
		err = picture_write(&t, t.root_level, everything, NULL,
				    what == SHOW_DOT ? PICTURE_DOT : PICTURE_SVG, picture);
	} else if (what == SHOW_JSON) {
		show_json(img);
	} else if (what == SHOW_MAPS) {
		show_maps(img, &u, &t);
	} else if (what == SHOW_FILES) {
		show_files(img, &u, &t);
	} else if (what == SHOW_PIDS) {
		show_kind(img, REC_PIDNS);
		show_kind(img, REC_PID);
	} else if (what == SHOW_ALL) {
		for (unsigned int i = 0; i < nr_res_types; i++)
			show_kind(img, res_types[i]->tag);
	} else {
		if (!what)
			show_summary(img, path);
		show_tree(img, &t);
	}
	users_free(&u);
	tree_free(&t);
	return err;
}

int cmd_show(int argc, char **argv)
{
	struct image img;
	const char *picture = NULL;
	int c, err, what = 0;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			help();
			return STATUS_DONE;
		}
		if (c == '?')
			return cmd_usage_error("show", "wrong option");
		what = c;
		picture = optarg;
	}
	if (argc - optind != 1)
		return cmd_usage_error("show", "give one image");
	err = image_open(&img, argv[optind]);
	if (err)
		return exit_status(err);
	err = image_validate(&img);
	if (!err)
		err = show(&img, argv[optind], what, picture);
	image_close(&img);
	return exit_status(err);
}
