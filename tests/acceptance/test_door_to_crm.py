"""One contact, from the HTTP door through the real chain into the CRM, with the follow-up that its score calls for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipelines.states import STAGES
from worker import steps
from worker.steps.runtime import Runtime
from worker.store import history, local_crm

pytestmark = pytest.mark.servers

LEAD = {
    "Nome completo": "Marina Azevedo Couto",
    "Seu melhor e-mail": "marina.couto@industria-couto.example.com",
    "WhatsApp": "(11) 97654-0123",
    "Empresa": "Indústria Couto Ltda",
    "Cargo": "Diretora de Compras",
    "Mensagem": "Preciso de um orçamento para 30 usuários ainda esta semana, é urgente.",
    "campanha": "feira-2026",
}
PROOF = {"Authorization": "Bearer invented-secret"}


def send(web: TestClient, fields: dict[str, str]) -> str:
    answer = web.post("/hooks/site", json=fields, headers=PROOF)
    assert answer.status_code == 202
    return str(answer.json()["delivery"])


@pytest.fixture
def settled(live: Runtime, until: Callable[..., None]) -> Callable[[str], Any]:
    def _settled(delivery: str) -> Any:
        def is_settled() -> bool:
            story = steps.story(live, delivery)
            return story is not None and story.settled

        until(is_settled, f"the outcome of {delivery}")
        return steps.story(live, delivery)

    return _settled


def test_a_contact_from_the_door_to_the_crm(web: TestClient, live: Runtime, settled: Callable[[str], Any]) -> None:
    story = settled(send(web, LEAD))
    (submission,) = story.submissions
    assert (submission["state"], submission["decision"]) == ("done", "new")

    contact = story.contacts[submission["contact_id"]]
    assert contact["name"] == "Marina Azevedo Couto"
    assert contact["emails"] == ["marina.couto@industria-couto.example.com"]
    assert contact["phones"] == ["+5511976540123"]
    assert contact["company"] == "Indústria Couto Ltda"
    assert contact["extra"] == {"campanha": "feira-2026"}
    assert contact["score"] == sum(part["points"] for part in contact["contributions"]) >= 80

    with live.database.read() as tx:
        (kept,) = local_crm.listed(tx, "contact")
        (lead,) = local_crm.listed(tx, "lead")
        (task,) = local_crm.listed(tx, "task")
        notes = local_crm.listed(tx, "note")
        moves = [move["event"] for move in history.of(tx, submission["id"])]
    assert kept.fields["emails"] == contact["emails"]
    assert lead.parent == kept.ref
    assert task.parent == lead.ref
    assert any("orçamento" in note.fields["text"] for note in notes)
    assert moves == [*STAGES]


def test_who_writes_again_is_the_same_contact_and_gets_no_second_task(
    web: TestClient, live: Runtime, settled: Callable[[str], Any]
) -> None:
    first = settled(send(web, LEAD)).submissions[0]
    again = {"nome": "MARINA COUTO", "email": LEAD["Seu melhor e-mail"], "fone": "11 7654-0123", "mensagem": "E então?"}
    second = settled(send(web, again)).submissions[0]
    assert (second["decision"], second["contact_id"]) == ("match", first["contact_id"])
    with live.database.read() as tx:
        assert len(local_crm.listed(tx, "contact")) == 1
        assert len(local_crm.listed(tx, "task")) == 1


def test_a_redelivery_is_answered_the_same_and_does_nothing(
    web: TestClient, live: Runtime, settled: Callable[[str], Any]
) -> None:
    delivery = send(web, LEAD)
    settled(delivery)
    assert send(web, LEAD) == delivery
    assert steps.standing(live).submissions == {"done": 1}
