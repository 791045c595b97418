// SPDX-License-Identifier: GPL-2.0-only
/* userns.c - user namespaces: maps of ids, owners of pid namespaces, rights inside. */
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fixture.h"

static struct who {
	pid_t pid, ppid, sid;
	uid_t uid[3];
	gid_t gid[3], groups[8];
	int nr_groups;
	char maps[4][512], caps[64];
	bool owns_pidns; /* our pid namespace is our user namespace's */
	int owner;
} who;

static ino_t inode_of(int fd)
{
	struct stat st;

	must(fd);
	must(fstat(fd, &st));
	close(fd);
	return st.st_ino;
}

static int open_ns(const char *kind)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", kind);
	return must(open(path, O_RDONLY | O_CLOEXEC));
}

static void look(struct who *w)
{
	static const char *const names[] = {"uid_map", "gid_map", "projid_map", "setgroups"};
	int user = open_ns("user"), pidns = open_ns("pid"), of = ioctl(pidns, NS_GET_USERNS);
	char path[64];
	uid_t owner = -1;

	memset(w, 0, sizeof(*w));
	w->pid = getpid();
	w->ppid = strcmp(fx_name(), "root") ? getppid() : 0; /* the restorer is whoever it is */
	w->sid = getsid(0);
	must(getresuid(&w->uid[0], &w->uid[1], &w->uid[2]));
	must(getresgid(&w->gid[0], &w->gid[1], &w->gid[2]));
	w->nr_groups = must(getgroups(8, w->groups));
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/proc/thread-self/%s", names[i]);
		fx_read_file(path, w->maps[i], sizeof(w->maps[i]) - 1);
	}
	snprintf(w->caps, sizeof(w->caps), "%s", fx_status("CapEff"));
	ioctl(user, NS_GET_OWNER_UID, &owner);
	w->owner = owner;
	w->owns_pidns = of >= 0 && inode_of(of) == inode_of(dup(user)); /* an outer one is not shown */
	close(user);
	close(pidns);
}

static void remember(void)
{
	look(&who);
}

static void verify(void)
{
	struct who now;

	look(&now);
	expect_eq("pid", now.pid, who.pid);
	expect_eq("parent", now.ppid, who.ppid);
	expect_eq("session", now.sid, who.sid);
	expect_eq("owner", now.owner, who.owner);
	expect_eq("the pid namespace is our user namespace's", now.owns_pidns, who.owns_pidns);
	expect(!memcmp(now.uid, who.uid, sizeof(who.uid)), "user %d %d %d", now.uid[0], now.uid[1], now.uid[2]);
	expect(!memcmp(now.gid, who.gid, sizeof(who.gid)), "group %d %d %d", now.gid[0], now.gid[1], now.gid[2]);
	expect(!memcmp(now.groups, who.groups, sizeof(who.groups)), "groups differ: %d, %d...", now.nr_groups,
	       now.groups[0]);
	for (int i = 0; i < 4; i++)
		expect(!strcmp(now.maps[i], who.maps[i]), "map %d is %s, was %s", i, now.maps[i], who.maps[i]);
	expect(!strcmp(now.caps, who.caps), "capabilities %s, were %s", now.caps, who.caps);
}

static void write_file(const char *path, const char *text)
{
	int fd = must(open(path, O_WRONLY | O_CLOEXEC));

	must(write(fd, text, strlen(text)));
	close(fd);
}

/* A new user namespace for the caller; somebody of the old one writes what its maps are. */
static void enter_new(const char *uids, const char *gids, bool deny, int flags)
{
	int go[2], self = fx_proc_pid(getpid());
	char path[64], byte = 0;
	pid_t writer;

	must(pipe(go));
	writer = must(fork());
	if (!writer) {
		close(go[1]);
		must(read(go[0], &byte, 1));
		snprintf(path, sizeof(path), "/proc/%d/setgroups", self);
		if (deny)
			write_file(path, "deny");
		snprintf(path, sizeof(path), "/proc/%d/uid_map", self);
		write_file(path, uids);
		snprintf(path, sizeof(path), "/proc/%d/gid_map", self);
		write_file(path, gids);
		_exit(0);
	}
	must(unshare(CLONE_NEWUSER | flags));
	must(write(go[1], &byte, 1));
	close(go[0]);
	close(go[1]);
	expect_eq("the writer of maps", fx_exit_of(writer), 0);
}

/* It keeps its rights, so that it can go on with its files. */
static void become(uid_t ruid, uid_t euid, uid_t suid, gid_t rgid, gid_t egid, gid_t sgid)
{
	must(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	must(setresgid(rgid, egid, sgid));
	must(setresuid(ruid, euid, suid));
}

#define MANY_UIDS "0 0 1000\n5000 200000 10\n100000 300000 65536\n"
#define MANY_GIDS "0 0 10\n10 400010 10\n20 20 10\n30 400030 10\n40 40 10\n50 50 10\n60 400060 10\n"

/* ---- a range of users and groups, ids of all kinds ---- */

static void setup_ids(void)
{
	const gid_t groups[] = {7, 12, 65};

	must(setgroups(3, groups));
	become(5001, 7, 100123, 9, 31, 41);
	remember();
}

/* A group that has no name in there: kept from before. */
static void setup_lost_group(void)
{
	const gid_t groups[] = {70000};

	must(setgroups(1, groups));
	enter_new("0 0 1\n", "0 0 1\n", true, 0);
	remember();
}

static void setup_many(void)
{
	enter_new(MANY_UIDS, MANY_GIDS, false, 0);
	fx_child("ids", setup_ids, verify);
	remember();
}

static void setup(void)
{
	fx_child("many", setup_many, verify);
	fx_child("lost-group", setup_lost_group, verify);
	remember();
}

const struct fixture fixture_userns = {
	.name = "userns",
	.about = "user namespaces with maps of many ranges, ids of all kinds, groups without a name",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- that own pid namespaces: one, two; and their children and theirs ---- */

static void setup_leader(void)
{
	must(setsid());
	remember();
}

static void setup_owned(void)
{
	remember();
	fx_child(fx_name()[0] == 'a' ? "a-leaf" : fx_name()[0] == 'b' ? "b-leaf" : "c-leaf", setup_ids, verify);
	fx_child(fx_name()[0] == 'a' ? "a-leader" : fx_name()[0] == 'b' ? "b-leader" : "c-leader", setup_leader, verify);
}

static void setup_inner(void)
{
	enter_new("0 0 100\n", "0 0 100\n", false, 0);
	must(unshare(CLONE_NEWPID));
	fx_child("c-init", setup_leader, verify);
	remember();
}

static void setup_owner(void)
{
	enter_new(MANY_UIDS, MANY_GIDS, false, 0);
	must(unshare(CLONE_NEWPID));
	fx_child("a-init", setup_owned, verify);
	remember();
}

static void setup_second(void)
{
	enter_new(MANY_UIDS, MANY_GIDS, true, CLONE_NEWPID);
	fx_child("b-init", setup_leader, verify);
	remember();
}

static void setup_pidns(void)
{
	fx_child("owner", setup_owner, verify);
	fx_child("second", setup_second, verify);
	fx_child("inner", setup_inner, verify);
	remember();
}

const struct fixture fixture_userns_pidns = {
	.name = "userns_pidns",
	.about = "pid namespaces that other user namespaces own",
	.setup = setup_pidns,
	.verify = verify,
	.flags = FX_NESTS | FX_ROUNDS | FX_NESTED | FX_NO_FORK,
};

/* ---- threads there: with ids of their own, and numbers that their process may not choose ---- */

static pthread_t threads[3];
static uid_t seen[3];
static int asked;

static void *thread(void *arg)
{
	long i = (long)arg;

	/* of this thread alone: setresuid(2), "C library/kernel differences" */
	must(syscall(SYS_setresuid, -1, 100 + i, -1));
	fx_mark("thread.%s.%ld", fx_name(), i);
	while (!__atomic_load_n(&asked, __ATOMIC_ACQUIRE))
		fx_nap();
	seen[i] = geteuid();
	return (void *)(long)gettid();
}

static long tids[3];

static void start_threads(void)
{
	must(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	for (long i = 0; i < 3; i++) {
		if (pthread_create(&threads[i], NULL, thread, (void *)i))
			fx_die("no thread");
		fx_await("thread.%s.%ld", fx_name(), i);
	}
	remember();
}

static void verify_threads(void)
{
	verify();
	if (!fx_last())
		return;
	__atomic_store_n(&asked, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++) {
		void *tid;

		pthread_join(threads[i], &tid);
		expect_eq("user of a thread", seen[i], 100 + i);
		tids[i] = (long)tid;
		expect(tids[i] > getpid(), "thread %d has number %ld", i, tids[i]);
	}
}

static void setup_threaded(void)
{
	enter_new("0 0 1000\n", "0 0 1000\n", false, 0);
	start_threads();
}

static void setup_threaded_owner(void)
{
	enter_new("0 0 1000\n", "0 0 1000\n", false, CLONE_NEWPID);
	fx_child("t-init", start_threads, verify_threads);
	remember();
}

static void setup_threads(void)
{
	fx_child("threaded", setup_threaded, verify_threads);
	fx_child("t-owner", setup_threaded_owner, verify);
	remember();
}

const struct fixture fixture_userns_threads = {
	.name = "userns_threads",
	.about = "threads with users of their own in user namespaces, with and without a pid namespace",
	.setup = setup_threads,
	.verify = verify,
	.flags = FX_NESTS | FX_NESTED | FX_NO_FORK,
};

/* ---- what is handed to tasks when all exist: they have no rights over who restores them ---- */

static int halves[2], listener, client, of_proc, of_pid;
static struct ucred peer;

static void make_files(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(peer);

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "fx %x.%s", fx_ipc_key(), fx_name());
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, halves));
	must(write(halves[0], "waits", 5));
	listener = must(socket(AF_UNIX, SOCK_STREAM, 0));
	must(bind(listener, (struct sockaddr *)&a, sizeof(a)));
	must(listen(listener, 3));
	client = must(socket(AF_UNIX, SOCK_STREAM, 0));
	must(connect(client, (struct sockaddr *)&a, sizeof(a))); /* nobody accepts it before the end */
	must(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len));
	of_proc = must(open("/proc/self/stat", O_RDONLY));
	of_pid = must(syscall(SYS_pidfd_open, getpid(), 0));
}

static void verify_files(void)
{
	struct ucred now = {};
	socklen_t len = sizeof(now);
	char text[64] = "";
	int fd;

	expect(recv(halves[1], text, sizeof(text), MSG_PEEK | MSG_DONTWAIT) == 5 && !memcmp(text, "waits", 5),
	       "the pair has \"%s\"", text);
	expect(!getsockopt(client, SOL_SOCKET, SO_PEERCRED, &now, &len) && !memcmp(&now, &peer, sizeof(now)),
	       "who listens is %d (user %u), was %d (user %u)", now.pid, now.uid, peer.pid, peer.uid);
	expect(pread(of_proc, text, sizeof(text) - 1, 0) > 0 && atoi(text) == fx_proc_pid(getpid()), "stat: %s", text);
	expect(!syscall(SYS_pidfd_send_signal, of_pid, 0, NULL, 0), "the pidfd: %s", strerror(errno));
	if (!fx_last())
		return;
	fd = accept(listener, NULL, NULL);
	expect(fd >= 0 && write(client, "x", 1) == 1 && read(fd, text, 1) == 1 && *text == 'x', "the backlog: %s",
	       strerror(errno));
}

static void verify_files_too(void)
{
	verify();
	verify_files();
}

static void setup_files_ids(void)
{
	setup_ids();
	make_files();
}

static void setup_files(void)
{
	enter_new(MANY_UIDS, MANY_GIDS, false, 0);
	fx_child("files-ids", setup_files_ids, verify_files_too);
	remember();
	make_files();
}

static void setup_holders(void)
{
	fx_child("files", setup_files, verify_files_too);
	remember();
}

const struct fixture fixture_userns_files = {
	.name = "userns_files",
	.about = "sockets, files of proc and pidfds of tasks in a user namespace",
	.setup = setup_holders,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- connections by the name of a file ---- */

static void connect_inside(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	enter_new(MANY_UIDS, MANY_GIDS, false, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", fx_path("name"));
	listener = must(socket(AF_UNIX, SOCK_STREAM, 0));
	must(bind(listener, (struct sockaddr *)&a, sizeof(a)));
	must(listen(listener, 3));
	for (int i = 0; i < 2; i++) { /* one is accepted, one waits */
		client = must(socket(AF_UNIX, SOCK_STREAM, 0));
		must(connect(client, (struct sockaddr *)&a, sizeof(a)));
	}
	must(accept(listener, NULL, NULL));
}

static void setup_names(void)
{
	fx_child("inside", connect_inside, NULL);
}

const struct fixture fixture_refuse_userns_name = {
	.name = "refuse_userns_name",
	.about = "unix sockets that were connected by a file's name in a user namespace",
	.setup = setup_names,
	.flags = FX_LEAVE_ONLY,
};
