#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# perl.sh - perl with a growing hash, a child and an alarm.
. "$(dirname "$0")/lib.sh"
cat > "$work/prog.pl" <<'END'
my (%h, $ticks); $| = 1;
$SIG{ALRM} = sub { $ticks++; alarm 1 }; alarm 1;
my $pid = fork // die;
if (!$pid) { my $n = 0; $n = ($n * 31 + $_) % 1000003 for 1 .. 6000000; open my $f, ">", "child"; print $f $n; exit 7 }
open my $p, ">>", "progress"; select((select($p), $| = 1)[0]);
for my $i (1 .. 300000) { $h{"k" . ($i * 7919 % 100003)} .= $i % 10; print $p "$i\n" if $i % 5000 == 0 }
waitpid $pid, 0; my $st = $?;
open my $c, "<", "child"; open my $r, ">", "result";
print $r "$st ", <$c>, "\n"; print $r "$_ $h{$_}\n" for sort keys %h; close $r;
open my $d, ">", "result.done";
END
app perl progress /usr/bin/perl "$work/prog.pl"
