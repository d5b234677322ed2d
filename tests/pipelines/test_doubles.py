"""What is done about the record that a merge leaves behind in the CRM, and how it is taken back."""

from __future__ import annotations

import pytest

from pipelines.doubles import Remedy, described, is_taking_back, plan_remedies, plan_taking_back
from pipelines.models import RemoteRef, WriteKind


def ref(kind: str, number: int) -> RemoteRef:
    return RemoteRef(system="kommo:acme", kind=kind, id=str(number))


KEPT, OTHER = ref("contact", 1), ref("contact", 2)
LEADS = {OTHER: [ref("lead", 7), ref("lead", 8)]}


def test_leads_go_the_record_is_tagged_and_says_so() -> None:
    writes = plan_remedies("mrg_1", "con_1", KEPT, LEADS, tuple(Remedy))
    assert [described(write) for write in writes] == [
        "lead 7 from contact 2 to contact 1",
        "lead 8 from contact 2 to contact 1",
        "tag on contact 2",
        "note on contact 2",
    ]
    assert "7, 8" in writes[-1].fields["text"]
    assert len({write.key for write in writes}) == 4


@pytest.mark.parametrize("remedy", Remedy)
def test_only_what_is_asked_for_is_done(remedy: Remedy) -> None:
    kinds = {Remedy.LEADS: WriteKind.MOVE_LEAD, Remedy.TAG: WriteKind.ADD_TAGS, Remedy.NOTE: WriteKind.ADD_NOTE}
    writes = plan_remedies("mrg_1", "con_1", KEPT, LEADS, [remedy])
    assert {write.kind for write in writes} == {kinds[remedy]}
    assert plan_remedies("mrg_1", "con_1", KEPT, LEADS, ()) == ()


def test_what_was_done_is_taken_back_and_nothing_else() -> None:
    done = plan_remedies("mrg_1", "con_1", KEPT, LEADS, tuple(Remedy))[1:3]
    back = plan_taking_back("con_2", done)
    assert [described(write) for write in back] == ["lead 8 from contact 1 to contact 2", "no tag on contact 2"]
    assert all(is_taking_back(write.key) for write in back)
    assert not any(is_taking_back(write.key) for write in done)
