"""Where is a phone number at home, and what kind of line is it?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import phonenumbers

from pipelines.models import Contact, Fact
from pipelines.phones import is_valid_phone, number_of, parse_phone
from pipelines.places import parse_city, parse_state

REGION_CONFIDENCE = 0.9
"""An area code says where a number was given out; people move, and 61 is also dialled around the Federal District."""
CARRIER_CONFIDENCE = 0.6
"""Numbers are ported, so only the first carrier is known (Brazil: since 2008, Anatel Resolução 460/2007)."""


class PhoneFacts:
    """By the numbering plans that phonenumbers ships; of several phones the first valid one."""

    name = "phone"
    fields: Collection[str] = frozenset(
        {"phone_country", "phone_region", "phone_time_zone", "phone_carrier", "phone_kind"}
    )
    terms = None

    def key(self, contact: Contact) -> str:
        return next((phone.e164 for phone in contact.phones[:20] if is_valid_phone(phone)), "")

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        # Their tables are a sixth of all that a process loads: only who asks for places and carriers waits for that.
        from phonenumbers import carrier, timezone

        phone = parse_phone(key)
        number = number_of(phone.e164) if phone else None
        if phone is None or number is None:
            return ()
        zones = timezone.time_zones_for_number(number)
        found = [
            ("phone_country", phone.region, 1.0),
            ("phone_kind", phone.kind.value, 1.0),
            ("phone_region", _brazilian_state(number) if phone.region == "BR" else "", REGION_CONFIDENCE),
            ("phone_time_zone", zones[0] if len(zones) == 1 and "/" in zones[0] else "", REGION_CONFIDENCE),
            ("phone_carrier", carrier.name_for_number(number, "en"), CARRIER_CONFIDENCE),
        ]
        return [
            Fact(field=field, value=value, by=self.name, at=now, confidence=confidence)
            for field, value, confidence in found
            if value
        ]


def _brazilian_state(number: phonenumbers.PhoneNumber) -> str:
    """phonenumbers names a state for mobiles and "City - SP" for fixed lines."""
    from phonenumbers import geocoder

    place = geocoder.description_for_number(number, "pt")
    return parse_state(place) or parse_city(place)[1]
