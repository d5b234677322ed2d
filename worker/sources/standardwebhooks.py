"""Any sender that signs by the Standard Webhooks specification (Svix too); the body is read as `generic`."""

from __future__ import annotations

from datetime import datetime

from worker.ports import InboundRequest, SourceSettings
from worker.sources.authentication import authenticate, standard_webhooks_check
from worker.sources.deliverykeys import key_of
from worker.sources.plainform import PlainForm


class StandardWebhooks(PlainForm):
    """`secret` is the one that the sender shows, `whsec_` and base64."""

    kind = "standardwebhooks"

    def verify(self, request: InboundRequest, settings: SourceSettings, now: datetime) -> None:
        authenticate(request, settings, standard_webhooks_check(request, now))

    def delivery_key(self, request: InboundRequest, settings: SourceSettings) -> str | None:
        """`webhook-id`: the same at each attempt of one message (specification, "Webhook Headers")."""
        return key_of(request.headers.get("webhook-id") or request.headers.get("svix-id", ""))
