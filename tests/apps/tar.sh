#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tar.sh - tar streaming through a pipe into gzip.
. "$(dirname "$0")/lib.sh"
mkdir "$work/files"
for i in $(seq 40); do seq $((i * 1000)) $((i * 1000 + 60000)) > "$work/files/$i"; done
app tar out.gz sh -c 'tar --sort=name --mtime=@0 --owner=0 --group=0 -C "$1" -cf - files | gzip -n -9 > out.gz && mv out.gz result && touch result.done' sh "$work"
