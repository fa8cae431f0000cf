"""`georetrieval qgis`: tools for the Processing toolbox of QGIS that call this installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import rich_click as click

ALGORITHMS = {"georetrieval_find_place.py": "Find this place", "georetrieval_index_tiles.py": "Index of tiles"}
MAJORS = ("QGIS3", "QGIS4")
"""Folders that QGIS keeps its profiles in. *Source*: QGIS pull request 64752, for QGIS 4."""
SHARED = "command_line.py"
"""What both need: QGIS loads each script alone, so that each is written with it."""


@click.command()
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder to write them to, if not "
              "those of the scripts of a QGIS profile.")
@click.option("--profile", default="default", show_default=True, help="Profile of QGIS.")
def command(out: Path | None, profile: str) -> None:
    """Add "Find this place" and "Index of tiles" to the Processing toolbox of QGIS.

    Two scripts are written into the profile of QGIS 3 (3.22 or later), of QGIS 4, or of both where both have one of
    that name; their folders are printed. After a restart they stand in the toolbox under Scripts, georetrieval. They
    call the Python that runs this command, whatever Python QGIS has of its own; run the command again when
    georetrieval has moved. `qgis_process run script:georetrieval_find_place` calls them too.

    \b
    Examples:
      georetrieval qgis
      georetrieval qgis --profile survey
      georetrieval qgis -o scripts/
    """
    from georetrieval.files import publish

    for folder in [out] if out else scripts_of(profile):
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


def scripts_of(profile: str) -> list[Path]:
    """Where QGIS 3 and QGIS 4 look for the scripts of a profile: one folder for each that has been started here.

    QGIS 4 copies the profile of QGIS 3 when it is first started and keeps its own from then on.

    Raises
    ------
    UsageError
        When none of them has such a profile.
    """
    from georetrieval.errors import UsageError

    homes = [data_folder() / "QGIS" / major / "profiles" for major in MAJORS]
    plain = Path(profile).name == profile
    found = [home / profile / "processing" / "scripts" for home in homes if plain and (home / profile).is_dir()]
    if not found:
        raise UsageError(f"QGIS has no profile {profile!r} in {' or '.join(map(str, homes))}; start QGIS once, or name "
                         "a profile with --profile, or a folder with -o.")
    return found


def data_folder() -> Path:
    """Where programs of this system keep what belongs to a user. *Source*: Qt, QStandardPaths::AppDataLocation."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
