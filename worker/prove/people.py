"""Invented people whom nobody would take for each other: the known truth of a proof."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

GIVEN = (
    "Ana Bruno Carla Diego Elisa Fábio Gina Hugo Iara Joel Kátia Lauro Mara Nilo Olga Pedro Quitéria Rui Sara Túlio "
    "Úrsula Vítor Wanda Xisto Yara Zeca Alice Breno Célia Davi Ester Flávio Glória Heitor Irene Jonas Lídia Murilo"
)
FAMILY = (
    "Abreu Barros Castro Dantas Esteves Freitas Gomes Horta Iglesias Jardim Klein Lacerda Matos Nunes Otero Pires "
    "Quadros Rocha Sales Teles Uchoa Vidal Xavier Zanetti Amaral Bastos Camargo Duarte Egito Farias Galvão Hahn Inácio "
    "Josué Kruger Leite Mota Neves Osório Paz Queirós Ramos Saldanha Tavares Ulhoa Viana Werneck Ximenes Yamada Zago"
)
_GIVEN = [name for name in GIVEN.split() if name not in {"Iara", "Mara", "Sara", "Joel", "Célia", "Rui"}]
"""None that sounds or looks like another."""
_MORE_FAMILY = (
    "Arruda Assis Borba Brandão Cardoso Cunha Dorneles Drumond Fontes Guerra Holanda Lobo Maciel Novaes Pacheco Rangel "
    "Siqueira Toledo Veloso Zimmer"
)
_FAMILY = [*FAMILY.split(), *_MORE_FAMILY.split()]
_MIDDLE, _LAST = _FAMILY[::2], _FAMILY[1::2]
"""Apart, so that nobody has the names of another in another order."""
_STRIDE = 10_007
"""A prime that no list's length is a multiple of: people who follow each other share no name."""
_AREAS = (11, 19, 21, 31, 41, 47, 51, 61, 71, 81, 85)
_TITLES = ("Diretora", "Gerente de Compras", "Analista", "Sócio", "Coordenadora de Marketing")
_MODULI = (97, 89, 83, 79, 73)
_CONSONANTS = (*"bcdfgjlmnprstvxz", "br", "cr", "dr", "tr")
_SYLLABLES = [first + vowel for first in _CONSONANTS for vowel in "aeiou"]
_FIRST_LINE, _LINES = 60_000_000, 39_999_983  # numbers of mobile lines, and a prime of them


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented. Numbers that differ are people that differ in every value."""

    number: int
    given: str
    family: str
    email: str
    second_email: str
    area: int
    line: str
    """The eight digits behind the 9."""
    second_line: str
    company: str
    job_title: str

    @property
    def id(self) -> str:
        return f"person-{self.number}"

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def phone(self) -> str:
        """E.164."""
        return f"+55{self.area}9{self.line}"

    @property
    def second_phone(self) -> str:
        return f"+55{self.area}9{self.second_line}"

    def typed_phone(self, random: Random) -> str:
        """The number as somebody may type it: the same line."""
        return random.choice(
            (
                f"({self.area}) 9{self.line[:4]}-{self.line[4:]}",
                f"+55 {self.area} 9{self.line[:4]} {self.line[4:]}",
                f"0{self.area}9{self.line}",
                f"{self.area}9{self.line}",
            )
        )

    def mistyped_name(self, random: Random) -> str:
        """The name with two letters of the last family name swapped, and without accents at times."""
        *before, last = self.name.split()
        at = random.randrange(1, len(last) - 1)
        swapped = last[:at] + last[at + 1] + last[at] + last[at + 2 :]
        return " ".join([*before, swapped])


def person(number: int) -> Person:
    """The person of this number, always the same."""
    place, at_given = divmod(number * _STRIDE, len(_GIVEN))
    place, at_middle = divmod(place, len(_MIDDLE))
    given, middle, last = _GIVEN[at_given], _MIDDLE[at_middle], _LAST[place % len(_LAST)]
    word = _word(number)
    return Person(
        number=number,
        given=given,
        family=f"{middle} {last}",
        email=_plain(f"{given}.{middle}.{last}@{word}.example.com".lower()),
        second_email=_plain(f"{given}.{word}@{word}.example.net".lower()),
        area=_AREAS[number % len(_AREAS)],
        line=str(_FIRST_LINE + number * 7919 % _LINES),
        second_line=str(_FIRST_LINE + (number * 7919 + 20_000_003) % _LINES),
        company=word.title(),
        job_title=_TITLES[number % len(_TITLES)],
    )


def _word(number: int) -> str:
    """A word for this number: at most two of its five syllables are those of another number's below 420,000.

    A syllable each for what is left of a division by five primes: numbers that agree in three of them are at least the
    product of three apart.
    """
    return "".join(_SYLLABLES[(number * 31 + place) % modulus] for place, modulus in enumerate(_MODULI))


def _plain(text: str) -> str:
    return text.translate(str.maketrans("áâãàéêíóôõúüç", "aaaaeeiooouuc"))
