// SPDX-License-Identifier: GPL-2.0-only
/* port_holder.c - who has a port: proc_net(5) names the inode of the socket, and /proc/PID/fd who has that. */
#include "port_holder.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include "cleanup.h"
#include "rec_inet.h"
#include "rec_sock.h"

/* Inode of the socket on a port; 0: of a connection that ended, or none. found tells which. */
static unsigned long find_inode(const char *table, unsigned int port, bool *found)
{
	char path[64], line[512];
	FILE *f _fclose_ = NULL;

	snprintf(path, sizeof(path), "/proc/net/%s", table);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		unsigned int local, inode;

		if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %*u %*d %u", &local, &inode) == 2 &&
		    local == port) {
			*found = true;
			if (inode)
				return inode;
		}
	}
	return 0;
}

static bool holds(const char *pid, unsigned long inode, char *buf, size_t len)
{
	char path[320], want[32], link[64], comm[24] = "?";
	DIR *fds _closedir_ = NULL;
	struct dirent *e;
	FILE *f _fclose_ = NULL;

	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	fds = opendir(path);
	while (fds && (e = readdir(fds))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%.16s/fd/%.16s", pid, e->d_name);
		n = readlink(path, link, sizeof(link) - 1);
		if (n < 0)
			continue;
		link[n] = 0;
		if (strcmp(link, want))
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
		f = fopen(path, "re");
		if (f && fscanf(f, "%23[^\n]", comm) != 1)
			comm[0] = 0;
		snprintf(buf, len, "pid %.16s (%s), descriptor %.16s", pid, comm, e->d_name);
		return true;
	}
	return false;
}

bool port_holder(const struct rec_sock *k, const struct rec_inet *i, char *buf, size_t len)
{
	static const char *const tables[][3] = {
		{ "tcp", "tcp6" }, { "udp", "udp6" }, { "udplite", "udplite6" }, { "icmp", "icmp6" },
	};
	unsigned int t = k->type == SOCK_STREAM ? 0 : k->protocol == IPPROTO_UDP ? 1 :
			 k->protocol == IPPROTO_UDPLITE ? 2 : 3;
	unsigned long inode = 0;
	bool found = false;
	DIR *proc _closedir_ = opendir("/proc");
	struct dirent *e;

	for (int v6 = 0; v6 < 2 && !inode; v6++)
		inode = find_inode(tables[t][v6 ^ (k->family == AF_INET6)], i->sport, &found);
	while (inode && proc && (e = readdir(proc)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && holds(e->d_name, inode, buf, len))
			return true;
	if (found && !inode)
		snprintf(buf, len, "connections that ended a short while ago (TIME_WAIT); try again in a minute");
	return found && !inode;
}
