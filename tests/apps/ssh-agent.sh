#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# ssh-agent.sh - ssh-agent with keys in its memory; clients that list them and have it sign, all the time.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(ssh-agent ssh-add ssh-keygen)

# shellcheck disable=SC2016 # for the shell that is dumped
prepare() {
	cat >script.sh <<-'END'
		ssh-agent -D -a "$PWD/agent" >agent.out &
		agent=$!
		export SSH_AUTH_SOCK=$PWD/agent
		until [ -S agent ]; do sleep 0.05; done
		for type in ed25519 rsa ecdsa; do
			ssh-keygen -q -t $type -N '' -C "key of type $type" -f $type
			ssh-add -q $type 2>/dev/null
			rm $type # from here on only the agent has it
		done
		for ((i = 0; i < $1; i++)); do
			echo "round $i: $(ssh-add -l | cut -d' ' -f1,3- | tr '\n' ',')"
			echo "text $i" | ssh-keygen -q -Y sign -f ed25519.pub -n test >signature 2>/dev/null
			echo "me $(<ed25519.pub)" >allowed
			echo "text $i" | ssh-keygen -Y verify -f allowed -I me -n test -s signature | cut -d' ' -f1-5
		done
		kill $agent
		wait $agent || true
	END
}

command() {
	echo "bash script.sh $((60 * scale))"
}

midway() {
	[ "$(grep -c round out)" -gt 5 ]
}

app_main "$@"
