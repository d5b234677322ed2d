"""`portaria dedupe FILE.csv`: clean an existing list, without a server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from worker.cli.shell import Shell, console, print_json, progress_bars
from worker.dedupe_file import run_dedupe
from worker.errors import ConfigurationError

_file = click.Path(dir_okay=False, path_type=Path)


def add_to(portaria: Shell) -> None:
    """Add these commands to the command line."""
    portaria.add_command(dedupe)


class _FileUnlessNamed(Shell):
    """`dedupe FILE.csv` beside `dedupe train`: what is no command's name is a file's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = list(args)
        while rest and rest[0].startswith("--data"):
            rest = rest[1 if "=" in rest[0] else 2 :]
        if rest and rest[0] not in self.commands and rest[0] not in ctx.help_option_names:
            at = len(args) - len(rest)
            args = [*args[:at], "file", *rest]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "FILE.csv [OPTIONS] | train | model | rekey")


@click.group(cls=_FileUnlessNamed, no_args_is_help=True)
def dedupe() -> None:
    """Find the duplicates in a list (FILE.csv), and look after the weights that dedupe goes by.

    `portaria dedupe file --help` has the options for a list.
    """


@dedupe.command("file")
@click.argument("file", type=_file)
@click.option(
    "--map", "maps", multiple=True, metavar="COLUMN=FIELD", help="What a column holds, where the guess is wrong."
)
@click.option("--against", type=_file, help="Look at this list too, and say which of its rows are the same people.")
@click.option("--pairs", type=_file, help="Write left,right,probability,decision of each pair found.")
@click.option("--clusters", type=_file, help="Write row,contact: who each data row (from 0) is.")
@click.option("--report", type=_file, help="Write an HTML report with the surest and the least sure examples.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def dedupe_file(
    file: Path,
    maps: tuple[str, ...],
    against: Path | None,
    pairs: Path | None,
    clusters: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """Find the duplicates in a table of people. Columns are recognised in Portuguese, English and Spanish."""
    with progress_bars(hidden=as_json) as progress:
        summary = run_dedupe(
            file,
            mapping=_mapping(maps),
            against=against,
            pairs_out=pairs,
            clusters_out=clusters,
            report_html=report,
            progress=progress,
        )
    if as_json:
        print_json(summary.to_json())
        return
    console.print(f"{summary.rows:,} rows, {summary.contacts:,} people, {summary.duplicates:,} duplicates.")
    console.print(
        "Columns: " + ", ".join(f"{column} = {field}" for column, field in summary.columns.items()), markup=False
    )
    if summary.to_review:
        console.print(f"{summary.to_review:,} pairs are worth a look: write them with --pairs.")


def _mapping(maps: tuple[str, ...]) -> Mapping[str, str]:
    found = {}
    for text in maps:
        column, equals, field = text.rpartition("=")
        if not equals or not column or not field:
            raise ConfigurationError(f"--map takes COLUMN=FIELD, as in --map 'Seu e-mail=email'; got {text!r}")
        found[column] = field
    return found
