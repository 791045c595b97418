// SPDX-License-Identifier: GPL-2.0-only
/* file_test.c - records of files that an image should not have: the sanitizers see what is read of them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image.h"
#include "log.h"
#include "rec_file.h"
#include "res.h"

#include <cmocka.h>

#define ROOM 8

/* Nothing is behind it: whoever reads further reads what is not there. */
static struct rec_file *file_of(mode_t mode, const char *path, __u32 len)
{
	struct rec_file *f = malloc(sizeof(*f) + ROOM);

	assert_non_null(f);
	memset(f, 0, sizeof(*f));
	memset(f->path, 'x', ROOM);
	memcpy(f->path, path, strlen(path));
	f->h = (struct rec_hdr){ .tag = REC_FILE, .len = sizeof(*f) + ROOM };
	f->addr = 1;
	f->id.mode = mode;
	f->id.nlink = 1;
	f->path_len = len;
	return f;
}

static void paths_that_do_not_end(void **state)
{
	static const mode_t modes[] = { S_IFREG, S_IFDIR, S_IFCHR, S_IFIFO, S_IFSOCK, 0 };
	static const struct {
		const char *path;
		__u32 len;
	} paths[] = { { "/xxxxxx", ROOM }, { "/a", ROOM }, { "/a", 3 }, { "/", ROOM + 1 }, { "/", 65535 }, { "/", ~0u } };
	struct image img = { .fd = -1 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		for (size_t j = 0; j < sizeof(paths) / sizeof(paths[0]); j++)
			for (int flags = 0; flags <= O_PATH; flags += O_PATH) {
				struct rec_file *f = file_of(modes[i], paths[j].path, paths[j].len);

				f->flags = flags;
				assert_int_equal(res_type(REC_FILE)->read(&img, f), -ERR_IMAGE);
				free(f);
			}
}

static void a_path_that_ends(void **state)
{
	struct image img = { .fd = -1 };
	struct rec_file *f = file_of(S_IFREG, "/a\0", 3);

	f->path[2] = 0;
	assert_int_equal(res_type(REC_FILE)->read(&img, f), 0);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(paths_that_do_not_end), cmocka_unit_test(a_path_that_ends) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
