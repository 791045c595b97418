// SPDX-License-Identifier: GPL-2.0-only
/* shmfile.c - POSIX shared memory and named semaphores: files in /dev/shm, mapped, open, unlinked. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fixture.h"

#define PAGE 4096UL
#define SIZE (16 * PAGE)

static char name[64];
static char *mapped, *nameless, *private;
static sem_t *sem, *bare;
static int opened;

static const char *named(const char *what)
{
	static char text[128];

	snprintf(text, sizeof(text), "/%s.%s", name, what);
	return text;
}

static char *make(const char *what, size_t size, int mode)
{
	int fd = must(shm_open(named(what), O_RDWR | O_CREAT | O_EXCL, 0600));
	char *p;

	fx_mark("ipc.f.%s", named(what) + 1);
	must(ftruncate(fd, size));
	must(fchmod(fd, mode));
	p = must_map(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	fx_fill(p, PAGE, 1);
	fx_fill(p + 9 * PAGE, PAGE, 2);
	close(fd);
	return p;
}

/* ---- a child that shares them, and posts ---- */

static void verify_child(void)
{
	while (mapped[4 * PAGE] != fx_round())
		fx_nap();
	nameless[4 * PAGE] = fx_round();
	must(sem_post(sem));
	must(sem_post(bare));
}

static void setup(void)
{
	int fd;

	snprintf(name, sizeof(name), "bpf-ckpt.%d.%llx", getpid(), (long long)fx_now());
	mapped = make("mapped", SIZE - 17, 0640);
	nameless = make("nameless", SIZE, 0600);
	must(shm_unlink(named("nameless")));
	private = make("private", SIZE, 0400);
	munmap(private, SIZE);
	fd = must(shm_open(named("private"), O_RDONLY, 0));
	private = must_map(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	private[PAGE] = 7;
	close(fd);
	make("open", SIZE, 0600);
	opened = must(shm_open(named("open"), O_RDWR, 0));
	must(lseek(opened, 9 * PAGE, SEEK_SET));
	sem = sem_open(named("sem"), O_CREAT | O_EXCL, 0600, 3);
	must(sem == SEM_FAILED ? -1 : sem_close(sem));
	fx_mark("ipc.f.sem.%s", named("sem") + 1);
	sem = sem_open(named("sem"), 0);
	must(sem == SEM_FAILED ? -1 : 0);
	bare = (sem_t *)(mapped + 12 * PAGE);
	must(sem_init(bare, 1, 0));
	fx_child("child", NULL, verify_child);
}

static void verify(void)
{
	int value;
	struct stat st;
	char page[PAGE];
	int fd = shm_open(named("mapped"), O_RDWR, 0);

	expect(fd >= 0 && !fstat(fd, &st), "it is not there: %s", strerror(errno));
	expect_eq("mode", st.st_mode & 07777, 0640);
	expect_eq("size", st.st_size, SIZE - 17);
	close(fd);
	expect(!fx_differs(mapped, PAGE, 1) && !fx_differs(mapped + 9 * PAGE, PAGE, 2), "contents");
	expect(!mapped[2 * PAGE], "an empty page");
	expect(!fx_differs(nameless, PAGE, 1) && !fx_differs(nameless + 9 * PAGE, PAGE, 2), "contents without a name");
	expect(!fx_differs(private, PAGE, 1) && private[PAGE] == 7, "contents of a private mapping");
	mapped[4 * PAGE] = fx_round();
	while (nameless[4 * PAGE] != fx_round())
		fx_nap();
	must(sem_wait(bare));
	must(sem_wait(sem));
	must(sem_getvalue(sem, &value));
	expect_eq("value of the named semaphore", value, 3);
	must(pread(opened, page, PAGE, lseek(opened, 0, SEEK_CUR)));
	expect(!fx_differs(page, PAGE, 2), "contents at the position of the open one");
	if (!fx_last())
		return;
	must(shm_unlink(named("mapped")));
	must(shm_unlink(named("private")));
	must(shm_unlink(named("open")));
	must(sem_unlink(named("sem")));
}

const struct fixture fixture_shmfile = {
	.name = "shmfile",
	.about = "POSIX shared memory and semaphores, named, unlinked and open",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED | FX_OUTLIVED,
};

/* ---- a semaphore of who made it: the file was linked to its name only then ---- */

static void verify_sem_child(void)
{
	must(sem_post(sem));
}

static void setup_sem(void)
{
	snprintf(name, sizeof(name), "bpf-ckpt.%d.%llx", getpid(), (long long)fx_now());
	sem = sem_open(named("made"), O_CREAT | O_EXCL, 0640, 5);
	must(sem == SEM_FAILED ? -1 : 0);
	fx_mark("ipc.f.sem.%s", named("made") + 1);
	fx_child("child", NULL, verify_sem_child);
}

static void verify_sem(void)
{
	sem_t *other = sem_open(named("made"), 0);
	int value;

	for (int i = 0; i < 6; i++) /* five, and the child's */
		must(sem_wait(sem));
	for (int i = 0; i < 5; i++)
		must(sem_post(other));
	must(sem_getvalue(sem, &value));
	expect_eq("value", value, 5);
	sem_close(other);
	if (fx_last())
		must(sem_unlink(named("made")));
}

const struct fixture fixture_shmfile_sem = {
	.name = "shmfile_sem",
	.about = "a named semaphore in the process that made it",
	.setup = setup_sem,
	.verify = verify_sem,
	.flags = FX_ROUNDS | FX_OUTLIVED | FX_MOVES,
};
