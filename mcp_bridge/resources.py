"""Resources: contacts, their duplicates and scores, queues, plans and models, with completion of ids."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.types import Completion, PromptReference, ResourceTemplateReference

from mcp_bridge.bridge import Bridge, caller_of
from mcp_bridge.prompts import LANGUAGES
from worker.errors import PermanentError, PortariaError
from worker.steps import resources
from worker.steps.plans import asked, look_up
from worker.steps.planviews import plan_view

JSON: Final = "application/json"
MOST_COMPLETED: Final = 100

CONTACT = "portaria://contacts/{id}"
DUPLICATES = "portaria://contacts/{id}/duplicates"
SCORE = "portaria://contacts/{id}/score"
SUBMISSION = "portaria://submissions/{id}"
PLAN = "portaria://plans/{id}"
APPROVAL = "portaria://approvals/{id}"
TEMPLATE = "portaria://templates/{source}"
REVIEWS = "portaria://reviews"
APPROVALS = "portaria://approvals"
SCORING_MODEL = "portaria://models/scoring"
DEDUPE_MODEL = "portaria://models/dedupe"
ENRICHMENT = "portaria://enrichment"
METRICS = "portaria://metrics"


def add_resources(server: MCPServer[Any], bridge: Bridge) -> None:
    """Add the resources to the server."""
    runtime = bridge.runtime

    def read(work: Callable[[], Any]) -> str:
        """The answer as JSON; errors are told as those of tools are."""
        try:
            caller_of(bridge, "read")
            return json.dumps(work(), ensure_ascii=False, default=str)
        except ToolError as problem:
            raise ResourceError(str(problem)) from None
        except PermanentError as problem:
            raise ResourceNotFoundError(str(problem)) from None
        except PortariaError as problem:
            raise ResourceError(str(problem)) from None

    def plan_of(given: str) -> Any:
        caller = caller_of(bridge, "read")
        return plan_view(look_up(runtime, given, caller=caller.name))

    @server.resource(CONTACT, name="contact", title="Contact", mime_type=JSON)
    def contact(id: str) -> str:  # noqa: A002 - the template's own word
        """A contact: its values, where each came from, and what told of it."""
        return read(lambda: resources.contact_of(runtime, id))

    @server.resource(DUPLICATES, name="duplicates", title="Possible duplicates", mime_type=JSON)
    def duplicates(id: str) -> str:  # noqa: A002
        """Who else a contact may be, with the evidence."""
        return read(lambda: resources.duplicates_of(runtime, id))

    @server.resource(SCORE, name="score", title="Score", mime_type=JSON)
    def score(id: str) -> str:  # noqa: A002
        """A contact's score with the contributions that sum to it."""
        return read(lambda: resources.score_of(runtime, id))

    @server.resource(SUBMISSION, name="submission", title="Submission", mime_type=JSON)
    def submission(id: str) -> str:  # noqa: A002
        """A submission: as sent, as understood, what was decided, and every move."""
        return read(lambda: resources.submission_of(runtime, id))

    @server.resource(PLAN, name="plan", title="Plan", mime_type=JSON)
    def plan(id: str) -> str:  # noqa: A002
        """A plan of yours: what it touches and what became of it."""
        return read(lambda: plan_of(id))

    @server.resource(APPROVAL, name="approval", title="Approval", mime_type=JSON)
    def approval(id: str) -> str:  # noqa: A002
        """An approval of yours: whether a person has said yes, and to what."""
        return read(lambda: plan_of(id))

    @server.resource(TEMPLATE, name="template", title="Contact template", mime_type=JSON)
    def template(source: str) -> str:
        """How contacts of a source are written."""
        return read(lambda: resources.contact_template(runtime, source))

    @server.resource(REVIEWS, name="reviews", title="Pending reviews", mime_type=JSON)
    def reviews() -> str:
        """Submissions that may be somebody known and wait for a decision."""
        return read(lambda: resources.reviews_page(runtime, limit=50)[0])

    @server.resource(APPROVALS, name="approvals", title="Approvals", mime_type=JSON)
    def approvals() -> str:
        """Your plans that a person was asked about, the newest first."""
        return read(lambda: [plan_view(kept) for kept in asked(runtime, caller=caller_of(bridge, "read").name)])

    @server.resource(SCORING_MODEL, name="scoring-model", title="Scoring model", mime_type=JSON)
    def scoring_model() -> str:
        """By what contacts are scored."""
        return read(lambda: resources.scoring_model(runtime))

    @server.resource(DEDUPE_MODEL, name="dedupe-model", title="Dedupe model", mime_type=JSON)
    def dedupe_model() -> str:
        """What agreement and disagreement of each field weigh."""
        return read(lambda: resources.dedupe_model(runtime))

    @server.resource(ENRICHMENT, name="enrichment", title="Enrichment sources", mime_type=JSON)
    def enrichment() -> str:
        """The sources of facts that are asked."""
        return read(lambda: resources.enrichment_sources(runtime))

    @server.resource(METRICS, name="metrics", title="Pipeline metrics", mime_type=JSON)
    def metrics() -> str:
        """How many deliveries, submissions and contacts there are."""
        return read(lambda: resources.metrics(runtime))

    def candidates(uri: str, begun: str) -> Sequence[str]:
        caller = caller_of(bridge, "read")
        if uri.startswith("portaria://contacts/"):
            return resources.newest_ids(runtime, "contact", begun)
        if uri.startswith("portaria://submissions/"):
            return resources.newest_ids(runtime, "submission", begun)
        if uri == TEMPLATE:
            return [name for name in resources.source_names(runtime) if name.startswith(begun)]
        kept = [each for each in asked(runtime, caller=caller.name) if each.approval]
        ids = [each.id if uri == PLAN else (each.approval.id if each.approval else "") for each in kept]
        return [each for each in ids if each.startswith(begun)]

    async def complete(
        ref: PromptReference | ResourceTemplateReference, argument: Any, _context: Any
    ) -> Completion | None:
        begun = str(argument.value)
        if isinstance(ref, PromptReference):
            known = LANGUAGES if argument.name == "language" else ()
            found: Sequence[str] = [one for one in known if one.startswith(begun)]
        else:
            try:
                found = await anyio.to_thread.run_sync(candidates, ref.uri, begun)
            except (ToolError, PortariaError):
                found = ()
        return Completion(values=list(found[:MOST_COMPLETED]), total=len(found), has_more=len(found) > MOST_COMPLETED)

    server.completion()(complete)  # type: ignore[no-untyped-call]  # the SDK's decorator has no types
