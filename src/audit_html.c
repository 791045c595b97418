// SPDX-License-Identifier: GPL-2.0-only
/* audit_html.c - a recording as one page. */
#include "audit_html.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "audit_print.h"
#include "cleanup.h"
#include "markup.h"

#define SECOND 1000000000ull
#define ROWS_MAX 150 /* of a table: what is more is counted */

/* Depth is lightness of one hue; what asks for a person is vermilion with a letter: no eye needs red and green. */
static const char style[] =
	":root{color-scheme:light dark;--page:#fff;--ink:#16202a;--soft:#55626f;--line:#8aa1b8;--grid:#b9c4cf;"
	"--b0:#f5f6f8;--b1:#e6eef6;--b2:#d4e2f0;--b3:#c2d6ea;--b4:#b0cae3;--b5:#9ebedc;"
	"--spark:#5f8fbe;--crowd:#3f6f9e;--alert:#c04a00;--on:#fff;--doubt:#7a5195}"
	"@media(prefers-color-scheme:dark){:root{--page:#11161c;--ink:#eef3f8;--soft:#a9b6c3;--line:#4d6378;"
	"--grid:#3a4856;--b0:#171d24;--b1:#1b2733;--b2:#203142;--b3:#263c52;--b4:#2c4762;--b5:#325273;"
	"--spark:#44719c;--crowd:#7fb0e0;--alert:#ff8a4c;--on:#11161c;--doubt:#c79be0}}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;padding:24px;max-width:1500px;background:var(--page);color:var(--ink);"
	"font:14px/1.45 system-ui,\"DejaVu Sans\",sans-serif}"
	"h1{font-size:21px;margin:0}h2{font-size:16px;margin:28px 0 8px}p{margin:4px 0;color:var(--soft)}"
	".facts{display:flex;flex-wrap:wrap;gap:8px 28px;margin:16px 0}.facts div{min-width:84px}"
	".facts b{display:block;font-size:22px;font-variant-numeric:tabular-nums}.facts .hot b{color:var(--alert)}"
	".facts span{color:var(--soft)}"
	".wide{overflow-x:auto}.chart{display:block;width:100%;min-width:720px;height:auto}"
	".chart text,.mono{font:11px \"DejaVu Sans Mono\",Menlo,Consolas,monospace}.chart text{fill:var(--soft)}"
	".chart .name{fill:var(--ink);font-weight:bold}.chart .time{text-anchor:middle}"
	".grid{stroke:var(--grid);stroke-dasharray:1 4;pointer-events:none}"
	".bar{stroke:var(--line);rx:4px}.b0{fill:var(--b0)}.b1{fill:var(--b1)}.b2{fill:var(--b2)}.b3{fill:var(--b3)}"
	".b4{fill:var(--b4)}.b5{fill:var(--b5)}g:hover>.bar{stroke:var(--ink);stroke-width:1.6}"
	".spark{fill:var(--spark);opacity:.38;pointer-events:none}.crowd{fill:var(--crowd)}"
	".stripe{stroke:var(--soft);stroke-width:2}.orphaned{fill:url(#hatch)}"
	".doubt{fill:var(--doubt);opacity:.3;stroke:var(--doubt)}"
	".mark circle{fill:var(--alert);stroke:var(--page)}.chart .mark text{fill:var(--on);font-weight:bold;"
	"text-anchor:middle}"
	".legend{display:flex;flex-wrap:wrap;gap:6px 22px;margin:10px 0;color:var(--soft);font-size:12px}"
	".legend svg{width:30px;height:16px;vertical-align:-3px;margin-right:6px}.legend text{font-size:10px}"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
	"th{text-align:left;color:var(--soft);font-weight:normal;border-bottom:1px solid var(--line)}"
	"th,td{padding:3px 14px 3px 0;vertical-align:top}td.n,th.n{text-align:right}"
	"tr:hover td{background:var(--b1)}td.mono{white-space:nowrap;font-size:12.5px;line-height:20px}"
	"@media print{body{max-width:none}}";

/* A line under the pointer with its time; the page says all of it without. */
static const char script[] =
	"(function(){var s=document.querySelector('.chart'),d=s.dataset,n='http://www.w3.org/2000/svg',"
	"l=document.createElementNS(n,'path'),t=document.createElementNS(n,'text');"
	"l.setAttribute('class','grid');t.setAttribute('class','time name');t.setAttribute('y','24');"
	"s.append(l,t);s.addEventListener('mousemove',function(e){"
	"var p=new DOMPoint(e.clientX,e.clientY).matrixTransform(s.getScreenCTM().inverse()),"
	"x=Math.max(+d.x,Math.min(+d.x+ +d.w,p.x)),ms=+d.from+(x-d.x)/d.w*d.ms;"
	"l.setAttribute('d','M'+x+' 26V'+s.viewBox.baseVal.height);"
	"t.setAttribute('x',Math.max(50,Math.min(1150,x)));t.textContent=new Date(ms).toISOString().slice(11,23)})})()";

char *story_chain(char *buf, size_t len, const struct story_ns *n)
{
	size_t used = 0;

	buf[0] = 0;
	for (__u32 l = 0; n->numbers[0] && l <= n->where.level && used < len; l++)
		used += snprintf(buf + used, len - used, "%s%d", l ? "." : "", n->numbers[l]);
	return buf;
}

char *story_duration(char *buf, size_t len, __u64 ns)
{
	__u64 s = ns / SECOND;

	if (ns < SECOND / 1000)
		snprintf(buf, len, "%llu \u00b5s", ns / 1000);
	else if (ns < SECOND)
		snprintf(buf, len, "%.1f ms", ns / 1e6);
	else if (s < 60)
		snprintf(buf, len, "%.2f s", ns / 1e9);
	else if (s < 3600)
		snprintf(buf, len, "%llu min %llu s", s / 60, s % 60);
	else
		snprintf(buf, len, "%llu h %llu min", s / 3600, s / 60 % 60);
	return buf;
}

static char *strftime_at(char *buf, size_t len, const char *form, __s64 real_ns)
{
	time_t t = real_ns / (__s64)SECOND;
	struct tm tm;

	gmtime_r(&t, &tm);
	buf[strftime(buf, len, form, &tm)] = 0;
	return buf;
}

char *story_clock(char *buf, size_t len, const struct story *s, __u64 when, bool ms)
{
	__s64 real = when + s->real_offset;

	strftime_at(buf, len, "%H:%M:%S", real);
	if (ms)
		snprintf(buf + strlen(buf), len - strlen(buf), ".%03lld", real / 1000000 % 1000);
	return buf;
}

/* ---- the parts of the page ---- */

static void put_fact(FILE *out, bool hot, const char *value, const char *what)
{
	fprintf(out, "<div%s><b>%s</b><span>%s</span></div>", hot ? " class=\"hot\"" : "", value, what);
}

static void put_number(FILE *out, bool hot, unsigned long long value, const char *what)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", value);
	put_fact(out, hot, text, what);
}

static void put_head(const struct story *s, FILE *out)
{
	char from[40], text[64], kernel[CLEAN_SIZE(65)];

	clean_text(s->kernel, sizeof(s->kernel), kernel, sizeof(kernel));
	fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
		"<meta name=\"viewport\" content=\"width=device-width\"/><title>pid namespaces, %s</title>\n"
		"<style>%s</style></head>\n<body>\n<h1>Pid namespaces over time</h1>\n",
		strftime_at(from, sizeof(from), "%F %T", s->begin + s->real_offset), style);
	fprintf(out, "<p>%s UTC, for %s; Linux ", from, story_duration(text, sizeof(text), s->end - s->begin));
	put_xml(out, kernel);
	fprintf(out, ", boot %.8s; recorded by bpf-ckpt audit.%s</p>\n<div class=\"facts\">", s->boot_id,
		s->clock_set ? " The clock was set meanwhile: times are by the clock as it was at the beginning." : "");
	put_number(out, false, s->nr_ns, "namespaces");
	put_number(out, false, s->deepest, "levels deep");
	put_number(out, false, s->births, "processes born");
	put_number(out, false, s->exits, "ended");
	put_number(out, s->nr_alerts > 0, s->nr_alerts, "alerts");
	put_number(out, s->lost > 0, s->lost, "events lost");
	fputs("</div>\n", out);
}

static void put_sample(FILE *out, const char *what, const char *drawing)
{
	fprintf(out, "<span><svg class=\"chart\" style=\"display:inline;min-width:0\" viewBox=\"0 0 30 16\">%s"
		"</svg>%s</span>", drawing, what);
}

static void put_legend(const struct story *s, FILE *out)
{
	fputs("<div class=\"legend\">", out);
	put_sample(out, "a namespace inside another, from its birth to its end",
		   "<rect class=\"bar b0\" x=\"1\" y=\"1\" width=\"28\" height=\"14\"/>"
		   "<rect class=\"bar b2\" x=\"7\" y=\"5\" width=\"16\" height=\"8\"/>");
	put_sample(out, "processes in it, on a logarithmic scale",
		   "<path class=\"spark\" d=\"M0 16V10H8V4H18V8H24V12H30V16z\"/>");
	put_sample(out, "short-lived namespaces by their births",
		   "<rect class=\"crowd\" x=\"3\" y=\"8\" width=\"5\" height=\"8\"/>"
		   "<rect class=\"crowd\" x=\"10\" y=\"3\" width=\"5\" height=\"13\"/>");
	put_sample(out, "its init has died", "<rect class=\"orphaned\" width=\"30\" height=\"16\"/>");
	put_sample(out, "alert: Escape, Foreign, Near limit, Refused, Too deep, Zombie; a number of them",
		   "<g class=\"mark\"><circle cx=\"15\" cy=\"8\" r=\"7\"/><text x=\"15\" y=\"12\">E</text></g>");
	if (s->doubts)
		put_sample(out, "events were lost", "<rect class=\"doubt\" x=\"10\" width=\"8\" height=\"16\"/>");
	fputs("</div>\n", out);
}

static void put_where(FILE *out, const struct story_ns *n)
{
	if (n)
		fprintf(out, "<td class=\"mono\">%u</td><td class=\"n\">%u</td>", n->where.inum, n->where.level);
	else
		fputs("<td></td><td></td>", out);
}

static void put_more(FILE *out, size_t nr, size_t shown, const char *what)
{
	fputs("</table>\n", out);
	if (nr > shown)
		fprintf(out, "<p>and %zu more %s: bpf-ckpt audit -r lists them all.</p>\n", nr - shown, what);
}

static void put_alerts(const struct story *s, FILE *out)
{
	char name[CLEAN_SIZE(256)], text[400];
	size_t nr = 0;

	fprintf(out, "<h2>Alerts</h2>\n");
	if (!s->nr_alerts) {
		fputs("<p>none</p>\n", out);
		return;
	}
	fputs("<table><tr><th>time</th><th>what</th><th>pidns</th><th class=\"n\">level</th><th>who</th>"
	      "<th>chain</th><th>why</th></tr>\n", out);
	for (const struct story_alert *a = s->alerts; a && nr < ROWS_MAX; a = a->next, nr++) {
		fprintf(out, "<tr><td class=\"mono\">%s</td><td>%s</td>",
			story_clock(text, sizeof(text), s, a->when, true), audit_type_names[a->type]);
		put_where(out, a->ns);
		clean_text(a->task.comm, sizeof(a->task.comm), name, sizeof(name));
		fputs("<td class=\"mono\">", out);
		put_xml(out, name);
		fprintf(out, "</td><td class=\"mono\">%s</td><td>", audit_chain(text, sizeof(text), &a->task));
		clean_text(a->reason, sizeof(a->reason), name, sizeof(name));
		put_xml(out, name);
		fputs("</td></tr>\n", out);
	}
	put_more(out, s->nr_alerts, nr, "alerts");
}

static void put_row(const struct story *s, const struct story_ns *n, FILE *out)
{
	char name[CLEAN_SIZE(16)], text[400];

	fputs("<tr>", out);
	put_where(out, n);
	clean_text(n->comm, sizeof(n->comm), name, sizeof(name));
	fputs("<td class=\"mono\">", out);
	put_xml(out, name);
	fprintf(out, "</td><td class=\"mono\">%s</td>", story_chain(text, sizeof(text), n));
	fprintf(out, "<td class=\"mono\">%s</td>", n->before ? "before" :
		story_clock(text, sizeof(text), s, n->born, true));
	fprintf(out, "<td class=\"mono\">%s</td>", n->end ?
		story_duration(text, sizeof(text), n->end - n->born) : "lives on");
	fprintf(out, "<td class=\"n\">%u</td><td class=\"n\">%u</td><td class=\"n\">%u</td></tr>\n", n->peak,
		n->births, n->alerts);
}

/* Those that are drawn one by one, outer ones before what is in them. */
static size_t put_rows(const struct story *s, const struct story_ns *n, size_t nr, FILE *out)
{
	if (nr >= ROWS_MAX || !chart_bar(n)->shown)
		return nr;
	if (n->where.inum) {
		put_row(s, n, out);
		nr++;
	}
	for (const struct story_ns *in = n->child; in; in = in->sibling)
		nr = put_rows(s, in, nr, out);
	return nr;
}

static void put_namespaces(const struct chart *c, FILE *out)
{
	size_t nr;

	fputs("<h2>Namespaces</h2>\n<table><tr><th>pidns</th><th class=\"n\">level</th><th>init</th>"
	      "<th>chain</th><th>made</th><th>lived</th><th class=\"n\">most processes</th>"
	      "<th class=\"n\">born</th><th class=\"n\">alerts</th></tr>\n", out);
	nr = put_rows(c->story, c->root, 0, out);
	put_more(out, c->story->nr_ns, nr, "namespaces");
}

int audit_html_put(struct story *s, FILE *out)
{
	struct chart c;
	int err = chart_place(&c, s);

	if (!err) {
		put_head(s, out);
		put_legend(s, out);
		fputs("<div class=\"wide\">\n", out);
		chart_draw(&c, out);
		fputs("</div>\n", out);
		put_alerts(s, out);
		put_namespaces(&c, out);
		fprintf(out, "<script>%s</script>\n</body></html>\n", script);
	}
	chart_free(&c);
	return err;
}
