// SPDX-License-Identifier: GPL-2.0-only
/*
 * doctor.c - doctor IN OUT KIND FIELD[INDEX] VALUE: an image with another value in a field of all records
 * of a kind, and with checksums that fit: what a forger can make.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "image.h"
#include "res.h"

struct change {
	const struct res_type *type;
	const struct field *field;
	unsigned int index;
	const char *value;
};

static void set_field(const struct change *c, void *rec)
{
	char *at = (char *)rec + c->field->offset + (size_t)c->index * c->field->size;
	__u64 value = strtoull(c->value, NULL, 0);

	if (c->field->form == AS_TEXT)
		strncpy(at, c->value, c->field->size);
	else
		memcpy(at, &value, c->field->size); /* little-endian, as the image is */
}

static int copy_kind(const struct image *img, struct image_writer *w, const struct res_type *type,
		     const struct change *c)
{
	size_t nr;
	void **rec = snap_all(&img->snap, type->tag, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		if (type == c->type)
			set_field(c, rec[i]);
		err = image_append(w, rec[i]);
	}
	return err;
}

static int copy_pages(const struct image *img, struct image_writer *w)
{
	int err = 0;

	for (size_t i = 0; i < img->nr_runs && !err; i++) {
		const struct image_page_run *run = &img->runs[i];
		char *data _free_ = malloc(run->ext.len);

		err = data ? image_read_at(img, run->pos, data, run->ext.len) : -ENOMEM;
		if (!err)
			err = image_append_pages(w, &run->ext, 1, data, run->ext.len);
	}
	return err;
}

static int find_field(struct change *c, const char *kind, const char *name)
{
	size_t len = strcspn(name, "[");

	for (unsigned int i = 0; i < nr_res_types; i++)
		if (!strcmp(res_types[i]->name, kind))
			c->type = res_types[i];
	for (unsigned int i = 0; c->type && i < c->type->nr_fields; i++)
		if (strlen(c->type->fields[i].name) == len && !strncmp(c->type->fields[i].name, name, len))
			c->field = &c->type->fields[i];
	c->index = name[len] ? strtoul(name + len + 1, NULL, 0) : 0;
	return c->field && c->index < c->field->count ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct image_writer *w;
	struct change c = {};
	struct image img;
	int err;

	if (argc != 6 || find_field(&c, argv[3], argv[4]) || image_open(&img, argv[1]))
		return 1;
	c.value = argv[5];
	err = image_create(&w, argv[2]);
	for (unsigned int i = 0; i < nr_res_types && !err; i++)
		err = copy_kind(&img, w, res_types[i], &c);
	err = err ?: copy_pages(&img, w) ?: image_commit(w);
	image_close(&img);
	return err ? 1 : 0;
}
