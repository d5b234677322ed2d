"""Ten hard cases as the terminal shows them: what is decided, and the evidence field by field, to be read and argued.

    python -m benchmarks.dedupe.waterfalls

Each is one arrival against one known contact among 100,000, by the shipped model and thresholds. The people are
invented. `tests/pipelines/dedupe/test_waterfalls.py` holds what must come of each.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from benchmarks.dedupe.arrivals import contact_of
from pipelines.dedupe.blocking import key_hash, keys_of
from pipelines.dedupe.decision import Candidate, Policy, decide
from pipelines.dedupe.explanation import explain
from pipelines.dedupe.features import features
from pipelines.dedupe.weights import DEFAULT_MODEL, Frequencies
from pipelines.models import Decision

KNOWN: Final = 100_000


class Case(NamedTuple):
    """Two tellings, by field, and how many contacts hold the keys of a kind that is a crowd's."""

    arriving: dict[str, str]
    known: dict[str, str]
    crowd: int = 1


CASES: Final = {
    "twins: one house, one birth date, one family name": Case(
        {"name": "Caio Drummond Reis", "birth_date": "1991-05-04", "phone": "(31) 3333-0891", "city": "Betim"},
        {"name": "Davi Drummond Reis", "birth_date": "1991-05-04", "phone": "(31) 3333-0891", "city": "Betim"},
    ),
    "a couple on one mailbox": Case(
        {"name": "Ana Souza", "email": "casa.souza@gmail.com", "phone": "(81) 98765-4301", "city": "Recife"},
        {"name": "Bruno Souza", "email": "casa.souza@gmail.com", "phone": "(81) 98765-4301", "city": "Recife"},
    ),
    "father and son of one name, the family's telephone": Case(
        {"name": "José Ribamar Lima", "phone": "(81) 3356-0891", "city": "Recife", "birth_date": "1979-02-03"},
        {"name": "José Ribamar Lima", "phone": "(81) 3356-0891", "city": "Recife", "birth_date": "1950-03-14"},
    ),
    "colleagues of one given name behind a switchboard": Case(
        {"name": "João Reis", "phone": "(11) 3000-1000", "company": "Acme", "email": "joao.reis@acme.com.br"},
        {"name": "João Dias", "phone": "(11) 3000-1000", "company": "Acme", "email": "joao.dias@acme.com.br"},
        crowd=90,
    ),
    "the same mobile without its ninth digit": Case(
        {"name": "Marina Azevedo", "phone": "(11) 98765-4301"},
        {"name": "Marina Azevedo", "phone": "(11) 8765-4301", "email": "marina@azevedo.com.br"},
    ),
    "given and family name exchanged": Case(
        {"name": "Bittencourt Olga", "email": "olgab77@gmail.com"},
        {"name": "Olga Bittencourt", "email": "olgab77@gmail.com", "phone": "(11) 98765-4301"},
    ),
    "a nickname": Case(
        {"name": "Bia Cavalcanti", "phone": "(21) 98765-4301"},
        {"name": "Beatriz Cavalcanti", "phone": "(21) 98765-4301", "email": "beatriz.cavalcanti@oficina.com.br"},
    ),
    "who changed the company, and kept the mobile": Case(
        {"name": "Rui Valadares", "email": "rui@nova.com.br", "company": "Nova", "phone": "(21) 98765-0456"},
        {"name": "Rui Valadares", "email": "rui@velha.com.br", "company": "Velha", "phone": "(21) 98765-0456"},
    ),
    "an address with a slip": Case(
        {"name": "Eulália Escobar", "email": "eulalia.escobar@gmial.com"},
        {"name": "Eulália Escobar", "email": "eulalia.escobar@gmail.com", "city": "Natal"},
    ),
    "two of the commonest name in one city": Case(
        {"name": "Maria Silva", "city": "São Paulo", "email": "mariazinha.s@gmail.com"},
        {"name": "Maria Silva", "city": "São Paulo", "email": "msilva.leste@hotmail.com"},
    ),
}  # fmt: skip


def decided(case: Case) -> Decision:
    """What dedupe says of the arriving person of a case."""
    subject, known = features(contact_of(case.arriving)), features(contact_of(case.known))
    sizes = {key.hash: 1 for key in keys_of(known)}
    if case.crowd > 1:
        sizes |= {key_hash(kind, known.phones[at:]): case.crowd for kind, at in (("phone", 0), ("phone8", -8))}
    return decide(subject, [Candidate("known", known)], DEFAULT_MODEL, Policy(), Frequencies(KNOWN, sizes))


def main() -> None:
    for name, case in CASES.items():
        print(f"=== {name}\n{explain(decided(case))}\n")


if __name__ == "__main__":
    main()
