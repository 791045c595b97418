// SPDX-License-Identifier: GPL-2.0-only
/*
 * place.c - through which mount somebody reached a file or directory. Whose mount namespace has been made
 * anew keeps what it had open through the old one; that is ours, or it is no way that we could go.
 */
#include "place.h"

#include "check.h"
#include "rec_place.h"
#include "rec_state.h"
#include "snap.h"

const char *place_refusal(const struct check *c, __u64 user)
{
	size_t nr;
	void **place = snap_range(c->snap, REC_PLACE, user, &nr);

	for (size_t i = 0; i < nr; i++) {
		const struct rec_place *p = place[i];

		if (!p->mntns)
			return "its mount was taken away (umount -l); close it";
		if (p->mntns != c->own->mntns && !snap_find(c->snap, REC_MNTNS, p->mntns))
			return "it was reached through a detached mount (open_tree), or one of a mount namespace that "
			       "is neither this command's nor the tree's; close it";
	}
	return NULL;
}
