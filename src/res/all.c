// SPDX-License-Identifier: GPL-2.0-only
/* all.c - the list of kinds, in the order in which they are written, made and joined. */
#include "res.h"

extern const struct res_type res_tty, res_tty_file, res_tty_data, res_tty_echo, res_ctty;
extern const struct res_type res_pidns, res_pid, res_tree, res_cpu, res_vdso, res_userns, res_owners, res_mntns, res_mount, res_ghost, res_shmem, res_file, res_pipe,
	res_pipe_data, res_eventfd, res_timerfd, res_signalfd, res_epoll, res_epoll_item, res_socket, res_sock, res_unix,
	res_unix_pending, res_unix_path, res_unix_msg, res_unix_file,
	res_netlink, res_netlink_group, res_packet, res_packet_member,
	res_inet, res_mcast, res_mcast_source, res_tcp, res_stream, res_datagram, res_sockopt,
	res_lock,
	res_handle, res_gone_dir, res_epoll_params, res_build_id,
	res_inotify, res_watch, res_fanotify, res_fan_mark, res_pidfd, res_procfs, res_proc_view, res_nsfd, res_mm, res_vma, res_guard, res_fs, res_sighand,
	res_dnotify, res_shm, res_shm_unreserved, res_sem, res_sem_pid, res_undo_list, res_undo, res_msgq, res_msg, res_shmfile, res_mqueue, res_mq_message, res_huge,
	res_aio, res_aio_ring,
	res_area_policy, res_task_policy, res_pkeys, res_proc, res_task, res_external, res_fd, res_timer, res_regs, res_siginfo, res_seccomp, res_sched;

const struct res_type *const res_types[] = {
	&res_pidns, &res_pid, &res_tree, &res_cpu, &res_vdso,
	/* entered to make mount namespaces that they own */
	&res_userns, &res_owners,
	/* before anything is opened, and entered before anything else is done */
	&res_mntns, &res_mount,
	/* made by the coordinator; what has contents before what is opened through it */
	&res_ghost, &res_shmem, &res_shm, &res_shm_unreserved, &res_sem, &res_msgq, &res_msg, &res_shmfile, &res_mqueue, &res_mq_message, &res_huge,
	&res_file, &res_external, &res_pipe, &res_pipe_data, &res_eventfd,
	&res_timerfd, &res_signalfd, &res_epoll, &res_lock, &res_sock, &res_socket,
	&res_unix_pending, &res_unix, &res_unix_path, &res_unix_msg, &res_unix_file,
	&res_handle, &res_gone_dir, &res_epoll_params, &res_build_id,
	&res_inotify, &res_watch, &res_fanotify, &res_fan_mark, &res_pidfd, &res_procfs, &res_proc_view, &res_nsfd,
	&res_netlink, &res_netlink_group, &res_packet, &res_packet_member,
	&res_inet, &res_mcast, &res_mcast_source, &res_tcp, &res_stream, &res_datagram,
	&res_sockopt, /* what is left of them, once all else of a socket is as it was */
	&res_tty, &res_tty_file, &res_tty_data, &res_tty_echo, &res_ctty,
	/* built by the tasks, in this order */
	&res_mm, &res_pkeys, &res_aio, &res_aio_ring, &res_vma, &res_area_policy, &res_guard, &res_fs, &res_epoll_item, &res_fd, &res_seccomp, &res_sched,
	&res_task_policy, &res_undo_list, &res_undo, &res_sem_pid, &res_dnotify, &res_task,
	/* of a signal that is no real-time one only the first is kept: those of the image, not those of timers */
	&res_sighand, &res_siginfo, &res_timer, &res_proc, &res_regs,
};

const unsigned int nr_res_types = sizeof(res_types) / sizeof(res_types[0]);

const struct res_type *res_type(__u32 tag)
{
	for (unsigned int i = 0; i < nr_res_types; i++)
		if (res_types[i]->tag == tag)
			return res_types[i];
	return NULL;
}
