"""`georetrieval qgis`: where the scripts of the toolbox go, and what they are. Without QGIS; `test_qgis` is in it."""

import sys
from pathlib import Path

import pytest

from georetrieval.cli.qgis import ALGORITHMS, script
from tests.made import in_qgis


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_script_is_whole_and_names_this_python(name):
    text = script(name)
    compile(text, name, "exec")
    assert f"PYTHON = {sys.executable!r}" in text
    assert "command_line import" not in text
    assert "import georetrieval" not in text


PLACES = {
    "linux": ("XDG_DATA_HOME", "", ".local/share"),
    "win32": ("APPDATA", "AppData/Roaming", "AppData/Roaming"),
    "darwin": (None, "Library/Application Support", "Library/Application Support"),
}
"""Variable that names the folder of a user's programs, where below it they lie, and where they lie without it."""


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("system", PLACES)
@pytest.mark.parametrize("there", [("QGIS3",), ("QGIS4",), ("QGIS3", "QGIS4")])
def test_scripts_go_into_every_profile_that_is_there(run, tmp_path, monkeypatch, system, named, there):
    variable, below, without = PLACES[system]
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "moi")
    folder = tmp_path / "moi" / without
    for name in ("XDG_DATA_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable and named:
        folder = tmp_path / "données" / below
        monkeypatch.setenv(variable, str(folder))
    code, out, err = run("qgis", "--profile", "levé")
    assert (code, out, list(tmp_path.iterdir())) == (2, "", [])
    assert "no profile 'levé'" in err
    assert all(str(folder / "QGIS" / major / "profiles") in err.replace("\n", " ") for major in ("QGIS3", "QGIS4"))
    profiles = [folder / "QGIS" / major / "profiles" / "levé" for major in there]
    for profile in profiles:
        profile.mkdir(parents=True)
    code, out, err = run("qgis", "--profile", "levé")
    assert code == 0, err
    assert [Path(line) for line in out.splitlines()] == [p / "processing" / "scripts" for p in profiles]
    for profile in profiles:
        assert sorted(p.name for p in profile.glob("processing/scripts/*")) == sorted(ALGORITHMS)
    assert len(list(tmp_path.rglob("*.py"))) == len(ALGORITHMS) * len(there)


def test_a_profile_is_a_name_and_no_way_out(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "QGIS" / "QGIS4" / "profiles").mkdir(parents=True)
    (tmp_path / "QGIS" / "elsewhere").mkdir()
    assert run("qgis", "--profile", "../../elsewhere")[0] == 2
    assert list(tmp_path.rglob("*.py")) == []


def test_a_qgis_that_ci_promised_and_is_missing_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(in_qgis, "SYSTEM_PYTHON", str(tmp_path / "python3"))
    for promised, end in (("required", pytest.fail.Exception), ("", pytest.skip.Exception)):
        monkeypatch.setenv("GEORETRIEVAL_QGIS", promised)
        folder = tmp_path / f"of-{promised}"
        folder.mkdir()
        with pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match="QGIS is not installed") as ended:
            in_qgis.environment_of(folder)
        assert ended.type is end
