"""`georetrieval qgis`: tools for the Processing toolbox of QGIS that call this installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import rich_click as click

ALGORITHMS = {"georetrieval_find_place.py": "Find this place", "georetrieval_index_tiles.py": "Index of tiles"}
SHARED = "command_line.py"
"""What both need: QGIS loads each script alone, so that each is written with it."""


@click.command()
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write them to, if not "
              "that of the scripts of a QGIS profile.")
@click.option("--profile", default="default", show_default=True, help="Profile of QGIS.")
def command(out: Path | None, profile: str) -> None:
    """Add "Find this place" and "Index of tiles" to the Processing toolbox of QGIS.

    Two scripts are written into the profile of QGIS (3.22 or later); after a restart they stand in the toolbox under
    Scripts, georetrieval. They call the Python that runs this command, whatever Python QGIS has of its own; run the
    command again when georetrieval has moved. `qgis_process run script:georetrieval_find_place` calls them too.

    \b
    Examples:
      georetrieval qgis
      georetrieval qgis --profile survey
      georetrieval qgis -o scripts/
    """
    from georetrieval.files import publish

    folder = out or scripts_of(profile)
    for name, title in ALGORITHMS.items():
        publish(folder / name, script(name).encode())
        click.echo(f"{title}: {folder / name}", err=True)
    click.echo(str(folder))


def script(name: str) -> str:
    """One algorithm as a whole file, with the Python of this installation filled in."""
    import georetrieval

    room = Path(georetrieval.__file__).parent / "qgis"
    shared, own = ((room / part).read_text("utf-8") for part in (SHARED, name))
    import_line = next(line for line in own.splitlines(keepends=True) if line.startswith("from command_line import"))
    here = str(Path(georetrieval.__file__).resolve().parents[1])
    for variable, value in (("PYTHON", sys.executable), ("PACKAGES", "" if _installed(here) else here)):
        line = next(line for line in shared.splitlines() if line.startswith(f"{variable} = "))
        shared = shared.replace(line, f"{variable} = {value!r}")
    return f"# Written by `georetrieval qgis`, version {georetrieval.__version__}.\n{shared}\n\n" + own.replace(
        import_line, "")


def _installed(folder: str) -> bool:
    import site

    return folder in map(os.path.realpath, site.getsitepackages())


def scripts_of(profile: str) -> Path:
    """Where QGIS looks for the scripts of a profile.

    Raises
    ------
    UsageError
        When there is no such profile.
    """
    from georetrieval.errors import UsageError

    homes = {"win32": Path(os.environ.get("APPDATA", "")), "darwin": Path.home() / "Library" / "Application Support"}
    linux = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    profiles = homes.get(sys.platform, linux) / "QGIS" / "QGIS3" / "profiles"
    if Path(profile).name != profile or not (profiles / profile).is_dir():
        raise UsageError(f"QGIS has no profile {profile!r} in {profiles}; start QGIS once, or name one with --profile, "
                         "or a folder with -o.")
    return profiles / profile / "processing" / "scripts"
