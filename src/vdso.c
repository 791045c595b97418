// SPDX-License-Identifier: GPL-2.0-only
/* vdso.c - the code that the kernel maps into every task, and that of another kernel led to it: vdso(7). */
#include "vdso.h"

#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <xxhash.h>

#include "arch/arch.h"
#include "cleanup.h"

const void *vdso_own(size_t *len)
{
	FILE *f _fclose_ = fopen("/proc/self/maps", "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (!strstr(line, "[vdso]") || sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		*len = end - start;
		return (const void *)start;
	}
	return NULL;
}

__u64 vdso_sum(const void *vdso, size_t len)
{
	return vdso ? XXH3_64bits(vdso, len) : 0;
}

/* The dynamic symbols of an image in memory. libelf keeps to its bounds. */
struct symbols {
	Elf *elf;
	Elf_Data *data;
	size_t names; /* section of their names */
	int nr;
};

static bool open_symbols(struct symbols *s, const void *image, size_t len)
{
	Elf_Scn *section = NULL;
	GElf_Shdr head;

	elf_version(EV_CURRENT);
	s->elf = elf_memory((char *)image, len); /* which it does not write to */
	while (s->elf && (section = elf_nextscn(s->elf, section))) {
		if (!gelf_getshdr(section, &head) || head.sh_type != SHT_DYNSYM || !head.sh_entsize)
			continue;
		s->data = elf_getdata(section, NULL);
		s->names = head.sh_link;
		s->nr = s->data ? s->data->d_size / head.sh_entsize : 0;
		return s->nr;
	}
	return false;
}

/* The function behind that number, all of it within len bytes; false: it is none. */
static bool get_function(const struct symbols *s, int i, size_t len, GElf_Sym *sym, const char **name)
{
	if (!gelf_getsym(s->data, i, sym) || GELF_ST_TYPE(sym->st_info) != STT_FUNC || sym->st_shndx == SHN_UNDEF)
		return false;
	*name = elf_strptr(s->elf, s->names, sym->st_name);
	return *name && sym->st_value < len && sym->st_size <= len - sym->st_value;
}

/* 0: there is none, and none that is not within len bytes. */
static __u64 find_function(const struct symbols *s, size_t len, const char *wanted)
{
	const char *name;
	GElf_Sym sym;

	for (int i = 0; i < s->nr; i++)
		if (get_function(s, i, len, &sym, &name) && !strcmp(name, wanted))
			return sym.st_value;
	return 0;
}

/* An alias is of the same length, or what is written for it would not fit: it is written twice then, the same. */
static int redirect(const struct symbols *old, const struct symbols *ours, void *copy, size_t len, size_t ours_len,
		    __u64 ours_at)
{
	int nr = 0;

	for (int i = 0; i < old->nr; i++) {
		const char *name;
		GElf_Sym sym;
		__u64 to;

		if (!get_function(old, i, len, &sym, &name))
			continue;
		to = find_function(ours, ours_len, name);
		if (!arch_redirect((char *)copy + sym.st_value, sym.st_size, name, to ? ours_at + to : 0))
			return -ENOEXEC;
		nr++;
	}
	return nr ? 0 : -ENOEXEC;
}

int vdso_redirect(void *old, size_t len, const void *ours, size_t ours_len, __u64 ours_at)
{
	struct symbols from = {}, to = {};
	void *copy _free_ = malloc(len); /* the symbols are read while it is written */
	int err = -ENOEXEC;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, old, len);
	if (open_symbols(&from, old, len) && open_symbols(&to, ours, ours_len))
		err = redirect(&from, &to, copy, len, ours_len, ours_at);
	elf_end(from.elf);
	elf_end(to.elf);
	if (!err)
		memcpy(old, copy, len);
	return err;
}
