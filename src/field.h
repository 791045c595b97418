/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * field.h - field tables: what each member of a record means to the image, to show and to compare.
 */
#ifndef BPF_CKPT_FIELD_H
#define BPF_CKPT_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "record.h"

enum field_rule {
	MUST_MATCH,   /* saved, restored, and equal after a restore */
	IS_KEY,       /* MUST_MATCH, and tells records of one owner apart */
	IS_IDENTITY,  /* kernel address of the object itself; an id in the image. First field only */
	IS_OWNER,     /* reference to the object that the record belongs to. First field only */
	IS_REFERENCE, /* address of another object, an id in the image; the same object after restore */
	MAY_DIFFER,   /* saved for the reader, not restored (start time, inode number) */
	NEVER_SAVED,  /* means nothing outside of the running kernel; zero in the image */
};

/* How a value is shown; the same in text and JSON except that JSON has no hex numbers. */
enum field_form {
	AS_DEC,    /* unsigned */
	AS_SIGNED,
	AS_HEX,    /* JSON: a string "0x..." */
	AS_OCTAL,  /* JSON: a string */
	AS_TEXT,   /* char array, NUL-terminated unless full */
	AS_REF,    /* id of another object */
	AS_BYTES,  /* JSON: hex string */
};

struct field {
	const char *name;
	__u16 offset;
	__u16 size;  /* of one element; 1, 2, 4 or 8, or any for AS_TEXT and AS_BYTES */
	__u16 count; /* elements; 1 for a scalar */
	__u8 rule;   /* enum field_rule */
	__u8 form;   /* enum field_form */
	__u16 target; /* IS_REFERENCE, IS_OWNER: tag of the record it names; 0 when that has none */
};

#define FIELD_AT(type, member, name_, rule, form)                                                 \
	{ name_, offsetof(type, member), sizeof(((type *)0)->member), 1, rule, form }
#define FIELD(type, member, rule, form) FIELD_AT(type, member, #member, rule, form)
#define FIELD_ARRAY(type, member, rule, form)                                                     \
	{ #member, offsetof(type, member), sizeof(((type *)0)->member[0]),                        \
	  sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), rule, form }

#define FIELD_ID(type)                                                                            \
	{ "id", offsetof(type, addr), sizeof(__u64), 1, IS_IDENTITY, AS_REF }
#define FIELD_OWNER(type, member, tag)                                                            \
	{ #member, offsetof(type, member), sizeof(__u64), 1, IS_OWNER, AS_REF, tag }
#define FIELD_REF(type, member, tag)                                                              \
	{ #member, offsetof(type, member), sizeof(__u64), 1, IS_REFERENCE, AS_REF, tag }

/* rec_inode embedded as m: a file's path decides, the rest tells whether it is still that file */
#define FIELD_INODE(type, m)                                                                      \
	FIELD_AT(type, m.dev, #m ".dev", MAY_DIFFER, AS_HEX),                                      \
	FIELD_AT(type, m.ino, #m ".ino", MAY_DIFFER, AS_DEC),                                      \
	FIELD_AT(type, m.size, #m ".size", MAY_DIFFER, AS_DEC),                                    \
	FIELD_AT(type, m.mtime_sec, #m ".mtime_sec", MAY_DIFFER, AS_SIGNED),                       \
	FIELD_AT(type, m.mtime_nsec, #m ".mtime_nsec", MAY_DIFFER, AS_DEC),                        \
	FIELD_AT(type, m.mode, #m ".mode", MUST_MATCH, AS_OCTAL),                                  \
	FIELD_AT(type, m.nlink, #m ".nlink", MAY_DIFFER, AS_DEC),                                  \
	FIELD_AT(type, m.rdev, #m ".rdev", MUST_MATCH, AS_HEX),                                    \
	FIELD_AT(type, m.magic, #m ".magic", MAY_DIFFER, AS_HEX)

/* The value of a scalar field of up to 8 bytes, zero- or sign-extended by its form. */
__u64 field_value(const struct field *f, const void *rec, unsigned int index);

#endif
