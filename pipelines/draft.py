"""The contact while it is being put together: each value to its place, and what could not go there kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from pipelines import companies, dates, documents, emails, names, phones, places, text
from pipelines.mixed import TAKEN_APART, looks_like_name, name_among, take_apart
from pipelines.models import (
    Change,
    Contact,
    Document,
    Email,
    Normalized,
    Origin,
    PersonName,
    Phone,
    PostalAddress,
    SourceField,
    SourceRecord,
)
from pipelines.text import fold, tidy_line, tidy_text, words

PLACEHOLDER = "placeholder"
"""Rule: the value only fills the field ("não informado", "teste", "xxx"); kept as a free field."""
UNREADABLE = "unreadable"
"""Rule: the value is not what the field is for (a phone without area code, no date); kept as a free field."""
OWN_ADDRESS = "own_address"
"""Rule: an address at a domain of our own (a form's notification) is not the person's; kept as a free field."""
FOUND_IN_TEXT = "found_in_text"
"""Rule: no field held an e-mail or phone, so those in the message and the free fields were taken; both keep them."""
ONE_TOO_MANY = "one_too_many"
"""Rule: a second value of a field that has one (another company); kept as a free field."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_LANGUAGES = {
    "portugues": "pt", "portugues brasileiro": "pt-BR", "portugues brasil": "pt-BR", "portuguese": "pt", "ingles": "en",
    "english": "en", "espanhol": "es", "espanol": "es", "spanish": "es", "castellano": "es",
}  # fmt: skip
_WEBSITE = re.compile(r"(?:https?://)?[^\s@/]+\.[^\s@]{2,}", re.IGNORECASE)
_PLACES = frozenset(PostalAddress.model_fields)
_LONGEST_LABEL = 200


class Draft:
    """The contact while it is being put together; used for one record and then done with."""

    def __init__(self, region: str, own_domains: frozenset[str], today: date) -> None:
        self.region = region
        self.own_domains = own_domains
        self.today = today
        self.area_code = ""
        self.emails: dict[str, Email] = {}
        self.phones: dict[str, Phone] = {}
        self.documents: dict[str, Document] = {}
        self.single: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.names: dict[str, tuple[str, SourceField]] = {}
        self.extra: dict[str, list[str]] = {}
        self.extra_of: dict[str, str] = {}
        self.changes: list[Change] = []

    def change(self, field: str, before: str, after: str, rule: str) -> None:
        """Tell of a change, if it is one."""
        if before != after:
            self.changes.append(Change(field=field, before=before, after=after, rule=rule))

    def tidied(self, target: str, raw: str) -> str:
        """A value as its writer meant it: on one line, but for a message and what stays free (`target` empty)."""
        value = tidy_text(raw) if target in {"", "message"} else tidy_line(raw)
        if raw != value and raw.split() != value.split():
            rule = text.TEXT_CUT if len(raw) > text.MAX_LENGTH else text.TEXT_TIDIED
            storable = raw[: text.MAX_LENGTH].replace("\x00", "").encode("utf-8", "replace").decode()
            self.change(target or "extra", storable, value, rule)
        return value

    def keep(self, field: SourceField, value: str, target: str = "", rule: str = "", name: str = "") -> None:
        """Keep a value as a free field, under the field's label, or its key where there is none or it is taken."""
        label = tidy_line(name or field.label or field.key)[:_LONGEST_LABEL] or "?"
        if self.extra_of.setdefault(label, field.key) != field.key:
            label = f"{label} ({tidy_line(field.key)[:_LONGEST_LABEL]})"
        self.extra.setdefault(label, []).append(value)
        if rule:
            self.change(target, value, "", rule)

    # --- one value into its place ---

    def read(self, target: str, value: str, field: SourceField) -> None:
        """Put a tidied value where a field of `models.FIELDS` belongs."""
        if target in {"name", "given_name", "family_name"}:
            self._read_name(target, value, field)
        elif target in {"email", "phone", "document"}:
            if not self._read_whole(target, value):
                self._read_mixed(target, value, field)
        elif target in _PLACES or target == "address":
            self._read_place(target, value, field)
        elif target == "message":
            said = self.single.get("message")
            self.single["message"] = value if said is None else f"{said}\n\n{value}"
        else:
            self._read_single(target, value, field)

    def _read_whole(self, target: str, value: str) -> bool:
        """Read a value that is just what its field is for."""
        if target == "email":
            email = emails.parse_email(value)
            return email is not None and "<" not in value and self._add_email(email)
        document = documents.parse_document(value)
        if target == "document":
            return document is not None and self._add_document(document)
        phone = phones.parse_phone(value, self.region, self.area_code)
        if phone is None or (document is not None and document.valid and not phones.is_valid_phone(phone)):
            return False
        return self._add_phone(phone)

    def _read_mixed(self, target: str, value: str, field: SourceField) -> None:
        """Read a value that holds several things, or another thing than its field is for."""
        parts = take_apart(value, self.region, self.area_code)
        if not parts.found:
            self.keep(field, value, target, UNREADABLE)
            return
        taken = [self._add_email(email) for email in parts.emails]
        taken += [self._add_phone(phone) for phone in parts.phones]
        taken += [self._add_document(document) for document in parts.documents]
        name = name_among(parts.rest)
        if name:
            self.names.setdefault("found", (name, field))
        if not all(taken):
            self.keep(field, value, target, OWN_ADDRESS)
        elif len(parts.rest) > bool(name) or (name and self.names["found"][0] != name):
            self.keep(field, value, target, TAKEN_APART)
        else:
            self.change(target, value, name, TAKEN_APART)

    def _read_name(self, target: str, value: str, field: SourceField) -> None:
        if "@" in value or sum(map(str.isdigit, value)) >= 8:
            self._read_mixed(target, value, field)
        elif text.is_placeholder(names.clean_name(value)):
            self.keep(field, value, target, UNREADABLE)
        elif words(self.names.setdefault(target, (value, field))[0]) != words(value):
            self.keep(field, value, target, ONE_TOO_MANY)

    def _read_place(self, target: str, value: str, field: SourceField) -> None:
        if target == "address":
            found = {part: said for part, said in places.parse_address(value).model_dump().items() if said}
            if any(self.places.get(part, said) != said for part, said in found.items()):
                self.keep(field, value, target, ONE_TOO_MANY)
            self.places = found | self.places
            return
        country = self.places.get("country", "")
        after = value
        if target == "country":
            after = places.parse_country(value)
            self.region = after or self.region
        elif target == "postal_code":
            after = places.parse_postal_code(value, country)
        elif target == "region":
            after = (country in {"", "BR"} and places.parse_state(value)) or value
        elif target == "city":
            after, state = places.parse_city(value)
            if state and self.places.setdefault("region", state) != state:
                self.keep(field, value, target, ONE_TOO_MANY)
        if not after:
            self.keep(field, value, target, UNREADABLE)
        elif self.places.setdefault(target, after) != after:
            self.keep(field, value, target, ONE_TOO_MANY)
        else:
            self.change(f"address.{target}", value, after, places.CODED)

    def _read_single(self, target: str, value: str, field: SourceField) -> None:
        after, rule = value, text.TEXT_TIDIED
        if target == "company":
            after = companies.tidy_company(value)
        elif target == "birth_date":
            born = dates.parse_birth_date(value, today=self.today)
            after, rule = (born.isoformat() if born else ""), dates.DATE_READ
        elif target == "language":
            after = _LANGUAGES.get(fold(value), value if _LANGUAGE.fullmatch(value) else "")
        elif target == "website" and not _WEBSITE.fullmatch(value):
            self._read_mixed(target, value, field)
            return
        if not after:
            self.keep(field, value, target, UNREADABLE)
        elif self.single.setdefault(target, after) != after:
            self.keep(field, value, target, ONE_TOO_MANY)
        else:
            self.change(target, value, after, rule)

    # --- addresses and numbers ---

    def _add_email(self, email: Email) -> bool:
        domain = emails.email_domain(email.address)
        if any(domain == own or domain.endswith(f".{own}") for own in self.own_domains):
            return False
        if self.emails.setdefault(email.address, email) is email:
            self.change("emails", email.given, email.address, emails.EMAIL_NORMALIZED)
        return True

    def _add_phone(self, phone: Phone) -> bool:
        if self.phones.setdefault(phone.e164, phone) is phone:
            restored = phone.variants and phone.e164[5:] not in re.sub(r"\D", "", phone.given)
            rule = phones.NINTH_DIGIT_RESTORED if restored else phones.PHONE_E164
            self.change("phones", phone.given, phone.e164, rule)
        return True

    def _add_document(self, document: Document) -> bool:
        if self.documents.setdefault(document.number, document) is document:
            restored = sum(map(str.isalnum, document.given)) < len(document.number)
            rule = documents.LEADING_ZEROS_RESTORED if restored else documents.DOCUMENT_COMPACTED
            self.change("documents", document.given, document.number, rule)
        return True

    def search(self, fields: Iterable[SourceField]) -> None:
        """Look for an address or number in texts that are for something else; the texts stay whole where they are."""
        for field in fields:
            for value in field.values:
                parts = take_apart(value, self.region, self.area_code)
                for email in parts.emails:
                    if self._add_email(email):
                        self.change("emails", "", email.address, FOUND_IN_TEXT)
                for phone in parts.phones:
                    self._add_phone(phone)
                    self.change("phones", "", phone.e164, FOUND_IN_TEXT)

    # --- the whole ---

    def is_nobody(self) -> bool:
        """Whether nothing was read by which a person could be told from another."""
        return not (self.emails or self.phones or self.documents or self.names)

    def _name(self) -> PersonName:
        said = {target: value for target, (value, _) in self.names.items()}
        if not said.keys() - {"found"}:
            said["name"] = said.get("found", "")
        elif "found" in said and set(words(said.get("name", ""))) < set(words(said["found"])) and len(said) == 2:
            said["name"] = said["found"]  # "Ana" in the name's field, "Ana Souza <...>" in the address's
        elif "found" in said and words(said["found"]) != words(said.get("name", "")):
            value, field = self.names["found"]
            self.keep(field, value, "name", ONE_TOO_MANY)
        name = names.parse_name(said.get("name", ""), said.get("given_name", ""), said.get("family_name", ""))
        if text.is_placeholder(name.full):  # "No" and "Name"
            name = PersonName()
        in_name = set(words(" ".join((name.full, name.given, name.family, name.suffix, name.title))))
        for target, (value, field) in self.names.items():
            if target == "found":
                continue
            if not in_name.issuperset(words(value)):
                self.keep(field, value, "name", names.NAME_CLEANED)
            elif names.mend_case(value, starts=target != "family_name") != value and looks_like_name(value):
                mended = names.mend_case(value, starts=target != "family_name")
                self.change("name", value, mended, names.CASE_MENDED)
        return name

    def normalized(self, record: SourceRecord, origin: Origin) -> Normalized:
        """The contact, with all that was put into it, and what changed."""
        name = self._name()
        born = self.single.pop("birth_date", "")
        language = self.single.pop("language", "") or tidy_line(record.language)[:35]
        values: dict[str, object] = {
            **self.single,
            "name": name if name.full else None,
            "birth_date": dates.parse_birth_date(born, today=self.today) if born else None,
            "address": PostalAddress(**self.places) if self.places else None,
            "language": language,
        }
        given = {field: value for field, value in values.items() if value}
        remotes = tuple(dict.fromkeys(record.remotes))
        keys = [
            *given,
            *(f"emails:{address}" for address in self.emails),
            *(f"phones:{e164}" for e164 in self.phones),
            *(f"documents:{number}" for number in self.documents),
            *(f"remotes:{ref.system}/{ref.kind}/{ref.id}" for ref in remotes),
            *(f"extra:{label}" for label in self.extra),
        ]
        contact = Contact.model_validate(
            {
                **given,
                "emails": tuple(self.emails.values()),
                "phones": tuple(self.phones.values()),
                "documents": tuple(self.documents.values()),
                "extra": {label: ", ".join(kept) for label, kept in self.extra.items()},
                "remotes": remotes,
                "origins": dict.fromkeys(keys, origin),
            }
        )
        return Normalized(contact=contact, changes=tuple(self.changes))
