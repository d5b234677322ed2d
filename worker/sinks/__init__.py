"""Where notifications leave the house: one file a kind, one line each in `SINKS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from worker.config import SinkSection
from worker.errors import ConfigurationError
from worker.ports import Sink
from worker.sinks.chat import ChatSink
from worker.sinks.mail import MailSink
from worker.sinks.webhook import WebhookSink

SINKS: Mapping[str, Callable[[str, SinkSection], Sink]] = {
    "webhook": lambda name, section: WebhookSink(name, section.url, section.secret),
    "chat": lambda name, section: ChatSink(name, section.url, section.options),
    "mail": lambda name, section: MailSink(name, section.url, section.options),
}
"""Every kind of sink, by the name that `kind` has in portaria.toml."""


def build_sinks(sections: Mapping[str, SinkSection]) -> Mapping[str, Sink]:
    """The sinks of `[sinks.NAME]`, by name. Raises `ConfigurationError` that names the sink and the key."""
    sinks = {}
    for name, section in sections.items():
        try:
            sinks[name] = SINKS[section.kind](name, section)
        except ValueError as problem:
            raise ConfigurationError(f"[sinks.{name}] {problem}") from None
    return sinks
