"""Where contacts come from: one file a kind, one line each in `SOURCES`.

A kind is a small stateless class that keeps the promises of `worker.ports.Source`. Reading, authentication, keys and
records are shared: `bodies`, `authentication`, `deliverykeys`, `records`. Reason codes are in `reasons`. Files that
hold people whatever the kind (tables, vCards, mails) are read by `files`.
"""

from __future__ import annotations

from collections.abc import Mapping

from worker.errors import ConfigurationError
from worker.ports import Source
from worker.sources.cf7 import ContactForm7
from worker.sources.elementor import Elementor
from worker.sources.files import media_type_of, parse
from worker.sources.fluentforms import FluentForms
from worker.sources.generic import Generic
from worker.sources.googleforms import GoogleForms
from worker.sources.gravityforms import GravityForms
from worker.sources.hubspot import HubSpot
from worker.sources.jotform import Jotform
from worker.sources.kommo import Kommo
from worker.sources.kommoaccount import ACCOUNT_SOURCE, KommoAccount
from worker.sources.meta import Meta
from worker.sources.rdstation import RdStation
from worker.sources.standardwebhooks import StandardWebhooks
from worker.sources.tally import Tally
from worker.sources.typeform import Typeform
from worker.sources.webflow import Webflow
from worker.sources.whatsapp import WhatsApp
from worker.sources.wpforms import WPForms

__all__ = ["ACCOUNT_SOURCE", "SOURCES", "get_source", "media_type_of", "parse"]

_ALL: tuple[Source, ...] = (
    ContactForm7(),
    Elementor(),
    FluentForms(),
    Generic(),
    GoogleForms(),
    GravityForms(),
    HubSpot(),
    Jotform(),
    Kommo(),
    Meta(),
    RdStation(),
    StandardWebhooks(),
    Tally(),
    Typeform(),
    Webflow(),
    WhatsApp(),
    WPForms(),
)

_ACCOUNT = KommoAccount()

SOURCES: Mapping[str, Source] = {source.kind: source for source in _ALL}
"""Every kind of source, by the name that `kind` has in portaria.toml."""


def get_source(kind: str) -> Source:
    """The source of this kind. Raises `ConfigurationError`, naming the kinds there are."""
    if kind == ACCOUNT_SOURCE:  # ours alone: nothing is configured as one
        return _ACCOUNT
    try:
        return SOURCES[kind]
    except KeyError:
        raise ConfigurationError(
            f"There is no source of kind {kind!r}: set `kind` to one of {', '.join(sorted(SOURCES))}."
        ) from None
