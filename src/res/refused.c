// SPDX-License-Identifier: GPL-2.0-only
/* refused.c - what cannot be brought back, by its own name, and what its user can do. */
#include "refused.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define ANY 0xfffffu /* every minor number of a major */

/* Names as anon_inode_getfd() and its like are given them; a trailing part may follow (kvm-vcpu:0). */
static const struct { const char *name, *text; } anon[] = {
	{ "[io_uring]", "io_uring: what is in its rings and in flight cannot be read back; have the program use "
	  "epoll or threads instead" },
	{ "[userfaultfd]", "userfaultfd: the faults that it answers cannot be handed over; checkpoint the "
	  "program while it does not handle its own page faults" },
	{ "[perf_event]", "a perf event: its counts belong to processors and to the past; stop profiling" },
	{ "bpf-map", "a BPF map: it belongs to the system and not to the tree; pin it, close it, and open it "
	  "again after the restore" },
	{ "bpf-prog", "a BPF program: it belongs to the system and not to the tree; pin it, close it, and open "
	  "it again after the restore" },
	{ "bpf_link", "a BPF link: closing it would detach its program; pin it and close it" },
	{ "bpf_iter", "a BPF iterator: it is in the middle of reading the kernel; let it end" },
	{ "bpf_token", "a BPF token: it is a right that only its mount can give; close it" },
	{ "btf", "BTF of the kernel: it has to be loaded again; close it" },
	{ "[landlock-ruleset]", "a Landlock ruleset: its rules cannot be read back; enforce it, or close it" },
	{ "seccomp notify", "a seccomp listener: system calls that wait for it cannot be handed over; end the "
	  "supervised tasks first" },
	{ "[fscontext]", "a file system context (fsopen, fspick): mount it, or close it" },
	{ "[mount]", "a detached mount: attach it, or close it" },
	{ "kvm-", "a KVM virtual machine: its guest has to be saved by the program that runs it (for QEMU: "
	  "migrate to a file)" },
	{ "[vfio", "VFIO: the state of a device cannot be read back; detach the device from the guest" },
	{ "sync_file", "a fence of a graphics device: end what draws" },
	{ "dmabuf", "a buffer of a device: end what draws or plays" },
	{ "drm", "a lease or object of a graphics device: end what draws" },
};

static const struct { __u32 major, minor; const char *text; } devices[] = {
	{ 1, 1, "/dev/mem shows this machine; close it" },
	{ 1, 11, "the kernel's log: its place in it means nothing later; read it through syslog, or close it" },
	{ 10, 200, "a network tunnel (tun): its interface belongs to the network namespace; end the program that "
	  "serves it first" },
	{ 10, 196, "VFIO: the state of a device cannot be read back; detach the device" },
	{ 10, 229, "a FUSE connection: requests in flight cannot be handed over; unmount it first" },
	{ 10, 232, "KVM: a guest has to be saved by the program that runs it (for QEMU: migrate to a file)" },
	{ 10, 235, "an autofs daemon's device: stop the automounter" },
	{ 10, 237, "the control of loop devices: close it" },
	{ 13, ANY, "an input device: events are for who listens now; close it" },
	{ 29, ANY, "a frame buffer: what is on the screen cannot be read back; end what draws" },
	{ 116, ANY, "a sound device (ALSA): what plays cannot be read back; end what plays" },
	{ 226, ANY, "a graphics device (DRM): what it holds cannot be read back; end what draws" },
};

static const struct { __u64 magic; const char *text; } systems[] = {
	{ 0x0187, "a file of autofs: it would be mounted by being opened; use a path that is mounted" },
	{ 0x5345434d, "secret memory (memfd_secret): it can be read by nobody else; close it" },
	{ 0x64626720, "a file of debugfs: its place and state mean nothing later; close it" },
	{ 0x74726163, "a file of tracefs: reading goes on where the kernel is; stop tracing" },
	{ 0x73636673, "a file of securityfs: close it" },
	{ 0xcafe4a11, "a file of bpffs: BPF objects belong to the system and not to the tree; close it" },
	{ 0x19800202, "a POSIX message queue, which is not supported yet" },
	{ 0x42494e4d, "a file of binfmt_misc: close it" },
	{ 0x65735543, "the control of a FUSE connection: close it" },
	{ 0x62656570, "a file of configfs: it belongs to a driver; close it" },
	{ 0x6165676c, "a file of pstore: close it" },
	{ 0xde5e81e4, "a variable of the firmware: close it" },
	{ 0xabba1974, "a file of xenfs: it talks to the hypervisor; close it" },
	{ 0x444d4142, "a buffer of a device (dma-buf): end what draws or plays" },
};

const char *refused_anon(const char *name, char *buf, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(anon); i++)
		if (!strncmp(name, anon[i].name, strlen(anon[i].name)))
			return anon[i].text;
	snprintf(buf, len, "%.32s is not supported; close it", name[0] ? name : "this type of file");
	return buf;
}

const char *refused_device(__u32 rdev, int block, char *buf, size_t len)
{
	__u32 major = rdev >> 20, minor = rdev & 0xfffff;

	for (size_t i = 0; i < ARRAY_SIZE(devices) && !block; i++)
		if (devices[i].major == major && (devices[i].minor == ANY || devices[i].minor == minor))
			return devices[i].text;
	snprintf(buf, len, block ? "block device %u:%u: what it holds is not the tree's; unmount or close it" :
		 "character device %u:%u: its state cannot be read back; close it", major, minor);
	return buf;
}

const char *refused_fs(__u64 magic)
{
	for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
		if (systems[i].magic == magic)
			return systems[i].text;
	return NULL;
}
