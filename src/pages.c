// SPDX-License-Identifier: GPL-2.0-only
/*
 * pages.c - copy pages into an image. Batches are laid out and written in order; reading and hashing
 * them is shared by a few threads. While there is more to read than buffers, a batch is hashed and
 * written right after it was read, from a warm cache; as soon as the rest fits the buffers it is all
 * read first, because then the target may run.
 */
#include "pages.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "log.h"
#include "pages_read.h"

#define PAGE 4096ull
#define BATCHES 24
#define HELPERS_MAX 3
#define ALONE_BYTES (2ull << 20) /* less than this is copied before a thread would have begun */

enum batch_state { BATCH_FREE, BATCH_BUSY, BATCH_READ, BATCH_HASHED };

struct slot {
	struct page_batch batch;
	struct image_pages out;
	enum batch_state state;
	unsigned int order; /* of the batch in the image */
};

struct page_pool {
	char *memory;
	struct slot slot[BATCHES];
	pthread_mutex_t lock;
	pthread_cond_t moved;
	pthread_t main;
	struct image_writer *image;
	struct page_cursor cursor;
	unsigned int laid_out, written, reading;
	bool writing, told;
	int err;
	void (*all_read)(void *arg);
	void *arg;
	struct pages_stats *stats;
};

int pages_pool_create(struct page_pool **out)
{
	struct page_pool *p = calloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return fail(-ENOMEM, "page buffers");
	p->memory = mmap(NULL, BATCHES * BATCH_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->memory == MAP_FAILED) {
		p->memory = NULL;
		return fail(-ENOMEM, "page buffers");
	}
	for (int i = 0; i < BATCHES; i++)
		p->slot[i].batch.data = p->memory + i * BATCH_BYTES;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->moved, NULL);
	return 0;
}

void pages_pool_warm(struct page_pool *p, __u64 expected)
{
	__u64 all = BATCHES * BATCH_BYTES;

	madvise(p->memory, expected < all ? ALIGN_UP(expected, BATCH_BYTES) : all, MADV_POPULATE_WRITE);
}

void pages_pool_free(struct page_pool *p)
{
	if (!p)
		return;
	if (p->memory)
		munmap(p->memory, BATCHES * BATCH_BYTES);
	free(p);
}

/* Any slot in this state; the one that was read last is the warmest. */
static struct slot *find_slot(struct page_pool *p, enum batch_state state)
{
	for (int i = 0; i < BATCHES; i++)
		if (p->slot[i].state == state)
			return &p->slot[i];
	return NULL;
}

static unsigned int count_free(const struct page_pool *p)
{
	unsigned int nr = 0;

	for (int i = 0; i < BATCHES; i++)
		nr += p->slot[i].state == BATCH_FREE;
	return nr;
}

static struct slot *next_to_write(struct page_pool *p)
{
	for (int i = 0; i < BATCHES && !p->writing; i++)
		if (p->slot[i].state == BATCH_HASHED && p->slot[i].order == p->written)
			return &p->slot[i];
	return NULL;
}

/* Each step is called with the lock held, and gives it up while it works. */
static void read_step(struct page_pool *p, struct slot *s)
{
	int err;

	if (!cursor_next(&p->cursor, &s->batch))
		return;
	s->out = (struct image_pages){ .ext = s->batch.ext, .nr = s->batch.nr,
				       .data = s->batch.data, .len = s->batch.len };
	err = image_place_pages(p->image, &s->out);
	s->order = p->laid_out++;
	s->state = BATCH_BUSY;
	p->reading++;
	pthread_mutex_unlock(&p->lock);
	err = err ? err : batch_read(&s->batch);
	pthread_mutex_lock(&p->lock);
	p->reading--;
	p->err = p->err ? p->err : err;
	s->state = BATCH_READ;
}

static void hash_step(struct page_pool *p, struct slot *s)
{
	int err;

	s->state = BATCH_BUSY;
	pthread_mutex_unlock(&p->lock);
	err = image_hash_pages(&s->out);
	pthread_mutex_lock(&p->lock);
	p->err = p->err ? p->err : err;
	s->state = BATCH_HASHED;
}

static void write_step(struct page_pool *p, struct slot *s)
{
	int err;

	p->writing = true;
	s->state = BATCH_BUSY;
	pthread_mutex_unlock(&p->lock);
	err = image_write_pages(p->image, &s->out);
	pthread_mutex_lock(&p->lock);
	p->writing = false;
	p->written++;
	p->err = p->err ? p->err : err;
	p->stats->pages += s->batch.len / PAGE;
	p->stats->extents += s->batch.nr;
	s->state = BATCH_FREE;
}

/* One step of whatever is most urgent; false when there is nothing to do right now. */
static bool step(struct page_pool *p)
{
	struct slot *room = p->cursor.left ? find_slot(p, BATCH_FREE) : NULL, *s;

	if (room && p->cursor.left <= count_free(p) * BATCH_BYTES / 2)
		read_step(p, room); /* NOLINT(bugprone-branch-clone): first when it is the end of it, else last */
	else if ((s = next_to_write(p)))
		write_step(p, s);
	else if ((s = find_slot(p, BATCH_READ)))
		hash_step(p, s);
	else if (room)
		read_step(p, room);
	else
		return false;
	pthread_cond_broadcast(&p->moved);
	return true;
}

/* all_read() belongs to the calling thread: a tracee obeys only the thread that attached to it. */
static bool tell(struct page_pool *p)
{
	if (p->told || p->err || p->cursor.left || p->reading || !pthread_equal(p->main, pthread_self()))
		return false;
	p->told = true;
	pthread_mutex_unlock(&p->lock);
	p->all_read(p->arg);
	pthread_mutex_lock(&p->lock);
	return true;
}

static void *work(void *arg)
{
	struct page_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->err && (p->cursor.left || p->written < p->laid_out)) {
		/* both give up the lock: only who did nothing knows that there is nothing to do */
		if (!tell(p) && !step(p))
			pthread_cond_wait(&p->moved, &p->lock);
	}
	tell(p);
	pthread_cond_broadcast(&p->moved);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static unsigned int processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

int pages_copy(struct page_pool *p, struct image_writer *w, const struct page_source *src, size_t nr,
	       void (*all_read)(void *arg), void *arg, struct pages_stats *stats)
{
	unsigned int helpers = processors() - 1, started = 0;
	pthread_t helper[HELPERS_MAX];

	p->image = w;
	p->cursor = (struct page_cursor){ .src = src, .nr = nr, .left = pages_total(src, nr) };
	p->all_read = all_read;
	p->arg = arg;
	p->stats = stats;
	p->main = pthread_self();
	if (p->cursor.left < ALONE_BYTES)
		helpers = 0;
	/* one that does not start is no loss: the others do its part */
	while (started < helpers && started < HELPERS_MAX &&
	       !pthread_create(&helper[started], NULL, work, p))
		started++;
	work(p);
	while (started)
		pthread_join(helper[--started], NULL);
	return p->err;
}
