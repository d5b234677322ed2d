"""`tokens`: what agents and people are known by over HTTP."""

from __future__ import annotations

import getpass

import click

from worker.cli.lists import after_option, as_json_option, limit_option
from worker.cli.shell import Shell, console, open_runtime, print_json, print_rows
from worker.steps.tokens import SCOPES, create_token, list_tokens, revoke_token


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(tokens)


@click.group(cls=Shell)
def tokens() -> None:
    """Bearer tokens for agents (read, write) and for the people who approve (approve)."""


@tokens.command("create")
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, default=("read",), show_default=True,
              help="What it may do; give it again for more.")  # fmt: skip
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long it is good.  [default: for ever]")
@as_json_option
def create(name: str, scopes: tuple[str, ...], days: float | None, as_json: bool) -> None:
    """Make a token for NAME. It is shown once."""
    bearer, token = create_token(open_runtime(), name, scopes, by=getpass.getuser(), days=days)
    if as_json:
        print_json({"id": bearer.id, "name": bearer.name, "scopes": bearer.scopes, "token": token})
        return
    click.echo(token)
    console.print(
        f"{bearer.id}, for {bearer.name}: {', '.join(bearer.scopes)}. It is not kept and will not be shown again.",
        markup=False,
    )


@tokens.command("list")
@limit_option
@after_option
@as_json_option
def show_list(limit: int, after: str, as_json: bool) -> None:
    """The newest first; never the tokens themselves."""
    columns = {
        "id": "id",
        "name": "name",
        "scopes": "scopes",
        "by": "made by",
        "created_at": "made",
        "expires_at": "until",
        "revoked_at": "revoked",
    }
    rows = list_tokens(open_runtime(), limit=limit, after=after)
    print_rows(rows, columns, as_json=as_json, empty="No tokens. Make one: portaria tokens create NAME --scope read")


@tokens.command("revoke")
@click.argument("token_id", metavar="ID")
def revoke(token_id: str) -> None:
    """End a token at once."""
    revoke_token(open_runtime(), token_id, by=getpass.getuser())
    console.print(f"{token_id} is good for nothing any more.")
