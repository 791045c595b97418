// SPDX-License-Identifier: GPL-2.0-only
/* all.c - the list of fixtures: one line each. */
#include "../fixture.h"

#define FIXTURES(X)                                                                                \
	X(regs)                                                                                    \
	X(regs_asleep)                                                                             \
	X(thread)                                                                                  \
	X(thread_leader)                                                                           \
	X(zombie)                                                                                  \
	X(zombie_init)                                                                             \
	X(zombie_leader)                                                                           \
	X(session)                                                                                 \
	X(session_ghost)                                                                           \
	X(session_jobs)                                                                            \
	X(stop)                                                                                    \
	X(task)                                                                                    \
	X(task_exit_signal)                                                                        \
	X(task_many)                                                                               \
	X(task_deleted)                                                                            \
	X(fs)                                                                                      \
	X(fs_chroot)                                                                               \
	X(fs_shared)                                                                               \
	X(fs_removed)                                                                              \
	X(vma_anon)                                                                                \
	X(vma_cow)                                                                                 \
	X(vma_file)                                                                                \
	X(vma_file_shared)                                                                         \
	X(vma_file_deleted)                                                                        \
	X(vma_shmem)                                                                               \
	X(vma_stack)                                                                               \
	X(vma_brk)                                                                                 \
	X(vma_prot)                                                                                \
	X(vma_many)                                                                                \
	X(vma_reserve)                                                                             \
	X(madvise)                                                                                 \
	X(guard)                                                                                   \
	X(mlock)                                                                                   \
	X(mlockall)                                                                                \
	X(vma_name)                                                                                \
	X(growsdown)                                                                               \
	X(vdso)                                                                                    \
	X(syscall_read)                                                                            \
	X(syscall_write)                                                                           \
	X(syscall_nanosleep)                                                                       \
	X(syscall_clock_nanosleep)                                                                 \
	X(syscall_poll)                                                                            \
	X(syscall_poll_timed)                                                                      \
	X(syscall_ppoll)                                                                           \
	X(syscall_select)                                                                          \
	X(syscall_pselect)                                                                         \
	X(syscall_futex)                                                                           \
	X(syscall_futex_timed)                                                                     \
	X(syscall_sigwait)                                                                         \
	X(syscall_sigtimedwait)                                                                    \
	X(syscall_sigsuspend)                                                                      \
	X(syscall_pause)                                                                           \
	X(syscall_wait4)                                                                           \
	X(syscall_waitid)                                                                          \
	X(syscall_fifo)                                                                            \
	X(syscall_epoll)                                                                           \
	X(syscall_semop)                                                                           \
	X(syscall_recv)                                                                            \
	X(syscall_timeouts)                                                                        \
	X(signal_action)                                                                           \
	X(signal_pending)                                                                          \
	X(signal_child)                                                                            \
	X(signal_handler)                                                                          \
	X(timer_left)                                                                              \
	X(timer_fire)                                                                              \
	X(timer_alarm)                                                                             \
	X(timer_posix)                                                                             \
	X(timer_periodic)                                                                          \
	X(robust)                                                                                  \
	X(rseq)                                                                                    \
	X(cred)                                                                                    \
	X(cred_thread)                                                                             \
	X(sched)                                                                                   \
	X(sched_thread)                                                                            \
	X(limit)                                                                                   \
	X(proc)                                                                                    \
	X(proc_deathsig)                                                                           \
	X(proc_mce)                                                                                \
	X(proc_io_flusher)                                                                         \
	X(proc_keepcaps)                                                                           \
	X(proc_mdwe)                                                                               \
	X(proc_merge)                                                                              \
	X(proc_barrier)                                                                            \
	X(proc_speculation)                                                                        \
	X(seccomp_filter)                                                                          \
	X(seccomp_thread)                                                                          \
	X(seccomp_kill)                                                                            \
	X(seccomp_strict)                                                                          \
	X(file)                                                                                    \
	X(file_share)                                                                              \
	X(file_dir)                                                                                \
	X(file_device)                                                                             \
	X(file_deleted)                                                                            \
	X(file_renamed)                                                                            \
	X(file_tmpfile)                                                                            \
	X(fd_shared)                                                                               \
	X(fd_many)                                                                                 \
	X(fd_owner)                                                                                \
	X(pipe)                                                                                    \
	X(pipe_slots)                                                                              \
	X(pipe_packet)                                                                             \
	X(pipe_closed)                                                                             \
	X(pipe_between)                                                                            \
	X(pipe_reopened)                                                                           \
	X(pipe_fifo)                                                                               \
	X(eventfd)                                                                                 \
	X(epoll)                                                                                   \
	X(epoll_many)                                                                              \
	X(epoll_fired)                                                                             \
	X(timerfd)                                                                                 \
	X(signalfd)                                                                                \
	X(lock)                                                                                    \
	X(lock_wait)                                                                               \
	X(lock_wait_flock)                                                                         \
	X(busy)                                                                                    \
	X(busy_special)                                                                            \
	X(refuse)                                                                                  \
	X(refuse_traced)                                                                           \
	X(share_vm)                                                                                \
	X(share_path)                                                                              \
	X(pidns)                                                                                   \
	X(pidns_entrant)                                                                           \
	X(pidns_for_children)                                                                      \
	X(pidns_unshared)                                                                          \
	X(pidns_deep)

#define DECLARE(name) extern const struct fixture fixture_##name;
#define LIST(name)    &fixture_##name,

FIXTURES(DECLARE)

const struct fixture *const fixtures[] = {FIXTURES(LIST)};
const unsigned int nr_fixtures = FX_COUNT(fixtures);
