"""`georetrieval serve`: what is refused before anything listens, and what it says."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path

import pytest

from georetrieval.errors import UsageError
from georetrieval.search.store import IndexStore
from georetrieval.serve.guard import Guard
from georetrieval.serve.settings import Settings
from tests.made.rows import ABOUT, part


def test_check_says_what_would_be_shown(cli, index):
    code, out, err = cli("serve", index, "--tiles", "tiles", "--check")
    assert code == 0, err
    told = json.loads(out)
    assert told["name"] == "town"
    assert told["crs"] == "EPSG:2154"
    assert told["dates"] == ["2004", "2019"]
    assert told["modalities"] == ["photo"]


def test_without_the_extra_it_says_how_to_get_it(cli, index, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastapi", None)
    code, _, err = cli("serve", index, "--check")
    assert code == 5
    assert "georetrieval[serve]" in err


@pytest.mark.parametrize(("words", "code", "said"), [
    (["nowhere"], 2, "no index at"),
    (["town", "--tiles", "nowhere"], 2, "does not exist"),
    (["town", "--evaluation", "nowhere.gpkg"], 2, "does not exist"),
    (["town", "--token", "short"], 2, "at least 16"),
    (["town", "--host", "0.0.0.0"], 2, "--allow-host"),
    (["town", "--host", "a b"], 2, "no name or address"),
    (["town", "--port", "70000"], 2, "70000"),
    (["town", "--public", "gis.example"], 2, "no address of a proxy"),
    (["town", "--public", "https://gis.example/maps"], 2, "without a path"),
    (["town", "--public", "https://gis.example:65536"], 2, "no address of a proxy"),
    (["town", "--host", "192.0.2.7", "--port", "0"], 2, "cannot be listened on"),
    (["postgresql://a@b/c"], 2, "table"),
])
def test_what_cannot_be_served(cli, index, words, code, said):
    assert index == "town"
    found, _, err = cli("serve", *words)
    assert found == code
    assert said in err


def test_tiles_of_another_kind_do_not_belong(cli, index, tmp_path):
    assert index == "town"
    IndexStore.build(tmp_path / "other", [part("a", 1)], ABOUT)
    code, _, err = cli("serve", tmp_path / "other", "--tiles", "tiles", "--check")
    assert code == 4
    assert "cut another way" in err


def test_a_port_that_is_taken(cli, index):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = cli("serve", index, "--port", taken.getsockname()[1])
    assert code == 75
    assert "--port" in err


def test_other_machines_need_a_token_and_a_name():
    with pytest.raises(UsageError, match="token"):
        Settings(host="192.0.2.7")
    with pytest.raises(UsageError, match="--allow-host"):
        Settings(host="0.0.0.0", token="x" * 16)
    there = Settings(host="0.0.0.0", token="x" * 16, names=("gis.example", "fe80::1"))
    named = {"127.0.0.1", "localhost", "[::1]", "gis.example", "[fe80::1]"}
    assert there.hosts(81) == {f"{name}:81" for name in named}
    assert there.hosts(80) == named | {f"{name}:80" for name in named}  # browsers leave :80 out
    assert there.address(80) == "http://gis.example:80/?token=" + "x" * 16
    assert Settings(host="::1", port=1).address(1) == "http://[::1]:1/"


@pytest.mark.parametrize(("public", "host", "origin", "secure"), [
    ("https://Gis.Example/", "gis.example", "https://gis.example", True),
    ("https://gis.example:443", "gis.example", "https://gis.example", True),  # browsers leave :443 out
    ("https://gis.example:8443", "gis.example:8443", "https://gis.example:8443", True),
    ("http://gis.example", "gis.example", "http://gis.example", False),
])
def test_a_proxy_before_the_server_has_a_name_of_its_own(public, host, origin, secure):
    there = Settings(token="x" * 16, public=public)
    assert (there.origin, there.secure) == (origin, secure)
    assert there.hosts(8765) == {"127.0.0.1:8765", "localhost:8765", "[::1]:8765", host}
    assert there.address(8765) == f"{origin}/?token=" + "x" * 16
    with pytest.raises(UsageError, match="token"):
        Settings(public=public)


def test_names_are_compared_as_browsers_write_them():
    there = Settings(host="2001:DB8:0:0::7", token="x" * 16, names=("Gis.Example",))
    assert {"[2001:db8::7]:8765", "gis.example:8765", "127.0.0.1:8765"} <= there.hosts(8765)
    assert "gis.example" not in there.hosts(8765)
    with pytest.raises(UsageError, match="no name or address"):
        Settings(names=("192.0.2.7:8765",))


def test_the_token_is_found_among_cookies_of_other_programs():
    guard = Guard(lambda *_: None, Settings(token="x" * 16), 8765)
    cookies = [(b"cookie", b'prefs={"theme":"dark"}; georetrieval-8765=' + b"x" * 16)]
    assert guard._cookies(cookies) == ["x" * 16]
    assert guard._cookies([(b"cookie", b"georetrieval-9=a")]) == []


@pytest.mark.parametrize(("stand", "typed"), [
    (".", "."), (".", "./"), (".", "../town/"), ("deep", ".."), ("deep/er", "../..")])
def test_an_index_is_called_by_its_folder_wherever_one_stands(cli, index, tmp_path, monkeypatch, stand, typed):
    folder = tmp_path / "town"
    shutil.copytree(Path("indexes") / index, folder)
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(folder / stand)
    code, out, err = cli("serve", typed, "--check")
    assert code == 0, err
    assert json.loads(out)["name"] == "town"
