"""Invented people as web forms and tables would bring them, seeded."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from worker.prove.people import FAMILY, GIVEN

TITLES = ("Diretor", "Gerente de Compras", "Analista", "Sócia", "Coordenadora de Marketing", "")
MESSAGES = (
    "Quero um orçamento",
    "Gostaria de uma demonstração",
    "Como funciona?",
    "",
    "Preciso de preço para 20 pessoas",
)
AREAS = (11, 19, 21, 31, 41, 47, 51, 61, 71, 81, 85)


def people(count: int, seed: int = 1) -> Iterator[dict[str, str]]:
    """`count` different people."""
    random = Random(seed)
    givens, families = GIVEN.split(), FAMILY.split()
    for number in range(count):
        given, middle, family = random.choice(givens), random.choice(families), random.choice(families)
        yield {
            "nome": f"{given} {middle} {family}",
            "email": f"{given}.{family}.{number}@empresa{number % 5000}.example.com".lower(),
            "celular": f"({random.choice(AREAS)}) 9{random.randrange(60_000_000, 99_999_999)}",
            "empresa": f"Empresa {number % 5000}",
            "cargo": random.choice(TITLES),
            "mensagem": random.choice(MESSAGES),
        }
