"""`fake-kommo`, and `kommo login | setup | import`: Kommo as the CRM."""

from __future__ import annotations

import click
import uvicorn

from worker.cli.shell import Shell, console
from worker.fake_kommo.server import CODE, TOKEN, Fake


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(fake_kommo)


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
    console.print(f"A fake Kommo account at http://127.0.0.1:{port}; it forgets everything when it stops (Ctrl-C).")
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
