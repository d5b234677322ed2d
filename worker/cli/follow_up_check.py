"""What `portaria check` says of workflows and sinks: before a contact comes, not at the step that fails."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.experiments import variants_of
from pipelines.templates import mistakes_in
from pipelines.workflow_rules import WorkflowRule
from pipelines.workflow_steps import MailAction, Step
from worker.config import SinkSection
from worker.ports import Problem
from worker.sinks.mail import MailSink
from worker.steps.runtime import Runtime


def check_sinks(runtime: Runtime) -> list[Problem]:
    """Whether every mail server takes us. A webhook or a chat can only be tried by telling it something."""
    return [problem for sink in runtime.sinks.values() if isinstance(sink, MailSink) for problem in sink.check()]


def check_workflows(runtime: Runtime) -> list[Problem]:
    """Every sink, template and text that a step of a workflow names."""
    problems: dict[Problem, None] = {}
    for rule in runtime.rules:
        for step in _steps(rule):
            problems |= dict.fromkeys(_problems(runtime, rule.name, step))
    return list(problems)


def _steps(rule: WorkflowRule) -> Iterator[Step]:
    for variant in variants_of(rule.experiment) if rule.experiment else ("",):
        yield from rule.plan(variant)


def _problems(runtime: Runtime, workflow: str, step: Step) -> Iterator[Problem]:
    sections = runtime.settings.sinks
    for sink in step.notify:
        if sink not in runtime.sinks:
            yield Problem(f"[workflows.{workflow}] notifies {sink!r}", f"add [sinks.{sink}] with its url and secret")
        elif sections[sink].kind == "mail" and not sections[sink].options.get("to"):
            yield Problem(f"[workflows.{workflow}] notifies {sink!r}, a mail without `to`", f"set to in [sinks.{sink}]")
    texts = [step.task.text] if step.task else []
    texts += [step.note] if isinstance(step.note, str) else []
    for mistake in mistakes_in(texts):
        yield Problem(f"[workflows.{workflow}] {mistake}", "mend the text in portaria.toml")
    if step.mail:
        yield from _mail_problems(runtime, workflow, step.mail, sections.get(step.mail.sink))


def _mail_problems(runtime: Runtime, workflow: str, mail: MailAction, section: SinkSection | None) -> Iterator[Problem]:
    if section is None or section.kind != "mail":
        yield Problem(
            f"[workflows.{workflow}] mails by {mail.sink!r}, which is no mail sink",
            f'add [sinks.{mail.sink}] with kind = "mail", url, sender and secret',
        )
    elif not section.secret:
        yield Problem(
            f"[sinks.{mail.sink}] has no secret, which signs the links to unsubscribe: no mail to a contact goes out",
            "set secret to a long random word, and keep it: links in old mails stay good as long as it is the same",
        )
    if not runtime.settings.web.public_url:
        yield Problem(
            "mails need links to unsubscribe, and [web] public_url does not say where they lead",
            'set public_url to where others reach this server: "https://portaria.example.com"',
        )
    try:
        there = runtime.mail_templates([mail.template])
    except ValueError as problem:
        yield Problem(f"[workflows.{workflow}] {problem}", f"mend it in {runtime.settings.template_folder}")
        return
    if not there:
        yield Problem(
            f"[workflows.{workflow}] mails the template {mail.template!r}, which there is not",
            f"write {runtime.settings.template_folder / mail.template}.txt, its first line `Subject: ...`",
        )
