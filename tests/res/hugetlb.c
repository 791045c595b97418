// SPDX-License-Identifier: GPL-2.0-only
/* hugetlb.c - huge pages of a fixed size: private, shared, memfd, System V; the pool grows as needed. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fixture.h"

#define HUGE (2UL << 20)
#define PAGES 10 /* a restored child has its own copy of private ones */
#define POOL "/proc/sys/vm/nr_hugepages"

static char *private, *shared, *file, *segment, *none;
static int memfd, shmid;

static long meminfo(const char *key)
{
	static char text[8192];
	char *line;

	fx_read_file("/proc/meminfo", text, sizeof(text));
	line = strstr(text, key);
	return line ? atol(line + strlen(key)) : 0;
}

/* tests/run sets the pool back. Several of us may be at it: locked until we have ours. */
static int lock_pool(void)
{
	int fd = open(POOL, O_RDWR | O_CLOEXEC);
	char text[32];
	long more;

	if (fd < 0 || meminfo("Hugepagesize:") != 2048)
		fx_skip("no pool of huge pages of 2 MiB");
	must(flock(fd, LOCK_EX));
	more = PAGES - (meminfo("HugePages_Free:") - meminfo("HugePages_Rsvd:"));
	if (more > 0) {
		snprintf(text, sizeof(text), "%ld", meminfo("HugePages_Total:") + more);
		if (pwrite(fd, text, strlen(text), 0) < 0)
			fx_skip("the pool of huge pages cannot be raised: %s", strerror(errno));
	}
	more = meminfo("HugePages_Free:") - meminfo("HugePages_Rsvd:");
	if (more < PAGES)
		fx_skip("the pool has only %ld huge pages", more);
	return fd;
}

static char *map(size_t size, int flags, int fd)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED && errno == ENOMEM)
		fx_skip("somebody else has taken the huge pages");
	return must_map(p);
}

static void verify_child(void)
{
	while (shared[HUGE] != fx_round())
		fx_nap();
	expect(!fx_differs(private, 4096, 1), "private memory in a child");
	file[1 << 20] = fx_round();
	segment[1 << 20] = fx_round();
}

static void setup(void)
{
	int pool = lock_pool();

	private = map(2 * HUGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	fx_fill(private, HUGE, 1);
	shared = map(2 * HUGE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT, -1);
	fx_fill(shared + 4096, 8192, 2);
	memfd = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING);
	must(memfd);
	must(ftruncate(memfd, HUGE));
	file = map(HUGE, MAP_SHARED, memfd);
	fx_fill(file, 4096, 3);
	must(fcntl(memfd, F_ADD_SEALS, F_SEAL_GROW));
	shmid = shmget(IPC_PRIVATE, HUGE, IPC_CREAT | SHM_HUGETLB | 0600);
	if (shmid < 0)
		fx_skip("no System V segment in huge pages: %s", strerror(errno));
	fx_mark("ipc.m.%d", shmid);
	segment = shmat(shmid, NULL, 0);
	must(segment == (void *)-1 ? -1 : 0);
	fx_fill(segment + 8192, 4096, 4);
	none = map(HUGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1);
	must(mprotect(none, HUGE, PROT_NONE));
	close(pool);
	fx_child("child", NULL, verify_child);
}

static void verify(void)
{
	struct stat st;

	expect(strstr(fx_vmflags(private), "ht"), "it is not in huge pages: %s", fx_vmflags(private));
	expect(strstr(fx_vmflags(shared), "ht"), "shared memory is not in huge pages");
	expect(!fx_differs(private, HUGE, 1), "private contents");
	expect(!fx_differs(shared + 4096, 8192, 2) && !shared[0], "shared contents");
	expect(!fx_differs(file, 4096, 3), "contents of the memfd");
	expect(!fx_differs(segment + 8192, 4096, 4) && !segment[0], "contents of the segment");
	must(fstat(memfd, &st));
	expect_eq("page size of the memfd", st.st_blksize, HUGE);
	expect_eq("seals", fcntl(memfd, F_GET_SEALS), F_SEAL_GROW);
	shared[HUGE] = fx_round();
	while (file[1 << 20] != fx_round() || segment[1 << 20] != fx_round())
		fx_nap();
	if (!fx_last())
		return;
	must(shmdt(segment));
	must(shmctl(shmid, IPC_RMID, NULL));
}

const struct fixture fixture_hugetlb = {
	.name = "hugetlb",
	.about = "huge pages: private, shared, memfd, System V",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED | FX_OUTLIVED,
};
