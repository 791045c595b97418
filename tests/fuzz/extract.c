// SPDX-License-Identifier: GPL-2.0-only
/*
 * extract.c - extract IMAGE RECORDS SMALL: the records of an image one after the other, as records.c
 * reads them, and an image of these with a page or two, which image.c gets through faster.
 */
#include <stdio.h>

#include "image.h"
#include "res.h"

#define PAGES 2u

static int copy_records(const struct image *img, struct image_writer *w, FILE *out)
{
	int err = 0;

	for (unsigned int i = 0; i < nr_res_types; i++) {
		size_t nr;
		void **rec = snap_all(&img->snap, res_types[i]->tag, &nr);

		for (size_t j = 0; j < nr && !err; j++) {
			fwrite(rec[j], ((struct rec_hdr *)rec[j])->len, 1, out);
			err = image_append(w, rec[j]);
		}
	}
	return err;
}

static int copy_pages(const struct image *img, struct image_writer *w)
{
	int err = 0;

	for (size_t i = 0; i < img->nr_runs && i < PAGES && !err; i++) {
		struct image_extent e = img->runs[i].ext;
		char page[4096];

		e.len = sizeof(page);
		err = image_read_at(img, img->runs[i].pos, page, sizeof(page));
		if (!err)
			err = image_append_pages(w, &e, 1, page, e.len);
	}
	return err;
}

int main(int argc, char **argv)
{
	struct image_writer *w;
	struct image img;
	FILE *out;
	int err;

	if (argc != 4 || image_open(&img, argv[1]))
		return 1;
	out = fopen(argv[2], "we");
	err = out ? image_create(&w, argv[3]) : -1;
	if (!err)
		err = copy_records(&img, w, out) ?: copy_pages(&img, w);
	if (!err)
		err = image_commit(w);
	image_close(&img);
	return err || fclose(out);
}
