/* SPDX-License-Identifier: GPL-2.0-only */
/* build_id.h - what a linker has called an executable or library: its GNU build id. */
#ifndef BPF_CKPT_BUILD_ID_H
#define BPF_CKPT_BUILD_ID_H

#define BUILD_ID_MAX 32

/* Bytes of it, up to BUILD_ID_MAX; 0 when the file has none, or is no 64-bit ELF file. */
unsigned int build_id_read(int fd, unsigned char *id);

#endif
