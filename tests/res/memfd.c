// SPDX-License-Identifier: GPL-2.0-only
/* memfd.c - files of memfd_create(2): contents, size, name, position, seals, mappings. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fixture.h"

#define SIZE (3u << 20)

static int plain, sealed, future;
static char *shared, *early;

static int make(const char *name, unsigned int flags, size_t size)
{
	int fd = must(memfd_create(name, flags));

	must(ftruncate(fd, size));
	return fd;
}

static void setup_child(void)
{
	must(lseek(sealed, 1234, SEEK_SET)); /* shared with the parent */
}

static void verify_child(void)
{
	expect(shared[5] == 'x', "the child does not see what the parent wrote");
}

static void setup(void)
{
	plain = make("a name", 0, SIZE);
	shared = must_map(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, plain, 0));
	fx_fill(shared + 4096, 4096 * 7, 1);
	shared[5] = 'x';
	sealed = make("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC, 5000);
	must(pwrite(sealed, "content", 7, 4000));
	must(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW));
	/* a mapping from before the seal may still write */
	future = make("future", MFD_ALLOW_SEALING, 4096);
	early = must_map(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0));
	must(fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL));
	must(fchmod(future, 0640));
	fx_child("child", setup_child, verify_child);
}

static void verify_name(int fd, const char *want)
{
	char path[64], text[256] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect(readlink(path, text, sizeof(text) - 1) > 0 && !strcmp(text, want), "it is called %s, was %s", text,
	       want);
}

static void verify(void)
{
	char text[8] = "";
	struct stat st;

	must(fstat(plain, &st));
	expect_eq("size", st.st_size, SIZE);
	expect_eq("blocks of 512 in use", st.st_blocks, 8 * 8);
	expect_eq("content", fx_differs(shared + 4096, 4096 * 7, 1), 0);
	must(pwrite(plain, "y", 1, 100));
	expect(shared[100] == 'y', "the mapping is not of the descriptor's file");
	verify_name(plain, "/memfd:a name (deleted)");
	expect_eq("seals of the plain one", fcntl(plain, F_GET_SEALS), F_SEAL_SEAL);

	expect(pread(sealed, text, 7, 4000) == 7 && !memcmp(text, "content", 7), "content %s", text);
	expect(pwrite(sealed, "z", 1, 0) < 0 && errno == EPERM, "a sealed file can be written");
	expect_eq("position", lseek(sealed, 0, SEEK_CUR), 1234);
	expect_eq("close on exec", fcntl(sealed, F_GETFD), FD_CLOEXEC);
	verify_name(sealed, "/memfd:sealed (deleted)");

	early[7] = 'e';
	expect(pread(future, text, 1, 7) == 1 && text[0] == 'e', "the early mapping does not write");
	expect(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0) == MAP_FAILED, "it can be mapped anew");
	must(fstat(future, &st));
	expect_eq("mode", st.st_mode & 07777, 0640);
}

const struct fixture fixture_memfd = {
	.name = "memfd",
	.about = "memfd_create: holes, names, seals, mappings from before a seal",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};
