"""Phone numbers: what people type, as E.164, with the Brazilian ninth digit told right.

Brazilian mobiles got a 9 in front of their eight digits area by area from 2012 to 2016 (Anatel, Resolução 553/2010 and
its calendar). Eight digits that begin with 6 to 9 are therefore a mobile from before: it is reached today with the 9,
and old address books, exports and WhatsApp ids still hold it without. Fixed lines begin with 2 to 5 and never got one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from pipelines.models import Phone, PhoneKind
from pipelines.text import remembered, tidy_text

NINTH_DIGIT_RESTORED = "ninth_digit_restored"
"""Rule: a Brazilian mobile written with eight digits got its 9; the form without is kept as a variant."""
PHONE_E164 = "phone_e164"
"""Rule: written as E.164 (ITU-T E.164): +, country, area and number, nothing between."""

MOST_PHONES = 20
"""Numbers read out of one text; whoever sends more sends a list, not a person."""
_MOST_CANDIDATES = 200
_LONGEST_NUMBER = 60

_TRUNK = re.compile(r"\(?\b0 ?x ?x ?\(?(\d\d)\b\)?", re.IGNORECASE)
"""`(0xx11)`, `0xx 11`: how Brazilians write "your carrier's code goes here"; the dialling plan since 1999."""
_LABEL = r"(?:tel|telefone|fone|fax|cel|celular|whats ?app|whats|wpp|zap|mobile|m[óo]vil|phone|callto|contato)"
_LABEL_BEFORE = re.compile(rf"\(?{_LABEL}\)?\.? ?[:.\-]? ?", re.IGNORECASE)
_LABEL_AFTER = re.compile(rf" ?[-–/]? ?\(?{_LABEL}\)?\.?", re.IGNORECASE)
_EXTENSION = re.compile(r" ?[-,;/]? ?\(?(?:ramal|extens[ãií]\w{0,6}|ext|int|r|x)[.:=]? ?(\d{1,6})\)?", re.IGNORECASE)
_WHATSAPP_LINK = re.compile(
    r"(?:https?://)?(?:wa\.me/|api\.whatsapp\.com/send/?\?phone=)\+?(\d{8,15})\b\S*", re.IGNORECASE
)
_ONLY_NUMBER = re.compile(r"\+?[\d ().\-–·*]+")
_RUNS = ("1234567890", "0123456789")
_SERVICES = ("800", "300", "303", "500", "900")
"""First digits of Brazilian numbers that belong to a service, not to an area (Anatel: códigos não geográficos)."""
_SHAPED_AS_DOCUMENT = re.compile(r"\d{3}\.\d{3}\.\d{3}-?\d\d|\d\d\.\d{3}\.\d{3}/?.*")

_SEPARATOR = re.compile(r"[,;|\n]")
_WITHIN = re.compile(r"/| - (?=[(+])")
_CANDIDATE = re.compile(r"(?<![\w.$%#=-])\+?\(?\+?\d[\d ().\-–]{5,}\d(?![\w%])")
_BRAZILIAN = re.compile(r"(?:\+?55[ .-]?)?\(?0?\d\d\)?[ .-]?9?[ .-]?\d{4}[ .-]?\d{4}(?!\d)")


@remembered
def parse_phone(text: str, region: str = "BR", area_code: str = "") -> Phone | None:
    """The one number that `text` consists of, or None: not a number, several, of no possible length, or made up.

    `region` is the ISO 3166 country whose dialling habits apply where the text does not say; a Brazilian number without
    its area code is None unless `area_code` says it. Made up are eight equal last digits or a run (12345678). A number
    of a possible length that its country does not use is still returned: `is_valid_phone` tells.
    Idempotent on `e164`. Never raises.
    """
    given = tidy_text(text)
    number, extension = _taken_out(given)
    if not _ONLY_NUMBER.fullmatch(number) or _SHAPED_AS_DOCUMENT.fullmatch(number):
        return None
    parsed = _parsed(number, region, area_code)
    return None if parsed is None else _phone(parsed, given, extension)


def _taken_out(given: str) -> tuple[str, str]:
    """The bare number and its extension, without the words around them."""
    if len(given) > _LONGEST_NUMBER:
        return "", ""
    number = _WHATSAPP_LINK.sub(r"+\1", given)
    label = _LABEL_BEFORE.match(number)
    number = without_trunk(number[label.end() :] if label else number)
    extension = _EXTENSION.search(number)
    if extension and (not number[extension.end() :] or _LABEL_AFTER.fullmatch(number[extension.end() :])):
        return number[: extension.start()].strip(), extension[1]
    after = _LABEL_AFTER.search(number)
    if after and after.end() == len(number):
        number = number[: after.start()]
    return number.strip(" .,;:"), ""


def without_trunk(text: str) -> str:
    """`text` with the area code alone where a carrier's code is left open: `(0xx11)` becomes `(11)`."""
    return _TRUNK.sub(r"(\1)", text)


def _parsed(number: str, region: str, area_code: str) -> PhoneNumber | None:
    digits = re.sub(r"\D", "", number)
    if number.lstrip("( ").startswith("+") or number.startswith("00"):
        number = "+" + digits.lstrip("0")
    elif not 7 <= len(digits) <= 15:
        return None
    try:
        parsed = number_of(number) if number.startswith("+") else phonenumbers.parse(number, region)
    except NumberParseException:
        return None
    if parsed is None:
        return None
    national = str(parsed.national_number)
    if parsed.country_code == 55 and len(national) in {8, 9}:
        if not phonenumbers.is_valid_number(parsed):  # 4004-1234 is valid by itself, the whole country dials it
            return _parsed(f"+55{area_code}{national}", region, "") if re.fullmatch(r"[1-9]\d", area_code) else None
    elif number.isdigit() and len(digits) >= 11 and not phonenumbers.is_valid_number(_with_ninth_digit(parsed)):
        # WhatsApp and Meta write numbers of the whole world in full, without the plus
        abroad = _parsed("+" + digits, region, "")
        if abroad is not None and phonenumbers.is_valid_number(abroad):
            return abroad
    if _is_made_up(parsed.country_code, national) or not phonenumbers.is_possible_number(parsed):
        return None
    return _with_ninth_digit(parsed)


def _is_made_up(country: int | None, national: str) -> bool:
    brazilian = country == 55 and len(national) >= 10 and not national.startswith(_SERVICES)
    subscriber = national[2:] if brazilian else national
    return len(set(national[-8:])) == 1 or any(part in run for part in (national, subscriber) for run in _RUNS)


def _with_ninth_digit(parsed: PhoneNumber) -> PhoneNumber:
    national = str(parsed.national_number)
    if parsed.country_code != 55 or len(national) != 10 or national[2] not in "6789":
        return parsed
    restored = PhoneNumber(country_code=55, national_number=int(f"{national[:2]}9{national[2:]}"))
    return restored if phonenumbers.is_valid_number(restored) else parsed


def _phone(parsed: PhoneNumber, given: str, extension: str) -> Phone:
    national = str(parsed.national_number)
    types = phonenumbers.number_type(parsed)
    kind = {PhoneNumberType.MOBILE: PhoneKind.MOBILE, PhoneNumberType.FIXED_LINE: PhoneKind.FIXED}.get(
        types, PhoneKind.OTHER
    )
    variants: tuple[str, ...] = ()
    if parsed.country_code == 55 and kind is PhoneKind.MOBILE and len(national) == 11 and national[3] in "6789":
        variants = (f"+55{national[:2]}{national[3:]}",)
    region = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    return Phone(
        e164=phonenumbers.format_number(parsed, PhoneNumberFormat.E164),
        given=given,
        kind=kind,
        region=region if region.isalpha() and region != "ZZ" else "",
        variants=variants,
        extension=extension,
    )


def is_valid_phone(phone: Phone) -> bool:
    """Whether its country uses such numbers: area code and length are in its numbering plan."""
    return _is_valid(phone.e164)


@remembered
def _is_valid(e164: str) -> bool:
    number = number_of(e164)
    return number is not None and phonenumbers.is_valid_number(number)


@remembered
def number_of(e164: str) -> PhoneNumber | None:
    """An E.164 number as phonenumbers knows it, not to be changed; None: it is none. Every stage asks for it."""
    try:
        return phonenumbers.parse(e164)
    except NumberParseException:
        return None


def find_phones(text: str, region: str = "BR", area_code: str = "") -> tuple[Phone, ...]:
    """The valid numbers in `text`, each once, in their order, at most `MOST_PHONES`.

    Stricter than `parse_phone`: a number its country does not use is taken for something else (an order, a document).
    A number without area code after one that has it is of the same area: "11 3333-4444 / 98765-4321". Bounded time.
    """
    found: dict[str, Phone] = {}
    for candidate in _candidates(tidy_text(text)):
        phone = parse_phone(candidate, region, area_code)
        if phone is None or not is_valid_phone(phone):
            continue
        if phone.region != region and not candidate.startswith(("+", "(+", "00")):
            continue  # a long number of some order fits one country or another
        found.setdefault(phone.e164, phone)
        if phone.region == "BR" and phone.kind is not PhoneKind.OTHER:
            area_code = phone.e164[3:5]
        if len(found) >= MOST_PHONES:
            break
    return tuple(found.values())


def _candidates(text: str) -> Iterator[str]:
    text = without_trunk(_WHATSAPP_LINK.sub(r" , +\1 , ", text))
    left = _MOST_CANDIDATES
    for segment in (part for chunk in _SEPARATOR.split(text) for part in _WITHIN.split(_without_links(chunk))):
        for match in _CANDIDATE.finditer(segment):
            left -= 1
            if left < 0:
                return
            extension = _EXTENSION.match(segment, match.end())
            run = match.group() + (extension.group() if extension else "")
            if sum(map(str.isdigit, match.group())) > 13:
                yield from (part.group() for part in _BRAZILIAN.finditer(match.group()))
            else:
                yield run


def _without_links(text: str) -> str:
    """The digits of addresses and links are no phones."""
    if "@" not in text and "/" not in text and "www." not in text:
        return text
    return " ".join("," if "@" in word or "://" in word or "www." in word else word for word in text.split(" "))
