#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# node.sh - node with computation, promises, timers and a large heap.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/apps/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(node)

prepare() {
	cat >script.js <<-'END'
		const crypto = require('crypto'), fs = require('fs');
		const count = +process.argv[2], map = new Map();
		const sleep = ms => new Promise(done => setTimeout(done, ms));
		async function work(lane) {
			for (let i = lane; i < count; i += 4) {
				let d = 'lane' + i;
				for (let j = 0; j < 40; j++)
					d = crypto.createHash('sha256').update(d).digest('hex');
				map.set(i, { d, list: Array.from(d.slice(0, 8)) });
				if (i % 500 === 0) {
					fs.writeSync(2, `at ${i}\n`);
					await sleep(5);
				}
			}
		}
		let ticks = 0;
		const ticker = setInterval(() => ticks++, 20);
		Promise.all([0, 1, 2, 3].map(work)).then(() => {
			clearInterval(ticker);
			for (let i = 0; i < count; i++)
				fs.writeSync(1, `${i} ${map.get(i).d} ${map.get(i).list.join('')}\n`);
		});
	END
}

command() {
	echo "node script.js $((20000 * scale))"
}

midway() {
	[ "$(size_of err)" -gt 40 ]
}

app_main "$@"
