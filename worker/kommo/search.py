"""What to ask Kommo's search for a phone, an address or a name.

It finds a text that stands somewhere in a filled field, however the number was written there: so numbers are asked for
without country code and punctuation, with the ninth digit and without, and by their last eight digits, which both ways
have in common. What it finds has to be looked at: it searches everything.
"""

from __future__ import annotations

from phonenumbers import NumberParseException, parse

from pipelines.phones import parse_phone

_LAST = 8


def queries(text: str) -> tuple[str, ...]:
    """The searches to make, the surest first."""
    plain = text.strip()
    if "@" in plain:
        return (plain.lower(),)
    phone = parse_phone(plain)
    if phone is None:
        return (plain,) if plain else ()
    nationals = [_national(number) for number in (phone.e164, *phone.variants)]
    return tuple(dict.fromkeys([*nationals, nationals[0][-_LAST:]]))


def _national(e164: str) -> str:
    try:
        return str(parse(e164).national_number)
    except NumberParseException:
        return e164.lstrip("+")


def same_line(text: str) -> str:
    """An address in lower case, or the last eight digits of a number: the same for all ways of writing one."""
    return text.strip().lower() if "@" in text else "".join(filter(str.isdigit, text))[-_LAST:]
