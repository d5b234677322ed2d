"""Deciding once more on what was decided, as if the submission had not come yet: what another model would have said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.dedupe.bits import score
from pipelines.dedupe.blocking import MAX_BLOCK, keys_of
from pipelines.dedupe.decision import Candidate, Policy, decide
from pipelines.dedupe.features import Features, features, load_features
from pipelines.dedupe.merge import merge_contacts
from pipelines.dedupe.weights import Frequencies, Model
from pipelines.models import Contact, Decision
from worker.store import contacts, dedupe_models, merges
from worker.store.dedupe_models import Telling
from worker.store.engine import Transaction

MOST_MEMBERS = 200
"""Submissions of one contact that are put together for a rehearsal."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A submission, and whom it would be compared with had it not come yet."""

    subject: Features
    candidates: Sequence[Candidate]
    contact_id: str
    """Who it is by now; one of the candidates, unless nobody else tells of that contact."""
    block_sizes: dict[int, int]

    def decide(self, model: Model, policy: Policy, population: int) -> Decision:
        """What dedupe would say."""
        return decide(self.subject, self.candidates, model, policy, self._frequencies(model, population))

    def bits(self, contact_id: str, model: Model, population: int) -> float | None:
        """The bits for the submission being this contact; None when nothing would lead to it."""
        for candidate in self.candidates:
            if candidate.contact_id == contact_id:
                return score(self.subject, candidate.features, model, self._frequencies(model, population)).bits
        return None

    def _frequencies(self, model: Model, population: int) -> Frequencies:
        return model.frequencies(population, self.block_sizes)


def rehearse(tx: Transaction, ids: Sequence[str]) -> Iterator[Rehearsal]:
    """A rehearsal for each of these submissions that is somebody."""
    for telling in dedupe_models.told(tx, ids):
        if telling.contact_id is not None:
            yield _rehearsal(tx, telling, telling.contact_id)


def _rehearsal(tx: Transaction, telling: Telling, contact_id: str) -> Rehearsal:
    subject = features(Contact.model_validate_json(telling.contact))
    blocks = contacts.blocks(tx, (key.hash for key in keys_of(subject)))
    sizes = {key: len(block) for key, block in blocks.items()}
    numbers = {number for block in blocks.values() if len(block) < MAX_BLOCK for number in block}
    known = contacts.candidates(tx, numbers)
    found = {whose: load_features(line) for whose, line in known.values()}
    if contact_id in found:
        own = next(number for number, (whose, _) in known.items() if whose == contact_id)
        others = sorted(merges.member_ids(tx, contact_id) - {telling.id})[:MOST_MEMBERS]
        rest = [member.told for member in merges.members(tx, others)]
        without = features(merge_contacts(rest)) if rest else Features()
        held = {key.hash for key in keys_of(without)}
        for key, block in blocks.items():
            if own in block and key not in held:
                sizes[key] -= 1
        if held & set(blocks):
            found[contact_id] = without
        else:
            del found[contact_id]
    return Rehearsal(subject, [Candidate(*each) for each in found.items()], contact_id, sizes)
