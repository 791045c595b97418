/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_where.h - options of restore, and of verify, which only tries: where a tree goes, and what may differ there. */
#ifndef BPF_CKPT_CMD_WHERE_H
#define BPF_CKPT_CMD_WHERE_H

#include <getopt.h>

#include "restore.h"

enum { WHERE_FIRST = 512, WHERE_NEW_PIDNS = WHERE_FIRST, WHERE_HOST_PIDS, WHERE_CHANGED, WHERE_INHERIT,
       WHERE_TCP_KEEP, WHERE_TCP_END, WHERE_END };

#define WHERE_OPTIONS \
	{ "new-pidns", no_argument, NULL, WHERE_NEW_PIDNS }, \
	{ "host-pids", no_argument, NULL, WHERE_HOST_PIDS }, \
	{ "changed-files", required_argument, NULL, WHERE_CHANGED }, \
	{ "inherit-fd", required_argument, NULL, WHERE_INHERIT }, \
	{ "tcp-established", no_argument, NULL, WHERE_TCP_KEEP }, \
	{ "tcp-close", no_argument, NULL, WHERE_TCP_END }

#define WHERE_HELP \
	"      --new-pidns     put a tree that has no pid namespace of its own into a new one: its\n" \
	"                      numbers are free there, so it can run beside others of its image\n" \
	"      --host-pids     give the tasks of a pid namespace their numbers in this one, too\n" \
	"      --changed-files=fail|warn  when a file that the tree runs or maps was changed since the\n" \
	"                      dump (default fail); one of the same build id and size is the same\n" \
	"      --inherit-fd FD:KEY  this command's descriptor FD takes the place of the open file KEY\n" \
	"                      that dump --external KEY left out; for each of them, of the same type\n" \
	"      --tcp-established  go on with the TCP connections of the image\n" \
	"      --tcp-close     have them closed: reading says end of file\n"

/* c, from getopt_long(): one of WHERE_OPTIONS goes into o. STATUS_DONE; another status, reported, is the end. */
int cmd_where(const char *command, int c, struct restore_opts *o);

static inline bool cmd_is_where(int c)
{
	return c >= WHERE_FIRST && c < WHERE_END;
}

#endif
