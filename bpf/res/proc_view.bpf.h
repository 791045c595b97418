/* SPDX-License-Identifier: GPL-2.0-only */
/* proc_view.bpf.h - what a file of proc took hold of when it was opened: fs/proc/base.c, task_mmu.c. */
#ifndef BPF_CKPT_PROC_VIEW_BPF_H
#define BPF_CKPT_PROC_VIEW_BPF_H

#include "compat.bpf.h"
#include "rec_ref.h"
#include "res/file.bpf.h"

#define S_IFREG 0100000

enum view_where { HELD_ITSELF, HELD_BY_MAPS, HELD_BY_SEQ }; /* where the file has it */

static const struct {
	char name[16];
	__u8 what, where;
} proc_views[] = {
	{ "mem", VIEW_MEMORY, HELD_ITSELF },
	{ "environ", VIEW_MEMORY, HELD_ITSELF },
	{ "auxv", VIEW_MEMORY, HELD_ITSELF },
	{ "pagemap", VIEW_MEMORY, HELD_ITSELF },
	{ "maps", VIEW_MEMORY, HELD_BY_MAPS },
	{ "smaps", VIEW_MEMORY, HELD_BY_MAPS },
	{ "smaps_rollup", VIEW_MEMORY, HELD_BY_MAPS },
	{ "numa_maps", VIEW_MEMORY, HELD_BY_MAPS },
	{ "mounts", VIEW_MOUNTS, HELD_BY_SEQ },
	{ "mountinfo", VIEW_MOUNTS, HELD_BY_SEQ },
	{ "mountstats", VIEW_MOUNTS, HELD_BY_SEQ },
	{ "uid_map", VIEW_USERNS, HELD_BY_SEQ },
	{ "gid_map", VIEW_USERNS, HELD_BY_SEQ },
	{ "projid_map", VIEW_USERNS, HELD_BY_SEQ },
	{ "setgroups", VIEW_USERNS, HELD_BY_SEQ },
};

#define NR_PROC_VIEWS (sizeof(proc_views) / sizeof(proc_views[0]))

/* Who has that number now, maybe a zombie; NULL when nobody does. */
static __always_inline struct task_struct *task_of(struct pid *pid)
{
	struct hlist_node *first = BPF_CORE_READ(pid, tasks[0].first); /* PIDTYPE_PID */

	return first ? (void *)first - bpf_core_field_offset(struct task_struct, pid_links) : NULL;
}

static __always_inline __u32 memory_state(struct task_struct *t, struct mm_struct *mm)
{
	if (!mm || !BPF_CORE_READ(mm, mm_users.counter))
		return VIEW_EMPTY;
	return t && BPF_CORE_READ(t, mm) == mm ? VIEW_CURRENT : VIEW_OTHER;
}

static __always_inline __u32 mounts_state(struct task_struct *t, struct proc_mounts *m)
{
	return t && BPF_CORE_READ(t, nsproxy, mnt_ns) == BPF_CORE_READ(m, ns) &&
	       BPF_CORE_READ(t, fs, root.mnt) == BPF_CORE_READ(m, root.mnt) &&
	       BPF_CORE_READ(t, fs, root.dentry) == BPF_CORE_READ(m, root.dentry) ? VIEW_CURRENT : VIEW_OTHER;
}

static __always_inline __u32 userns_state(struct task_struct *t, struct user_namespace *ns)
{
	return t && BPF_CORE_READ(t, real_cred, user_ns) == ns ? VIEW_CURRENT : VIEW_OTHER;
}

static __always_inline __u32 view_state(struct pid *pid, void *private, __u32 what, __u32 where)
{
	struct task_struct *t = task_of(pid);
	struct seq_file *seq = private;

	if (where == HELD_ITSELF)
		return memory_state(t, private);
	private = BPF_CORE_READ(seq, private);
	if (where == HELD_BY_MAPS)
		return memory_state(t, maps_mm(private));
	return what == VIEW_MOUNTS ? mounts_state(t, private) : userns_state(t, private);
}

static __always_inline void add_view(struct frame *f, struct file *file, __u32 what, __u32 state)
{
	struct rec_proc_view *r = frame_add(f, REC_PROC_VIEW, sizeof(*r));

	if (!r)
		return;
	r->file = (__u64)file;
	r->what = what;
	r->state = state;
}

static __always_inline __u64 word_of_name(struct dentry *d)
{
	__u64 word = 0;

	bpf_probe_read_kernel_str(&word, sizeof(word), BPF_CORE_READ(d, d_name.name));
	return word;
}

#define NAME_ATTR 0x72747461ull /* "attr" */
#define NAME_SYSVIPC 0x63706976737973ull /* "sysvipc" */

/* Of attr, files that are open for writing hold memory; there may be directories of security modules. */
static __always_inline bool is_attr(struct dentry *d)
{
	struct dentry *up = BPF_CORE_READ(d, d_parent);

	return word_of_name(up) == NAME_ATTR || word_of_name(BPF_CORE_READ(up, d_parent)) == NAME_ATTR;
}

#define CAP_SYS_ADMIN 21
#define CAP_SYSLOG 34
#define CGROUP2_SUPER_MAGIC 0x63677270
#define CGROUP_SUPER_MAGIC 0x27e0eb
#define SYSFS_MAGIC 0x62656572
#define O_ACCMODE 3
#define NAME_NET 0x74656eull       /* "net" */
#define NAME_KEYS 0x7379656bull    /* "keys" */
#define NAME_STATUS 0x737574617473ull
#define NAME_UID_MAP 0x70616d5f646975ull
#define NAME_GID_MAP 0x70616d5f646967ull
#define NAME_PAGEMAP 0x70616d65676170ull
#define NAME_MODULES 0x73656c75646f6dull
#define NAME_KALLSYM 0x6d79736c6c616bull /* "kallsyms", cut */

static __always_inline bool opener_may(const struct cred *c, int cap)
{
	return !BPF_CORE_READ(c, user_ns, level) && cap_word(c, cap_effective) >> cap & 1;
}

/* fs/proc/task_mmu.c: pagemap_read(); kernel/kallsyms.c: kallsyms_show_value() */
static __always_inline bool hides(const struct cred *c, __u64 name, struct pid *pid)
{
	if (pid)
		return name == NAME_PAGEMAP && !opener_may(c, CAP_SYS_ADMIN);
	return (name == NAME_MODULES || name == NAME_KALLSYM) && !opener_may(c, CAP_SYSLOG);
}

/* seq_user_ns() */
static __always_inline bool tells_users(struct dentry *d, __u64 name, struct pid *pid)
{
	if (pid)
		return name == NAME_STATUS || name == NAME_UID_MAP || name == NAME_GID_MAP;
	return name == NAME_KEYS || word_of_name(BPF_CORE_READ(d, d_parent)) == NAME_NET;
}

/* What the credentials that it was opened with decide, when it is used. */
static __always_inline void emit_opener_view(struct frame *f, struct file *file, struct pid *pid)
{
	struct dentry *d = BPF_CORE_READ(file, f_path.dentry);
	const struct cred *c = BPF_CORE_READ(file, f_cred);
	bool apart = BPF_CORE_READ(c, user_ns, level);
	__u64 name = word_of_name(d);

	if (hides(c, name, pid))
		add_view(f, file, VIEW_HIDDEN, VIEW_OTHER);
	if (apart && tells_users(d, name, pid))
		add_view(f, file, VIEW_NUMBERS, VIEW_OTHER);
	if (file->f_flags & O_ACCMODE && apart)
		add_view(f, file, VIEW_WRITER, VIEW_OTHER);
}

/* Of cgroups and sysfs: kernel/cgroup/cgroup.c takes the opener's credentials for what is written. */
static __always_inline void emit_kernfs_view(struct frame *f, struct file *file, __u64 magic)
{
	const struct cred *c = BPF_CORE_READ(file, f_cred);

	if (magic != CGROUP2_SUPER_MAGIC && magic != CGROUP_SUPER_MAGIC && magic != SYSFS_MAGIC)
		return;
	if (file->f_flags & O_ACCMODE && !(file->f_flags & O_PATH) &&
	    (BPF_CORE_READ(c, user_ns, level) || BPF_CORE_READ(c, fsuid.val)))
		add_view(f, file, VIEW_WRITER, VIEW_OTHER);
}

static __always_inline void emit_named_view(struct frame *f, struct file *file, struct pid *pid, void *private)
{
	__u64 have[2] = {};
	__u32 i;

	bpf_probe_read_kernel_str(have, sizeof(have), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	for (i = 0; i < NR_PROC_VIEWS; i++) {
		const __u64 *name = (const __u64 *)proc_views[i].name;

		if (have[0] != name[0] || have[1] != name[1])
			continue;
		add_view(f, file, proc_views[i].what,
			 view_state(pid, private, proc_views[i].what, proc_views[i].where));
		return;
	}
}

/* of a file of proc; pid: in whose directory it lies, NULL for none */
static __always_inline void emit_proc_view(struct frame *f, struct file *file, struct pid *pid)
{
	struct dentry *d = BPF_CORE_READ(file, f_path.dentry);
	void *private = BPF_CORE_READ(file, private_data);
	struct seq_file *seq = private;
	struct ipc_proc_iter *ipc;

	if (file->f_flags & O_PATH || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFREG)
		return;
	if (pid && !is_attr(d)) {
		emit_named_view(f, file, pid, private);
	} else if (pid && private) {
		add_view(f, file, VIEW_MEMORY, memory_state(task_of(pid), private));
	} else if (!pid && word_of_name(BPF_CORE_READ(d, d_parent)) == NAME_SYSVIPC) {
		ipc = BPF_CORE_READ(seq, private);
		add_view(f, file, VIEW_PIDNS, BPF_CORE_READ(ipc, pid_ns, level) ? VIEW_OTHER : VIEW_CURRENT);
	}
	emit_opener_view(f, file, pid);
}

#endif
