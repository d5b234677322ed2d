"""Which standard field a source's field is: by key and label, and by the values' shape where words say nothing.

Names in doubt stay unguessed: what is not guessed is kept as a free field, what is guessed wrongly is lost on a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from pipelines import fieldwords as w
from pipelines.documents import looks_like_document
from pipelines.emails import find_emails, parse_email
from pipelines.models import FIELDS, PhoneKind, SourceField
from pipelines.phones import find_phones, is_valid_phone, parse_phone
from pipelines.text import fold, tidy_line

IGNORE = "ignore"
"""In a mapping or as a hint: keep the value as a free field and guess nothing."""

RECORD_ID = "record_id"
"""A hint: the row's own id in the file that it stands in. Kept as a free field; where nothing else in the row says who
it is, it is whom the row is about."""

_SAMPLE = 50
"""Values that are looked at for their shape."""
_LONGEST_SHAPED = 200
_ENOUGH = 0.6
"""Share of the filled-in values that has to have a shape: columns hold slips and blanks."""

_CAMEL = re.compile(r"([a-z0-9])([A-Z])")
_FORM_FIELDS = re.compile(r"form[_ .-]?fields?", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z]+|\d+")
_NUMBERED = frozenset({"address", "addr", "line", "linea", "endereco"})
_PART_OF_FIELD = re.compile(r"(\d{1,4})\.([1-8])")
_NAME_PARTS = {"3": "given_name", "6": "family_name"}
_ADDRESS_PARTS = {"1": "street", "2": "complement", "3": "city", "4": "region", "5": "postal_code", "6": "country"}


def guess_field(key: str, label: str, values: Iterable[str]) -> str | None:
    """The standard field (a name in `models.FIELDS`) that a source's field is, or None.

    The label is believed before the key; an e-mail is an e-mail whatever both say, unless they say that it is somebody
    else's (a friend's, the salesman's) or not the person's at all (`utm_...`, tokens, ids).
    """
    by_words, guessable = _by_words(key, label)
    if not guessable:
        return None
    if by_words in {"email", "message", "website"}:
        return by_words
    filled = [value for value in map(tidy_line, list(values)[:_SAMPLE]) if value]
    if _mostly(filled, _is_email):
        return "email"
    if by_words == "number" and _mostly(filled, _is_phone):
        return "phone"
    if by_words == "number" and filled and not _mostly(filled, lambda value: len(value) <= 8):
        return None
    if by_words == "person":
        return _by_shape(filled) or ("name" if _mostly(filled, _may_be_whom) else None)
    if by_words is not None:
        return by_words or _by_shape(filled)
    part = _PART_OF_FIELD.fullmatch(key)
    if part and not label and part[2] in _NAME_PARTS and _mostly(filled, _looks_like_name):
        return _NAME_PARTS[part[2]]
    return _by_shape(filled)


def guess_fields(fields: Sequence[SourceField]) -> dict[str, str]:
    """The standard field of each field of one record, by its key; what stays free is left out.

    A field's hint stands, unless its label says that it is about somebody else. Among the rest one field helps to read
    another: beside a last name "Nome" is the given name, and `2.3` beside `2.1` or `2.5` is a city, not a name.
    """
    numbers = {part[1]: set[str]() for field in fields if (part := _PART_OF_FIELD.fullmatch(field.key))}
    for field in fields:
        if (part := _PART_OF_FIELD.fullmatch(field.key)) and any(map(str.strip, field.values)):
            numbers[part[1]].add(part[2])
    guessed: dict[str, str] = {}
    for field in fields:
        target = _guess_in_record(field, numbers)
        if target:
            guessed[field.key] = target
    if "family_name" in guessed.values() and "given_name" not in guessed.values():
        for field in fields:
            if guessed.get(field.key) == "name" and w.FULL.isdisjoint(_spoken(field.label) + _spoken(field.key)):
                guessed[field.key] = "given_name"
                break
    return guessed


def explain_guess(field: SourceField, target: str) -> str:
    """Why `guess_fields` takes the field for `target` (empty: for none), in a few words for a person."""
    if field.hint == IGNORE:
        return "the source says that it is about the form"
    if target and field.hint == target:
        return "the source says so"
    if is_about_another(field.key, field.label):
        return "it is about somebody else"
    if not _by_words(field.key, field.label)[1]:
        return "it is about the form or the page"
    if not target:
        return "neither its name nor its values say what it is"
    if field.label and guess_field("", field.label, ()) == target:
        return "its label"
    if guess_field(field.key, "", ()) == target:
        return "its name"
    if guess_field(field.key, field.label, ()) == "name" and target == "given_name":
        return "its name, beside a last name"
    return "its values" if _by_shape([tidy_line(value) for value in field.values if value]) == target else "its place"


def _guess_in_record(field: SourceField, numbers: Mapping[str, set[str]]) -> str | None:
    if field.hint in {IGNORE, RECORD_ID}:
        return None
    if field.hint in FIELDS:
        return None if is_about_another(field.key, field.label) else field.hint
    part = _PART_OF_FIELD.fullmatch(field.key)
    if part and not field.label and numbers[part[1]] & {"1", "5"}:
        return _ADDRESS_PARTS.get(part[2])
    return guess_field(field.key, field.label, field.values)


def guess_columns(headers: Sequence[str], sample_rows: Iterable[Sequence[str]]) -> dict[str, str]:
    """The standard field of each column of a table, by its header, from some of its rows."""
    rows = [row for _, row in zip(range(_SAMPLE), sample_rows, strict=False)]
    return guess_fields(
        [
            SourceField(key=header, values=tuple(row[i] for row in rows if i < len(row)))
            for i, header in enumerate(headers)
        ]
    )


def is_area_code(key: str, label: str) -> bool:
    """Whether a field holds only the area code of the phone beside it ("DDD")."""
    return _spoken(label) in w.AREA_CODE or (not label and _spoken(key) in w.AREA_CODE)


def is_about_another(key: str, label: str) -> bool:
    """Whether a field is about somebody other than the person who is the record's subject."""
    return not w.OTHER_PERSON.isdisjoint(_spoken(key) + _spoken(label))


@lru_cache(maxsize=4096)
def is_record_id(header: str) -> bool:
    """Whether a column's name says that it holds the row's own id: `id`, `Lead Number`, `código do cliente`."""
    spoken = set(_TOKEN.findall(fold(_CAMEL.sub(r"\1 \2", header[:300])))) - w.NOISE
    named = spoken & w.RECORD_ID or spoken == w.RECORD_NUMBER
    return bool(named) and spoken <= w.RECORD_ID | w.RECORD_ID_COMPANIONS


# --- by words -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _spoken(text: str) -> tuple[str, ...]:
    """The words of a key or label that say something: `q6_nomeCompleto6` is nome, completo."""
    kept: list[str] = []
    for token in _TOKEN.findall(fold(_CAMEL.sub(r"\1 \2", _FORM_FIELDS.sub(" ", text[:300])))):
        if token in w.NOISE or (token.isdigit() and (not kept or kept[-1] not in _NUMBERED)):
            continue
        kept.append(token)
    return tuple(kept)


@lru_cache(maxsize=4096)
def _by_words(key: str, label: str) -> tuple[str | None, bool]:
    """What the words say (None: nothing, empty: nothing of use, `person`: whom it is about), and whether the values
    may still say it."""
    keyed, labelled = _spoken(key), _spoken(label)
    every = set(keyed) | set(labelled)
    if every & (w.TECHNICAL | w.OTHER_PERSON) or (keyed[-1:] == ("id",) and _match(keyed) is None):
        return None, False
    if every & w.NOT_THE_THING or "label" in keyed[-1:] + labelled[-1:]:
        return "", True
    return next((found for spoken in (labelled, keyed) if (found := _match(spoken)) is not None), None), True


def _match(spoken: tuple[str, ...]) -> str | None:
    """The field that these words name; what a thing is of (the phone of the company) comes after what it is."""
    if not spoken:
        return None
    line, present = f" {' '.join(spoken)} ", set(spoken)

    def says(vocabulary: frozenset[str]) -> bool:
        return any(f" {phrase} " in line for phrase in vocabulary)

    def only(companions: frozenset[str]) -> bool:
        return present <= companions

    tests: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("email", lambda: bool(present & w.EMAIL) or any(word.startswith(w.EMAIL_STEMS) for word in spoken)),
        ("phone", lambda: bool(present & w.PHONE) or any(word.startswith(w.PHONE_STEMS) for word in spoken)),
        ("phone", lambda: "whats" in present and not present & w.NAME),  # "whats your name" is no WhatsApp
        ("document", lambda: says(w.DOCUMENT_ID) or (says(w.DOCUMENT) and not present & w.NOT_DOCUMENT)),
        ("birth_date", lambda: says(w.BIRTH_DATE) and not present & w.NOT_BIRTH_DATE),
        ("complement", lambda: bool(present & w.COMPLEMENT) or line.strip().endswith(w.COMPLEMENT_LINE)),
        ("postal_code", lambda: says(w.POSTAL_CODE)),
        ("number", lambda: line.strip() in w.NUMBER),
        ("street", lambda: bool(present & w.STREET) or line.strip().endswith(w.STREET_LINE)),
        ("district", lambda: bool(present & w.DISTRICT)),
        ("city", lambda: bool(present & w.CITY) and not present & w.NOT_ABOUT_HOME),
        ("region", lambda: bool(present & w.REGION) and only(w.REGION_COMPANIONS | {"1"})),
        ("country", lambda: bool(present & w.COUNTRY) and not present & w.NOT_ABOUT_HOME),
        ("website", lambda: says(w.WEBSITE) and only(w.WEBSITE_COMPANIONS)),
        ("message", lambda: says(w.MESSAGE)),
        ("job_title", lambda: says(w.JOB_TITLE) and not present & w.NOT_JOB_TITLE),
        ("address", lambda: bool(present & w.ADDRESS) and not present & w.NOT_ADDRESS),
        ("company", lambda: says(w.COMPANY) and only(w.COMPANY_COMPANIONS | _said(w.COMPANY))),
        ("name", lambda: says(w.GIVEN_NAME) and says(w.FAMILY_NAME)),
        ("given_name", lambda: says(w.GIVEN_NAME) and only(_NAMES)),
        ("name", lambda: bool(present & w.NAME) and says(w.FAMILY_NAME) and only(_NAMES) and _joins(spoken)),
        ("family_name", lambda: says(w.FAMILY_NAME) and only(_NAMES)),
        ("name", lambda: bool(present & w.NAME) and only(w.NAME | w.NAME_COMPANIONS)),
        ("language", lambda: bool(present & w.LANGUAGE) and not present & w.NOT_ABOUT_HOME),
        ("person", lambda: len(spoken) == 1 and spoken[0] in w.PERSON_ALONE),
    )
    return next((field for field, test in tests if test()), None)


def _said(vocabulary: frozenset[str]) -> frozenset[str]:
    return frozenset(word for phrase in vocabulary for word in phrase.split())


_NAMES = w.NAME | w.NAME_COMPANIONS | _said(w.GIVEN_NAME) | _said(w.FAMILY_NAME)


def _joins(spoken: tuple[str, ...]) -> bool:
    """Whether both a name and a last name are asked for: "nome e sobrenome", but not "last name"."""
    return spoken[0] in {"nome", "nombre", "nomes"} and spoken[-1] in {
        "sobrenome",
        "sobrenomes",
        "apellido",
        "apellidos",
    }


# --- by shape -------------------------------------------------------------------------------------------------------


def _mostly(values: Sequence[str], test: Callable[[str], bool]) -> bool:
    return bool(values) and sum(len(value) <= _LONGEST_SHAPED and test(value) for value in values) >= _ENOUGH * len(
        values
    )


def _by_shape(values: Sequence[str]) -> str | None:
    return next((field for field, test in _SHAPES if _mostly(values, test)), None)


def _is_email(value: str) -> bool:
    return "@" in value and parse_email(value) is not None


def _holds_email(value: str) -> bool:
    return "@" in value and bool(find_emails(value))


def _is_phone(value: str) -> bool:
    phone = parse_phone(value)
    return phone is not None and is_valid_phone(phone) and phone.kind is not PhoneKind.OTHER


def _is_plain_phone(value: str) -> bool:
    """A number that can hardly be anything else: written as a phone, or a mobile with all its digits."""
    if not 10 <= sum(map(str.isdigit, value)) <= 13:
        return False
    phone = parse_phone(value)
    if phone is None or not is_valid_phone(phone):
        return False
    written = bool(re.search(r"[+()]|\d[ -]\d{4}$", value)) and bool(find_phones(value))
    return written or (phone.kind is PhoneKind.MOBILE and len(value) >= 11)


def _looks_like_name(value: str) -> bool:
    return 1 <= len(value.split()) <= 8 and all(c.isalpha() or c in " .'-’" for c in value) and len(value) <= 80


def _may_be_whom(value: str) -> bool:
    return _looks_like_name(value) and fold(value) not in w.CHANNELS


_SHAPES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("email", _holds_email),
    ("document", looks_like_document),
    ("phone", _is_plain_phone),
    ("postal_code", lambda value: bool(re.fullmatch(r"\d{5}-\d{3}", value))),
)
