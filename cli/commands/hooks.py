"""Speaks about other people's agents: install and uninstall the hooks of a coding agent, and be such a hook."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrion.cli.options import HomeOption

if TYPE_CHECKING:
    from orchestrion.ingest.hooks.installing import Change


class Product(StrEnum):
    """Whose hooks."""

    claude_code = "claude-code"


ProductArgument = Annotated[Product, typer.Argument(metavar="PRODUCT", help="Whose hooks: claude-code.")]
ProjectOption = Annotated[
    bool, typer.Option("--project/--user", help="In this folder's .claude/settings.json, or in the user's own.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show the change and leave it at that.")]


def install(
    product: ProductArgument,
    *,
    project: ProjectOption = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    http: Annotated[bool, typer.Option("--http", help="Post to `orchestrion collect`; it must be running.")] = False,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Of the collector; else 4318.")] = None,
    home: HomeOption = None,
) -> None:
    """Have a coding agent tell us all that it does, live.

    Shows the change to its settings, asks, and keeps a backup.
    """
    from orchestrion.cli.hooking import hook_command, posting_to, settings_file
    from orchestrion.cli.show import say
    from orchestrion.cli.wiring import home_of
    from orchestrion.ingest.hooks.installing import carry_out, installing

    url = posting_to(home, port, project) if http else None
    place = home_of(home).path if http else home  # the token is that home's, whatever the agent's environment says
    change = installing(settings_file(project), hook_command(place), url)
    if not change.needed:
        say(f"{change.path} has our hooks already; nothing to change.")
    elif _wanted(change, yes, dry_run):
        carry_out(change, backup=True)
        say(f"Hooked {product.value} by {change.path}; new sessions are recorded.")
        say(f"Undo: orchestrion uninstall {product.value}{' --project' if project else ''}")


def uninstall(
    product: ProductArgument, project: ProjectOption = False, yes: YesOption = False, dry_run: DryRunOption = False
) -> None:
    """Take our hooks out of a coding agent's settings.

    A file that nobody changed since becomes what it was, to the byte.
    """
    from orchestrion.cli.hooking import settings_file
    from orchestrion.cli.show import say
    from orchestrion.ingest.hooks.installing import carry_out, uninstalling

    change = uninstalling(settings_file(project))
    if not change.needed:
        say(f"{change.path} has no hooks of ours; nothing to change.")
    elif _wanted(change, yes, dry_run):
        carry_out(change, backup=False)
        how = "is what it was before" if change.exact else "was changed since, so only our entries were removed from it"
        say(f"{product.value} is no longer hooked: {change.path} {how}.")


def hook(home: HomeOption = None) -> int:
    """Keep an event from standard input; agents run this.

    It prints nothing and ends with 0, whatever happens.
    """
    from orchestrion.cli.hook import main

    return main(["--home", str(home)] if home else [])


def _wanted(change: "Change", yes: bool, dry_run: bool) -> bool:
    """Show the change, and ask unless that is answered already. Raises Refused where nobody can be asked."""
    import sys

    from orchestrion.cli.show import out, say
    from orchestrion.domain.errors import Refused
    from orchestrion.domain.inert import inert

    out(inert(change.diff()))
    if dry_run:
        say("Nothing was changed.")
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Refused(f"nobody is there to ask whether {change.path} may be changed so; say --yes")
    if not typer.confirm(f"Change {change.path} so?", err=True):
        say("Nothing was changed.")
        return False
    return True
