#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# asyncio.sh - a Python asyncio server that echoes with a running number on each connection.
# shellcheck disable=SC2034,SC2154
# shellcheck source=tests/servers/lib.sh
. "$(dirname "$0")/lib.sh"

needs=(python3)

prepare() {
	cat >server.py <<-'END'
		import asyncio, sys
		total = 0
		async def serve(reader, writer):
		    global total
		    n = 0
		    while line := await reader.readline():
		        n += 1
		        total += 1
		        if n % 7 == 0:
		            await asyncio.sleep(0.01)
		        writer.write(b"%d %d " % (n, total) + line)
		        await writer.drain()
		    writer.close()
		async def main():
		    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
		    await server.serve_forever()
		asyncio.run(main())
	END
	cat >client.py <<-'END'
		import asyncio, sys, time
		async def client(lane, port, end):
		    reader, writer = await asyncio.open_connection("127.0.0.1", port)
		    n = 0
		    while time.monotonic() < end or not n:
		        n += 1
		        text = b"lane %d, line %d, %s\n" % (lane, n, b"x" * (n * 37 % 3000))
		        writer.write(text)
		        answer = await asyncio.wait_for(reader.readline(), 60)
		        number, _, echo = answer.split(b" ", 2)
		        assert int(number) == n and echo == text, answer[:100]
		    writer.close()
		async def main():
		    end = time.monotonic() + float(sys.argv[2])
		    await asyncio.gather(*(client(lane, int(sys.argv[1]), end) for lane in range(10)))
		asyncio.run(main())
	END
}

command() {
	echo "python3 $PWD/server.py $port"
}

answers() {
	python3 client.py "$port" 0 2>/dev/null
}

talk() {
	python3 client.py "$port" "$seconds"
}

inspect() {
	python3 client.py "$port" 0
}

server_main "$@"
