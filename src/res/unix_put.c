// SPDX-License-Identifier: GPL-2.0-only
/* unix_put.c - send again what waits in the queue of a unix socket, in the name of who has sent it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "log.h"
#include "rec_file.h"
#include "restore.h"
#include "unix_make.h"

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

#define SCM_FILES_MAX 253
#define LARGE (1 << 28)

/* Room for what other and larger buffers had room for; put back by unix_settle(). */
static int raise_buffer(struct unix_end *e)
{
	socklen_t len = sizeof(int);
	int large = LARGE;

	if (getsockopt(e->fd, SOL_SOCKET, SO_SNDBUF, &e->sndbuf, &len) ||
	    getsockopt(e->fd, SOL_SOCKET, SO_BUF_LOCK, &e->lock, &len) ||
	    setsockopt(e->fd, SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof(large)))
		return -errno;
	e->raised = true;
	return 0;
}

int unix_settle(struct unix_end *e)
{
	int half = e->sndbuf / 2;

	if (!e->raised)
		return 0;
	e->raised = false;
	if (setsockopt(e->fd, SOL_SOCKET, SO_SNDBUFFORCE, &half, sizeof(half)) ||
	    setsockopt(e->fd, SOL_SOCKET, SO_BUF_LOCK, &e->lock, sizeof(e->lock)))
		return fail(-errno, "set the buffer of a socket to %d bytes", half);
	return 0;
}

/* Credentials and descriptors of a message. */
static int add_control(const struct restore *r, const struct rec_unix_msg *m, void **file, struct msghdr *msg,
		       char *control)
{
	struct ucred cred = { m->pid ? unix_pid_here(r, m->pid) : getpid(), m->uid, m->gid };
	struct cmsghdr *c = (struct cmsghdr *)control;
	int fds[SCM_FILES_MAX];

	for (__u32 i = 0; i < m->files; i++)
		if (restore_kept(r, ((const struct rec_unix_file *)file[i])->file, &fds[i], NULL))
			return fail(-ERR_IMAGE, "image: a file in flight was not opened");
	if (m->creds) {
		*c = (struct cmsghdr){ CMSG_LEN(sizeof(cred)), SOL_SOCKET, SCM_CREDENTIALS };
		memcpy(CMSG_DATA(c), &cred, sizeof(cred));
		msg->msg_controllen += CMSG_SPACE(sizeof(cred));
	}
	c = (struct cmsghdr *)(control + msg->msg_controllen);
	if (m->files) {
		*c = (struct cmsghdr){ CMSG_LEN(m->files * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(c), fds, m->files * sizeof(int));
		msg->msg_controllen += CMSG_SPACE(m->files * sizeof(int));
	}
	msg->msg_control = msg->msg_controllen ? control : NULL;
	return 0;
}

static int send_all(struct unix_end *from, struct msghdr *msg, const struct rec_unix_msg *m)
{
	__u32 done = 0;

	do {
		struct iovec iov = { (char *)m->data + done, m->bytes - done };
		ssize_t n;

		msg->msg_iov = &iov;
		msg->msg_iovlen = 1;
		n = sendmsg(from->fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && !from->raised && (errno == EAGAIN || errno == EMSGSIZE || errno == ENOBUFS)) {
			n = raise_buffer(from);
			if (n)
				return n;
			continue;
		}
		if (n < 0)
			return -errno;
		done += n;
		if (n) { /* descriptors came with the first byte; credentials, before them, are of all */
			msg->msg_controllen = m->creds ? CMSG_SPACE(sizeof(struct ucred)) : 0;
			msg->msg_control = m->creds ? msg->msg_control : NULL;
		}
	} while (done < m->bytes);
	return 0;
}

/* Who sends: the other end; of a datagram socket whoever has the name, or anybody. */
static struct unix_end *sender_of(struct restore *r, struct unix_end *e, const struct rec_unix_msg *m)
{
	struct unix_work *w = r->unix_work;

	if (e->role != UNIX_SINGLE)
		return e->mate;
	if (e->k->type != SOCK_DGRAM)
		return NULL;
	if (m->sender)
		return unix_end(r, m->sender);
	if (w->anonymous.fd < 0)
		w->anonymous.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return &w->anonymous;
}

int unix_put_queue(struct restore *r, struct unix_end *e)
{
	size_t nr, nr_files;
	void **rec = snap_range(&r->image.snap, REC_UNIX_MSG, e->u->sock, &nr);
	void **file = snap_range(&r->image.snap, REC_UNIX_FILE, e->u->sock, &nr_files);
	char control[CMSG_SPACE(SCM_FILES_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))]
		__attribute__((aligned(8)));

	for (size_t i = 0; i < nr; i++) {
		const struct rec_unix_msg *m = rec[i];
		struct unix_end *from = sender_of(r, e, m);
		struct msghdr msg = {};
		struct sockaddr_un a;
		int err;

		if (!from || from->fd < 0 || m->files > nr_files)
			return fail(-ERR_IMAGE, "image: nobody could have sent what socket %llu holds", e->u->sock);
		memset(control, 0, sizeof(control));
		err = add_control(r, m, file, &msg, control);
		if (err)
			return err;
		file += m->files;
		nr_files -= m->files;
		if (e->role == UNIX_SINGLE) {
			unix_address(e, &a, &msg.msg_namelen);
			msg.msg_name = &a;
		}
		err = send_all(from, &msg, m);
		if (err)
			return fail(err, "put %u bytes and %u descriptors into the queue of a socket", m->bytes,
				    m->files);
	}
	return 0;
}
