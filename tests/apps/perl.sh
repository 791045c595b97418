#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# perl.sh - perl with a sieve, regular expressions and large hashes.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(perl)

prepare() {
	cat >script.pl <<-'END'
		use strict; use warnings;
		my ($count, %words, @primes) = (shift);
		$| = 1;
		OUTER: for (my $n = 2; @primes < $count; $n++) {
			for my $p (@primes) { last if $p * $p > $n; next OUTER unless $n % $p }
			push @primes, $n;
			my $word = join '', map { chr(97 + $_) } split //, $n;
			$word =~ s/(.)(.)/$2$1/g;
			push @{$words{length $word}{substr $word, 0, 2}}, $word;
			print "at $n\n" if @primes % 5000 == 0;
		}
		for my $len (sort keys %words) {
			print "$len $_ ", scalar @{$words{$len}{$_}}, " $words{$len}{$_}[-1]\n"
				for sort keys %{$words{$len}};
		}
	END
}

command() {
	echo "perl script.pl $((200000 * scale))"
}

midway() {
	[ "$(size_of out)" -gt 50 ]
}

app_main "$@"
