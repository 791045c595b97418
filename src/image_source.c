// SPDX-License-Identifier: GPL-2.0-only
/* image_source.c - get hold of the file of an image, and its bytes. It is not mapped: whoever cuts it would end us. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "image_chunks.h"
#include "log.h"

#define STEP (1u << 20)

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= n;
		}
	}
	return 0;
}

/* A pipe cannot be read twice: copy it to a file that has no name. */
static int spool(int from, const char *path)
{
	const char *dir = getenv("TMPDIR");
	int to _close_ = open(dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *buf _free_ = malloc(STEP);
	ssize_t n;
	int err = 0;

	if (to < 0)
		to = memfd_create("bpf-ckpt image", MFD_CLOEXEC);
	if (to < 0 || !buf)
		return fail(-errno, "make room for a copy of %s", path);
	while (!err && (n = read(from, buf, STEP)) != 0) {
		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = from, .events = POLLIN }, 1, -1);
		else if (n < 0 && errno != EINTR)
			return fail(-errno, "read %s", path);
		err = n > 0 ? write_all(to, buf, n) : 0;
	}
	return err ? fail(err, "make room for a copy of %s", path) : take_fd(&to);
}

static int open_source(struct image *img, const char *path)
{
	bool given = !strcmp(path, "-");

	img->fd = given ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) :
			  open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (img->fd < 0)
		return fail(-errno, "open %s", path);
	if (given && isatty(img->fd))
		return fail(-ERR_USAGE, "an image does not come from a terminal: give a file, or a pipe");
	return 0;
}

int image_get(struct image *img, const char *path)
{
	struct stat st;
	int err = open_source(img, path);

	if (err)
		return err;
	if (fstat(img->fd, &st))
		return fail(-errno, "open %s", path);
	if (S_ISDIR(st.st_mode))
		return fail(-EISDIR, "read %s", path);
	/* also a file whose beginning somebody else has read already */
	if (!S_ISREG(st.st_mode) || lseek(img->fd, 0, SEEK_CUR)) {
		int copy = spool(img->fd, path);

		if (copy < 0)
			return copy;
		close(img->fd);
		img->fd = copy;
		if (fstat(copy, &st))
			return fail(-errno, "read %s", path);
	}
	img->size = st.st_size;
	posix_fadvise(img->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

int image_read_at(const struct image *img, uint64_t pos, void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(img->fd, (char *)buf + done, len - done, pos + done);

		if (!n)
			return -ENODATA;
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? n : 0;
	}
	return 0;
}
