"""Ten hard cases: what is decided, and that the waterfall argues it as a person would.

To read them: `python -m pytest tests/pipelines/dedupe/test_hard_cases.py -s`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.dedupe.blocking import key_hash, keys_of
from pipelines.dedupe.decision import Candidate, Policy, decide
from pipelines.dedupe.explanation import explain
from pipelines.dedupe.features import features
from pipelines.dedupe.weights import DEFAULT_MODEL, Frequencies
from pipelines.models import Contact, Decision

Make = Callable[..., Contact]
SWITCHBOARD = "+551130001000"

CASES = {
    "nickname, same private mailbox": (
        {"name": "Bia Xystouris", "email": "bxystouris@gmail.com"},
        {"name": "Beatriz Xystouris", "email": "bxystouris@gmail.com", "phone": "+5511987654301"},
        {"match"}, ["given_name", "nickname"],
    ),
    "a couple on one mailbox and telephone": (
        {"name": "Ana Souza", "email": "casa@gmail.com", "phone": "+5511987654301", "city": "Recife"},
        {"name": "Bruno Souza", "email": "casa@gmail.com", "phone": "+5511987654301", "city": "Recife"},
        {"new", "review"}, ["names_conflict", "household_or_company"],
    ),
    "two Maria Silvas of São Paulo": (
        {"name": "Maria Silva", "city": "São Paulo", "email": "maria1@gmail.com"},
        {"name": "Maria Silva", "city": "São Paulo", "email": "msilva@hotmail.com"},
        {"new"}, ["email", "different"],
    ),
    "colleagues behind a switchboard": (
        {"name": "João Reis", "phone": SWITCHBOARD, "company": "Acme", "email": "vendas@acme.com.br"},
        {"name": "Carla Dias", "phone": SWITCHBOARD, "company": "Acme", "email": "vendas@acme.com.br"},
        {"new"}, ["names_conflict", "role"],
    ),
    "father and son": (
        {"name": "José Lima Filho", "phone": "+558133560891", "city": "Recife"},
        {"name": "José Lima", "phone": "+558133560891", "city": "Recife", "born": "1950-03-04"},
        {"new", "review"}, ["one_sided"],
    ),
    "married: another family name, the same mailbox, telephone and birth date": (
        {"name": "Ana Souza", "email": "anaanaana@gmail.com", "phone": "+5511987654301", "born": "1980-02-03"},
        {"name": "Ana Prado", "email": "anaanaana@gmail.com", "phone": "+5511987654301", "born": "1980-02-03"},
        {"match"}, ["family_name", "different"],
    ),
    "given and family name exchanged": (
        {"name": "Marinho Xystouris", "phone": "+5511987654301", "email": "xm1977@gmail.com"},
        {"name": "Xystouris Marinho", "phone": "+5511987654301"},
        {"match", "review"}, ["swapped"],
    ),
    "the same CPF, typos in all the rest": (
        {"name": "Rafael Xystouris", "cpf": "52998224725", "email": "rxystouris@gmail.com"},
        {"name": "Raphael Xistouris", "cpf": "52998224725", "email": "rxistouris@gmail.com"},
        {"match"}, ["document", "same_document"],
    ),
    "all the same but the CPF": (
        {"name": "Ana Souza", "cpf": "52998224725", "email": "as@gmail.com", "phone": "+5511987654301"},
        {"name": "Ana Souza", "cpf": "11144477735", "email": "as@gmail.com", "phone": "+5511987654301"},
        {"new", "review"}, ["documents_differ"],
    ),
    "an assistant who writes for the boss": (
        {"name": "Carla Dias", "email": "joao.reis@acme.com.br", "phone": "+5511912345601", "company": "Acme"},
        {"name": "João Reis", "email": "joao.reis@acme.com.br", "phone": "+5511987654301", "company": "Acme"},
        {"new", "review"}, ["names_conflict"],
    ),
}  # fmt: skip


def decided(person: Make, one: dict[str, str], other: dict[str, str]) -> Decision:
    subject, known = features(person(**one)), features(person(**other))
    crowds = {key_hash("phone", SWITCHBOARD): 90, key_hash("email", "vendas@acme.com.br"): 40}
    sizes = {key.hash: 1 for key in keys_of(known)} | crowds
    return decide(subject, [Candidate("known", known)], DEFAULT_MODEL, Policy(), Frequencies(100_000, sizes))


@pytest.mark.parametrize("case", CASES)
def test_hard_case(person: Make, case: str) -> None:
    one, other, kinds, said = CASES[case]
    decision = decided(person, one, other)
    told = explain(decision)
    print(f"\n=== {case}\n{told}")  # noqa: T201 - they are there to be read
    assert decision.kind in kinds
    assert all(words in told for words in said)
