"""A CRM's arrivals: Brazilian, US and European people who come back, seeded and labelled.

Each record is a dictionary of standard fields (`pipelines.models.FIELDS`) as a form would send them, with the number of
the person who sent it. A person is a function of (seed, number), and of who was here before where two would have one
mail address.

What they do, each time:

- 27 in 100 arrivals are of people who have been here; 60 % Brazilians, 20 % from the US, 20 % Europeans; half of them
  employed by companies some of which have hundreds of people here.
- **E-mail** in 93 of 100: their main address in 88, another of theirs (private, at work, the family's) in 12; a role
  mailbox of the company in 5 of those employed; a slip in 4, a misspelled provider in 3, a tag in 4 of those at Gmail.
- **Telephone** in 87 of 100, and always where no e-mail is given: the switchboard in 12 of those employed, the
  household's landline in 13 of those who share one, else their mobile, by now another number in 4; a digit wrong in 2;
  Brazilian mobiles without the ninth digit in 15; national and international ways of writing it.
- **Names**: a nickname in 7, an initial in 3, a slip in 5 (given) and 5 (family), the middle name left out or cut to an
  initial in half, swapped in 1, the given name alone in 4, none in 3; accents left out in a third, capitals or small
  letters throughout in every sixth.
- **Company** in 60 of those employed, with or without its legal form, a slip in 6; **city** in 55; birth date in 10;
  CPF in 10 of the Brazilians; junk (`teste`, `N/A`) in 2.
- Every third person shares family name, city, landline and mailbox with one other (relatives); names are drawn from
  Zipf distributions, so there are homonyms, more the larger the list.

Somebody who comes back and leaves nothing that was known but a name, perhaps a city or an employer, cannot be told from
a namesake by anybody. `benchmarks.dedupe.arrivals` tells how many these are, beside what was recognised.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from anyascii import anyascii

from benchmarks.dedupe.lexicon import (
    BRAZILIAN_FAMILY,
    BRAZILIAN_GIVEN,
    CITIES,
    ENGLISH_FAMILY,
    ENGLISH_GIVEN,
    EUROPEAN_FAMILY,
    EUROPEAN_GIVEN,
    NICKNAMES,
    SYLLABLES,
    Zipf,
    invented,
    slip,
)  # fmt: skip

RETURNING = 0.27
"""Share of arrivals by people who have been here."""
_FREE = ("gmail.com", "hotmail.com", "outlook.com", "yahoo.com.br", "uol.com.br", "icloud.com")
_FREE_ABROAD = ("gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "aol.com", "icloud.com")
_AREAS = {
    "BR": ("11", "21", "31", "81", "71", "41", "51", "62", "85"),
    "US": ("212", "310", "312", "713", "617"),
    "EU": ("91", "93", "95", "96"),
}
_ROLES = ("contato", "vendas", "comercial", "financeiro", "info", "sales", "office", "compras")
_FORMS = {"BR": ("Ltda", "S.A.", "ME", "EIRELI", ""), "US": ("Inc", "LLC", "Corp", ""), "EU": ("GmbH", "Ltd", "SL", "")}
_JUNK = ("teste", "asdf", "N/A", "xxx", "não informado")


class Person(NamedTuple):
    region: str
    given: str
    middle: str
    family: str
    suffix: str
    emails: tuple[str, ...]
    mobile: tuple[str, str]
    """Area and local number."""
    landline: tuple[str, str]
    company: int | None
    city: str
    born: date
    cpf: str


class World:
    """All people and companies of one seed."""

    def __init__(self, size: int, seed: int) -> None:
        self.seed = seed
        self.companies = max(size // 14, 20)
        self._taken: dict[str, int] = {}
        """Whose the private addresses are, of those people who have been here: no two people have one."""
        self.given = {
            "BR": Zipf(BRAZILIAN_GIVEN, seed), "US": Zipf(ENGLISH_GIVEN, seed), "EU": Zipf(EUROPEAN_GIVEN, seed),
        }  # fmt: skip
        self.family = {
            "BR": Zipf(BRAZILIAN_FAMILY, seed), "US": Zipf(ENGLISH_FAMILY, seed), "EU": Zipf(EUROPEAN_FAMILY, seed),
        }  # fmt: skip

    def company(self, number: int) -> tuple[str, str, str, tuple[str, str]]:
        """Name, legal form, domain and switchboard of a company."""
        rng = random.Random(f"{self.seed} company {number}")
        region = ("BR", "BR", "US", "EU")[number % 4]
        words = rng.randint(1, 2)
        name = " ".join("".join(rng.choices(SYLLABLES, k=rng.randint(2, 3))).capitalize() for _ in range(words))
        if rng.random() < 0.5:
            name += " " + rng.choice(("Engenharia", "Tecnologia", "Foods", "Logística", "Partners", "Saúde", "Imóveis"))
        ending = {"BR": ".com.br", "US": ".com", "EU": ".eu"}[region]
        domain = anyascii(name).lower().replace(" ", "") + ending
        area = rng.choice(_AREAS[region])
        digits = 6 if region == "BR" else 5
        return name, rng.choice(_FORMS[region]), domain, (area, f"3{rng.randrange(10**digits):0{digits}d}0")

    def person(self, number: int) -> Person:
        rng = random.Random(f"{self.seed} person {number}")
        relative = number > 0 and number % 6 == 1
        root = random.Random(f"{self.seed} person {number - 1}") if relative else rng
        region = root.choices(("BR", "US", "EU"), (6, 2, 2))[0]
        family = self.family[region].draw(root) if root.random() < 0.75 else invented(root)
        city = root.choice(CITIES[region])
        area = root.choice(_AREAS[region])
        digits = 7 if region == "BR" else 6
        landline = area, f"{root.choice('234')}{root.randrange(10**digits):0{digits}d}"
        family_mailbox = f"familia{anyascii(family).lower()}{root.randrange(1000)}@gmail.com"
        if relative:
            rng.random()
        given = self.given[region].draw(rng)
        middle = ""
        if rng.random() < 0.45:
            middle = self.family[region].draw(rng) if region != "US" else rng.choice("ABCDEFGHJKLMR")
        suffix = rng.choice(("Junior", "Filho", "Neto")) if region == "BR" and rng.random() < 0.03 else ""
        company = int(self.companies * rng.random() ** 2.5) // 4 * 4 if rng.random() < 0.5 else None
        if company is not None:
            company += {"BR": rng.randrange(2), "US": 2, "EU": 3}[region]
        first, last = anyascii(given).lower(), anyascii(family).lower()
        # Two people cannot have one address: the plain one goes to one in some, the rest put a number to it.
        own = str(number * 7919 % 99_991)
        mark = rng.choice(("", own, own[:2] + own[-2:], str(rng.randrange(1950, 2005))))
        free = _FREE if region == "BR" else _FREE_ABROAD
        patterns = "{first}.{last}{mark}", "{first}{last}{mark}", "{first[0]}{last}{mark}", "{last}.{first}{mark}"
        pattern = rng.choice(patterns)
        local = pattern.format(first=first, last=last, mark=mark)
        provider = rng.choice(free) if mark else f"{invented(rng).lower()}.net"
        emails = [f"{local}@{provider}", f"{first}{own}@{rng.choice(free)}"]
        if rng.random() < 0.3:
            emails[1] = f"{local}@{rng.choice(free)}"
        emails = [self._own(address, number) for address in emails]
        if company is not None:
            emails.append(f"{first}.{last}@{self.company(company)[2]}")
        if number % 6 < 2:
            emails.append(family_mailbox)
        mobile = {
            "BR": (area, f"9{rng.choice('6789')}{rng.randrange(10**7):07d}"),
            "US": (area, f"{rng.randrange(4, 9)}{rng.randrange(10**6):06d}"),
            "EU": ("6", f"{rng.randrange(10**8):08d}"),
        }[region]
        born = date(1945, 1, 1) + timedelta(days=rng.randrange(365 * 60))
        cpf = _cpf(rng) if region == "BR" else ""
        return Person(region, given, middle, family, suffix, tuple(emails), mobile, landline, company, city, born, cpf)

    def _own(self, address: str, number: int) -> str:
        """The address, or where somebody who was here before has it, one that nobody has: as a provider sees to it."""
        local, _, provider = address.partition("@")
        more = 0
        while self._taken.setdefault(address, number) != number:
            more += 1
            address = f"{local}{more}@{provider}"
        return address

    def record(self, number: int, rng: random.Random) -> dict[str, str]:
        """One arrival of a person: what they fill in this time."""
        person = self.person(number)
        fields: dict[str, str] = {}
        self._name(person, fields, rng)
        chance = rng.random
        if chance() < 0.93:
            fields["email"] = self._email(person, number, rng)
        if chance() < 0.87 or "email" not in fields:
            fields["phone"] = self._phone(person, number, rng)
        if person.company is not None and chance() < 0.6:
            name, form, _, _ = self.company(person.company)
            fields["company"] = f"{name} {form}".strip() if chance() < 0.6 else name
            if chance() < 0.06:
                fields["company"] = slip(name, rng)
        if chance() < 0.55:
            fields["city"] = _spelled(person.city, rng)
        if chance() < 0.10:
            fields["birth_date"] = person.born.isoformat()
        if person.cpf and chance() < 0.10:
            fields["document"] = person.cpf
        if chance() < 0.02:
            fields[rng.choice(("company", "city"))] = rng.choice(_JUNK)
        return fields

    def _name(self, person: Person, fields: dict[str, str], rng: random.Random) -> None:
        chance = rng.random
        given, middle, family = person.given, person.middle, person.family
        if chance() < 0.07:
            given = NICKNAMES.get(given, given)
        elif chance() < 0.03:
            given = given[0]
        elif chance() < 0.05:
            given = slip(given, rng)
        if chance() < 0.05:
            family = slip(family, rng)
        if chance() < 0.55:
            middle = "" if chance() < 0.8 else middle[:1]
        if chance() < 0.01:
            given, family, middle = family, given, ""
        if chance() < 0.04:
            family, middle = "", ""
        family = " ".join(part for part in (middle, family, person.suffix) if part)
        given, family = _spelled(given, rng), _spelled(family, rng)
        if chance() < 0.03:
            return
        if chance() < 0.5:
            fields["name"] = f"{given} {family}".strip()
        else:
            fields["given_name"] = given
            if family:
                fields["family_name"] = family

    def _email(self, person: Person, number: int, rng: random.Random) -> str:
        chance = rng.random()
        if person.company is not None and chance < 0.05:
            return f"{_ROLES[person.company % len(_ROLES)]}@{self.company(person.company)[2]}"
        address = person.emails[0 if chance < 0.88 else rng.randrange(len(person.emails))]
        local, _, domain = address.partition("@")
        if rng.random() < 0.04:
            local = slip(local, rng)
        if rng.random() < 0.03:
            domain = domain.replace("gmail.com", "gmial.com").replace("hotmail.com", "hotmal.com")
        if rng.random() < 0.04 and domain == "gmail.com":
            local = f"{local}+{rng.choice(('news', 'promo', 'x'))}"
        address = f"{local}@{domain}"
        return address.upper() if rng.random() < 0.03 else address

    def _phone(self, person: Person, number: int, rng: random.Random) -> str:
        chance = rng.random()
        if person.company is not None and chance < 0.12:
            area, local = self.company(person.company)[3]
        elif number % 6 < 2 and chance < 0.25:  # with a switchboard 13 in 100 remain
            area, local = person.landline
        else:
            area, local = person.mobile
            if rng.random() < 0.04:
                local = local[:1] + "".join(rng.choice("0123456789") for _ in local[1:])
            if person.region == "BR" and len(local) == 9 and rng.random() < 0.15:
                local = local[1:]
        if rng.random() < 0.02:
            at = rng.randrange(1, len(local))
            local = local[:at] + rng.choice("0123456789") + local[at + 1 :]
        return _dialled(person.region, area, local, rng)


def _dialled(region: str, area: str, local: str, rng: random.Random) -> str:
    """A number as people write it; who is abroad to a Brazilian form gives the country code."""
    if region == "US":
        return rng.choice((f"+1 ({area}) {local[:3]}-{local[3:]}", f"+1 {area} {local}", f"+1{area}{local}"))
    if region == "EU":
        return rng.choice((f"+34 {area}{local}", f"0034{area}{local}"))
    national = f"({area}) {local[:-4]}-{local[-4:]}", f"{area}{local}", f"0{area} {local}"
    return rng.choice((*national, f"+55{area}{local}", f"+55 {area} {local}"))


def _spelled(text: str, rng: random.Random) -> str:
    chance = rng.random()
    if chance < 0.35:
        text = anyascii(text)
    if chance < 0.10:
        return text.lower()
    return text.upper() if chance > 0.93 else text


def _cpf(rng: random.Random) -> str:
    digits = [rng.randrange(10) for _ in range(9)]
    for _ in range(2):
        total = sum(digit * weight for digit, weight in zip(digits, range(len(digits) + 1, 1, -1), strict=True))
        digits.append((total * 10) % 11 % 10)
    return "".join(map(str, digits))


def generate(size: int, seed: int) -> Iterator[tuple[dict[str, str], int]]:
    """`size` arrivals in order: the fields of each, and the number of the person."""
    world, rng = World(size, seed), random.Random(f"{seed} arrivals")
    known = 0
    for _ in range(size):
        if known and rng.random() < RETURNING:
            number = rng.randrange(known)
        else:
            number = known
            known += 1
        yield world.record(number, rng), number
