// SPDX-License-Identifier: GPL-2.0-only
/* field.c - values of fields. */
#include "field.h"

#include <string.h>

__u64 field_value(const struct field *f, const void *rec, unsigned int index)
{
	const char *at = (const char *)rec + f->offset + (size_t)index * f->size;
	bool is_signed = f->form == AS_SIGNED;
	union { __u8 b; __u16 h; __u32 w; __u64 q; } v = {};

	memcpy(&v, at, f->size <= 8 ? f->size : 8);
	switch (f->size) {
	case 1:
		return is_signed ? (__u64)(__s64)(__s8)v.b : v.b;
	case 2:
		return is_signed ? (__u64)(__s64)(__s16)v.h : v.h;
	case 4:
		return is_signed ? (__u64)(__s64)(__s32)v.w : v.w;
	default:
		return v.q;
	}
}
