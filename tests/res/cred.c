// SPDX-License-Identifier: GPL-2.0-only
/* cred.c - ids, groups, capabilities, securebits, no_new_privs; of processes and of threads. */
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../fixture.h"

static const char *const keys[] = {"Uid",    "Gid",    "Groups", "CapInh",    "CapPrm",
				   "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"};

struct cred {
	char values[FX_COUNT(keys)][256];
	int securebits, keepcaps, dumpable;
};

static struct cred before;

static void look(struct cred *c)
{
	for (size_t i = 0; i < FX_COUNT(keys); i++)
		snprintf(c->values[i], sizeof(c->values[i]), "%s", fx_status(keys[i]));
	c->securebits = prctl(PR_GET_SECUREBITS);
	c->keepcaps = prctl(PR_GET_KEEPCAPS);
	c->dumpable = prctl(PR_GET_DUMPABLE);
}

static void compare(const struct cred *old)
{
	struct cred now;

	look(&now);
	for (size_t i = 0; i < FX_COUNT(keys); i++)
		expect(!strcmp(now.values[i], old->values[i]), "%s is %s, was %s", keys[i],
		       now.values[i], old->values[i]);
	expect_eq("securebits", now.securebits, old->securebits);
	expect_eq("keep capabilities", now.keepcaps, old->keepcaps);
	expect_eq("dumpable", now.dumpable, old->dumpable);
}

static void verify(void)
{
	compare(&before);
}

static void set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{effective, permitted, inheritable},
		{effective >> 32, permitted >> 32, inheritable >> 32},
	};

	must(syscall(SYS_capset, &head, data));
}

#define CAP(name) (1UL << CAP_##name)

/* An ordinary user with six different ids and some groups. */
static void become_user(void)
{
	gid_t groups[] = {10, 20, 3000000};

	must(setgroups(3, groups));
	must(setresgid(1001, 1002, 1003));
	must(setresuid(2001, 2002, 2003));
	setfsgid(1003);
	setfsuid(2003);
	look(&before);
}

static void verify_user(void)
{
	compare(&before);
	expect(setresuid(-1, 0, -1) < 0 && errno == EPERM, "it can become root");
	expect(!setresuid(2002, 2001, -1) && !setresuid(2001, 2002, -1), "it can't swap its ids");
	setfsuid(2003);
	prctl(PR_SET_DUMPABLE, before.dumpable);
}

/* A user that has kept some capabilities, one of them ambient. */
static void become_capable(void)
{
	must(prctl(PR_SET_KEEPCAPS, 1));
	must(setresgid(3001, 3001, 3001));
	must(setresuid(3002, 3002, 3002));
	set_caps(CAP(CHOWN) | CAP(NET_RAW), CAP(CHOWN) | CAP(NET_RAW) | CAP(SYS_NICE),
		 CAP(NET_RAW) | CAP(SYS_NICE));
	must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0));
	look(&before);
}

/* Root with less than everything: bounding set, securebits, no_new_privs. */
static void become_less(void)
{
	must(prctl(PR_CAPBSET_DROP, CAP_SYS_TIME));
	must(prctl(PR_CAPBSET_DROP, CAP_MKNOD));
	must(prctl(PR_SET_SECUREBITS,
		   SECBIT_NO_SETUID_FIXUP | SECBIT_NOROOT_LOCKED | SECBIT_NOROOT));
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	look(&before);
}

static void become_group_only(void)
{
	gid_t many[300];

	for (int i = 0; i < 300; i++)
		many[i] = 5000 + 2 * i;
	must(setgroups(300, many));
	must(setresgid(0, 7, 8));
	look(&before);
}

static void setup(void)
{
	must(chmod(fx_path(""), 0777));
	look(&before);
	fx_child("user", become_user, verify_user);
	fx_child("capable", become_capable, verify);
	fx_child("less", become_less, verify);
	fx_child("groups", become_group_only, verify);
}

const struct fixture fixture_cred = {
	.name = "cred",
	.about = "users, groups, capabilities, securebits, no_new_privs",
	.setup = setup,
	.verify = verify,
	.flags = FX_ROUNDS | FX_NESTED,
};

/* ---- one thread with other credentials than the rest ---- */

static struct cred of_thread;
static volatile int ask, told;

static void *be_other(void *arg)
{
	must(syscall(SYS_setresgid, 41, 42, 43));
	must(syscall(SYS_setresuid, 51, 52, 53));
	look(&of_thread);
	told = 1;
	for (;;) {
		while (!ask)
			fx_nap();
		compare(&of_thread);
		ask = 0;
	}
	return NULL;
}

static void setup_thread(void)
{
	pthread_t thread;

	must(chmod(fx_path(""), 0777));
	if (pthread_create(&thread, NULL, be_other, NULL))
		fx_die("pthread_create");
	while (!told)
		fx_nap();
	look(&before);
}

static void verify_thread(void)
{
	compare(&before);
	ask = 1;
	while (ask)
		fx_nap();
}

static void setup_thread_child(void)
{
	must(chmod(fx_path(""), 0777));
	fx_child("threads", setup_thread, verify_thread);
}

const struct fixture fixture_cred_thread = {
	.name = "cred_thread",
	.about = "a thread with other ids than its process",
	.setup = setup_thread_child,
	.flags = FX_ROUNDS,
};
