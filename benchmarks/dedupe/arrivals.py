"""One new contact against an index: how often the decision is right, and how long it takes.

    python -m benchmarks.dedupe.arrivals [--size 100000] [--queries 3000] [--seed 7]

The first `size` arrivals of `crm_people` are known, each person as the golden record of what they told so far; the
next ones are decided on. A match with the right contact is right; a match with another, or with anybody for a new
person, is a wrong merge; a returning person not recognised is missed. Reviews count as missed for the F1 of automatic
decisions, and are told of beside it. `untellable` is the share of the returning who leave nothing known but a name,
perhaps a city or an employer: no more than the rest can be recognised with certainty.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import numpy as np

from benchmarks.dedupe.crm_people import generate
from pipelines.dedupe.blocking import MAX_BLOCK, keys_of, nearest
from pipelines.dedupe.comparison import FIELDS, ROLE, compare
from pipelines.dedupe.decision import Candidate, Policy, decide
from pipelines.dedupe.features import Features, dump_features, features, load_features
from pipelines.dedupe.merge import merge_contacts
from pipelines.dedupe.names_compared import DIFFERENT, MISSING
from pipelines.dedupe.weights import DEFAULT_MODEL, Model
from pipelines.models import Contact, DecisionKind, Origin, SourceField, SourceRecord
from pipelines.normalize import normalize_record
from pipelines.states import Stage

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ORIGIN = Origin(source="bench", delivery="d", submission="s", stage=Stage.NORMALIZE, at=NOW)


def contact_of(fields: dict[str, str]) -> Contact:
    record = SourceRecord(
        fields=tuple(SourceField(key=key, hint=key, values=(value,)) for key, value in fields.items())
    )
    return normalize_record(record, {}, _ORIGIN, now=NOW).contact


def arrivals(size: int, seed: int) -> Iterator[tuple[Contact, int]]:
    for fields, person in generate(size, seed):
        yield contact_of(fields), person


class Index:
    """Sorted arrays of key and contact: what the store's key table is, without the store."""

    def __init__(self, known: dict[int, Contact]) -> None:
        self.people = list(known)
        self.places = {person: at for at, person in enumerate(self.people)}
        self.lines: list[str] = []
        hashes: list[int] = []
        owners: list[int] = []
        for at, contact in enumerate(known.values()):
            value = features(contact)
            self.lines.append(dump_features(value))
            found = [key.hash for key in keys_of(value)]
            hashes += found
            owners += [at] * len(found)
        order = np.argsort(np.array(hashes, dtype=np.int64), kind="stable")
        self.hashes = np.array(hashes, dtype=np.int64)[order]
        self.owners = np.array(owners, dtype=np.int32)[order]

    def look_up(self, value: Features) -> tuple[list[int], dict[int, int], list[str]]:
        keys = keys_of(value)
        wanted = np.array([key.hash for key in keys], dtype=np.int64)
        starts = np.searchsorted(self.hashes, wanted, "left").tolist()
        ends = np.searchsorted(self.hashes, wanted, "right").tolist()
        sizes, blocks, crowded = {}, {}, []
        for key, start, end in zip(keys, starts, ends, strict=True):
            sizes[key.hash] = end - start
            if end - start >= MAX_BLOCK:
                crowded.append(key.kind)
            else:
                blocks[key.hash] = self.owners[start:end].tolist()
        return nearest(blocks, blocks, len(self.people)), sizes, crowded


def leaves_a_trace(value: Features, told: Features) -> bool:
    """Whether a returning person leaves more than a name, a city or an employer that was known: a mailbox or its local
    part, the end of a telephone number, a document or a birth date, give or take a slip."""
    levels = dict(zip(FIELDS, compare(value, told).levels, strict=True))
    return any(
        levels[field] not in (DIFFERENT, MISSING, ROLE) for field in ("email", "phone", "document", "birth_date")
    )


def known_people(size: int, queries: int, seed: int) -> tuple[dict[int, Contact], list[tuple[Contact, int]]]:
    stream = arrivals(size + queries, seed)
    told: dict[int, list[Contact]] = {}
    for contact, person in islice(stream, size):
        told.setdefault(person, []).append(contact)
    known = {person: each[0] if len(each) == 1 else merge_contacts(each) for person, each in told.items()}
    return known, list(stream)


def measure(
    index: Index, queries: list[tuple[Contact, int]], model: Model = DEFAULT_MODEL, policy: Policy | None = None
) -> dict[str, float]:
    policy = policy or Policy()
    known = set(index.people)
    counts: Counter[str] = Counter()
    took, candidates_seen = [], []
    scored: list[tuple[float, bool]] = []
    for contact, person in queries:
        value = features(contact)
        start = time.perf_counter()
        found, sizes, crowded = index.look_up(value)
        candidates = [Candidate(str(at), load_features(index.lines[at])) for at in found]
        frequencies = model.frequencies(len(index.people), sizes)
        decision = decide(value, candidates, model, policy, frequencies, notes=crowded)
        took.append(time.perf_counter() - start)
        candidates_seen.append(len(found))
        right = bool(decision.contact_id) and index.people[int(decision.contact_id)] == person
        best = decision.evidence[0] if decision.evidence else None
        if best is not None:
            scored.append((best.bits, index.people[int(best.contact_id)] == person))
        returning = person in known
        counts["returning"] += returning
        if returning:
            told = load_features(index.lines[index.places[person]])
            counts["untellable"] += not leaves_a_trace(value, told)
        counts["reachable"] += returning and any(index.people[at] == person for at in found)
        counts[f"{decision.kind} {'right' if right else 'wrong'}"] += 1
        if decision.kind is DecisionKind.NEW and returning:
            counts["missed"] += 1
    well, wrong = counts["match right"], counts["match wrong"]
    precision, recall = well / max(well + wrong, 1), well / max(counts["returning"], 1)
    ordered = sorted(took)
    return {
        "precision": precision,
        "recall": recall,
        "F1": 2 * precision * recall / max(precision + recall, 1e-9),
        "untellable": counts["untellable"] / max(counts["returning"], 1),
        "block recall": counts["reachable"] / max(counts["returning"], 1),
        "review share": (counts["review right"] + counts["review wrong"]) / len(queries),
        "reviews right": counts["review right"],
        "reviews wrong": counts["review wrong"],
        "best F1": _best_f1(scored, counts["returning"]),
        "p50 ms": ordered[len(ordered) // 2] * 1e3,
        "p99 ms": ordered[int(len(ordered) * 0.99)] * 1e3,
        "candidates": sum(candidates_seen) / len(candidates_seen),
    }


def _best_f1(scored: list[tuple[float, bool]], returning: int) -> float:
    """F1 at the best threshold of bits, vetoes aside: what the scores could do."""
    best, right = 0.0, 0
    for rank, (_, is_right) in enumerate(sorted(scored, reverse=True), 1):
        right += is_right
        best = max(best, 2 * right / (rank + returning))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, model {DEFAULT_MODEL.version}, {vars(options)}")
    known, queries = known_people(options.size, options.queries, options.seed)
    for name, value in measure(Index(known), queries).items():
        print(f"{name:>16} {value:.4f}")


if __name__ == "__main__":
    main()
