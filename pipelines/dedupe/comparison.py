"""What two contacts agree on, field by field: levels, without a word yet on what they weigh.

A candidate look-up compares one contact with some forty. At that number plain calls of rapidfuzz on the few pairs
that are neither equal nor missing are quicker than filling arrays for `cpdist` (see benchmarks/dedupe); whole files
are compared in batches (`columns.py`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from phonenumbers import NumberParseException, PhoneNumberType, number_type, parse
from rapidfuzz.distance import OSA, JaroWinkler

from pipelines.dedupe.features import Features, dump_features, features, load_features
from pipelines.dedupe.names_compared import (
    CACHED,
    CLOSE,
    DIFFERENT,
    EXACT,
    IN_MAIL,
    INITIAL,
    MISSING,
    NICKNAME,
    OVERLAP,
    PARTIAL,
    SWAPPED,
    compare_names,
    names_in_mail,
)  # fmt: skip
from pipelines.emails import is_free_mail, suggest_domain

__all__ = ["FIELDS", "LEVELS", "Comparison", "Features", "compare", "dump_features", "features", "load_features"]

ROLE: Final = "role"
"""The same role mailbox (`vendas@`): the same office, not the same person."""
LOCAL: Final = "local"
"""The same local part at another provider, with digits or otherwise the person's own."""
PLAIN_LOCAL: Final = "plain_local"
"""The same, made of the name alone (`ana.souza@`): every bearer of the name may have it somewhere."""
MOBILE: Final = "mobile"
"""The same mobile telephone, which one person carries; other lines are shared by households and offices."""
LAST_DIGITS: Final = "last_digits"
"""The same last eight digits, another country or area code."""
DOMAIN: Final = "domain"
"""Different or no company names, but mail at one corporate domain, or at a domain made of the other's company."""
STREET: Final = "street"
POSTAL: Final = "postal"
CITY: Final = "city"
ONE_SIDED: Final = "one_sided"
"""One is *Filho* or *Júnior*, the other does not say."""
NEAR: Final = "near"
"""Dates that share two of day, month and year; cities a typo apart."""

LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "given_name": (EXACT, CLOSE, NICKNAME, INITIAL, PARTIAL, SWAPPED, IN_MAIL, DIFFERENT, MISSING),
    "family_name": (EXACT, CLOSE, PARTIAL, OVERLAP, INITIAL, SWAPPED, IN_MAIL, DIFFERENT, MISSING),
    "generation": (EXACT, ONE_SIDED, DIFFERENT, MISSING),
    "email": (EXACT, ROLE, CLOSE, LOCAL, PLAIN_LOCAL, DIFFERENT, MISSING),
    "phone": (MOBILE, EXACT, LAST_DIGITS, CLOSE, DIFFERENT, MISSING),
    "document": (EXACT, DIFFERENT, MISSING),
    "remote": (EXACT, MISSING),
    "birth_date": (EXACT, CLOSE, NEAR, DIFFERENT, MISSING),
    "company": (EXACT, CLOSE, DOMAIN, DIFFERENT, MISSING),
    "address": (STREET, POSTAL, CITY, NEAR, DIFFERENT, MISSING),
}
"""Every field compared, with its levels from the strongest to none."""

FIELDS: Final = tuple(LEVELS)


class Comparison(NamedTuple):
    """The level of each field, and the values that agreed (whose rarity decides what agreement is worth)."""

    levels: tuple[str, ...]
    """In the order of `FIELDS`."""
    email: str = ""
    phone: str = ""


def compare(left: Features, right: Features) -> Comparison:
    """What two contacts agree on. Symmetric: the order of the two does not matter."""
    given, family = compare_names(left.given, left.family, right.given, right.family)
    email, shared_email = _compare_emails(left.emails, right.emails)
    if left.is_nameless != right.is_nameless and email in (DIFFERENT, MISSING):
        named, nameless = (right, left) if left.is_nameless else (left, right)
        given, family = names_in_mail(named.given, named.family, nameless.emails)
    phone, shared_phone = _compare_phones(left.phones, right.phones)
    return Comparison(
        (
            given,
            family,
            _compare_generations(left, right),
            email,
            phone,
            _compare_documents(left.documents, right.documents),
            EXACT if left.remotes and right.remotes and _shared(left.remotes, right.remotes) else MISSING,
            compare_dates(left.birth, right.birth) if left.birth and right.birth else MISSING,
            _compare_companies(left, right, mail_agrees=email not in (DIFFERENT, MISSING)),
            _compare_addresses(left, right),
        ),
        shared_email,
        shared_phone,
    )


def _shared(left: str, right: str) -> str:
    """The first value that both lists hold, or nothing."""
    if left == right:
        return left.partition(" ")[0]
    if " " not in left and " " not in right:
        return ""
    return min(set(left.split()) & set(right.split()), default="")


def _compare_generations(left: Features, right: Features) -> str:
    if left.generation == right.generation:
        return EXACT if left.generation else MISSING
    if left.generation and right.generation:
        return DIFFERENT
    return ONE_SIDED if not (left.is_nameless or right.is_nameless) else MISSING


def _compare_emails(left: str, right: str) -> tuple[str, str]:
    if not left or not right:
        return MISSING, ""
    if left == right and " " not in left:
        return ROLE if left[0] == "!" else EXACT, left
    ones, others = left.split(), right.split()
    if shared := set(ones).intersection(others):
        personal = [address for address in shared if not address.startswith("!")]
        return (EXACT, min(personal)) if personal else (ROLE, min(shared))
    best, agreed = DIFFERENT, ""
    for one in ones:
        for other in others:
            level = _compare_addresses_of_mail(one, other) if one < other else _compare_addresses_of_mail(other, one)
            if level == DIFFERENT:
                continue
            levels = LEVELS["email"]
            if levels.index(level) < levels.index(best) or (level == best and min(one, other) < agreed):
                best, agreed = level, min(one, other)
    return best, agreed


def _compare_addresses_of_mail(one: str, other: str) -> str:
    if one[0] == "!" or other[0] == "!":
        return DIFFERENT
    local, other_local = plain_local(one), plain_local(other)
    shorter = min(len(local), len(other_local))
    allowed = 1 if shorter < 6 else 2
    if shorter < 4 or OSA.distance(local, other_local, score_cutoff=allowed) > allowed:
        return DIFFERENT
    domain, other_domain = one.rpartition("@")[2], other.rpartition("@")[2]
    if local == other_local:
        if _is_slip(domain, other_domain):
            return CLOSE  # ana.souza@ and anasouza@, where the provider tells them apart; @gmial.com
        return LOCAL if shorter >= 6 and any(map(str.isdigit, local)) else PLAIN_LOCAL
    # joao1@ and joao2@ are two people; ana@gmial.com and ana@gmail.com are one.
    digits = [letter for letter in local if letter.isdigit()]
    if digits != [letter for letter in other_local if letter.isdigit()]:
        return DIFFERENT
    return CLOSE if _is_slip(domain, other_domain) else DIFFERENT


def _is_slip(domain: str, other: str) -> bool:
    """Whether one domain is the other or a slip of it, as `gmial.com` is; `uol.com.br` and `bol.com.br` are two."""
    is_near = OSA.distance(domain, other, score_cutoff=1) <= 1
    if not is_near and OSA.distance(domain.partition(".")[0], other.partition(".")[0], score_cutoff=1) > 1:
        return False  # nothing farther away is suggested, and a suggestion takes twice as long as all else
    if domain == other or other == suggest_domain(domain) or domain == suggest_domain(other):
        return True
    return is_near and not (is_free_mail(f"@{domain}") and is_free_mail(f"@{other}"))


@lru_cache(maxsize=1024)
def plain_local(address: str) -> str:
    """The local part as people remember it, without the dots and dashes that they forget."""
    return address.rpartition("@")[0].translate(_PUNCTUATION)


_PUNCTUATION: Final = str.maketrans("", "", "._-")


def _compare_phones(left: str, right: str) -> tuple[str, str]:
    if not left or not right:
        return MISSING, ""
    if left == right and " " not in left:
        return MOBILE if _is_mobile(left) else EXACT, left
    ones, others = left.split(), right.split()
    if shared := set(ones).intersection(others):
        mobiles = [number for number in shared if _is_mobile(number)]
        return (MOBILE, min(mobiles)) if mobiles else (EXACT, min(shared))
    ends, other_ends = {number[-8:] for number in ones}, {number[-8:] for number in others}
    if same := ends & other_ends:
        return LAST_DIGITS, min(same)
    for one in ends:
        for other in other_ends:
            if OSA.distance(one, other, score_cutoff=1) <= 1:
                return CLOSE, ""
    return DIFFERENT, ""


@lru_cache(maxsize=CACHED)
def _is_mobile(number: str) -> bool:
    """Whether a number in E.164 can only be a mobile: its country's plan says so (North America's does not)."""
    try:
        return number_type(parse(number)) == PhoneNumberType.MOBILE
    except NumberParseException:
        return False


def _compare_documents(left: str, right: str) -> str:
    """Equal numbers agree; two valid numbers of one kind that only one person can have (a CPF) differ."""
    if not left or not right:
        return MISSING
    ones, others = set(left.replace("?", "").split()), set(right.replace("?", "").split())
    if ones & others:
        return EXACT
    people = (
        {number for number in left.split() if number.startswith("cpf:")},
        {number for number in right.split() if number.startswith("cpf:")},
    )
    return DIFFERENT if all(people) else MISSING


@lru_cache(maxsize=CACHED)
def compare_dates(one: str, other: str) -> str:
    """ISO dates: equal; close (one slip, day and month exchanged); near (two parts of three); different."""
    if not one or not other:
        return MISSING
    if one == other:
        return EXACT
    if OSA.distance(one, other, score_cutoff=1) <= 1:
        return CLOSE
    parts, other_parts = one.split("-"), other.split("-")
    if parts[0] == other_parts[0] and parts[1:] == other_parts[:0:-1]:
        return CLOSE
    same = sum(part == other_part for part, other_part in zip(parts, other_parts, strict=False))
    return NEAR if same >= 2 else DIFFERENT


def _compare_companies(left: Features, right: Features, *, mail_agrees: bool) -> str:
    """Where the mailbox agrees its domain adds nothing, so only the names of the companies count."""
    if left.company and right.company:
        if left.company == right.company:
            return EXACT
        if _are_close_companies(*sorted((left.company, right.company))):
            return CLOSE
    if not mail_agrees and (_is_named_by(left.domains, right.company) or _is_named_by(right.domains, left.company)):
        return DOMAIN
    if left.domains and right.domains and not mail_agrees:
        return DOMAIN if _shared(left.domains, right.domains) else DIFFERENT
    return DIFFERENT if left.company and right.company else MISSING


def _is_named_by(domains: str, company: str) -> bool:
    """Whether one of the domains is the company's name, as in *Rocha Engenharia* and `rochaengenharia.com.br`."""
    if not (domains and company):
        return False
    name = company.replace(" ", "")
    return any(
        label == name or (len(name) >= 6 and OSA.distance(label, name, score_cutoff=1) <= 1)
        for label in map(domain_label, domains.split())
    )


def domain_label(domain: str) -> str:
    """What of a domain its owner chose: `rochaengenharia` of `rocha-engenharia.com.br`."""
    return domain.partition(".")[0].replace("-", "")


@lru_cache(maxsize=CACHED)
def _are_close_companies(one: str, other: str) -> bool:
    """*Acme* and *Acme Tecnologia*, *Petrobras* and *Petrobraz*; numbers must agree."""
    ones, others = set(one.split()), set(other.split())
    if {word for word in ones ^ others if word.isdigit()}:
        return False
    if (ones <= others or others <= ones) and max(map(len, ones & others)) >= 4:
        return True
    return one.replace(" ", "") == other.replace(" ", "") or JaroWinkler.similarity(one, other) >= 0.94


def _compare_addresses(left: Features, right: Features) -> str:
    same_city = left.city == right.city if left.city and right.city else None
    if left.street and left.street == right.street and same_city is not False:
        return STREET
    if left.postal_code and left.postal_code == right.postal_code:
        return POSTAL
    if same_city is None:
        return DIFFERENT if left.postal_code and right.postal_code else MISSING
    if same_city:
        return CITY
    return NEAR if JaroWinkler.similarity(left.city, right.city, score_cutoff=0.92) else DIFFERENT
