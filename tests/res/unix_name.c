// SPDX-License-Identifier: GPL-2.0-only
/* unix_name.c - sockets with names: of files that are there, gone or another's, abstract, given by the kernel. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unix.h"

static int listening, relative, deleted, replaced, replacing, moved, abstract, autobound, datagram, packets;
static char path[108], autoname[108];
static pid_t self;
static struct stat before;

static void in_dir(void)
{
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", fx_path("names"));
	mkdir(dir, 0755);
	must(chdir(dir));
	must(mkdir("sub", 0755));
}

static int listener(int type, const char *name, int backlog)
{
	int fd = un_bound(type, name);

	must(listen(fd, backlog));
	return fd;
}

static void setup_names(void)
{
	struct sockaddr_un a = {};
	socklen_t len = sizeof(a);

	self = getpid();
	in_dir();
	snprintf(path, sizeof(path), "%s", fx_path("absolute"));
	listening = listener(SOCK_STREAM, path, 7);
	must(chmod(path, 0640));
	must(chown(path, 12, 34));
	must(stat(path, &before));
	relative = listener(SOCK_STREAM, "sub/../relative", 3);
	deleted = listener(SOCK_STREAM, "deleted", 1);
	must(unlink("deleted"));
	replaced = listener(SOCK_STREAM, "place", 1);
	must(unlink("place"));
	replacing = listener(SOCK_SEQPACKET, "place", 2);
	moved = listener(SOCK_STREAM, "moved", 1);
	must(rename("moved", "sub/moved there"));
	snprintf(autoname, sizeof(autoname), "@fx unix %x.%d", fx_ipc_key(), self);
	abstract = listener(SOCK_STREAM, autoname, 5);
	datagram = un_bound(SOCK_DGRAM, "datagram");
	packets = un_bound(SOCK_SEQPACKET, "./packets"); /* neither listens nor is connected */
	autobound = un_bound(SOCK_DGRAM, "");
	must(getsockname(autobound, (struct sockaddr *)&a, &len));
	must(chdir("sub"));
}

/* Somebody connects, says a word, and both are as before. */
static void try_connection(const char *what, int type, int server, const char *name)
{
	int client = socket(AF_UNIX, type, 0), there;
	struct sockaddr_un a;
	socklen_t len = un_address(&a, name);
	char c = 0;

	if (connect(client, (struct sockaddr *)&a, len)) {
		fx_fail("%s: connect to %s: %s", what, name, strerror(errno));
		close(client);
		return;
	}
	there = accept(server, NULL, NULL);
	expect(there >= 0, "%s: accept: %s", what, strerror(errno));
	expect(write(client, "y", 1) == 1 && read(there, &c, 1) == 1 && c == 'y', "%s: no word", what);
	close(there);
	close(client);
}

static void verify_names(void)
{
	struct stat st;
	struct sockaddr_un a;
	socklen_t len;
	char byte = 0;

	un_expect_name("absolute", listening, false, path);
	un_expect_name("relative", relative, false, "sub/../relative");
	un_expect_name("deleted", deleted, false, "deleted");
	un_expect_name("replaced", replaced, false, "place");
	un_expect_name("replacing", replacing, false, "place");
	un_expect_name("moved", moved, false, "moved");
	un_expect_name("abstract", abstract, false, autoname);
	un_expect_name("datagram", datagram, false, "datagram");
	un_expect_name("packets", packets, false, "./packets");
	expect_eq("SO_ACCEPTCONN", un_option(listening, SO_ACCEPTCONN), 1);
	expect_eq("SO_ACCEPTCONN of a bound one", un_option(packets, SO_ACCEPTCONN), 0);
	must(stat(path, &st));
	expect_eq("mode of the file", st.st_mode, before.st_mode);
	expect_eq("owner of the file", st.st_uid, before.st_uid);
	expect_eq("group of the file", st.st_gid, before.st_gid);
	try_connection("absolute", SOCK_STREAM, listening, path);
	try_connection("relative", SOCK_STREAM, relative, "../relative");
	try_connection("replacing", SOCK_SEQPACKET, replacing, "../place");
	try_connection("moved", SOCK_STREAM, moved, "moved there");
	try_connection("abstract", SOCK_STREAM, abstract, autoname);
	expect(access("../deleted", F_OK), "the deleted file is there");
	len = un_address(&a, "../datagram");
	expect(sendto(autobound, "d", 1, 0, (struct sockaddr *)&a, len) == 1, "sendto: %s", strerror(errno));
	len = sizeof(a);
	expect(recvfrom(datagram, &byte, 1, MSG_DONTWAIT, (struct sockaddr *)&a, &len) == 1 && byte == 'd',
	       "recvfrom: %s", strerror(errno));
	expect(!a.sun_path[0] && len == 8, "the sender's name has %u bytes", len);
}

const struct fixture fixture_unix_name = {
	.name = "unix_name",
	.about = "names of unix sockets: absolute, relative, deleted, replaced, moved, abstract, autobind",
	.setup = setup_names,
	.verify = verify_names,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- connections ---- */

static struct {
	const char *name, *client; /* "": unnamed */
	int type;
	bool close_listener, close_file;
	int listener, end, there;
} connections[] = {
	{"connected", "", SOCK_STREAM, false, false},
	{"connected gone", "", SOCK_STREAM, true, true},
	{"connected stale", "client", SOCK_STREAM, true, false},
	{"@", "", SOCK_STREAM, false, false},
	{"@gone", "@client", SOCK_SEQPACKET, true, false},
	{"both", "client/named", SOCK_SEQPACKET, false, true},
};

static char names[FX_COUNT(connections)][2][108];

static void name_it(char *out, const char *name, int i)
{
	if (name[0] == '@')
		snprintf(out, 108, "%s %x.%d.%d", name, fx_ipc_key(), getpid(), i);
	else
		snprintf(out, 108, "%s", name);
}

static void setup_connections(void)
{
	in_dir();
	must(mkdir("client.d", 0700));
	must(symlink("client.d", "client"));
	must(unlink("client"));
	must(mkdir("client", 0700));
	for (size_t i = 0; i < FX_COUNT(connections); i++) {
		struct sockaddr_un a;
		socklen_t len;

		name_it(names[i][0], connections[i].name, i);
		if (i == 2)
			connections[i].client = "client2";
		name_it(names[i][1], connections[i].client, i);
		connections[i].listener = listener(connections[i].type, names[i][0], 5);
		connections[i].end = names[i][1][0] ? un_bound(connections[i].type, names[i][1]) :
						      (int)must(socket(AF_UNIX, connections[i].type, 0));
		len = un_address(&a, names[i][0]);
		must(connect(connections[i].end, (struct sockaddr *)&a, len));
		connections[i].there = must(accept(connections[i].listener, NULL, NULL));
		if (connections[i].close_listener)
			close(connections[i].listener);
		if (connections[i].close_file)
			must(unlink(names[i][0]));
	}
	/* the same name anew, while a connection of the old one lives on */
	connections[4].listener = listener(SOCK_SEQPACKET, names[4][0], 5);
}

static void verify_connections(void)
{
	for (size_t i = 0; i < FX_COUNT(connections); i++) {
		char what[32], c = 0;

		snprintf(what, sizeof(what), "connection %zu", i);
		un_expect_name(what, connections[i].there, false, names[i][0]);
		un_expect_name(what, connections[i].end, true, names[i][0]);
		un_expect_name(what, connections[i].end, false, names[i][1]);
		un_expect_name(what, connections[i].there, true, names[i][1]);
		expect(write(connections[i].end, "a", 1) == 1 && read(connections[i].there, &c, 1) == 1 && c == 'a',
		       "%s: no word from the client", what);
		expect(write(connections[i].there, "b", 1) == 1 && read(connections[i].end, &c, 1) == 1 && c == 'b',
		       "%s: no word from the server", what);
		if (!connections[i].close_listener && !connections[i].close_file)
			try_connection(what, connections[i].type, connections[i].listener, names[i][0]);
	}
	try_connection("anew", SOCK_SEQPACKET, connections[4].listener, names[4][0]);
}

const struct fixture fixture_unix_connected = {
	.name = "unix_connected",
	.about = "connections through listening sockets that are there, closed, deleted, or there anew",
	.setup = setup_connections,
	.verify = verify_connections,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- hard links ---- */

static void setup_links(void)
{
	in_dir();
	listener(SOCK_STREAM, "linked", 1);
	must(link("linked", "link"));
	listener(SOCK_STREAM, "renamed", 1); /* its first name is gone, the other leads to it */
	must(link("renamed", "left"));
	must(unlink("renamed"));
	listener(SOCK_STREAM, "one", 1);
}

const struct fixture fixture_refuse_unix_links = {
	.name = "refuse_unix_links",
	.about = "sockets whose files have other names",
	.setup = setup_links,
	.flags = FX_LEAVE_ONLY,
};
