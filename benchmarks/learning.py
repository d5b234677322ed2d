"""The learner against scikit-learn's own logistic regression on the same columns, on the same later quarter.

    python -m benchmarks.learning                                       # generated sets
    python -m benchmarks.learning leads.csv --outcome y --won yes       # a table of your own, in its own order

Two rivals: every column one-hot encoded; numbers standardised and the other columns one-hot encoded. Both are fitted to
the same earlier three quarters, with scikit-learn's defaults. Ours is judged by its whole points, as a user sees them,
and each of its sums is checked.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.machine import describe
from pipelines.learning.levels import as_number
from pipelines.learning.training import Example, split, train
from pipelines.score import score_features

Row = dict[str, str]
START = datetime(2026, 1, 1, tzinfo=UTC)
ALLOWED = 0.005


def drawn(count: int, seed: int, make: Callable[[random.Random], tuple[Row, float]]) -> tuple[list[Row], list[bool]]:
    """`make` gives a row and the log-odds of its being won."""
    chance = random.Random(seed)
    rows, won = [], []
    for _ in range(count):
        row, worth = make(chance)
        rows.append(row)
        won.append(chance.random() < 1 / (1 + math.exp(-worth)))
    return rows, won


def straight(chance: random.Random) -> tuple[Row, float]:
    """Two numbers with straight effects and one without: what bins are worst at."""
    a, b, c = chance.gauss(0, 1), chance.expovariate(1), chance.gauss(50, 9)
    return {"a": f"{a:.4f}", "b": f"{b:.4f}", "c": f"{c:.1f}"}, 1.2 * a + 0.8 * b - 1.8


def levels(chance: random.Random) -> tuple[Row, float]:
    """Categories, one with many rare levels."""
    city = int(chance.paretovariate(0.6)) % 400
    channel, plan = chance.choice("abcdefgh"), chance.choice(["basic", "pro", "team"])
    worth = math.sin(city) + {"a": 1, "b": -1}.get(channel, 0) + {"pro": 0.7}.get(plan, 0) - 0.8
    return {"city": f"city {city}", "channel": channel, "plan": plan, "noise": chance.choice("xyz")}, worth


def curved(chance: random.Random) -> tuple[Row, float]:
    """A number that helps in the middle, one with a threshold, a fifth missing."""
    age, visits = chance.uniform(18, 80), chance.randrange(30)
    row = {"age": f"{age:.0f}", "visits": str(visits), "kind": chance.choice(["new", "old"])}
    worth = 1.5 - ((age - 45) / 14) ** 2 + (1.2 if visits > 9 else 0) - (0.5 if row["kind"] == "old" else 0)
    if chance.random() < 0.2:
        row["age"] = ""
        worth = -0.3
    return row, worth


def rare(chance: random.Random) -> tuple[Row, float]:
    """Twenty columns of all kinds, few of which matter, one in fifteen won."""
    row = {f"n{number}": f"{chance.gauss(0, 1):.3f}" for number in range(8)}
    row |= {f"c{number}": chance.choice("pqrst") for number in range(8)}
    row |= {f"f{number}": chance.choice(["sim", "não"]) for number in range(4)}
    worth = 0.7 * float(row["n0"]) + (1 if row["c0"] == "p" else 0) + (0.8 if row["f0"] == "sim" else 0) - 3.7
    return row, worth


def compare(name: str, rows: list[Row], won: list[bool]) -> bool:
    """Print one line; whether ours is within `ALLOWED` of the better rival."""
    examples = [
        Example(
            str(number), START + timedelta(minutes=number), number, {f"extra.{k}": v for k, v in row.items()}, ended
        )
        for number, (row, ended) in enumerate(zip(rows, won, strict=True))
    ]
    started = time.process_time()
    model = train(examples, hot=80, warm=60).model
    seconds = time.process_time() - started
    learned, late = split(examples)
    truth = [one.won for one in late]
    scores = [score_features(one.features, model) for one in late]
    sums = all(sum(part.points for part in score.contributions) == score.value for score in scores)
    ours = roc_auc_score(truth, [score.value for score in scores])
    theirs = [rival(rows, won, len(learned), numbers=numbers) for numbers in (False, True)]
    gap = ours - max(theirs)
    verdict = "ok" if sums and gap >= -ALLOWED else "BELOW"
    print(
        f"{name:<12}{len(rows):>7}{np.mean(won):>7.1%}{ours:>9.4f}{theirs[0]:>9.4f}{theirs[1]:>9.4f}{gap:>+9.4f}"
        f"{seconds:>8.1f} s  sums {'exact' if sums else 'WRONG'}  {verdict}"
    )
    return verdict == "ok"


def rival(rows: list[Row], won: list[bool], until: int, *, numbers: bool) -> float:
    """The AUC of scikit-learn's logistic regression on the rows from `until` on."""
    names = list(rows[0])
    scaled = [
        name for name in names
        if numbers and all(not row[name] or as_number(row[name]) is not None for row in rows)
        and len({row[name] for row in rows}) > 5
    ]  # fmt: skip
    means = {name: np.mean([as_number(row[name]) for row in rows[:until] if row[name]]) for name in scaled}
    table = np.array(
        [[(as_number(row[n]) if row[n] else means[n]) if n in scaled else row[n] for n in names] for row in rows],
        dtype=object,
    )
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), [names.index(name) for name in scaled]),
            ("levels", OneHotEncoder(handle_unknown="ignore"), [names.index(n) for n in names if n not in scaled]),
        ]
    )
    fitted = make_pipeline(columns, LogisticRegression(max_iter=5000)).fit(table[:until], won[:until])
    return float(roc_auc_score(won[until:], fitted.predict_proba(table[until:])[:, 1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--outcome", help="the column of the outcome")
    parser.add_argument("--won", help="what it says of a won one")
    parser.add_argument("--drop", action="append", default=[], help="a column to leave aside")
    parser.add_argument("--shuffle", action="store_true", help="where the rows are in no order of time")
    parser.add_argument("--count", type=int, default=8000)
    given = parser.parse_args()
    describe(scikit_learn=sklearn.__version__, **vars(given))
    print(f"{'set':<12}{'rows':>7}{'won':>7}{'ours':>9}{'one-hot':>9}{'scaled':>9}{'gap':>9}{'CPU':>8}")
    if given.file is None:
        made = {one.__name__: drawn(given.count, 7, one) for one in (straight, levels, curved, rare)}
    else:
        with given.file.open(encoding="utf-8-sig", newline="") as file:
            dialect = csv.Sniffer().sniff(file.read(10_000), ",;\t")
            file.seek(0)
            rows = list(csv.DictReader(file, dialect=dialect))
        if given.shuffle:
            random.Random(1).shuffle(rows)
        won = [row.pop(given.outcome) == given.won for row in rows]
        rows = [{name: row[name] or "" for name in row if name not in given.drop} for row in rows]
        made = {given.file.stem[:11]: (rows, won)}
    results = [compare(name, rows, won) for name, (rows, won) in made.items()]
    raise SystemExit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
