"""What the conformance suite asks a server to have, beside our own tools: each as its scenario describes it."""

from __future__ import annotations

import base64
import json
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    TextContent,
    TextResourceContents,
)

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = base64.b64encode(b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\0\0\0\0").decode()

Ctx = Context[Any, Any]


def text(said: str) -> TextContent:
    return TextContent(type="text", text=said)


def image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def embedded(uri: str, mime: str, said: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime, text=said))


def asked(message: str, **properties: Any) -> ElicitRequest:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sampled(message: str, most: int) -> CreateMessageRequest:
    said = SamplingMessage(role="user", content=text(message))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[said], max_tokens=most))


FIXTURE = "A fixture of the conformance suite."
STRING = {"type": "string"}
NAME = asked("What is your name?", name=STRING)


def add_fixtures(server: MCPServer[Any]) -> None:
    """Put the fixtures beside the server's own tools, resources and prompts."""
    add_contents(server)
    add_questions(server)
    add_rounds(server)
    add_resources_and_prompts(server)

    async def set_level(_ctx: Any, _params: SetLevelRequestParams) -> EmptyResult:
        return EmptyResult()

    server._lowlevel_server.add_request_handler("logging/setLevel", SetLevelRequestParams, set_level)


def add_contents(server: MCPServer[Any]) -> None:
    """Tools that return each kind of content."""

    @server.tool(description=FIXTURE, structured_output=False)
    def test_simple_text() -> str:
        return "This is a simple text response for testing."

    @server.tool(description=FIXTURE, structured_output=False)
    def test_image_content() -> list[Any]:
        return [image()]

    @server.tool(description=FIXTURE, structured_output=False)
    def test_audio_content() -> list[Any]:
        return [AudioContent(type="audio", data=WAV, mime_type="audio/wav")]

    @server.tool(description=FIXTURE, structured_output=False)
    def test_embedded_resource() -> list[Any]:
        return [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]

    @server.tool(description=FIXTURE, structured_output=False)
    def test_multiple_content_types() -> list[Any]:
        data = json.dumps({"test": "data", "value": 123})
        mixed = embedded("test://mixed-content-resource", "application/json", data)
        return [text("Multiple content types test:"), image(), mixed]

    @server.tool(description=FIXTURE, structured_output=False)
    def test_error_handling() -> str:
        raise ToolError("This tool intentionally returns an error for testing")

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_tool_with_progress(ctx: Ctx) -> str:
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
            await anyio.sleep(0.05)
        return "done"

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_tool_with_logging(ctx: Ctx) -> str:
        for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.session.send_log_message("info", said, related_request_id=ctx.request_id)
            await anyio.sleep(0.05)
        return "done"


def add_questions(server: MCPServer[Any]) -> None:
    """Tools of the older era that ask in the middle of the call."""

    async def elicited(ctx: Ctx, request: ElicitRequest) -> str:
        params: Any = request.params
        answer = await ctx.session.elicit_form(params.message, params.requested_schema, ctx.request_id)
        return f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_sampling(prompt: str, ctx: Ctx) -> str:
        related = ServerMessageMetadata(related_request_id=ctx.request_id)
        answer = await ctx.session.send_request(sampled(prompt, 100), CreateMessageResult, metadata=related)
        return f"LLM response: {getattr(answer.content, 'text', '')}"

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_elicitation(message: str, ctx: Ctx) -> str:
        return await elicited(ctx, asked(message, username=STRING, email=STRING))

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_elicitation_sep1034_defaults(ctx: Ctx) -> str:
        statuses = ["active", "inactive", "pending"]
        fields = {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": statuses, "default": "active"},
            "verified": {"type": "boolean", "default": True},
        }
        return await elicited(ctx, asked("Defaults", **fields))

    @server.tool(description=FIXTURE, structured_output=False)
    async def test_elicitation_sep1330_enums(ctx: Ctx) -> str:
        plain = ["option1", "option2", "option3"]
        titled = [{"const": f"value{n}", "title": f"{word} Option"} for n, word in ((1, "First"), (2, "Second"))]
        named = {"enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]}
        fields = {
            "untitledSingle": {"type": "string", "enum": plain},
            "titledSingle": {"type": "string", "oneOf": titled},
            "legacyEnum": {"type": "string", **named},
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
            "titledMulti": {"type": "array", "items": {"anyOf": titled}},
        }
        return await elicited(ctx, asked("Enums", **fields))


def add_rounds(server: MCPServer[Any]) -> None:
    """Tools of the 2026 era whose questions travel in the result."""

    def given(ctx: Ctx, *keys: str) -> dict[str, Any] | None:
        answers = ctx.input_responses or {}
        return {key: answers[key] for key in keys} if all(key in answers for key in keys) else None

    def needs(state: str | None = None, **requests: Any) -> InputRequiredResult:
        return InputRequiredResult(input_requests=requests, request_state=state)

    @server.tool(description=FIXTURE, structured_output=False)
    def test_input_required_result_elicitation(ctx: Ctx) -> str | InputRequiredResult:
        answers = given(ctx, "user_name")
        content = getattr(answers["user_name"], "content", None) if answers else None
        if not content or "name" not in content:
            return needs(user_name=NAME)
        return f"Hello, {content['name']}!"

    @server.tool(description=FIXTURE, structured_output=False)
    def test_input_required_result_sampling(ctx: Ctx) -> str | InputRequiredResult:
        if (answers := given(ctx, "capital_question")) is None:
            return needs(capital_question=sampled("What is the capital of France?", 100))
        return str(getattr(answers["capital_question"].content, "text", ""))

    @server.tool(description=FIXTURE, structured_output=False)
    def test_input_required_result_list_roots(ctx: Ctx) -> str | InputRequiredResult:
        if (answers := given(ctx, "client_roots")) is None:
            return needs(client_roots=ListRootsRequest())
        return ", ".join(str(root.uri) for root in answers["client_roots"].roots)

    def confirmed(ctx: Ctx) -> str | InputRequiredResult:
        if given(ctx, "confirm") is None:
            return needs("kept", confirm=asked("Please confirm", ok={"type": "boolean"}))
        if ctx.request_state != "kept":
            raise ToolError("the state is missing")
        return "state-ok"

    @server.tool(description=FIXTURE, structured_output=False)
    def test_input_required_result_request_state(ctx: Ctx) -> str | InputRequiredResult:
        return confirmed(ctx)

    @server.tool(description=FIXTURE, structured_output=False)
    def test_input_required_result_tampered_state(ctx: Ctx) -> str | InputRequiredResult:
        return confirmed(ctx)

    @server.tool(description=FIXTURE, structured_output=False)
    def test_input_required_result_multiple_inputs(ctx: Ctx) -> str | InputRequiredResult:
        if given(ctx, "user_name", "greeting", "client_roots") is None:
            return needs(
                "kept", user_name=NAME, greeting=sampled("Generate a greeting", 50), client_roots=ListRootsRequest()
            )
        return "all of them are here"

    @server.tool(description=FIXTURE, structured_output=False)
    def test_input_required_result_multi_round(ctx: Ctx) -> str | InputRequiredResult:
        if ctx.request_state == "second" and given(ctx, "step2"):
            return "both rounds are done"
        if ctx.request_state == "first" and given(ctx, "step1"):
            return needs("second", step2=asked("Step 2: What is your favorite color?", color=STRING))
        return needs("first", step1=asked("Step 1: What is your name?", name=STRING))

    @server.tool(description=FIXTURE, structured_output=False)
    def test_input_required_result_capabilities(ctx: Ctx) -> str | InputRequiredResult:
        able = ctx.client_capabilities
        requests: dict[str, Any] = {}
        if able and able.elicitation:
            requests["user_name"] = NAME
        if able and able.sampling:
            requests["greeting"] = sampled("Generate a greeting", 50)
        return needs(**requests) if requests and not ctx.input_responses else "nothing to ask"

    @server.tool(description=FIXTURE, structured_output=False)
    def test_missing_capability(ctx: Ctx) -> str:
        able = ctx.client_capabilities
        if able is None or able.sampling is None:
            needed = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool needs sampling", needed)
        return "it is there"

    @server.prompt(description=FIXTURE)
    def test_input_required_result_prompt(ctx: Ctx) -> Any:
        if (answers := given(ctx, "user_context")) is None:
            return needs(user_context=asked("What context should the prompt use?", context=STRING))
        return f"Use this context: {(answers['user_context'].content or {}).get('context')}"


def add_resources_and_prompts(server: MCPServer[Any]) -> None:
    """Resources and prompts of each kind."""

    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return base64.b64decode(PNG)

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template_data(id: str) -> str:  # noqa: A002 - the suite's name
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.prompt(description=FIXTURE)
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description=FIXTURE)
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description=FIXTURE)
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 - the suite's name
        held = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(held), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description=FIXTURE)
    def test_prompt_with_image() -> list[UserMessage]:
        return [UserMessage(image()), UserMessage("Please analyze the image above.")]
