"""The command `georetrieval`: groups, the error boundary, exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import rich_click as click
from click.exceptions import Abort

from georetrieval import __version__
from georetrieval.errors import INTERRUPTED, BusyError, GeoretrievalError

COMMANDS = {
    "inspect": "inspect",
    "synth": "synth",
    "sources": "sources",
    "tiles": "tiles",
    "train": "train",
    "index": "index",
    "search": "search",
    "classify": "classify",
    "compare": "compare",
    "detect": "detect",
    "detector": "detector",
    "weights": "weights",
    "evaluate": "evaluate",
    "report": "report",
    "serve": "serve",
    "run": "run",
    "qgis": "qgis",
    "demo": "demo",
    "doctor": "doctor",
}
"""Command name -> module of `georetrieval.cli`, whose attribute `command` is the click command."""

SKIPPED = ("VRT", "OGR_VRT", "MRF", "WMS", "WMTS", "WCS", "WFS", "GTI", "HTTP", "PLMOSAIC", "PLSCENES", "EEDA", "EEDAI",
           "DAAS", "OAPIF", "OGCAPI", "CSW", "NGW", "GDALG", "STACIT", "STACTA", "DERIVED")
"""Drivers of GDAL that follow a path or an address that is written in a file."""


class LazyGroup(click.RichGroup):
    """A group that imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"georetrieval.cli.{COMMANDS[cmd_name]}").command
        assert isinstance(command, click.Command)
        command.name = cmd_name
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="georetrieval")
def command() -> None:
    """Which stored tile shows the same place as this image?

    Vector layers and orthophotos become tiles, tiles become descriptors, descriptors an index; a photograph,
    a tile or a point is then found again across the years. Data goes to stdout, talk to stderr.

    Exit codes: 0 done, 1 a bug, 2 bad usage, bad input or damaged store, 3 done with gaps (listed), 4 index, model
    or legend do not belong together, 5 an optional part is not installed, 10 an alarm was raised (classify --alarm),
    75 locked, disk full or no memory left, 130 interrupted.
    """


def close_doors() -> None:
    """Set what GDAL and PROJ read at load time: no side-car overrides, no drivers that follow paths, no network."""
    asked = os.environ.get("GDAL_SKIP", "")
    os.environ["GDAL_SKIP"] = ",".join(dict.fromkeys([*filter(None, asked.replace(" ", ",").split(",")), *SKIPPED]))
    os.environ |= {"GDAL_PAM_ENABLED": "NO", "PROJ_NETWORK": "OFF", "OGR_SQLITE_STATIC_VIRTUAL_OGR": "NO",
                   "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{none}"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; an expected error is one line on stderr."""
    close_doors()
    try:
        if not all(map(_can_be_typed, arguments or ())):
            raise click.UsageError("A word of the command holds a zero byte or half a letter (a lone surrogate), which "
                                   "no name has; leave it out.")
        code = command.main(args=None if arguments is None else list(arguments), standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except GeoretrievalError as error:
        _say(f"error: {error}")
        sys.exit(error.exit_code)
    except (Abort, KeyboardInterrupt):
        _say("interrupted: what was finished is kept; run the same command again to go on.")
        sys.exit(INTERRUPTED)
    except MemoryError:
        _say("error: there is not enough memory; free some, or ask for fewer processes, and run the command again.")
        sys.exit(BusyError.exit_code)
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        _say(f"error: {error.format_message()}" + (f" See: {where} --help." if where else ""))
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno is None or error.filename is None:
            raise
        _say(f"error: {str(error.filename)[:300]} cannot be used: {error.strerror}.")
        sys.exit(2)


def _can_be_typed(word: str) -> bool:
    """Whether a shell can hand this on; who calls `main` can write more."""
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


def _say(text: str) -> None:
    click.echo(" ".join(text.split()), err=True)
