"""How fast mails are parsed on one core, and what the largest costs: `python -m benchmarks.mailbox`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.machine import describe
from benchmarks.mails import HOUSE, huge, mixed
from worker.errors import Unparsable
from worker.sources.mails import parse_mail


def parsed(mail: bytes) -> int:
    """How many records are in a mail; 0 for one that does not parse."""
    try:
        return sum(1 for _ in parse_mail(mail, (HOUSE,)))
    except Unparsable:
        return 0


def speed(count: int) -> None:
    """Print mails a second of this process's time, in all and by kind."""
    mails = mixed(count)
    parsed(mails[0].mail)
    spent: Counter[str] = Counter()
    many: Counter[str] = Counter()
    began, on_the_wall = process_time(), perf_counter()
    for one in mails:
        before = process_time()
        parsed(one.mail)
        spent[one.kind] += process_time() - before  # type: ignore[assignment]  # seconds
        many[one.kind] += 1
    cpu, wall = process_time() - began, perf_counter() - on_the_wall
    print(f"{count} mixed mails: {count / cpu:,.0f} a second of CPU time ({count / wall:,.0f} on the wall)")
    for kind, seconds in spent.most_common():
        print(f"  {kind:<14} {many[kind]:>5}  {1000 * seconds / many[kind]:6.2f} ms each")


def memory(file: Path) -> None:
    """Print what parsing one large mail adds to this process's peak memory."""
    parsed(mixed(1)[0].mail)
    mail = file.read_bytes()
    before = _peak()
    began = process_time()
    records = parsed(mail)
    seconds = process_time() - began
    peak = _peak()
    print(
        f"a mail of {len(mail) / 2**20:.0f} MB: {records} record in {seconds:.2f} s; {peak:.0f} MB at the peak,"
        f" {peak - before:.0f} MB more than with the mail read and not parsed"
    )


def _peak() -> float:
    """Megabytes; Linux keeps the parent's peak in getrusage, not here."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Speed here; memory in a process of its own, whose peak nothing else has raised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--megabytes", type=int, default=37, help="of attachment, before base64")
    parser.add_argument("--only-memory", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only_memory:
        memory(given.only_memory)
        return
    describe(count=given.count, megabytes=given.megabytes)
    speed(given.count)
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(huge(given.megabytes))
        file.flush()
        subprocess.run([sys.executable, "-m", "benchmarks.mailbox", "--only-memory", file.name], check=True)


if __name__ == "__main__":
    main()
