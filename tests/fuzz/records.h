/* SPDX-License-Identifier: GPL-2.0-only */
/* records.h - mutations that leave records records: of fields, references, order and number. */
#ifndef BPF_CKPT_FUZZ_RECORDS_H
#define BPF_CKPT_FUZZ_RECORDS_H

#include <stddef.h>
#include <stdint.h>

/* Change size bytes of records in place, to at most max bytes; returns their new size. */
size_t records_mutate(uint8_t *data, size_t size, size_t max, unsigned int seed);

/* libFuzzer's own */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#endif
