"""A message to a chat's incoming webhook: Slack (and what speaks as it does: Mattermost, Rocket.Chat), Discord, Google
Chat and Microsoft Teams.

What a contact typed cannot call anybody or make a link: each service's marks are taken out of it. These webhooks know
no idempotency key, so a worker that dies between the answer and its save tells the chat twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from pipelines.models import Notification
from worker.sinks.posting import Poster

LONGEST: Final = 1900
"""Characters of a message: Discord takes 2,000."""


def _entities(text: str) -> str:
    """Slack's three (docs.slack.dev, "Formatting message text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _without_marks(text: str) -> str:
    """For Markdown: each mark behind a backslash."""
    return re.sub(r"([\\`*_~|\[\]()<>#@])", r"\\\1", text)


def _without_angles(text: str) -> str:
    """Google Chat has links and mentions in `<...>` and no way to write one out."""
    return text.replace("<", "‹").replace(">", "›")


def _slack(text: str) -> dict[str, Any]:
    return {"text": text}


def _discord(text: str) -> dict[str, Any]:
    return {"content": text, "allowed_mentions": {"parse": []}}


def _teams(text: str) -> dict[str, Any]:
    block = {"type": "TextBlock", "text": text.replace("\n", "\n\n"), "wrap": True}
    card = {"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4"}
    content = {**card, "body": [block]}
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}],
    }


_Service = tuple[Callable[[str], str], Callable[[str], dict[str, Any]]]
SERVICES: Final[Mapping[str, _Service]] = {
    "slack": (_entities, _slack),
    "discord": (_without_marks, _discord),
    "google_chat": (_without_angles, _slack),
    "teams": (_without_marks, _teams),
}
"""By the name that `service` has in portaria.toml: how a text is written there, and the body around it."""

_HOSTS: Final = {
    "discord.com": "discord",
    "discordapp.com": "discord",
    "chat.googleapis.com": "google_chat",
    "webhook.office.com": "teams",
    "logic.azure.com": "teams",
    "powerplatform.com": "teams",
}


class ChatSink:
    """Posts each notification to one room."""

    def __init__(self, name: str, url: str, options: Mapping[str, Any]) -> None:
        """Raises ValueError that names the key of portaria.toml that is wrong."""
        if unknown := sorted(set(options) - {"service"}):
            raise ValueError(f"{unknown[0]}: there is no such key")
        self.name = name
        self._poster = Poster(name, url)
        service = str(options.get("service") or _service_at(self._poster.host))
        if service not in SERVICES:
            raise ValueError(f"service: write one of {', '.join(SERVICES)}")
        self._write, self._wrap = SERVICES[service]

    def send(self, notification: Notification, now: datetime) -> None:
        """Tell the room once more. Raises as `Poster.post` does."""
        text = message(notification.payload, self._write)
        self._poster.post(json.dumps(self._wrap(text)), {"content-type": "application/json; charset=utf-8"}, now)


def _service_at(host: str) -> str:
    return next((service for end, service in _HOSTS.items() if f".{host}".endswith(f".{end}")), "slack")


def message(payload: Mapping[str, Any], write: Callable[[str], str]) -> str:
    """A notification's payload in a few lines, every value passed through `write`."""
    data = payload.get("data", {})
    contact = data.get("contact", {})
    whom = [contact.get("name", ""), contact.get("job_title", ""), contact.get("company", "")]
    reach = [*contact.get("phones", ())[:2], *contact.get("emails", ())[:2]]
    crm = data.get("crm", {})
    lines = [
        f"{data.get('workflow', '')}: {', '.join(filter(None, whom)) or 'somebody without a name'}",
        f"{data.get('score', '')} ({data.get('temperature', '')}), from {data.get('source', '')}",
        ", ".join(reach),
        "; ".join(part.get("reason") or part.get("feature", "") for part in data.get("reasons", ())[:3]),
        f"seller: {data['seller']}" if data.get("seller") else "",
        f"“{data['message'][:300]}”" if data.get("message") else "",
        f"{crm.get('system', '')} {crm.get('kind', '')} {crm.get('id', '')}".strip(),
    ]
    return "\n".join(write(line) for line in lines if line)[:LONGEST]
