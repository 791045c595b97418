/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd.h - the commands of bpf-ckpt: one file each, each reads as its own recipe. */
#ifndef BPF_CKPT_CMD_H
#define BPF_CKPT_CMD_H

#include <stdbool.h>
#include <sys/types.h>

/* argv[0] is the command's name. The value is the exit status of the program. */
int cmd_audit(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* A positive decimal number that is all of text, or -1. */
pid_t cmd_parse_pid(const char *text);

/* "bpf-ckpt: dump: MESSAGE (try ...)" on stderr; the exit status for wrong usage. */
int cmd_usage_error(const char *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
