// SPDX-License-Identifier: GPL-2.0-only
/*
 * fixture.c - runs one fixture: fixture [-n LEVELS] [-1] KIND DIR; lists them: fixture --list; or
 * runs a command in the same surroundings: fixture [-n LEVELS] [-1] -x DIR COMMAND...; or reaps
 * orphans for a test script: fixture --reap COMMAND...; removes a message queue: fixture --mq-unlink NAME
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define MAX_KIDS     80
#define LIFE_SECONDS 900 /* a fixture that was forgotten goes away by itself; FX_LIFE says otherwise */

struct kid {
	pid_t pid; /* 0: not known */
	char name[24];
	bool may_be_killed;
};

/* One per task: a fork gets its own. */
static struct {
	char dir[512];
	char name[24];
	char fails[4096];
	int round;
	bool last;
	bool no_fork;
	time_t dies;
	int nap;
	struct kid kids[MAX_KIDS];
	int nr_kids;
	int lock;
} self;

/* ---- files ---- */

const char *fx_path(const char *name)
{
	static char path[1024];

	snprintf(path, sizeof(path), "%s/%s", self.dir, name);
	return path;
}

int fx_ipc_key(void)
{
	struct stat st;

	must(stat(self.dir, &st));
	return 0x40000000 | (st.st_ino & 0x3fffffff);
}

void fx_set_dir(const char *dir)
{
	snprintf(self.dir, sizeof(self.dir), "%s", dir);
}

static int setting(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

/* FX_LIFE: seconds until it ends by itself. FX_NAP: milliseconds between looks; many want long ones. */
static void settle(const char *dir)
{
	fx_set_dir(dir);
	self.dies = fx_now() / FX_SECOND + setting("FX_LIFE", LIFE_SECONDS);
	self.nap = setting("FX_NAP", 5);
}

/* All of it or nothing: readers never see half a file. */
static void put_file(const char *name, const char *text)
{
	char final[1024], temp[1024];
	size_t len = strlen(text);
	int fd;

	snprintf(final, sizeof(final), "%s/%s", self.dir, name);
	snprintf(temp, sizeof(temp), "%s/.%s", self.dir, name);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd) || rename(temp, final))
		_exit(3);
}

long fx_read_file(const char *path, void *buf, size_t size)
{
	size_t have = 0;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while (have < size - 1 && (n = read(fd, (char *)buf + have, size - 1 - have)) > 0)
		have += n;
	close(fd);
	((char *)buf)[have] = 0;
	return n < 0 ? -1 : (long)have;
}

#define FORMAT(buf, fmt)                                                                           \
	do {                                                                                       \
		va_list ap_;                                                                       \
		va_start(ap_, fmt);                                                                \
		vsnprintf(buf, sizeof(buf), fmt, ap_);                                             \
		va_end(ap_);                                                                       \
	} while (0)

static bool exists(const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", self.dir, name);
	return !access(path, F_OK);
}

void fx_mark(const char *fmt, ...)
{
	char name[128];

	FORMAT(name, fmt);
	put_file(name, "");
}

bool fx_marked(const char *fmt, ...)
{
	char name[128];

	FORMAT(name, fmt);
	return exists(name);
}

/* A task whose runner is gone, or whose fixture has given up, ends. */
static void end_if_alone(void)
{
	if ((access(self.dir, F_OK) && errno == ENOENT) || exists("dead"))
		_exit(3);
	if (fx_now() / FX_SECOND > self.dies)
		_exit(3);
}

void fx_nap(void)
{
	struct timespec ts = {self.nap / 1000, self.nap % 1000 * 1000000L};

	nanosleep(&ts, NULL);
	end_if_alone();
}

void fx_spin(void)
{
	int64_t until = fx_now() + 5000000;

	while (fx_now() < until)
		;
	end_if_alone();
}

void fx_await(const char *fmt, ...)
{
	char name[128];

	FORMAT(name, fmt);
	while (!exists(name))
		fx_nap();
}

/* ---- findings ---- */

void fx_fail(const char *fmt, ...)
{
	char line[512];
	size_t have;

	FORMAT(line, fmt);
	while (__atomic_exchange_n(&self.lock, 1, __ATOMIC_ACQUIRE))
		sched_yield();
	have = strlen(self.fails);
	snprintf(self.fails + have, sizeof(self.fails) - have, "FAIL: %s: %s\n", self.name, line);
	__atomic_store_n(&self.lock, 0, __ATOMIC_RELEASE);
}

void fx_die(const char *fmt, ...)
{
	char line[512], text[600];

	FORMAT(line, fmt);
	snprintf(text, sizeof(text), "FAIL: %s can't go on: %s\n", self.name, line);
	put_file("result", text);
	put_file("dead", "");
	_exit(3);
}

void fx_skip(const char *fmt, ...)
{
	char line[512], text[600];

	FORMAT(line, fmt);
	snprintf(text, sizeof(text), "skip: %s\n", line);
	put_file("result", text);
	put_file("dead", "");
	_exit(0);
}

int fx_round(void)
{
	return self.round;
}

bool fx_last(void)
{
	return self.last;
}

const char *fx_name(void)
{
	return self.name;
}

/* ---- tasks ---- */

static void add_kid(pid_t pid, const char *name)
{
	if (self.nr_kids == MAX_KIDS)
		fx_die("more than %d children", MAX_KIDS);
	self.kids[self.nr_kids].pid = pid;
	snprintf(self.kids[self.nr_kids].name, sizeof(self.kids[0].name), "%s", name);
	self.nr_kids++;
}

void fx_adopt(const char *name)
{
	fx_await("ready.%s", name);
	add_kid(0, name);
}

void fx_may_be_killed(pid_t pid)
{
	for (int i = 0; i < self.nr_kids; i++)
		if (self.kids[i].pid == pid)
			self.kids[i].may_be_killed = true;
}

int fx_exit_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1000 - errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* A fork after the restore gets a number of its own, knows its parent, and can be waited for. */
static void try_fork(void)
{
	pid_t me = getpid(), pid = fork();
	int got;

	if (pid < 0) {
		fx_fail("fork: %s", strerror(errno));
		return;
	}
	if (!pid)
		_exit(getppid() == me && getpid() > 1 ? 7 : 8);
	for (int i = 0; i < self.nr_kids; i++)
		expect(pid != self.kids[i].pid, "fork gave the number of a living child: %d", pid);
	got = fx_exit_of(pid);
	expect(got == 7, "a new child %d of %d ended with %d instead of 7", pid, me, got);
}

/* Without /proc, which may show another pid namespace. */
static bool has_ended(pid_t child)
{
	siginfo_t info = {};

	return waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) ? kill(child, 0) != 0 : info.si_pid != 0;
}

static void collect(void)
{
	char name[64], path[600], text[1024];
	size_t have;

	for (int i = 0; i < self.nr_kids; i++) {
		snprintf(name, sizeof(name), "part.%d.%s", self.round, self.kids[i].name);
		while (!exists(name)) {
			fx_nap();
			if (self.kids[i].pid > 0 && has_ended(self.kids[i].pid)) {
				fx_fail("child %s is gone", self.kids[i].name);
				break;
			}
		}
		snprintf(path, sizeof(path), "%s/%s", self.dir, name);
		if (fx_read_file(path, text, sizeof(text)) <= 0 || !strcmp(text, "ok\n"))
			continue;
		have = strlen(self.fails);
		snprintf(self.fails + have, sizeof(self.fails) - have, "%s", text);
	}
}

/* Last first: a pid 1 ends only after those of its namespace whose parent we are. */
static void reap_all(void)
{
	for (int i = self.nr_kids - 1; i >= 0; i--) {
		pid_t pid = self.kids[i].pid;
		int got = pid > 0 ? fx_exit_of(pid) : 0;

		if (got == -SIGKILL && self.kids[i].may_be_killed)
			got = 0;
		expect(!got, "child %s ended with %d", self.kids[i].name, got);
	}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Waits for rounds, checks, reports; returns the exit status. */
static int serve(void (*verify)(void), bool root)
{
	char name[64];

	for (self.round = 1;; self.round++) {
		snprintf(name, sizeof(name), "check.%d", self.round);
		while (!exists(name) && !exists("go"))
			fx_nap();
		self.last = !exists(name);
		self.fails[0] = 0;
		if (verify)
			verify();
		if (!self.no_fork)
			try_fork();
		collect();
		if (self.last && root) {
			put_file("bye", "");
			reap_all();
		}
		if (root && !self.last)
			snprintf(name, sizeof(name), "result.%d", self.round);
		else if (root)
			snprintf(name, sizeof(name), "result");
		else
			snprintf(name, sizeof(name), "part.%d.%s", self.round, self.name);
		put_file(name, self.fails[0] ? self.fails : "ok\n");
		if (self.last)
			break;
	}
	if (!root) {
		fx_await("bye");
		reap_all();
	}
	return self.fails[0] ? 1 : 0;
}

void fx_serve_child(const char *name, void (*setup)(void), void (*verify)(void))
{
	char ready[64];

	snprintf(self.name, sizeof(self.name), "%s", name);
	self.nr_kids = 0;
	self.fails[0] = 0;
	if (setup)
		setup();
	snprintf(ready, sizeof(ready), "ready.%s", name);
	put_file(ready, "");
	_exit(serve(verify, false));
}

pid_t fx_child(const char *name, void (*setup)(void), void (*verify)(void))
{
	pid_t pid = must(fork());

	if (!pid)
		fx_serve_child(name, setup, verify);
	fx_await("ready.%s", name);
	add_kid(pid, name);
	return pid;
}

/* ---- what a task can ask about itself ---- */

int64_t fx_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * FX_SECOND + ts.tv_nsec;
}

const char *fx_status(const char *key)
{
	static __thread char text[4096];
	size_t len = strlen(key);
	char *line, *end;

	if (fx_read_file("/proc/thread-self/status", text, sizeof(text)) < 0)
		return "unreadable";
	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " \t");
		end = strchr(line, '\n');
		if (end)
			*end = 0;
		return line;
	}
	return "absent";
}

/*
 * The number that our /proc knows a task by: /proc may be that of an outer pid namespace. A pidfd's
 * fdinfo tells it.
 */
pid_t fx_proc_pid(pid_t pid)
{
	char path[64], text[512], *line;
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
	fx_read_file(path, text, sizeof(text));
	close(fd);
	line = strstr(text, "\nPid:");
	return line ? atoi(line + 5) : -1;
}

char fx_state(pid_t pid)
{
	char path[64], text[512], *paren;
	pid_t number = fx_proc_pid(pid);

	if (number <= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", number);
	if (fx_read_file(path, text, sizeof(text)) < 0)
		return 0;
	paren = strrchr(text, ')');
	return paren && paren[1] ? paren[2] : 0;
}

/* The VmFlags line of the area that holds addr. */
const char *fx_vmflags(const void *addr)
{
	static char text[1 << 18];
	unsigned long start, end;
	char *line, *flags;

	if (fx_read_file("/proc/self/smaps", text, sizeof(text)) < 0)
		return "unreadable";
	for (line = text; line && *line; line = strchr(line, '\n'), line += !!line) {
		if (sscanf(line, "%lx-%lx ", &start, &end) != 2 || (unsigned long)addr < start ||
		    (unsigned long)addr >= end)
			continue;
		flags = strstr(line, "VmFlags: ");
		if (!flags)
			return "absent";
		flags += 9;
		*strchrnul(flags, '\n') = 0;
		return flags;
	}
	return "no area";
}

static uint64_t next_random(uint64_t *seed)
{
	*seed += 0x9e3779b97f4a7c15;
	uint64_t z = *seed;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void fx_fill(void *mem, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size / 8; i++)
		((uint64_t *)mem)[i] = next_random(&seed);
}

size_t fx_differs(const void *mem, size_t size, uint64_t seed)
{
	for (size_t i = 0; i < size / 8; i++)
		if (((const uint64_t *)mem)[i] != next_random(&seed))
			return i * 8 + 1;
	return 0;
}

bool fx_faults(volatile char *addr, bool write)
{
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		if (write)
			*addr = 1;
		else
			(void)*addr;
		_exit(0);
	}
	return fx_exit_of(pid) == -SIGSEGV;
}

/* ---- start ---- */

/* Stack pages that verify will need must not make the area grow then. */
static void touch_stack(void)
{
	volatile char space[192 << 10];

	for (size_t i = 0; i < sizeof(space); i += 1024)
		space[i] = 1;
}

static int run_fixture(const void *arg)
{
	const struct fixture *fx = arg;

	snprintf(self.name, sizeof(self.name), "root");
	self.no_fork = fx->flags & FX_NO_FORK;
	touch_stack();
	if (fx->setup)
		fx->setup();
	put_file("ready", "");
	return serve(fx->verify, true);
}

static int run_command(const void *arg)
{
	char *const *argv = arg;

	execvp(argv[0], argv);
	fprintf(stderr, "fixture: %s: %s\n", argv[0], strerror(errno));
	return 127;
}

/* What a pid 1 must do: waits for everybody, ends as the first child ends. */
static int wait_for_all(pid_t first)
{
	int status, result = 1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid == first)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return result;
}

void fx_back_to_own_pidns(void)
{
	int ns = must(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));

	must(setns(ns, CLONE_NEWPID));
	close(ns);
}

/* A child in a new pid namespace; our own further children stay in ours. */
static pid_t fork_pidns(void)
{
	pid_t pid;

	must(unshare(CLONE_NEWPID));
	pid = must(fork());
	if (pid)
		fx_back_to_own_pidns();
	return pid;
}

static void write_root_pid(pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", pid);
	put_file("root.pid", text);
}

static int run_nested(int levels, bool direct, int (*body)(const void *), const void *arg)
{
	pid_t pid;

	for (int level = 0; level < levels; level++) {
		pid = fork_pidns();
		if (pid && !level)
			write_root_pid(pid);
		if (pid)
			return wait_for_all(pid);
		if (!level)
			must(setsid());
		prctl(PR_SET_NAME, "init");
	}
	if (levels && !direct) {
		pid = must(fork());
		if (pid)
			return wait_for_all(pid);
	}
	return body(arg);
}

/* What the tests have left behind is named, and ended: they were to leave nothing. */
static int end_leftovers(const char *tests)
{
	char text[4096] = "";
	int result = 0;

	for (int i = 0; i < 100 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		usleep(100000);
	fx_read_file("/proc/thread-self/children", text, sizeof(text));
	for (char *at = strtok(text, " "); at; at = strtok(NULL, " ")) {
		char path[64], comm[64] = "";

		snprintf(path, sizeof(path), "/proc/%s/comm", at);
		fx_read_file(path, comm, sizeof(comm));
		printf("not ok %s: left task %s behind: %.15s\n", tests, at, comm);
		kill(atoi(at), SIGKILL);
		result = 1;
	}
	return result;
}

/*
 * Runs the tests with all orphans below it as children of its own, and reaps them at once: the pid 1
 * of some systems takes its time, and a zombie holds its number.
 */
static int reap_for(char **argv)
{
	int status = 0, left;
	pid_t pid, got;

	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid = must(fork());
	if (!pid) {
		/* what a careless caller left open would be shared with every tree under test */
		must(close_range(3, ~0u, 0));
		execvp(argv[0], argv);
		_exit(127);
	}
	signal(SIGINT, SIG_IGN);
	do
		got = waitpid(-1, &status, 0);
	while (got != pid);
	left = end_leftovers(argv[0]);
	return !WIFEXITED(status) ? 128 : WEXITSTATUS(status) ?: left;
}

static int list(void)
{
	for (unsigned int i = 0; i < nr_fixtures; i++) {
		const struct fixture *fx = fixtures[i];

		printf("%s %s%s%s%s%s%s%s%s%s%s%s. %s\n", fx->name,
		       fx->flags & FX_LEAVE_ONLY ? "leave-only," : "",
		       fx->flags & FX_NESTS ? "nests," : "",
		       fx->flags & FX_NOT_INIT ? "not-init," : "",
		       fx->flags & FX_ROUNDS ? "rounds," : "",
		       fx->flags & FX_NESTED ? "nested," : "",
		       fx->flags & FX_NO_FORK ? "no-fork," : "",
		       fx->flags & FX_MAY_REFUSE ? "may-refuse," : "",
		       fx->flags & FX_OUTLIVED ? "outlived," : "",
		       fx->flags & FX_MOVES ? "moves," : "",
		       fx->flags & FX_TCP ? "tcp," : "", fx->outside ? "outside," : "", fx->about);
	}
	return 0;
}

static const struct fixture *find(const char *name)
{
	for (unsigned int i = 0; i < nr_fixtures; i++)
		if (!strcmp(fixtures[i]->name, name))
			return fixtures[i];
	return NULL;
}

static int be_outside(const struct fixture *fx, const char *dir)
{
	if (!fx || !fx->outside)
		return 2;
	settle(dir);
	close_range(3, ~0U, 0);
	fx->outside();
	return 0;
}

/* Has that port of the loopback address until it is killed, or forgotten. */
static int listen_on(const char *port)
{
	struct sockaddr_in a = {AF_INET, htons(atoi(port)), {htonl(INADDR_LOOPBACK)}};
	int fd = must(socket(AF_INET, SOCK_STREAM, 0)), yes = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
	must(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	must(listen(fd, 1));
	sleep(LIFE_SECONDS);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "Usage: fixture [-n LEVELS] [-1] KIND DIR\n"
			"       fixture [-n LEVELS] [-1] -x DIR COMMAND [ARGUMENTS]\n"
			"       fixture --list\n"
			"       fixture --outside KIND DIR\n"
			"       fixture --listen PORT\n"
			"       fixture --reap COMMAND [ARGUMENTS]\n"
			"       fixture --mq-unlink NAME\n"
			"  -n LEVELS  in that many nested new pid namespaces\n"
			"  -1         be the pid 1 of the innermost\n");
	return 2;
}

int main(int argc, char **argv)
{
	const struct fixture *fx;
	bool direct = false, command = false;
	int levels = 0, opt;

	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 3 && !strcmp(argv[1], "--mq-unlink"))
		return mq_unlink(argv[2]) ? 1 : 0;
	if (argc == 3 && !strcmp(argv[1], "--listen"))
		return listen_on(argv[2]);
	if (argc == 4 && !strcmp(argv[1], "--outside"))
		return be_outside(find(argv[2]), argv[3]);
	if (argc > 2 && !strcmp(argv[1], "--reap"))
		return reap_for(argv + 2);
	while ((opt = getopt(argc, argv, "+n:1x")) != -1) {
		if (opt == 'n')
			levels = atoi(optarg);
		else if (opt == '1')
			direct = true;
		else if (opt == 'x')
			command = true;
		else
			return usage();
	}
	if (command ? argc - optind < 2 : argc - optind != 2)
		return usage();
	fx = command ? NULL : find(argv[optind]);
	if (!fx && !command)
		return usage();
	settle(argv[command ? optind : optind + 1]);
	umask(command ? 022 : 0);
	close_range(3, ~0U, 0); /* what the runner has left open is none of ours */
	if (!levels)
		write_root_pid(getpid());
	if (command)
		return run_nested(levels, direct, run_command, &argv[optind + 1]);
	return run_nested(levels, direct, run_fixture, fx);
}
