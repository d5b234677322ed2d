"""Everything about speed in one command, so that its ratios are of one machine at one time.

python -m benchmarks.speed [--index 100000] [--count 4000] [--only through|latency]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.speed import latency, through


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=int, default=100_000, help="contacts in the store before (default 100,000)")
    parser.add_argument("--count", type=int, default=4000, help="contacts that are measured (default 4,000)")
    parser.add_argument("--hooks", type=int, default=120, help="lone hooks that are measured (default 120)")
    parser.add_argument("--idle-rate", type=float, default=2.0, help="of them a second (default 2)")
    parser.add_argument("--only", choices=("through", "latency"))
    given = parser.parse_args()
    describe(**vars(given), batch_size=100, cores=through.CORES, returning=f"one in {through.RETURNING}")
    if given.only != "latency":
        with _folder() as folder:
            through.measure(Path(folder), given.index, given.count, rivals=True)
    if given.only != "through":
        for database in ("sqlite", "postgresql"):
            with _folder() as folder:
                latency.measure(Path(folder), database, given.hooks, given.idle_rate, imported=5 * given.count)


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="portaria-speed-", ignore_cleanup_errors=True)


if __name__ == "__main__":
    main()
