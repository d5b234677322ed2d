"""The bits of pairs of rows of a list of contacts: the model of the stage, so that a list knows of households too.

`pair_scores` weighs every candidate pair in batches, by each column for itself. It takes couples, colleagues and
namesakes for one person where they agree on much: what they share is no independent evidence. The pairs that it leaves
are few, and are weighed here by `bits.score`, one by one, as one arrival is weighed against the contacts known: against
strangers, a household and colleagues, with how common names and numbers are in this list. Columns that the stage knows
nothing of are added as the list has taught.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import log2
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.dedupe.bits import score
from pipelines.dedupe.blocking import key_hash, name_key, sound_of_given
from pipelines.dedupe.candidate_pairs import Pairs, unpack
from pipelines.dedupe.columns import Column, Kind
from pipelines.dedupe.comparison import FIELDS, plain_local
from pipelines.dedupe.contact_rows import ContactRows
from pipelines.dedupe.decision import vetoes_of
from pipelines.dedupe.features import Features
from pipelines.dedupe.learning import learned_shares
from pipelines.dedupe.names_compared import MISSING
from pipelines.dedupe.pair_scores import Scorer, prior_of
from pipelines.dedupe.phonetics import phonetic
from pipelines.dedupe.weights import Model

LIKELY_FROM: Final = -8.0
"""Bits of `pair_scores` from which a pair is weighed again here."""
SMALLEST_POPULATION: Final = 10_000
"""The rows of a short list are people out of a world of at least so many."""
VETOED: Final = -3.0
"""Bits taken off where a rule forbids to merge the two alone: what else is known of their groups may outweigh it."""


PROGRESS_EVERY: Final = 50_000


class ContactScorer:
    """Weighs pairs of rows of a list of contacts."""

    def __init__(
        self, model: Model, rows: ContactRows, firsts: NDArray[np.int64], columns: Sequence[Column], others: Scorer
    ) -> None:
        """`firsts` are the rows that are weighed, `columns` theirs, `others` weighs what the model does not know."""
        self._rows = rows
        self._firsts = firsts
        self._known: dict[int, Features] = {}
        self._others = others
        self._named = _sounds_of(columns)
        self._named_alike = np.bincount(self._named)
        self._holders = {
            column.kind: _distinct_names(column.codes, self._named)
            for column in columns
            if column.kind in (Kind.EMAIL, Kind.PHONE)
        }
        self._sizes: dict[int, int] = {}
        self._model = model.model_copy(update={"shares": {**model.shares, **_shares(columns)}})
        self._frequencies = self._model.frequencies(max(len(firsts), SMALLEST_POPULATION), self._sizes)
        # Either of two rows may be the one that came back.
        self.prior = log2(2 * model.duplicates / self._frequencies.population)

    def bits(
        self, pairs: Pairs, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> NDArray[np.float32]:
        """The sum of the fields' bits, without the prior, which a list of some length teaches."""
        bits: NDArray[np.float32] = self.evidence(pairs, progress)[0].sum(axis=1)
        if len(self._firsts) >= SMALLEST_POPULATION:
            self.prior = prior_of(bits, len(self._firsts))
        return bits

    def evidence(
        self, pairs: Pairs, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The bits of each field of each pair, and whether both rows hold it."""
        left, right = unpack(pairs)
        for row in np.unique(np.concatenate([left, right])).tolist():
            if row not in self._known:
                self._know(row)
        bits = np.zeros((len(pairs), len(FIELDS) + 2), dtype=np.float32)
        present = np.ones(bits.shape, dtype=np.bool_)
        known, model, frequencies, table = self._known, self._model, self._frequencies, self._model.table
        for at, (one, other) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
            scored = score(known[one], known[other], model, frequencies, table)
            bits[at, : len(FIELDS)] = scored.fields
            bits[at, -2] = scored.shared
            bits[at, -1] = VETOED if vetoes_of(scored.comparison) else 0.0
            present[at, : len(FIELDS)] = [level != MISSING for level in scored.comparison.levels]
            if at % PROGRESS_EVERY == 0:
                progress(at, len(pairs))
        if not self._others.columns:
            return bits, present
        more, held = self._others.evidence(pairs)
        return np.hstack([bits, more]), np.hstack([present, held])

    def _know(self, row: int) -> None:
        """Read a row, and note how many hold what it holds."""
        value = self._known[row] = self._rows.features(int(self._firsts[row]))
        name = name_key(value)
        if name is not None:
            self._note(name, int(self._named_alike[self._named[row]]))
        mailbox, line = (int(self._holders[kind][row]) for kind in (Kind.EMAIL, Kind.PHONE))
        for address in value.emails.split():
            self._note(key_hash("email", address.lstrip("!")), mailbox)
            self._note(key_hash("email_local", plain_local(address)), mailbox)
        for number in value.phones.split():
            self._note(key_hash("phone", number), line)
            self._note(key_hash("phone8", number[-8:]), line)

    def _note(self, key: int, holders: int) -> None:
        self._sizes[key] = max(self._sizes.get(key, 1), holders)


def _sounds_of(columns: Sequence[Column]) -> NDArray[np.int64]:
    """For each row the number of its name by sound, in either order of given and family name; 0 for none."""
    numbers: dict[str, int] = {"": 0}
    sides = []
    for kind, place, sound in ((Kind.GIVEN, 0, sound_of_given), (Kind.FAMILY, -1, phonetic)):
        column = next(column for column in columns if column.kind is kind)
        words = [(value.split() or [""])[place] for value in column.values]
        heard = [numbers.setdefault(sound(word), len(numbers)) for word in words]
        sides.append(np.array(heard, dtype=np.int64)[column.codes])
    names = np.minimum(*sides) * len(numbers) + np.maximum(*sides)
    _, numbered = np.unique(np.concatenate([[0], names]), return_inverse=True)
    return np.asarray(numbered[1:], dtype=np.int64)


def _distinct_names(codes: NDArray[np.int32], names: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row how many names the holders of its value bear: one person's rows are one holder."""
    pairs = np.unique((codes.astype(np.int64) << 32 | names)[names > 0])
    return np.bincount(pairs >> 32, minlength=int(codes.max(initial=0)) + 1)[codes]


def _shares(columns: Sequence[Column]) -> Mapping[str, Mapping[str, float]]:
    """How common names are in this list."""
    shares = {}
    for kind, name in ((Kind.GIVEN, "given"), (Kind.FAMILY, "family")):
        column = next(column for column in columns if column.kind is kind)
        counts: Counter[str] = Counter()
        for value, held in zip(column.values[1:], column.counts[1:].tolist(), strict=True):
            for word in value.split()[: 1 if kind is Kind.GIVEN else None]:
                counts[word] += held
        shares[name] = learned_shares(name, counts, int(column.counts[1:].sum()))
    return shares
