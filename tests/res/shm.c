// SPDX-License-Identifier: GPL-2.0-only
/* shm.c - System V shared memory: attached in several ways, with a key, private, removed, split, locked. */
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "../fixture.h"

#ifndef SHM_DEST
#define SHM_DEST 01000
#define SHM_LOCKED 02000
#endif

#define PAGE 4096UL
#define SIZE (16 * PAGE)

struct segment {
	int id;
	char *at;
	struct shmid_ds was;
};

static struct segment keyed, private, doomed, split;
static char *reader, *again;

/* What ipcs(1) would show. */
static void expect_stat(const char *what, const struct segment *s)
{
	struct shmid_ds now;

	if (shmctl(s->id, IPC_STAT, &now)) {
		fx_fail("%s: segment %d: %s", what, s->id, strerror(errno));
		return;
	}
	expect_eq("key", now.shm_perm.__key, s->was.shm_perm.__key);
	expect_eq("size", now.shm_segsz, s->was.shm_segsz);
	expect_eq("mode", now.shm_perm.mode, s->was.shm_perm.mode);
	expect_eq("uid", now.shm_perm.uid, s->was.shm_perm.uid);
	expect_eq("gid", now.shm_perm.gid, s->was.shm_perm.gid);
	expect_eq("cuid", now.shm_perm.cuid, s->was.shm_perm.cuid);
	expect_eq("nattch", now.shm_nattch, s->was.shm_nattch);
}

static void make(struct segment *s, int key, int mode)
{
	s->id = must(shmget(key, SIZE - 100, IPC_CREAT | IPC_EXCL | mode));
	fx_mark("ipc.m.%d", s->id);
	s->at = shmat(s->id, NULL, 0);
	if (s->at == (void *)-1)
		fx_die("shmat: %s", strerror(errno));
	fx_fill(s->at, PAGE, s->id);
	fx_fill(s->at + 5 * PAGE, PAGE, s->id + 1);
}

static void expect_content(const char *what, const char *at, int id)
{
	expect(!fx_differs(at, PAGE, id) && !fx_differs(at + 5 * PAGE, PAGE, id + 1), "contents of %s", what);
	expect(!at[2 * PAGE], "an empty page of %s", what);
}

/* A key that is this fixture's: several run at a time. */
/* The removed segment goes with its last user: that is to be the parent. */
static void setup_child(void)
{
	must(shmdt(doomed.at));
}

static void verify_child(void)
{
	expect_content("the keyed segment in a child", keyed.at, keyed.id);
	while (keyed.at[8 * PAGE] != fx_round())
		fx_nap();
	keyed.at[9 * PAGE] = fx_round();
}

static void setup(void)
{
	struct shmid_ds ds;

	make(&keyed, fx_ipc_key(), 0640);
	must(shmctl(keyed.id, IPC_STAT, &ds));
	ds.shm_perm.uid = 1234;
	ds.shm_perm.mode = 0604;
	must(shmctl(keyed.id, IPC_SET, &ds));
	make(&private, IPC_PRIVATE, 0600);
	must(shmctl(private.id, SHM_LOCK, NULL));
	make(&doomed, fx_ipc_key() ^ 0x40000000, 0666);
	must(shmctl(doomed.id, IPC_RMID, NULL));
	make(&split, IPC_PRIVATE, 0600);
	must(mprotect(split.at + 4 * PAGE, 4 * PAGE, PROT_READ));
	must(munmap(split.at + 10 * PAGE, 2 * PAGE));
	must(madvise(split.at + 8 * PAGE, PAGE, MADV_NOHUGEPAGE));
	must(madvise(split.at + 9 * PAGE, PAGE, MADV_DONTFORK));
	reader = shmat(keyed.id, NULL, SHM_RDONLY);
	again = shmat(keyed.id, NULL, 0);
	must(reader == (void *)-1 || again == (void *)-1 ? -1 : 0);
	fx_child("child", setup_child, verify_child);
	must(shmctl(keyed.id, IPC_STAT, &keyed.was));
	must(shmctl(private.id, IPC_STAT, &private.was));
	must(shmctl(doomed.id, IPC_STAT, &doomed.was));
	must(shmctl(split.id, IPC_STAT, &split.was));
}

static void verify(void)
{
	expect_stat("keyed", &keyed);
	expect_stat("private", &private);
	expect_stat("removed", &doomed);
	expect_stat("split", &split);
	expect_content("the keyed segment", keyed.at, keyed.id);
	expect_content("the private segment", private.at, private.id);
	expect_content("the removed segment", doomed.at, doomed.id);
	expect_content("the split segment", split.at, split.id);
	expect_content("the keyed segment, read-only", reader, keyed.id);
	expect(fx_faults(split.at + 5 * PAGE, true), "a read-only part can be written");
	expect(fx_faults(split.at + 10 * PAGE, false), "a part that was unmapped is back");
	expect(strstr(fx_vmflags(split.at + 8 * PAGE), " nh"), "advice against huge pages is lost");
	expect(strstr(fx_vmflags(split.at + 9 * PAGE), " dc"), "MADV_DONTFORK is lost");
	expect(fx_faults(reader, true), "SHM_RDONLY can be written");
	expect(mprotect(reader, PAGE, PROT_READ | PROT_WRITE) && errno == EACCES, "SHM_RDONLY can be made writable");
	keyed.at[8 * PAGE] = fx_round();
	expect(again[8 * PAGE] == fx_round() && reader[8 * PAGE] == fx_round(), "three attaches are not of one segment");
	while (keyed.at[9 * PAGE] != fx_round())
		fx_nap();
	if (!fx_last())
		return;
	expect(!shmdt(keyed.at) && !shmdt(again) && !shmdt(reader), "shmdt");
	must(shmctl(keyed.id, IPC_RMID, NULL));
	must(shmctl(private.id, IPC_RMID, NULL));
	must(shmctl(split.id, IPC_RMID, NULL));
	expect(!shmdt(doomed.at), "shmdt of the removed segment");
	expect(shmctl(doomed.id, IPC_STAT, &doomed.was), "a removed segment outlives its last user");
}

const struct fixture fixture_shm = {
	.name = "shm",
	.about = "System V shared memory: keyed, private, removed, locked, read-only, in parts, of a child",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED | FX_OUTLIVED,
};

/* ---- promised no memory: those may be larger than what there is ---- */

#define VAST (1UL << 40)

static int vast, lonely; /* that nobody has attached */
static char *vast_at;
static char *shared;

static long committed(void)
{
	static char text[8192];
	const char *line;

	text[fx_read_file("/proc/meminfo", text, sizeof(text) - 1)] = 0;
	line = strstr(text, "Committed_AS:");
	return line ? strtol(line + strlen("Committed_AS:"), NULL, 10) : 0;
}

static void setup_unreserved(void)
{
	vast = must(shmget(IPC_PRIVATE, VAST, IPC_CREAT | SHM_NORESERVE | 0600));
	fx_mark("ipc.m.%d", vast);
	vast_at = shmat(vast, NULL, 0);
	if (vast_at == (void *)-1)
		fx_die("shmat: %s", strerror(errno));
	fx_fill(vast_at + VAST / 2, PAGE, 1);
	lonely = must(shmget(IPC_PRIVATE, VAST, IPC_CREAT | SHM_NORESERVE | 0600));
	fx_mark("ipc.m.%d", lonely);
	shared = must_map(mmap(NULL, VAST, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	fx_fill(shared + VAST / 2, PAGE, 2);
}

static void verify_unreserved(void)
{
	expect(!fx_differs(vast_at + VAST / 2, PAGE, 1), "contents of the segment");
	expect(!fx_differs(shared + VAST / 2, PAGE, 2), "contents of shared memory");
	expect((unsigned long)committed() < VAST / 1024, "memory is promised: %ld kB", committed());
	if (!fx_last())
		return;
	must(shmdt(vast_at));
	must(shmctl(vast, IPC_RMID, NULL));
	must(shmctl(lonely, IPC_RMID, NULL));
}

const struct fixture fixture_shm_unreserved = {
	.name = "shm_unreserved",
	.about = "System V and anonymous shared memory without a promise, of a size that there is not",
	.setup = setup_unreserved,
	.verify = verify_unreserved,
	.flags = FX_ROUNDS | FX_NESTED | FX_OUTLIVED,
};
