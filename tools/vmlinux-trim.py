#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""vmlinux-trim.py FULL NAMES - print of a full vmlinux.h only the named types and what they embed.

NAMES is a second header whose definitions name the wanted types (what `bpftool gen min_core_btf`
finds). Types that are only pointed to stay incomplete.
"""
import re
import sys

full = open(sys.argv[1]).read()
wanted_text = open(sys.argv[2]).read()

defs = {}    # "struct x" or typedef name -> (position, text, names it needs)
order = []
for m in re.finditer(
        r"^(?:(?P<kind>struct|union|enum) (?P<name>\w+) \{(?:\}|\n.*?^\})[^;\n]*;"
        r"|typedef (?:struct|union|enum) \{(?:\}|\n.*?^\})(?P<tname>[^;\n]*);"
        r"|enum \{.*?^\};"
        r"|typedef [^;{]*;)", full, re.S | re.M):
    text = m.group(0)
    if m.group("kind"):
        key = m.group("kind") + " " + m.group("name")
    elif m.group("tname"):
        key = re.findall(r"\w+", m.group("tname"))[-1]
    elif text.startswith("typedef"):
        fn = re.search(r"\(\*(\w+)\)", text)
        key = (fn or re.search(r"(\w+)\(", text) or re.search(r"(\w+)[^\w]*;$", text)).group(1)
    else:
        key = None  # an enum without a name: constants
    order.append((key, text))
    if key:
        defs.setdefault(key, text)


def needs(text):
    """Types that must be complete, and all typedef names."""
    body = text[text.find("{"):] if "{" in text else text
    for line in body.split("\n"):
        for m in re.finditer(r"\b(struct|union|enum) (\w+)", line):
            pointer = re.match(r"\s*\*", line[m.end():]) or "(*" in line
            if m.group(1) == "enum" or not pointer:
                yield m.group(1) + " " + m.group(2)
        for m in re.finditer(r"\b\w+\b", line):
            if m.group(0) in defs:
                yield m.group(0)


todo = ["%s %s" % m for m in re.findall(r"^(struct|union|enum) (\w+) \{", wanted_text, re.M)]
todo += re.findall(r"^\} (\w+);", wanted_text, re.M)
todo += "__s8 __u8 __s16 __u16 __s32 __u32 __s64 __u64 __be16 __be32 __wsum bool".split()
todo += ["enum bpf_map_type"]
keep = set()
while todo:
    key = todo.pop()
    if key in keep or key not in defs:
        continue
    keep.add(key)
    todo.extend(needs(defs[key]))

print("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n")
print("/* Made by tools/regen-vmlinux; do not edit. */\n")
print("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute push"
      " (__attribute__((preserve_access_index)), apply_to = record)\n#endif\n")
kept = "".join(defs[key] for key in keep)
for name in sorted(set(re.findall(r"\bstruct (\w+)", kept))):
    print("struct %s;" % name)
print()
for key, text in order:
    if key in keep or (key is None and ("BPF_F_NO_PREALLOC" in text or "false" in text)):
        print(text + "\n")
print("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n#endif")
