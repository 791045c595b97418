// SPDX-License-Identifier: GPL-2.0-only
/* build_id.c - what a linker has called an executable or library: its GNU build id, elf(5). */
#include "build_id.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define PHDRS_MAX 64
#define NOTES_MAX 4096

static unsigned int find_id(const char *notes, size_t len, unsigned char *id)
{
	size_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= len) {
		const Elf64_Nhdr *n = (const void *)(notes + at);
		size_t name = at + sizeof(*n), desc = name + ALIGN_UP((size_t)n->n_namesz, 4);

		if (n->n_namesz > NOTES_MAX || n->n_descsz > NOTES_MAX || desc + n->n_descsz > len)
			return 0;
		if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) && n->n_descsz <= BUILD_ID_MAX) {
			memcpy(id, notes + desc, n->n_descsz);
			return n->n_descsz;
		}
		at = desc + ALIGN_UP((size_t)n->n_descsz, 4);
	}
	return 0;
}

unsigned int build_id_read(int fd, unsigned char *id)
{
	char notes[NOTES_MAX] __attribute__((aligned(8)));
	Elf64_Phdr ph[PHDRS_MAX];
	Elf64_Ehdr eh;
	unsigned int found = 0;
	ssize_t bytes;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) || memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
	    eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_phentsize != sizeof(*ph) || eh.e_phnum > PHDRS_MAX)
		return 0;
	bytes = eh.e_phnum * sizeof(*ph);
	if (pread(fd, ph, bytes, eh.e_phoff) != bytes)
		return 0;
	for (int i = 0; i < eh.e_phnum && !found; i++) {
		size_t len = ph[i].p_filesz < sizeof(notes) ? ph[i].p_filesz : sizeof(notes);

		if (ph[i].p_type == PT_NOTE && pread(fd, notes, len, ph[i].p_offset) == (ssize_t)len)
			found = find_id(notes, len, id);
	}
	return found;
}
