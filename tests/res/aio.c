// SPDX-License-Identifier: GPL-2.0-only
/* aio.c - contexts of io_setup(2): empty, with unread events, used up to the end of the ring, a waiter. */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static aio_context_t fresh, unread, wrapped, gap;
static int file;

static long submit(aio_context_t ctx, int op, const char *text, size_t size, long offset, unsigned long data)
{
	struct iocb cb = {.aio_lio_opcode = op, .aio_fildes = file, .aio_buf = (unsigned long)text,
			  .aio_nbytes = size, .aio_offset = offset, .aio_data = data}, *one = &cb;

	return syscall(SYS_io_submit, ctx, 1, &one);
}

static void take(aio_context_t ctx, unsigned long data, long result)
{
	struct io_event ev = {};
	long n = syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL);

	expect(n == 1 && ev.data == data && ev.res == result, "%ld events: of %llu with %lld instead of %lu with %ld", n,
	       ev.data, ev.res, data, result);
}

static void expect_empty(const char *what, aio_context_t ctx)
{
	struct timespec now = {};
	struct io_event ev;

	expect(!syscall(SYS_io_getevents, ctx, 0, 1, &ev, &now), "%s: an event", what);
}

/* ---- a child with a context of its own ---- */

static pid_t waiting;

static void waiter(void)
{
	aio_context_t ctx = 0;
	struct iocb cb = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = file, .aio_nbytes = 0, .aio_data = 7}, *one = &cb;

	must(syscall(SYS_io_setup, 4, &ctx));
	fx_mark("waits");
	fx_await("submit");
	must(syscall(SYS_io_submit, ctx, 1, &one));
	take(ctx, 7, 0);
	_exit(0);
}

static void setup(void)
{
	char page[512];

	file = must(open(fx_path("file"), O_RDWR | O_CREAT, 0600));
	waiting = must(fork()); /* before there is a ring that it would have mapped */
	if (!waiting)
		waiter();
	fx_await("waits");
	if (syscall(SYS_io_setup, 8, &fresh))
		fx_skip("no AIO: %s", strerror(errno));
	must(syscall(SYS_io_setup, 3, &gap));
	must(syscall(SYS_io_setup, 100, &unread));
	must(syscall(SYS_io_setup, 1, &wrapped));
	must(syscall(SYS_io_destroy, gap));
	fx_fill(page, sizeof(page), 1);
	must(submit(unread, IOCB_CMD_PWRITE, page, sizeof(page), 0, 11));
	must(submit(unread, IOCB_CMD_PWRITE, page, 100, 4096, 12));
	must(submit(unread, IOCB_CMD_PREAD, page, 512, 1 << 20, 13));
	take(unread, 11, 512);
	for (int i = 0; i < 1000; i++) { /* several times around */
		must(submit(wrapped, IOCB_CMD_PREAD, page, 8, 0, i));
		take(wrapped, i, 8);
	}
	must(submit(wrapped, IOCB_CMD_PREAD, page, 8, 0, 1000));
}

static void verify(void)
{
	char page[512] = "";

	expect_empty("fresh", fresh);
	must(submit(fresh, IOCB_CMD_PREAD, page, 512, 0, 21));
	take(fresh, 21, 512);
	expect(!fx_differs(page, 512, 1), "what AIO reads");
	expect(submit(gap, IOCB_CMD_PREAD, page, 1, 0, 1) < 0 && errno == EINVAL, "a context that was destroyed is there");
	if (!fx_last())
		return;
	take(unread, 12, 100);
	take(unread, 13, 0);
	expect_empty("unread", unread);
	take(wrapped, 1000, 8);
	for (int i = 0; i < 1000; i++) {
		must(submit(wrapped, IOCB_CMD_PREAD, page, 8, 0, i));
		take(wrapped, i, 8);
	}
	fx_mark("submit");
	expect_eq("the end of a child", fx_exit_of(waiting), 0);
	must(syscall(SYS_io_destroy, unread));
	gap = 0;
	must(syscall(SYS_io_setup, 3, &gap));
}

const struct fixture fixture_aio = {
	.name = "aio",
	.about = "AIO contexts: empty, with events, used for long, and a gap between them",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- a request that does not end ---- */

static void setup_busy(void)
{
	int ends[2];

	if (syscall(SYS_io_setup, 8, &fresh))
		fx_skip("no AIO: %s", strerror(errno));
	must(pipe(ends));
	file = ends[0];
	must(submit(fresh, IOCB_CMD_POLL, (char *)POLLIN, 0, 0, 1));
}

const struct fixture fixture_aio_busy = {
	.name = "aio_busy",
	.about = "an AIO request that is not complete",
	.setup = setup_busy,
	.flags = FX_LEAVE_ONLY,
};
