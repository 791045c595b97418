/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd_what.h - options of dump, and of check, which only looks: what belongs to a tree, and what becomes of the rest. */
#ifndef BPF_CKPT_CMD_WHAT_H
#define BPF_CKPT_CMD_WHAT_H

#include <getopt.h>

#include "dump.h"

enum { WHAT_FIRST = 512, WHAT_SHELL_JOB = WHAT_FIRST, WHAT_ENTRANTS, WHAT_LEAKS, WHAT_EXTERNAL, WHAT_SYSV,
       WHAT_TCP_KEEP, WHAT_TCP_END, WHAT_CONTAINER, WHAT_SUBTREE, WHAT_END };

#define WHAT_OPTIONS \
	{ "shell-job", no_argument, NULL, WHAT_SHELL_JOB }, \
	{ "entrants", required_argument, NULL, WHAT_ENTRANTS }, \
	{ "leaks", required_argument, NULL, WHAT_LEAKS }, \
	{ "external", required_argument, NULL, WHAT_EXTERNAL }, \
	{ "sysv", required_argument, NULL, WHAT_SYSV }, \
	{ "tcp-established", no_argument, NULL, WHAT_TCP_KEEP }, \
	{ "tcp-close", no_argument, NULL, WHAT_TCP_END }, \
	{ "container", no_argument, NULL, WHAT_CONTAINER }, \
	{ "subtree", no_argument, NULL, WHAT_SUBTREE }

#define WHAT_HELP \
	"      --shell-job     accept the session, groups and terminal of the shell that the tree was\n" \
	"                      started from; they become those that restore is run from\n" \
	"      --entrants=fail|include|ignore\n" \
	"                      tasks that came into the tree's pid namespaces from outside (setns):\n" \
	"                      fail (default), include them as children of the restorer, or ignore\n" \
	"                      them, so that they are not in the image\n" \
	"      --leaks=fail|warn\n" \
	"                      pipes, memfds and event files that somebody outside has open too, which a\n" \
	"                      restore cannot share: fail (default), or warn and cut them. Unix sockets\n" \
	"                      with a peer outside: fail, or warn and close them; datagram sockets are\n" \
	"                      connected with the same name anew. Of a shared position in a file it\n" \
	"                      always only warns\n" \
	"      --external KEY  leave out the open file that readlink(/proc/PID/fd/N) calls KEY, such as\n" \
	"                      pipe:[4711], socket:[4712] or a path: restore --inherit-fd provides one\n" \
	"      --sysv=tree|all\n" \
	"                      System V objects that are the tree's: those that it has attached, waits for,\n" \
	"                      has adjustments of, has made or used last (tree, default), or all\n" \
	"      --tcp-established  keep TCP connections. With --kill their peers hear nothing until the\n" \
	"                      restore, for an hour at most (by nf_tables)\n" \
	"      --tcp-close     end them: a restored program finds them closed\n" \
	"      --container     PID must be the init of a pid namespace\n" \
	"      --subtree       PID must not be one\n"

/* c, from getopt_long(): one of WHAT_OPTIONS goes into o. STATUS_DONE; another status, reported, is the end. */
int cmd_what(const char *command, int c, struct dump_opts *o);

static inline bool cmd_is_what(int c)
{
	return c >= WHAT_FIRST && c < WHAT_END;
}

#endif
