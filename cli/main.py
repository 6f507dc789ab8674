"""The command line's table of commands and its one edge, where every failure becomes a sentence and an exit code."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli import exits
from orchestrion.cli.commands import (
    approvals,
    benches,
    bus,
    collect,
    conducting,
    costs,
    exporting,
    facts,
    homes,
    hooks,
    imports,
    inquiries,
    learning,
    mcp,
    questions,
    sessions,
    upkeep,
    watch,
    web,
    work,
)
from orchestrion.cli.listed import group_of

COMMANDS = (
    work.demo,
    homes.init,
    homes.doctor,
    homes.status,
    homes.config,
    work.plan,
    work.run,
    conducting.resume,
    conducting.cancel,
    approvals.approvals,
    approvals.approve,
    approvals.deny,
    imports.import_,
    collect.collect,
    hooks.hook,
    hooks.install,
    hooks.uninstall,
    watch.watch,
    watch.replay,
    sessions.sessions,
    sessions.show,
    sessions.log,
    sessions.report,
    facts.agents,
    facts.messages,
    facts.handoffs,
    facts.tools,
    facts.patterns,
    bus.send,
    bus.inbox,
    facts.stats,
    costs.prices,
    learning.learn,
    learning.judge,
    learning.calibration,
    inquiries.diff,
    inquiries.why,
    inquiries.whatif,
    inquiries.profile,
    inquiries.blame,
    questions.sql,
    questions.schema,
    questions.ask,
    questions.search,
    questions.assert_,
    exporting.export,
    upkeep.verify,
    upkeep.rebuild,
    benches.bench,
    web.web,
    mcp.mcp,
)

CONTEXTS = {"ask": {"ignore_unknown_options": True}}  # a saved query's own parameters

app = typer.Typer(
    name="orchestrion",
    cls=group_of(COMMANDS, CONTEXTS),
    rich_markup_mode=None,  # Rich would cost more than all the rest of --help
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    epilog=exits.epilog(),
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"orchestrion {version('orchestrion')}\n")
        raise typer.Exit


@app.callback()
def orchestrion(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run teams of agents; record every move in one immutable log; watch, replay, query and learn from it.

    Data goes to standard output, everything else to standard error. A first look: orchestrion demo
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; a failure is one sentence on standard error."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever called
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - it stays open
    try:
        code = app(
            list(sys.argv[1:] if arguments is None else arguments), prog_name="orchestrion", standalone_mode=False
        )
    except typer.TyperException as error:  # what was typed is not a command of ours
        return _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        code = exits.INTERRUPTED
    except Exception as error:
        if not exits.is_interruption(error):
            return _failure(error)
        code = exits.INTERRUPTED
    if code == exits.INTERRUPTED:
        say("orchestrion: stopped by you; what was acknowledged is in the log.")
    return int(code or exits.OK)


def say(text: str) -> None:
    """Say a sentence on standard error."""
    from orchestrion.cli import show

    show.say(text)


def _failure(error: Exception) -> int:
    """Tell what went wrong; the exit code. Raises `error` where all of it is to be seen."""
    if os.environ.get("ORCHESTRION_DEBUG"):
        raise error
    sentence, code = exits.sentence_of(error)
    say(f"orchestrion: {sentence}")
    return code


def _usage(error: typer.TyperException) -> int:
    show = getattr(error, "format_message", None)
    say(f"orchestrion: {show() if show else error}")
    context = getattr(error, "ctx", None)
    if context is not None:
        say(f"{context.get_usage()}\nTry '{context.command_path} --help'.")
    return int(getattr(error, "exit_code", 2))


if __name__ == "__main__":
    sys.exit(main())
