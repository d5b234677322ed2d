"""The order in which people come changes nobody's contact, strangers change no decision, and junk is no evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.dedupe.blocking import MAX_BLOCK, keys_of
from pipelines.dedupe.features import features
from pipelines.models import Decision, DecisionKind, Origin, SourceField, SourceRecord
from pipelines.normalize import normalize_record
from pipelines.states import Stage
from worker.steps.resolve import _Resolution
from worker.steps.runtime import Runtime

# Nothing is saved, so one database stands for both.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Person = dict[str, str]
Resolve = Callable[[Sequence[Person]], list[tuple[str, Decision]]]

NOW = datetime(2026, 1, 1, tzinfo=UTC)

# Everybody here tells enough each time to be known by whatever was told before.
TOLD: tuple[tuple[str, Person], ...] = tuple(
    (who, dict(zip(("nome", "email", "fone", "cidade", "empresa"), told, strict=False)))
    for who, *told in (
        ("olga", "Olga Prates Bittencourt", "olga.prates77@example.com", "(11) 97654-0123", "Santos"),
        ("olga", "OLGA PRATES", "olga.prates77@example.com", "11 97654-0123"),
        ("olga", "Olga P. Bittencourt", "Olga.Prates77@example.com", "+55 (11) 97654-0123", "", "Oficina Azul"),
        ("rui", "Rui Valadares Escobar", "ruivaladares3@example.org", "(21) 97650-0456", "Niterói"),
        ("rui", "rui valadares escobar", "ruivaladares3@example.org", "(21) 97650-0456"),
        ("maria 1", "Maria Silva", "maria.s1@example.com", "(11) 97111-0001", "São Paulo"),
        ("maria 2", "Maria Silva", "msilva.zl@example.org", "(11) 97222-0002", "São Paulo"),
        ("twin 1", "Caio Drummond Reis", "caio.dr91@example.com", "(31) 97333-0003", "Betim"),
        ("twin 2", "Davi Drummond Reis", "davi.dr91@example.com", "(31) 97333-0033", "Betim"),
    )
)
# And these share so much that only a person can say who they are.
SHARING: tuple[tuple[str, Person], ...] = (
    ("ana", {"nome": "Ana Souza", "email": "casa.souza@example.com", "fone": "(81) 97654-0777"}),
    ("bruno", {"nome": "Bruno Souza", "email": "casa.souza@example.com", "fone": "(81) 97654-0777"}),
    ("father", {"nome": "José Lima", "fone": "(81) 3356-0891", "cidade": "Recife"}),
    ("son", {"nome": "José Lima Filho", "fone": "(81) 3356-0891", "cidade": "Recife"}),
    ("desk 1", {"nome": "João Reis", "email": "vendas@acme.example", "fone": "(11) 3000-1000", "empresa": "Acme"}),
    ("desk 2", {"nome": "Carla Dias", "email": "vendas@acme.example", "fone": "(11) 3000-1000", "empresa": "Acme"}),
)


@pytest.fixture
def resolve(runtime: Runtime) -> Resolve:
    """Resolves people one after the other, as one batch does, in a store that is empty; nothing is saved."""

    def resolved(people: Sequence[Person]) -> list[tuple[str, Decision]]:
        """The contact of each (nobody's, while it is in review), and what was decided."""
        whose = []
        with runtime.database.read() as tx:
            resolution = _Resolution(tx, runtime, NOW)
            for number, person in enumerate(people):
                origin = Origin(source="site", delivery="d", submission=f"{number}", stage=Stage.NORMALIZE, at=NOW)
                fields = tuple(SourceField(key=key, hint=key, values=(value,)) for key, value in person.items())
                told = normalize_record(SourceRecord(fields=fields), {}, origin, now=NOW).contact
                subject = features(told)
                keys = [key.hash for key in keys_of(subject)]
                decision = resolution.decide(subject, keys)
                asks = decision.kind is DecisionKind.REVIEW
                whose.append(("" if asks else resolution.apply(f"{number:05}", told, keys, decision), decision))
        return whose

    return resolved


in_any_order = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@in_any_order
@given(arriving=st.permutations(TOLD))
def test_the_order_of_arrival_changes_nobodys_contact(resolve: Resolve, arriving: list[tuple[str, Person]]) -> None:
    found: dict[str, set[str]] = {}
    for (who, _), (contact, _) in zip(arriving, resolve([told for _, told in arriving]), strict=True):
        found.setdefault(contact, set()).add(who)
    assert sorted(map(sorted, found.values())) == [[who] for who in sorted({who for who, _ in TOLD})]


def test_who_connects_two_makes_them_one_only_from_between(resolve: Resolve) -> None:
    by_mail = {"nome": "Maria Silva", "email": "maria.prates77@example.com"}
    by_phone = {"nome": "Maria Silva", "fone": "(11) 97654-0123"}
    both = by_mail | by_phone
    assert len({contact for contact, _ in resolve([by_mail, both, by_phone])}) == 1
    (first, _), (second, _), (third, last) = resolve([by_mail, by_phone, both])
    assert first != second
    assert third in (first, second, "")
    assert {evidence.contact_id for evidence in last.evidence} == {first, second}


@in_any_order
@given(arriving=st.permutations([*TOLD, *SHARING]))
def test_in_no_order_are_two_people_made_one(resolve: Resolve, arriving: list[tuple[str, Person]]) -> None:
    found: dict[str, set[str]] = {}
    for (who, _), (contact, _) in zip(arriving, resolve([told for _, told in arriving]), strict=True):
        if contact:
            found.setdefault(contact, set()).add(who)
    assert [people for people in found.values() if len(people) > 1] == []


@in_any_order
@given(arriving=st.permutations([*TOLD, *SHARING]), at=st.integers(0, len(TOLD)))
def test_a_stranger_changes_no_decision(resolve: Resolve, arriving: list[tuple[str, Person]], at: int) -> None:
    people = [told for _, told in arriving]
    stranger = {"nome": "Wolfgang Ehrenfeucht", "email": "ehrenfeucht@example.net", "fone": "+49 30 901820"}
    with_them = resolve([*people[:at], stranger, *people[at:]])
    assert with_them[at][1].kind is DecisionKind.NEW
    del with_them[at]
    decided = [(decision.kind, decision.reason, decision.probability) for _, decision in resolve(people)]
    assert [(decision.kind, decision.reason, decision.probability) for _, decision in with_them] == decided


JUNK: dict[str, Person] = {
    "nothing": {"nome": "", "email": "", "fone": ""},
    "one letter": {"nome": "a"},
    "teste": {"nome": "teste", "email": "teste@teste.com", "fone": "0000-0000"},
    "asdf": {"nome": "asdf asdf", "empresa": "asdf", "cidade": "asdf"},
    "N/A": {"nome": "N/A", "email": "n/a", "fone": "N/A", "empresa": "N/A", "cidade": "n/a"},
    "no phone": {"nome": "xxx", "fone": "(00) 0000-0000"},
    "emoji": {"nome": "😀", "cidade": "😀"},
    "NUL": {"nome": "\x00", "email": "\x00"},
}


@pytest.mark.parametrize("junk", JUNK)
def test_who_shares_only_junk_shares_nothing(resolve: Resolve, junk: str) -> None:
    (first, _), (second, decision) = resolve([JUNK[junk], JUNK[junk]])
    assert (decision.kind, decision.reason) == (DecisionKind.NEW, "no_candidate")
    assert first != second


@pytest.mark.parametrize("junk", JUNK)
def test_junk_beside_a_name_is_no_evidence(resolve: Resolve, junk: str) -> None:
    beside = {key: value for key, value in JUNK[junk].items() if key != "nome"}
    (_, _), (_, decision) = resolve([{"nome": "Ana Souza", **beside}, {"nome": "Ana Souza", **beside}])
    assert decision.kind is not DecisionKind.MATCH
    assert {line.field for line in decision.evidence[0].fields} == {"given_name", "family_name"}


@pytest.mark.parametrize(
    "person",
    [
        {"nome": "Ana Souza, ana.souza55@example.com, (11) 97654-0999"},
        {"nome": "A" * 5000, "email": "aaaa.longo9@example.com"},
        {"nome": "Ana 😀 Xystouris 🎉", "email": "axys7788@example.com"},
        {"nome": "שרה לוי", "email": "sarah.levi7@example.com"},
        {"nome": "Ana\x00 Xystouris", "email": "axys\x007799@example.com", "fone": "(11) 97654-0888"},
    ],
    ids=["everything in one field", "5,000 letters", "emoji", "right to left", "NUL inside"],
)
def test_odd_people_who_come_back_are_known(resolve: Resolve, person: Person) -> None:
    (first, _), (second, decision) = resolve([person, person])
    assert decision.kind is DecisionKind.MATCH
    assert first == second


def test_a_mailbox_of_hundreds_makes_no_square_and_says_so(resolve: Resolve) -> None:
    shared = {"email": "multidao@example.com"}
    people = [{"nome": f"{_word(f'given {n}')} {_word(f'family {n}')}", **shared} for n in range(MAX_BLOCK + 30)]
    decided = resolve(people)
    assert all(decision.kind is not DecisionKind.MATCH for _, decision in decided)
    known = sum(contact != "" for contact, _ in decided)
    assert known > MAX_BLOCK
    assert any("were not used" in note for note in decided[-1][1].notes)


def _word(of: str) -> str:
    """A word of nine letters that is like no other's."""
    return "".join("abcdefghijklmnop"[byte % 16] for byte in blake2b(of.encode(), digest_size=9).digest())
