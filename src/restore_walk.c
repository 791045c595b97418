// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore_walk.c - the walk of a restore: loaded beside everything else when it is known to be needed,
 * not at all when every number is known without it.
 */
#include <pthread.h>

#include "log.h"
#include "restore.h"

static int open_walk(struct restore *r)
{
	struct walk_opts opts = { .verbose = r->opts->verbose };

	return walk_open(&r->walk, &opts);
}

static void *load(void *arg)
{
	struct restore *r = arg;

	r->walk_err = open_walk(r);
	return NULL;
}

void restore_walk_begin(struct restore *r)
{
	r->walk_loading = !pthread_create(&r->walk_loader, NULL, load, r);
}

int restore_walk(struct restore *r)
{
	if (!r->walk_loading)
		return r->walk ? 0 : open_walk(r);
	pthread_join(r->walk_loader, NULL);
	r->walk_loading = false;
	return r->walk_err;
}

void restore_walk_end(struct restore *r)
{
	if (r->walk_loading)
		pthread_join(r->walk_loader, NULL);
	walk_close(r->walk);
}
