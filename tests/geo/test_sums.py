"""Lists of checksums as they come, and what they say of a survey's files."""

from __future__ import annotations

import copy
import hashlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from georetrieval.errors import InputError
from georetrieval.geo import sums
from georetrieval.geo.source_files import all_files, checked, missing
from georetrieval.geo.straight import OpenSurvey
from georetrieval.geo.sums import FileSum, Sums, file_sum, line_of
from georetrieval.geo.tile import Survey
from tests.made import tiny


def listed(folder: Path, name: str = "SHA256SUMS", kind: str = "sha256") -> Path:
    """A list of every file below a folder, written by hand."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    lines = [f"{hashlib.new(kind, p.read_bytes()).hexdigest()}  {p.relative_to(folder)}\n" for p in files]
    path = folder.parent / name
    path.write_text("".join(lines))
    return path


@pytest.fixture
def survey(tmp_path):
    """Four sheets and vectors, and a list of their checksums."""
    survey, _ = tiny.sheets(tmp_path / "in")
    return replace(survey, sums=listed(tmp_path / "in"))


def test_what_is_written_is_what_sha256sum_reads(tmp_path):
    names = ["a.tif", "a b.tif", "back\\slash.tif", "é.tif", "new\nline.tif", "*star.tif"]
    for name in names:
        (tmp_path / name).write_text(name)
    lines = "".join(line_of(name, file_sum(tmp_path / name)[0].sha256) for name in names)
    (tmp_path / "list").write_text(lines)
    done = subprocess.run(["sha256sum", "--check", "--quiet", "list"], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    by_gnu = subprocess.run(["sha256sum", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    (tmp_path / "gnu").write_bytes(by_gnu)
    assert Sums.read(tmp_path / "gnu").listed == Sums.read(tmp_path / "list").listed
    assert set(Sums.read(tmp_path / "list").listed) == set(names)


def test_the_lists_that_others_write(tmp_path):
    a, b, c = ("a" * 64, "B" * 32, "c" * 64)
    (tmp_path / "l").write_text(f"\ufeff# made by hand\r\n{a} *./x/1.jp2\r\n{b}\t1_DONNEES\\2.shp\r\n\r\n"
                                f"SHA256 (x/3 (copy).jp2) = {c}\nMD5 (4.jp2) = {b}\n")
    assert Sums.read(tmp_path / "l").listed == {
        "x/1.jp2": a, "1_DONNEES/2.shp": b.lower(), "x/3 (copy).jp2": c, "4.jp2": b.lower()}


@pytest.mark.parametrize("text", ["", "# nothing\n", "abc  a.tif\n", f"{'a' * 63}  a.tif\n", f"{'a' * 64}a.tif\n",
                                  f"{'a' * 64}  a\n{'b' * 64}  a\n"])
def test_a_list_that_is_none(tmp_path, text):
    (tmp_path / "l").write_text(text)
    with pytest.raises(InputError, match=str(tmp_path / "l")):
        Sums.read(tmp_path / "l")


def test_a_name_may_begin_at_any_folder_above_and_the_longest_counts(tmp_path):
    named = Sums(tmp_path, {"x/a.tif": "1", "a.tif": "2"})
    assert named.name_of(Path("/data/x/a.tif")) == "x/a.tif"
    assert named.name_of(Path("/data/y/a.tif")) == "a.tif"
    assert named.name_of(Path("/data/y/aa.tif")) is None


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_files_as_they_were(survey, tmp_path, kind):
    found = checked(replace(survey, sums=listed(tmp_path / "in", "l", kind))).checked
    assert found.refused == {}
    files = [p for p in (tmp_path / "in").rglob("*") if p.is_file()]
    assert found.found == {p: FileSum(p.stat().st_size, hashlib.sha256(p.read_bytes()).hexdigest()) for p in files}


def test_a_sheet_that_differs_is_not_listed_or_gone_is_not_to_be_read(survey):
    sheets = sorted(survey.photos.glob("*.tif"))
    data = bytearray(sheets[0].read_bytes())
    data[5000] ^= 1
    sheets[0].write_bytes(data)
    shutil.copy(sheets[1], survey.photos / "new.tif")
    sheets[2].unlink()
    (survey.photos / f"{sheets[3].name}.ovr").write_bytes(b"II*\0")
    refused = checked(survey).checked.refused
    assert set(refused) == {sheets[0], survey.photos / "new.tif", sheets[2], sheets[3]}
    assert "checksum" in refused[sheets[0]]
    assert "not in the list" in refused[survey.photos / "new.tif"]
    assert "not there" in refused[sheets[2]]
    assert refused[sheets[3]].startswith(f"{sheets[3]}.ovr")


@pytest.mark.parametrize("damage", [
    lambda p: p.write_bytes(p.read_bytes()[:-1]), lambda p: p.unlink(), lambda p: shutil.copy(p, p.with_name("x.dbf"))])
@pytest.mark.parametrize("part", [".SHP", ".shx", ".dbf", ".prj"])
def test_vectors_are_read_whole_or_not(survey, part, damage):
    path = next(p for p in sorted(survey.vectors.rglob("*")) if p.suffix.lower() == part.lower())
    damage(path)
    with pytest.raises(InputError, match=r"vectors of 57-2004 are not read: .*(\.shp|\.shx|\.dbf|\.prj) (?i:is|does)"):
        checked(survey)


def test_a_world_file_that_is_gone_costs_its_sheet(tmp_path):
    folder = tmp_path / "in"
    for number in range(2):
        bounds = (1000.0 * number, 0.0, 1000.0 * number + 100, 100.0)
        tiny.write_raster(folder / f"{number}.png", tiny.noise((1, 50, 50)), bounds, driver="PNG", WORLDFILE="YES")
    survey = Survey("57", "2004", photos=folder, sums=listed(folder))
    (folder / "1.wld").unlink()
    refused = checked(survey).checked.refused
    assert set(refused) == {folder / "1.png"}
    assert str(folder / "1.wld") in refused[folder / "1.png"]


def test_what_a_list_names_elsewhere_is_not_missed(survey):
    survey.sums.write_text(survey.sums.read_text() + f"{'a' * 64}  README.pdf\n{'a' * 64}  other/gone.tif\n"
                           f"{'a' * 64}  ../in/up.tif\n")
    assert checked(survey).checked.refused == {}
    assert missing(Sums.read(survey.sums), all_files(survey.photos), [survey.photos.parent]) == [
        survey.photos.parent / "other" / "gone.tif"]


def test_another_process_gets_what_is_refused_and_reads_no_checksums(survey, tmp_path, monkeypatch):
    sheet = sorted(survey.photos.glob("*.tif"))[1]
    sheet.write_bytes(sheet.read_bytes()[:-1] + b"\0")
    done = checked(survey)
    assert checked(done) is done
    sent = copy.deepcopy(done)  # as pickling does it
    assert (len(sent.checked.found), set(sent.checked.refused)) == (0, {sheet})
    monkeypatch.setattr(sums, "file_sum", lambda *_, **__: pytest.fail("read again"))
    _, settings = tiny.sheets(tmp_path / "other")
    opened = OpenSurvey(sent, settings)
    assert opened.broken == [done.checked.refused[sheet]]
    assert len(opened.mosaic.sheets) == 3
