# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# lib.sh - for the scripts that boot machines: kernels, disks, and machines that images are carried to.
cache=${VM_CACHE:-build/vm}
mkdir -p build/vm "$cache"

# have_kernels KERNEL...: fetched with their modules, if they are not there
have_kernels() {
	local kernel

	for kernel; do
		{ [ -e "$cache/vmlinuz-$kernel" ] && [ -e "$cache/vmlinuz-$kernel.modules" ]; } ||
			tests/vm/kernel "$kernel" "$cache/vmlinuz-$kernel" || exit 1
	done
}

# make_root IMAGE...: as tests/vm/rootfs, which says nothing unless it fails
make_root() {
	local log=${1%.img}.log

	tests/vm/rootfs "$@" >"$log" 2>&1 || { tail -n 3 "$log" >&2 && exit 1; }
}

# carry NAME KERNEL ROOT MODEL STEP...: a machine takes these steps of tests/vm/carry. Its verdicts, one a step,
# are printed and in build/vm/NAME.said; a console that ends before the last of them is a failure, too.
carry() {
	local name=$1 kernel=$2 root=$3 model=$4 steps out

	shift 4
	out=build/vm/$name
	steps=$(printf ',%s' "$@")
	tests/vm/boot "$cache/vmlinuz-$kernel" "$root" "tests/vm/carry$steps" "$model" >"$out.log" 2>&1
	tr -d '\r' <"$out.log" | grep -E '^(ok|not ok) ' >"$out.said"
	[ "$(wc -l <"$out.said")" -eq $# ] ||
		echo "not ok $name: the machine ended early: $(tail -n 1 "$out.log" | cut -c1-200)" >>"$out.said"
	cat "$out.said"
}
