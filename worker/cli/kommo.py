"""`fake-kommo`, and `kommo login | setup | import`: Kommo as the CRM."""

from __future__ import annotations

import click
import uvicorn

from worker.cli.settling import settle
from worker.cli.shell import NOT_WELL, Shell, console, errors, open_runtime
from worker.errors import ConfigurationError
from worker.fake_kommo.people import move_in
from worker.fake_kommo.server import CODE, TOKEN, Fake
from worker.kommo.markers import make_field
from worker.kommo.settings import read_settings
from worker.kommo.tokens import OAuth
from worker.steps.account_import import import_account, kommo_of
from worker.steps.doubles import doubles, mark


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(fake_kommo)
    portaria.add_command(kommo)


@click.group(cls=Shell)
def kommo() -> None:
    """Kommo as the CRM: log in, prepare the account, know who is in it."""


@kommo.command()
@click.option("--code", prompt="Authorization code", help="The code that Kommo shows; valid for 20 minutes, once.")
def login(code: str) -> None:
    """Log in with OAuth 2 (client_id, client_secret and redirect_uri in [crm]); a long-lived token needs no login."""
    client = kommo_of(open_runtime()).client
    if not isinstance(client.tokens, OAuth):
        raise ConfigurationError("[crm] has a token: no login is needed; take the token out to use OAuth 2")
    client.tokens.log_in(code.strip())
    client.breaker.close()
    console.print("Logged in. The login renews itself from now on; `portaria check` tries it.")


@kommo.command()
def setup() -> None:
    """Make the text field of contacts and leads that our markers go into, where the account has none."""
    runtime = open_runtime()
    client = kommo_of(runtime).client
    marker = read_settings(runtime.settings.crm).marker
    for entity in ("contacts", "leads"):
        done = "made the field {!r}" if make_field(client, entity, marker) else "the field {!r} is there"
        console.print(f"{entity}: {done.format(marker)}.", markup=False)


@kommo.command("import")
def import_contacts() -> None:
    """Read all contacts of the account, so that dedupe knows them. Stopped, it goes on; run again, it reads what has
    changed since."""
    runtime = open_runtime()
    ids = []
    with errors.status("Reading the account") as status:
        for page in import_account(runtime):
            ids.append(page.delivery)
            status.update(f"Reading the account: {page.contacts} contacts")
    if not ids:
        console.print("The account holds no contact that is new or changed.")
        return
    outcomes = settle(runtime, ids, quiet=False)
    for line in outcomes.lines():
        console.print(line)
    if not outcomes.all_well:
        click.get_current_context().exit(NOT_WELL)


@kommo.command("duplicates")
@click.option(
    "--mark", "to_mark", is_flag=True, help="Do about the others what [crm] on_merge says: move leads, tag, note."
)
def list_doubles(to_mark: bool) -> None:
    """Contacts that have several records at Kommo, whose API cannot merge them: merge them on Kommo's own screen."""
    runtime = open_runtime()
    address = kommo_of(runtime).client.address.base_url
    found = doubles(runtime)
    for contact, records in found.items():
        console.print(f"{contact}: {' '.join(f'{address}/contacts/detail/{ref.id}' for ref in records)}", markup=False)
        if to_mark:
            mark(runtime, contact, records, runtime.settings.crm.on_merge)
    done = ", marked at Kommo" if to_mark and found else ""
    console.print(f"{len(found)} contacts with several records{done}. The first of each is kept up to date.")


@click.command("fake-kommo", cls=Shell.command_class)
@click.option("--port", type=click.IntRange(1, 65535), default=8090, show_default=True)
@click.option("--rate", type=float, default=7.0, show_default=True, help="Calls a second that it takes; 0: any.")
@click.option("--index-lag", type=float, default=2.0, show_default=True, help="Seconds until a search finds a record.")
@click.option("--hook-scale", type=float, default=60.0, show_default=True, help="How much faster hooks are retried.")
def fake_kommo(port: int, rate: float, index_lag: float, hook_scale: float) -> None:
    """Run a Kommo account of invented people on this machine, to try everything before you connect your own."""
    fake = Fake()
    fake.limits.rate = rate
    fake.account.index_lag = index_lag
    fake.sender.scale = hook_scale
    console.print(
        f"A fake Kommo account at http://127.0.0.1:{port}, with {move_in(fake.account)} contacts; it forgets everything"
        " when it stops (Ctrl-C)."
    )
    console.print("In portaria.toml:\n")
    console.print(f'[crm]\nkind = "kommo"\nbase_url = "http://127.0.0.1:{port}"\ntoken = "{TOKEN}"\n', markup=False)
    console.print(
        f"or, instead of the token, OAuth 2 with client_id fake-client, client_secret fake-secret and code {CODE}.\n"
        f"Look: curl http://127.0.0.1:{port}/_fake/state\n"
        f"Break it: curl http://127.0.0.1:{port}/_fake/faults -d '"
        '{"kind": "drop_after", "method": "POST", "path": "contacts"}' + "'",
        markup=False,
    )
    uvicorn.run(fake.app(), host="127.0.0.1", port=port, log_config=None, log_level="critical", access_log=False)
