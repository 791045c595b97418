// SPDX-License-Identifier: GPL-2.0-only
/* vma.c - memory areas: content, protection, advice, locking, growth. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fixture.h"

#define PAGE 4096UL
#define MiB  (1UL << 20)

static char *anon(size_t size, int prot)
{
	return must_map(mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static bool is_present(const void *addr)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);

	if (pread(fd, &entry, 8, (unsigned long)addr / PAGE * 8) != 8)
		fx_fail("pagemap: %s", strerror(errno));
	close(fd);
	return entry >> 63;
}

/* ---- sparse private memory: written pages, pages of zeros, holes ---- */

#define SPARSE (64 * MiB)
#define KIND(page)                                                                                 \
	((page)*2654435761U >> 28 & 7) /* 0..2 written, 3 zeros, 4 read only, else hole */

static char *sparse;

static void setup_anon(void)
{
	sparse = anon(SPARSE, PROT_READ | PROT_WRITE);
	must(madvise(sparse, SPARSE, MADV_NOHUGEPAGE));
	for (uint32_t i = 0; i < SPARSE / PAGE; i++) {
		volatile char *page = sparse + i * PAGE;

		if (KIND(i) < 3)
			fx_fill((void *)page, PAGE, i);
		else if (KIND(i) == 3)
			*page = 0;
		else if (KIND(i) == 4)
			(void)*page;
	}
}

static void verify_anon(void)
{
	static const char zeros[PAGE];
	unsigned int bad = 0, filled = 0;

	for (uint32_t i = 0; i < SPARSE / PAGE; i++) {
		char *page = sparse + i * PAGE;

		if (KIND(i) < 3)
			bad += !!fx_differs(page, PAGE, i);
		else if (KIND(i) <= 4)
			bad += !!memcmp(page, zeros, PAGE);
		else
			filled += is_present(page);
	}
	expect(!bad, "%u pages differ", bad);
	expect(!filled, "%u pages that were never touched are there", filled);
}

const struct fixture fixture_vma_anon = {
	.name = "vma_anon",
	.about = "64 MiB of private memory with written, zero and untouched pages",
	.setup = setup_anon,
	.verify = verify_anon,
	.flags = FX_ROUNDS,
};

/* ---- memory that a child shares copy-on-write ---- */

static char *cow;
static uint64_t cow_seed = 1;

static void check_cow(void)
{
	for (int i = 0; i < 256; i++) {
		uint64_t seed = (i % 4 == 1 ? cow_seed : 1) * 1000 + i;

		expect(!fx_differs(cow + i * PAGE, PAGE, seed), "page %d of %s", i, fx_name());
	}
}

static void setup_cow_child(void)
{
	cow_seed = 2;
	for (int i = 1; i < 256; i += 4)
		fx_fill(cow + i * PAGE, PAGE, cow_seed * 1000 + i);
}

static void setup_cow(void)
{
	cow = anon(256 * PAGE, PROT_READ | PROT_WRITE);
	for (int i = 0; i < 256; i++)
		fx_fill(cow + i * PAGE, PAGE, 1000 + i);
	fx_child("writer", setup_cow_child, check_cow);
	fx_child("reader", NULL, check_cow);
}

const struct fixture fixture_vma_cow = {
	.name = "vma_cow",
	.about = "memory shared copy-on-write by parent and children",
	.setup = setup_cow,
	.verify = check_cow,
	.flags = FX_ROUNDS,
};

/* ---- pages in private memory that could never be written: what a debugger does ---- */

static char *row, *mapped;

static void force(char *to, const void *from, size_t len)
{
	int mem = must(open("/proc/self/mem", O_RDWR));

	expect_eq("forced bytes", pwrite(mem, from, len, (off_t)(unsigned long)to), len);
	close(mem);
}

/* Writable, read only, out of reach, writable: one beside the other, so that their pages are in one piece. */
static void setup_forced(void)
{
	static const int prot[] = {PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE, PROT_READ | PROT_WRITE};
	int exe = must(open("/proc/self/exe", O_RDONLY));
	char pages[4 * PAGE];

	fx_fill(pages, sizeof(pages), 4711);
	row = anon(16 * PAGE, PROT_NONE);
	for (size_t i = 0; i < FX_COUNT(prot); i++) {
		must_map(mmap(row + i * 4 * PAGE, 4 * PAGE, prot[i], MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
		if (prot[i] & PROT_WRITE)
			memcpy(row + i * 4 * PAGE, pages, 4 * PAGE);
		else
			force(row + i * 4 * PAGE, pages, (i == 1 ? 4 : 2) * PAGE);
	}
	mapped = must_map(mmap(NULL, 8 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, exe, 0));
	close(exe);
	force(mapped + 3 * PAGE + 100, "\xcc", 1); /* a breakpoint */
}

static void verify_forced(void)
{
	char pages[4 * PAGE], now[4 * PAGE];
	int mem = must(open("/proc/self/mem", O_RDONLY)), exe = must(open("/proc/self/exe", O_RDONLY));

	fx_fill(pages, sizeof(pages), 4711);
	for (int i = 0; i < 4; i++) {
		expect_eq("bytes there", pread(mem, now, sizeof(now), (off_t)(unsigned long)(row + i * 4 * PAGE)), sizeof(now));
		expect(!memcmp(now, pages, (i == 2 ? 2 : 4) * PAGE), "part %d is different", i);
	}
	for (int i = 0; i < 8; i++) {
		must(pread(exe, now, PAGE, i * PAGE));
		if (i == 3)
			now[100] = 0xcc;
		expect(!memcmp(now, mapped + i * PAGE, PAGE), "page %d of the file is different", i);
	}
	close(mem);
	close(exe);
}

const struct fixture fixture_vma_forced = {
	.name = "vma_forced",
	.about = "pages in memory that could never be written",
	.setup = setup_forced,
	.verify = verify_forced,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- private mappings of a file: clean, dirty, beyond its end ---- */

#define FILE_PAGES 16

static char *file_rw, *file_ro, *file_offset;
static int file_size = FILE_PAGES * PAGE - 100;

static int make_file(const char *name, size_t size, uint64_t seed)
{
	static char content[64 * PAGE];
	int fd = must(open(fx_path(name), O_RDWR | O_CREAT | O_TRUNC, 0644));

	fx_fill(content, sizeof(content), seed);
	must(write(fd, content, size));
	return fd;
}

static void setup_file(void)
{
	int fd = make_file("mapped", file_size, 5);

	file_rw =
		must_map(mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	file_ro = must_map(mmap(NULL, FILE_PAGES * PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	file_offset = must_map(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE,
				    fd, 4 * PAGE));
	close(fd);
	for (int i = 0; i < FILE_PAGES; i += 3)
		fx_fill(file_rw + i * PAGE, PAGE, 100 + i);
	memset(file_rw + file_size, 0x5a, 100); /* the rest of the last page is ours alone */
	fx_fill(file_offset + PAGE, PAGE, 200);
}

static void verify_file(void)
{
	static char content[FILE_PAGES * PAGE];

	fx_fill(content, sizeof(content), 5);
	for (int i = 0; i < FILE_PAGES; i++) {
		char *page = file_rw + i * PAGE;
		size_t len = i == FILE_PAGES - 1 ? PAGE - 100 : PAGE;

		if (i % 3)
			expect(!memcmp(page, content + i * PAGE, len), "clean page %d", i);
		else
			expect(!fx_differs(page, len & ~7, 100 + i), "dirty page %d", i);
		expect(!memcmp(file_ro + i * PAGE, content + i * PAGE, len), "read-only page %d",
		       i);
	}
	for (int i = 0; i < 100; i++)
		expect(file_rw[file_size + i] == 0x5a, "byte %d after the end of the file", i);
	expect(!memcmp(file_offset, content + 4 * PAGE, PAGE), "clean page at an offset");
	expect(!fx_differs(file_offset + PAGE, PAGE, 200), "dirty page at an offset");
}

const struct fixture fixture_vma_file = {
	.name = "vma_file",
	.about = "private file mappings, clean and dirty pages",
	.setup = setup_file,
	.verify = verify_file,
	.flags = FX_ROUNDS,
};

/* ---- shared mappings of a file ---- */

static char *shared_rw, *shared_ro;

static void setup_file_shared(void)
{
	int fd = make_file("shared", 8 * PAGE, 6), ro;

	shared_rw = must_map(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	ro = must(open(fx_path("shared"), O_RDONLY));
	shared_ro = must_map(mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, ro, 0));
	close(ro);
	close(fd);
	fx_fill(shared_rw + PAGE, PAGE, 7);
}

static void verify_file_shared(void)
{
	char page[PAGE];
	int fd = open(fx_path("shared"), O_RDONLY);

	expect(!fx_differs(shared_rw + PAGE, PAGE, 7), "written page");
	fx_fill(shared_rw + 3 * PAGE, PAGE, 300 + fx_round());
	expect(pread(fd, page, PAGE, 3 * PAGE) == PAGE && !fx_differs(page, PAGE, 300 + fx_round()),
	       "a write to the mapping is not seen in the file");
	expect(!fx_differs(shared_ro + 3 * PAGE, PAGE, 300 + fx_round()),
	       "a write to the mapping is not seen in the other one");
	expect(mprotect(shared_ro, PAGE, PROT_READ | PROT_WRITE) && errno == EACCES,
	       "a read-only shared mapping can be made writable");
	expect(fx_faults(shared_ro, true), "a read-only shared mapping is writable");
	close(fd);
}

const struct fixture fixture_vma_file_shared = {
	.name = "vma_file_shared",
	.about = "shared file mappings, writable and not",
	.setup = setup_file_shared,
	.verify = verify_file_shared,
	.flags = FX_ROUNDS,
};

/* ---- a mapping of a file that was deleted ---- */

static void setup_file_deleted(void)
{
	setup_file_shared();
	must(unlink(fx_path("shared")));
}

static void verify_file_deleted(void)
{
	expect(!fx_differs(shared_rw + PAGE, PAGE, 7), "written page");
	fx_fill(shared_rw + 3 * PAGE, PAGE, 300 + fx_round());
	expect(!fx_differs(shared_ro + 3 * PAGE, PAGE, 300 + fx_round()),
	       "the two mappings are not of one file");
	expect(access(fx_path("shared"), F_OK), "the deleted file is back");
}

const struct fixture fixture_vma_file_deleted = {
	.name = "vma_file_deleted",
	.about = "shared mappings of a file that was deleted",
	.setup = setup_file_deleted,
	.verify = verify_file_deleted,
	.flags = FX_MAY_REFUSE,
};

/* ---- shared anonymous memory of a parent and its children ---- */

#define SHM_PAGES 512

static struct shared {
	volatile uint32_t round[2];
	volatile uint32_t answer[2];
} * shm;
static char *shm_data, *shm_part;

static void verify_shmem_child(void)
{
	int me = atoi(fx_name());

	while (shm->round[me] != (uint32_t)fx_round())
		fx_nap();
	expect(!fx_differs(shm_data + PAGE, PAGE, fx_round()), "parent's write is not seen");
	shm->answer[me] = fx_round();
	expect(!fx_differs(shm_data + 100 * PAGE, PAGE, 99), "old content");
}

static void setup_shmem(void)
{
	shm = must_map(mmap(NULL, SHM_PAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	shm_data = (char *)shm + PAGE;
	shm_part = (char *)shm + 300 * PAGE;
	fx_fill(shm_data + 100 * PAGE, PAGE, 99);
	must(mprotect(shm_part, 8 * PAGE, PROT_READ));
	must(munmap(shm_part + 16 * PAGE, 8 * PAGE));
	fx_child("0", NULL, verify_shmem_child);
	fx_child("1", NULL, verify_shmem_child);
}

static void verify_shmem(void)
{
	fx_fill(shm_data + PAGE, PAGE, fx_round());
	for (int i = 0; i < 2; i++) {
		shm->round[i] = fx_round();
		while (shm->answer[i] != (uint32_t)fx_round())
			fx_nap();
	}
	expect(!fx_differs(shm_data + 100 * PAGE, PAGE, 99), "old content");
	expect(fx_faults(shm_part, true), "the read-only part is writable");
	for (int i = 400; i < 410; i++)
		expect(!((char *)shm)[i * PAGE], "untouched page %d", i);
}

const struct fixture fixture_vma_shmem = {
	.name = "vma_shmem",
	.about = "shared anonymous memory of a parent and two children",
	.setup = setup_shmem,
	.verify = verify_shmem,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- shared anonymous memory that nobody shares, in more areas than a process may have descriptors ---- */

#define NR_OWN 21000

static char **own;

static void setup_shmem_own(void)
{
	own = (char **)anon(NR_OWN * sizeof(*own), PROT_READ | PROT_WRITE);
	for (int i = 0; i < NR_OWN; i++) {
		own[i] = must_map(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
		*(int *)(own[i] + PAGE) = i;
	}
	must(mprotect(own[7], 2 * PAGE, PROT_READ));
	must(mprotect(own[8], 2 * PAGE, PROT_NONE));
}

static void verify_shmem_own(void)
{
	pid_t pid;

	for (int i = 0; i < NR_OWN; i++)
		if (i != 8)
			expect(*(int *)(own[i] + PAGE) == i && !own[i][0], "area %d", i);
	expect(fx_faults(own[7], true), "a read-only one can be written");
	expect(fx_faults(own[8], false), "a protected one can be read");
	pid = must(fork());
	if (!pid)
		_exit(own[9][0] = 33);
	expect_eq("end of a child", fx_exit_of(pid), 33);
	expect_eq("what a child writes", own[9][0], 33);
	own[9][0] = 0;
}

const struct fixture fixture_vma_shmem_own = {
	.name = "vma_shmem_own",
	.about = "many areas of shared anonymous memory that nobody shares",
	.setup = setup_shmem_own,
	.verify = verify_shmem_own,
	.flags = FX_ROUNDS,
};

/* ---- the stack: content deep down, and growth afterwards ---- */

static char *volatile deep_frame;
static const uint64_t deep_seed = 77;

static __attribute__((noinline)) void recurse(int depth, void (*last)(void))
{
	volatile char frame[8192];

	frame[0] = frame[8191] = (char)depth;
	if (depth)
		recurse(depth - 1, last);
	else
		last();
	expect(frame[0] == (char)depth && frame[8191] == (char)depth, "stack frame %d", depth);
}

/* Dead by the rules of C when it returns, but part of the memory image. */
static void leave_deep_data(void)
{
	char frame[16384];

	fx_fill(frame, sizeof(frame), deep_seed);
	__asm__ volatile("mov %1, %0" : "=m"(deep_frame) : "r"(frame) : "memory");
}

static void nothing(void)
{
}

static void setup_stack(void)
{
	recurse(100, leave_deep_data);
}

static void verify_stack(void)
{
	expect(!fx_differs(deep_frame, 8192, deep_seed), "memory below the stack pointer");
	if (fx_last())
		recurse(600, nothing);
}

const struct fixture fixture_vma_stack = {
	.name = "vma_stack",
	.about = "the stack, used deeply, and its growth",
	.setup = setup_stack,
	.verify = verify_stack,
	.flags = FX_ROUNDS,
};

/* ---- the heap of brk ---- */

static char *heap, *heap_end;

static void setup_brk(void)
{
	heap = sbrk(64 * PAGE);
	must((long)heap == -1 ? -1 : 0);
	fx_fill(heap, 64 * PAGE, 8);
	heap_end = sbrk(0);
}

static void verify_brk(void)
{
	char *more;

	expect(sbrk(0) == heap_end, "the end of the heap is %p, was %p", sbrk(0), heap_end);
	expect(!fx_differs(heap, 64 * PAGE, 8), "content of the heap");
	if (!fx_last())
		return;
	more = sbrk(1000 * PAGE);
	expect(more == heap_end, "the heap grows at %p instead of %p", more, heap_end);
	fx_fill(more, 1000 * PAGE, 9);
	expect(!sbrk(-1000 * (long)PAGE) || sbrk(0) == heap_end, "the heap does not shrink");
	free(malloc(100000));
}

const struct fixture fixture_vma_brk = {
	.name = "vma_brk",
	.about = "the heap, and its growth",
	.setup = setup_brk,
	.verify = verify_brk,
	.flags = FX_ROUNDS,
};

/* ---- protections ---- */

static char *prot, *given_back;

/* What a collector of garbage does: memory that was used, given back, and not to be touched. */
static void give_back(void)
{
	char *all = anon(5 * PAGE, PROT_READ | PROT_WRITE);

	/* alone, as one with a neighbour has the neighbour's pages */
	must(munmap(all, PAGE));
	must(munmap(all + 4 * PAGE, PAGE));
	given_back = all + 2 * PAGE;
	fx_fill(given_back, PAGE, 11);
	must(madvise(given_back, PAGE, MADV_DONTNEED));
	must(mprotect(all + PAGE, 3 * PAGE, PROT_NONE));
}

static void setup_prot(void)
{
	give_back();
	prot = anon(16 * PAGE, PROT_READ | PROT_WRITE);
	fx_fill(prot, 16 * PAGE, 10);
	must(mprotect(prot + 2 * PAGE, PAGE, PROT_NONE));
	must(mprotect(prot + 4 * PAGE, PAGE, PROT_READ));
	must(mprotect(prot + 6 * PAGE, PAGE, PROT_READ | PROT_EXEC));
	must(mprotect(prot + 8 * PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	must(mprotect(prot + 10 * PAGE, PAGE, PROT_EXEC));
}

static void verify_prot(void)
{
	static const struct {
		int page;
		bool read, write;
	} want[] = {{0, true, true},  {2, false, false}, {4, true, false},
		    {6, true, false}, {8, true, true},	 {15, true, true}};

	expect(strstr(fx_vmflags(given_back), " ac"), "memory that was given back is not accounted for");
	for (size_t i = 0; i < FX_COUNT(want); i++) {
		char *page = prot + want[i].page * PAGE;

		expect(fx_faults(page, false) == !want[i].read, "reading page %d", want[i].page);
		expect(fx_faults(page, true) == !want[i].write, "writing page %d", want[i].page);
	}
	if (!fx_last())
		return;
	must(mprotect(prot, 16 * PAGE, PROT_READ));
	expect(!fx_differs(prot, 16 * PAGE, 10), "content behind protections");
}

const struct fixture fixture_vma_prot = {
	.name = "vma_prot",
	.about = "written pages behind every protection",
	.setup = setup_prot,
	.verify = verify_prot,
	.flags = FX_ROUNDS,
};

/* ---- many small areas ---- */

#define NR_SMALL 1500

static char *small;

static void setup_many(void)
{
	small = anon(2 * NR_SMALL * PAGE, PROT_READ | PROT_WRITE);
	for (int i = 0; i < NR_SMALL; i++) {
		fx_fill(small + 2 * i * PAGE, PAGE, i);
		must(mprotect(small + 2 * i * PAGE, PAGE,
			      i % 2 ? PROT_READ : PROT_READ | PROT_EXEC));
	}
}

static void verify_many(void)
{
	for (int i = 0; i < NR_SMALL; i++)
		expect(!fx_differs(small + 2 * i * PAGE, PAGE, i), "area %d", i);
}

const struct fixture fixture_vma_many = {
	.name = "vma_many",
	.about = "three thousand small areas",
	.setup = setup_many,
	.verify = verify_many,
};

/* ---- a large reservation, as language runtimes make ---- */

static char *reserve;

static void setup_reserve(void)
{
	reserve = must_map(mmap(NULL, 64UL << 30, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	must(mprotect(reserve + (1UL << 30), MiB, PROT_READ | PROT_WRITE));
	fx_fill(reserve + (1UL << 30), PAGE, 1);
	fx_fill(reserve + (1UL << 30) + MiB - PAGE, PAGE, 2);
	/* code that was compiled there: written, then only to be read and run */
	must(mprotect(reserve + (2UL << 30), MiB, PROT_READ | PROT_WRITE));
	fx_fill(reserve + (2UL << 30), MiB, 3);
	must(mprotect(reserve + (2UL << 30), MiB, PROT_READ | PROT_EXEC));
}

static void verify_reserve(void)
{
	expect(!fx_differs(reserve + (1UL << 30), PAGE, 1), "first page");
	expect(!fx_differs(reserve + (1UL << 30) + MiB - PAGE, PAGE, 2), "last page");
	expect(!fx_differs(reserve + (2UL << 30), MiB, 3), "code");
	expect(fx_faults(reserve + (2UL << 30), true), "code can be written");
	expect(fx_faults(reserve, false), "reserved page can be read");
}

const struct fixture fixture_vma_reserve = {
	.name = "vma_reserve",
	.about = "64 GiB reserved, two pages used, and a stretch that became code",
	.setup = setup_reserve,
	.verify = verify_reserve,
};
