"""Any MCP server's tool as a source of facts: the tool, its arguments, and paths into its answer.

[enrichment.registry]
kind = "mcp"
url = "https://mcp.example.com/mcp"      # or command = ["uvx", "some-server"]
tool = "find_company"
arguments = { domain = "{domain}" }
facts = { company_size = "employees", industry = "sector" }
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import Field, model_validator

from pipelines.models import Contact, Fact
from worker.config import EnrichmentSection
from worker.enrichment.templates import TemplateKeys, check_template, facts_in, filled, key_for, places_in
from worker.enrichment.terms import read_keys
from worker.enrichment.web_api import REFUSED, UNREACHABLE
from worker.errors import PermanentError, TransientError
from worker.ports import Terms

TERMS: Final = Terms(timeout=15.0, per_second=5)
MOST_BYTES: Final = 1024 * 1024


class McpKeys(TemplateKeys):
    url: str = Field(default="", pattern="^(https?://[^/].*)?$")
    """Streamable HTTP; or:"""
    command: tuple[str, ...] = ()
    """A server to start for each question, spoken to over its standard input and output."""
    headers: Mapping[str, str] = Field(default_factory=dict)
    env: Mapping[str, str] = Field(default_factory=dict)
    """What the command's environment has besides the harmless few that MCP passes on."""
    tool: str = Field(min_length=1)
    arguments: Mapping[str, Any]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.url) == bool(self.command):
            raise ValueError("set url or command, one of them")
        check_template(json.dumps(dict(self.arguments)))
        if not places_in(dict(self.arguments)):
            raise ValueError("arguments: they name nothing of the contact; put {domain} into one")
        return self


class McpFacts:
    """By whichever values its arguments name. A connection for each question: answers are kept, so there are few."""

    def __init__(self, name: str, keys: McpKeys) -> None:
        self.name = name
        self.fields: Collection[str] = frozenset(keys.facts)
        self.terms: Terms | None = keys.terms(TERMS)
        self._timeout = self.terms.timeout
        self._keys = keys
        self._where = f"[enrichment.{name}]"
        self._places = places_in(dict(keys.arguments))

    def key(self, contact: Contact) -> str:
        return key_for(contact, self._places)

    def ask(self, key: str, now: datetime) -> Sequence[Fact]:
        """What the tool says; an error of the tool's own is `PermanentError`, no answer `TransientError`."""
        try:
            answer = asyncio.run(asyncio.wait_for(self._call(json.loads(key)), self._timeout))
        except (PermanentError, TransientError):
            raise
        except MCPError as problem:
            raise PermanentError(f"{self._where}: the server refused ({problem.code})", code=REFUSED) from None
        except Exception as problem:  # of whichever transport; groups of them among these
            kind = type(problem).__name__
            raise TransientError(f"{self._where}: no answer ({kind})", code=UNREACHABLE) from None
        return facts_in(answer, self._keys, self.name, now)

    async def _call(self, values: Mapping[str, str]) -> Any:
        async with AsyncExitStack() as opened:
            transport: Any
            if self._keys.command:
                program, *arguments = self._keys.command
                server = StdioServerParameters(command=program, args=arguments, env=dict(self._keys.env) or None)
                quiet = opened.enter_context(Path(os.devnull).open("w"))  # noqa: SIM115 - the stack closes it
                transport = stdio_client(server, errlog=quiet)
            else:
                http = httpx2.AsyncClient(headers=dict(self._keys.headers), timeout=self._timeout, trust_env=False)
                transport = streamable_http_client(
                    self._keys.url, http_client=await opened.enter_async_context(http), max_sse_event_size=MOST_BYTES
                )
            client = await opened.enter_async_context(Client(transport))
            result = await client.call_tool(self._keys.tool, filled(dict(self._keys.arguments), values))
        if result.is_error:
            raise PermanentError(f"{self._where}: the tool answered with an error", code=REFUSED)
        if result.structured_content is not None:
            return result.structured_content
        texts = [part.text for part in result.content if part.type == "text"]
        try:
            return json.loads("".join(texts)[:MOST_BYTES])
        except ValueError:
            return {"text": "\n".join(texts)[:MOST_BYTES]}


def build(name: str, section: EnrichmentSection) -> McpFacts:
    """From an `[enrichment.NAME]` of kind mcp."""
    return McpFacts(name, read_keys(McpKeys, name, section))
