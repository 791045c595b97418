// SPDX-License-Identifier: GPL-2.0-only
/* msgq.c - System V message queues: messages by type and in order, sizes, who used them, a waiter. */
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

struct text {
	long type;
	char text[8192];
};

static int queue, empty;
static struct msqid_ds was;
static struct text buf;

static void post(long type, size_t size)
{
	buf.type = type;
	fx_fill(buf.text, size, type);
	must(msgsnd(queue, &buf, size, IPC_NOWAIT));
}

static void take(long type, size_t size)
{
	ssize_t n = msgrcv(queue, &buf, sizeof(buf.text), 0, IPC_NOWAIT);

	expect(n == (ssize_t)size && buf.type == type && !fx_differs(buf.text, size, type),
	       "a message of type %ld and %zd bytes instead of type %ld and %zu", buf.type, n, type, size);
}

/* ---- one that waits for a type ---- */

static void waiter(void)
{
	ssize_t n = msgrcv(empty, &buf, sizeof(buf.text), 77, 0);

	_exit(n == 5 && !memcmp(buf.text, "hello", 5) ? 21 : 22);
}

static pid_t waiting;

static void setup_sender(void)
{
	post(5, 0);
	post(3, 8192);
	post(5, 100 * 8);
}

static void setup(void)
{
	queue = must(msgget(fx_ipc_key(), IPC_CREAT | IPC_EXCL | 0620));
	empty = must(msgget(IPC_PRIVATE, 0600));
	fx_mark("ipc.q.%d", queue);
	fx_mark("ipc.q.%d", empty);
	must(msgctl(queue, IPC_STAT, &was));
	was.msg_qbytes = 12000;
	must(msgctl(queue, IPC_SET, &was));
	post(9, 8);
	take(9, 8); /* we received last, and a child sent last */
	fx_child("sender", setup_sender, NULL);
	waiting = must(fork());
	if (!waiting)
		waiter();
	while (fx_state(waiting) != 'S')
		fx_nap();
	must(msgctl(queue, IPC_STAT, &was));
}

static void verify(void)
{
	struct msqid_ds now;

	must(msgctl(queue, IPC_STAT, &now));
	expect_eq("messages", now.msg_qnum, 3);
	expect_eq("room", now.msg_qbytes, 12000);
	expect_eq("key", now.msg_perm.__key, was.msg_perm.__key);
	expect_eq("mode", now.msg_perm.mode, was.msg_perm.mode);
	expect_eq("last sender", now.msg_lspid, was.msg_lspid);
	expect_eq("last receiver", now.msg_lrpid, was.msg_lrpid);
	if (!fx_last())
		return;
	take(5, 0);
	take(3, 8192);
	take(5, 800);
	expect(msgrcv(queue, &buf, sizeof(buf.text), 0, IPC_NOWAIT) < 0 && errno == ENOMSG, "one more message");
	buf = (struct text){77, "hello"};
	must(msgsnd(empty, &buf, 5, 0));
	expect_eq("the end of the waiter", fx_exit_of(waiting), 21);
	must(msgctl(queue, IPC_RMID, NULL));
	must(msgctl(empty, IPC_RMID, NULL));
}

const struct fixture fixture_msgq = {
	.name = "msgq",
	.about = "System V message queues: messages in order, last users, a waiter",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED | FX_OUTLIVED,
};
