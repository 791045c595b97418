# SPDX-License-Identifier: GPL-2.0-only
# The only makefile. `make` builds build/bpf-ckpt; README names the rest.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
DESTDIR  ?=
CC       ?= gcc
CLANG    ?= clang
BPFTOOL  ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
B        := build

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers
LIBS     := $(shell pkg-config --libs libbpf libelf libxxhash smartcols json-c libmnl 2>/dev/null)
INCLUDES := -Iinclude -Isrc -I$(B) $(shell pkg-config --cflags smartcols json-c 2>/dev/null)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' $(INCLUDES) $(CFLAGS) $(WARNINGS) -MMD -MP -pthread

SRC      := $(wildcard src/*.c src/res/*.c src/arch/*.c)
ASM      := $(wildcard src/arch/*.S)
OBJ      := $(SRC:%.c=$(B)/%.o) $(ASM:%=$(B)/%.o)
# audit has an object of its own: what it attaches must not be loaded for a walk
BPF_OBJ  := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(filter-out bpf/audit.bpf.c,$(wildcard bpf/*.bpf.c)))

COMPLETIONS := $(B)/completions/bpf-ckpt.bash $(B)/completions/_bpf-ckpt.zsh

all: $(B)/bpf-ckpt $(COMPLETIONS)

$(B)/bpf-ckpt: $(OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(INCLUDES) -c -o $@ $<

$(B)/src/walk.o: $(B)/walk.skel.h
$(B)/src/audit_probe.o: $(B)/audit.skel.h
$(B)/tests/vm/cost.o $(B)/tests/unit/relocate_test.o: $(B)/walk.skel.h $(B)/audit.skel.h

# One object for all programs: they share maps.
$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h bpf/res/*.h include/*.h vmlinux/*/*.h)
	@mkdir -p $(@D)
	$(CLANG) -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Werror -Wno-unused-function \
		-Iinclude -Ibpf -Ivmlinux/x86_64 -c -o $@ $<

$(B)/walk.bpf.o: $(BPF_OBJ)
	$(BPFTOOL) gen object $@ $^

$(B)/audit.bpf.o: $(B)/bpf/audit.bpf.o
	$(BPFTOOL) gen object $@ $^

$(B)/%.skel.h: $(B)/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp
	mv $@.tmp $@

# From the --help of every command, so that they say the same.
$(COMPLETIONS): $(B)/bpf-ckpt tools/completions
	@mkdir -p $(@D)
	tools/completions $(patsubst .%,%,$(suffix $@)) $< > $@.tmp
	mv $@.tmp $@

install: all
	install -D -m 0755 $(B)/bpf-ckpt $(DESTDIR)$(PREFIX)/sbin/bpf-ckpt
	install -D -m 0644 bpf-ckpt.8 $(DESTDIR)$(PREFIX)/share/man/man8/bpf-ckpt.8
	install -D -m 0644 bpf-ckpt-audit.5 $(DESTDIR)$(PREFIX)/share/man/man5/bpf-ckpt-audit.5
	install -D -m 0644 $(B)/completions/bpf-ckpt.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bpf-ckpt
	install -D -m 0644 $(B)/completions/_bpf-ckpt.zsh \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_bpf-ckpt
	sed 's|@SBINDIR@|$(PREFIX)/sbin|' systemd/bpf-ckpt-audit.service.in > $(B)/bpf-ckpt-audit.service
	install -D -m 0644 $(B)/bpf-ckpt-audit.service \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/bpf-ckpt-audit.service

clean:
	rm -rf $(B)

# ---- what a fresh Debian 12 lacks: installed once, as root, only when something is missing ----
BUILD_PKGS := gcc make clang llvm libbpf-dev bpftool libelf-dev zlib1g-dev libxxhash-dev \
	libsmartcols-dev libjson-c-dev libmnl-dev libmicrohttpd-dev pkg-config linux-libc-dev
LINT_PKGS  := cppcheck clang-tidy
VM_PKGS    := qemu-system-x86 e2fsprogs iproute2 xz-utils zstd
TEST_PKGS  := libcmocka-dev python3 openssh-client vim perl-base sqlite3 util-linux procps tar gzip coreutils
TEST_PKGS  += graphviz libxml2-utils zsh tmux strace systemd libclang-rt-14-dev valgrind
TEST_PKGS  += redis-server redis-tools nginx-light wrk curl memcached postgresql nodejs stress-ng ripgrep $(VM_PKGS)
# what check-servers and check-long want besides
SERVER_PKGS := mariadb-server openjdk-17-jdk-headless caddy etcd-server
LONG_PKGS  := chromium-headless-shell fonts-dejavu-core $(SERVER_PKGS)

deps:
	@tools/deps $(BUILD_PKGS)
test-deps:
	@tools/deps $(BUILD_PKGS) $(TEST_PKGS) $(LINT_PKGS)

# ---- tests ----
UNIT     := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/*_test.c))
UNIT_OBJ := $(filter-out $(B)/src/main.o,$(OBJ))

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(UNIT_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS) -lcmocka

$(B)/tests/unit/plan_test: $(B)/tests/unit/sim.o $(B)/tests/unit/reasons.o
$(B)/tests/unit/validate_test: $(B)/tests/unit/sim.o
$(B)/tests/unit/picture_test: $(B)/tests/unit/sim.o $(B)/tests/unit/golden.o
$(B)/tests/unit/audit_html_test: $(B)/tests/unit/golden.o
$(B)/tests/unit/relocate_test: $(B)/tests/unit/bpf_reach.o

$(B)/tests/fixture: $(patsubst %.c,$(B)/%.o,$(wildcard tests/fixture.c tests/res/*.c))
	$(CC) $(CFLAGS) -pthread -o $@ $^

$(B)/tests/tree/grow: $(patsubst %.c,$(B)/%.o,$(wildcard tests/tree/*.c)) $(B)/tests/unit/sim.o $(B)/tests/unit/reasons.o $(B)/src/snap.o $(B)/src/snap_refs.o
	$(CC) $(CFLAGS) -o $@ $^

$(B)/tests/faults/inject: $(B)/tests/faults/inject.o
	$(CC) $(CFLAGS) -o $@ $^

$(B)/tests/portrait $(B)/tests/audit_tasks $(B)/tests/audit_soak: $(B)/tests/%: $(B)/tests/%.o
	$(CC) $(CFLAGS) -pthread -o $@ $^

$(B)/tests/doctor: $(B)/tests/doctor.o $(UNIT_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

$(B)/tests/vm/cost: $(B)/tests/vm/cost.o
	$(CC) $(CFLAGS) -o $@ $^ $(LIBS)

# Fuzzers have objects of their own: clang, coverage, sanitizers.
FUZZ       := $(B)/fuzz
FUZZ_FLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
FUZZ_OBJ   := $(patsubst %.c,$(FUZZ)/%.o,$(filter-out src/main.c,$(SRC))) $(ASM:%=$(B)/%.o)
$(FUZZ)/%.o: %.c $(SKEL)
	@mkdir -p $(@D)
	$(CLANG) $(ALL_CFLAGS) $(FUZZ_FLAGS) -Wno-error -c -o $@ $<
$(FUZZ)/records $(FUZZ)/image: $(FUZZ)/%: $(FUZZ)/tests/fuzz/%.o $(FUZZ)/tests/fuzz/records_mutate.o $(FUZZ_OBJ)
	$(CLANG) -fsanitize=fuzzer,address,undefined -pthread -o $@ $^ $(LIBS)
$(FUZZ)/extract: $(B)/tests/fuzz/extract.o $(UNIT_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

# What is measured must not depend on how the fixtures are compiled.
$(B)/tests/bench/%: tests/bench/%.c tests/bench/load.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARNINGS) -pthread -o $@ $<
$(B)/tests/bench/bench: tests/bench/bench.c $(UNIT_OBJ) # walks itself, as the tool does
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -O2 $(LDFLAGS) -pthread -o $@ $^ $(LIBS)

$(B)/tests/%.o: ALL_CFLAGS += -Itests -O1

# Everything is rebuilt by a make of its own, which sees what deps has just installed.
demo: deps
	@$(MAKE) --no-print-directory -s all
	@tests/demo
check: test-deps
	@$(MAKE) --no-print-directory -s all tests-built
	@tests/check
check-long: test-deps
	@tools/deps $(LONG_PKGS)
	@$(MAKE) --no-print-directory -s all tests-built
	@tests/check --long
check-servers: test-deps
	@tools/deps $(SERVER_PKGS)
	@$(MAKE) --no-print-directory -s all tests-built
	@ls tests/servers/*.sh | grep -v /lib.sh | xargs -n 1 -P 2 env
# VM: load (do the BPF objects load), kinds (all, in one tree), scaled (and all scripts), all, or a pattern of
# tests/run; KERNELS: 6.1 6.12
VM      ?= kinds
KERNELS ?=
check-vm: test-deps
	@$(MAKE) --no-print-directory -s all tests-built
	@tests/vm/check "$(VM)" $(KERNELS)
# what the BPF verifier has to go through, on each kernel: after a program has grown
verifier-table: test-deps
	@$(MAKE) --no-print-directory -s all tests-built
	@tests/vm/verifier --renew
# SECONDS for each fuzzer
SECONDS ?= 60
fuzz-image: test-deps
	@$(MAKE) --no-print-directory -s all tests-built $(FUZZ)/records $(FUZZ)/image $(FUZZ)/extract
	@tests/fuzz/run $(SECONDS)
check-sanitizers: test-deps
	@$(MAKE) --no-print-directory -s all tests-built
	@tests/sanitizers --all
lint: test-deps
	@$(MAKE) --no-print-directory -s all
	@tests/lint
# POINTS of each sweep, 0 for every system call
POINTS  ?= 100
check-faults: test-deps
	@$(MAKE) --no-print-directory -s all tests-built
	@tests/faults/sweep -p $(POINTS) && tests/faults/meddle -p $(POINTS)
# alone on a machine, for SECONDS (2700: the whole of it)
soak: test-deps
	@$(MAKE) --no-print-directory -s all tests-built
	@tests/soak $(SECONDS)
# RUNS of each shape; SHAPE: only those whose name has this in it
RUNS  ?= 7
SHAPE ?=
bench: deps
	@$(MAKE) --no-print-directory -s all $(B)/tests/bench/bench $(B)/tests/bench/load $(B)/tests/bench/audit
	@case audit in *"$(SHAPE)"*) $(B)/tests/bench/audit $(RUNS);; esac
	@$(B)/tests/bench/bench $(RUNS) "$(SHAPE)"
# random tasks, watched; at every checkpoint the audit's table, a fresh walk and /proc must be the same
soak-audit: test-deps
	@$(MAKE) --no-print-directory -s all tests-built
	@$(B)/tests/audit_soak 600 $(SEED)
# N trees from fresh seeds, or from SEED on; a failure names its seed and the fewest steps
N    ?= 200
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
fuzz-tree: test-deps
	@$(MAKE) --no-print-directory -s all tests-built
	@$(B)/tests/fixture --reap $(B)/tests/tree/grow $(SEED) $(N)
units-built: $(UNIT)
tests-built: units-built $(B)/tests/fixture $(B)/tests/portrait $(B)/tests/tree/grow $(B)/tests/faults/inject $(B)/tests/audit_tasks $(B)/tests/audit_soak \
	$(B)/tests/vm/cost $(B)/tests/doctor

.PHONY: all install clean deps test-deps demo check check-long check-servers check-vm verifier-table check-sanitizers lint check-faults fuzz-image bench fuzz-tree soak soak-audit tests-built units-built
.SECONDARY:
-include $(OBJ:.o=.d) $(patsubst %,%.d,$(UNIT)) $(patsubst %.c,$(B)/%.d,$(wildcard tests/fixture.c tests/res/*.c))
