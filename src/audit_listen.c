// SPDX-License-Identifier: GPL-2.0-only
/*
 * audit_listen.c - /metrics and /healthz over HTTP, on demand, by the thread that has the table.
 *
 * libmicrohttpd waits with an epoll descriptor that the loop of the audit waits for as well: a scrape
 * sees the table as it is between two events, and a slow client holds up nobody. It is loaded when it is
 * asked for: with it come TLS libraries, which would cost every other command 2 ms.
 */
#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit_metrics.h"
#include "listen_socket.h"
#include "log.h"

#define PATIENCE 10u /* seconds for a silent client */

/* What is used of it: X(name) */
#define HTTP_FUNCTIONS(X)                                                                         \
	X(start_daemon) X(stop_daemon) X(run) X(get_daemon_info) X(create_response_from_buffer)   \
	X(add_response_header) X(queue_response) X(destroy_response)

struct http_library {
#define X(name) __typeof__(MHD_##name) *name; /* NOLINT(bugprone-macro-parentheses): it is declared */
	HTTP_FUNCTIONS(X)
#undef X
};

struct listener {
	struct audit_sink sink;
	struct http_library lib;
	struct MHD_Daemon *http;
	const struct audit_metrics *metrics;
	const struct audit *a; /* while requests are answered */
	char *socket;          /* path of a unix socket, NULL: none */
};

/* ---- answers ---- */

static enum MHD_Result answer_text(const struct listener *l, struct MHD_Connection *c, unsigned int status,
				   char *text, size_t len, const char *type)
{
	struct MHD_Response *r = l->lib.create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result done;

	if (!r) {
		free(text);
		return MHD_NO;
	}
	l->lib.add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		l->lib.add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	done = l->lib.queue_response(c, status, r);
	l->lib.destroy_response(r);
	return done;
}

static enum MHD_Result answer_line(const struct listener *l, struct MHD_Connection *c, unsigned int status, const char *line)
{
	char *text = strdup(line);

	return text ? answer_text(l, c, status, text, strlen(text), "text/plain; charset=utf-8") : MHD_NO;
}

static enum MHD_Result answer_metrics(const struct listener *l, struct MHD_Connection *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (f)
		audit_metrics_put(l->metrics, l->a, f);
	if (!f || fclose(f)) {
		free(text);
		return answer_line(l, c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	}
	return answer_text(l, c, MHD_HTTP_OK, text, len, "text/plain; version=0.0.4; charset=utf-8");
}

static enum MHD_Result answer_health(const struct listener *l, struct MHD_Connection *c)
{
	if (!l->a->live)
		return answer_line(l, c, MHD_HTTP_SERVICE_UNAVAILABLE, "starting: the first walk is not complete\n");
	if (l->metrics->in_doubt)
		return answer_line(l, c, MHD_HTTP_SERVICE_UNAVAILABLE, "incomplete: events were lost, a walk will follow\n");
	return answer_line(l, c, MHD_HTTP_OK, "ok\n");
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *url, const char *method,
			      const char *version, const char *body, size_t *body_len, void **state)
{
	static char seen;
	const struct listener *l = arg;

	if (!*state) { /* the head only: queueing an answer now would close the connection */
		*state = &seen;
		return MHD_YES;
	}
	if (*body_len) { /* thrown away */
		*body_len = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return answer_line(l, c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
	if (!strcmp(url, "/metrics"))
		return answer_metrics(l, c);
	if (!strcmp(url, "/healthz"))
		return answer_health(l, c);
	return answer_line(l, c, MHD_HTTP_NOT_FOUND, "there are /metrics and /healthz\n");
}

/* ---- the sink ---- */

static int run(struct audit_sink *s, const struct audit *a)
{
	struct listener *l = (struct listener *)s;

	l->a = a;
	l->lib.run(l->http);
	return 0;
}

static int load_library(struct http_library *lib)
{
	void *so = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);

	if (!so)
		return fail(-ENOENT, "--listen needs libmicrohttpd (package libmicrohttpd12): %s", dlerror());
#define X(name)                                                                                   \
	lib->name = (__typeof__(lib->name))dlsym(so, "MHD_" #name);                               \
	if (!lib->name)                                                                           \
		return fail(-ENOSYS, "libmicrohttpd has no MHD_" #name);
	HTTP_FUNCTIONS(X)
#undef X
	return 0;
}

/* The socket, and what it is called in a file system. */
static int open_socket(struct listener *l, const char *where)
{
	int fd = listen_socket(where);

	if (fd >= 0 && !strncmp(where, "unix:", 5))
		l->socket = strdup(where + 5);
	return fd < 0 ? fail(fd, "listen at %s%s", where, fd != -EINVAL ? "" :
			     " (give PORT, ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH)") : fd;
}

struct audit_sink *audit_listen(const char *where, const struct audit_metrics *m)
{
	struct listener *l = calloc(1, sizeof(*l));
	int fd = l ? load_library(&l->lib) : fail(-ENOMEM, "listen at %s", where);

	if (!fd)
		fd = open_socket(l, where);
	if (fd < 0) {
		free(l);
		return NULL;
	}
	l->metrics = m;
	l->http = l->lib.start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, l, MHD_OPTION_LISTEN_SOCKET, fd,
				   MHD_OPTION_CONNECTION_LIMIT, LISTEN_CLIENTS, MHD_OPTION_CONNECTION_TIMEOUT,
				   PATIENCE, MHD_OPTION_END);
	if (!l->http) {
		fail(-errno, "start HTTP at %s", where);
		close(fd);
		free(l->socket);
		free(l);
		return NULL;
	}
	l->sink.tick = l->sink.ready = run;
	l->sink.fd = l->lib.get_daemon_info(l->http, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	return &l->sink;
}

void audit_listen_close(struct audit_sink *s)
{
	struct listener *l = (struct listener *)s;

	if (!l)
		return;
	l->lib.stop_daemon(l->http);
	if (l->socket)
		unlink(l->socket);
	free(l->socket);
	free(l);
}
