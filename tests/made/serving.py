"""A real server of the explorer, in a process of its own or in a thread, and ways to ask it, impolite ones too."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from georetrieval.cli.main import main
from georetrieval.serve.explorer import Explorer
from georetrieval.serve.listening import bound, server_of
from tests.made.towns import survey, town

START_S = 120
ASK_S = 60
IMPATIENT = """
import sys
from georetrieval.serve.guard import Guard
from georetrieval.serve.patience import PatientProtocol
PatientProtocol.head_s, Guard.body_s = 1.0, 1.5
from georetrieval.cli.main import main
from georetrieval.serve.explorer import Explorer
from georetrieval.serve.listening import bound, server_of
main(sys.argv[1:])
"""
"""The command line with deadlines that a test can wait for."""


def command(*words: object) -> None:
    """The command line; it has to end well."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    assert not end.value.code


def make_land(folder: Path) -> Path:
    """A folder with tiles/, sixteen at two dates with photo and classes, and town/, an index of those of 2004."""
    town(folder / "tiles", [survey(folder, "2004", 1, dark=1), survey(folder, "2019", 2)], px=64)
    command("index", "build", f"{folder}/town", "--model", "hog", "--tiles", folder / "tiles", "--date", "2004")
    return folder


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        """The value, as JSON."""
        return json.loads(self.data)


@dataclass(frozen=True)
class Serving:
    """A server that runs: its port, what its address says of a token, and its process."""

    port: int
    token: str | None
    process: subprocess.Popen[str] | None = None

    @property
    def host(self) -> str:
        """The Host header of its own page."""
        return f"127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One request, its path sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASK_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            named = {"Host": self.host} | ({} if body is None else {"Content-Length": str(len(body))})
            for name, value in (named | dict(headers or {})).items():
                connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        """GET, with headers named like_this."""
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, value: Any, **headers: str) -> Reply:
        """POST of JSON."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return self.ask("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json", **named})

    def upload(self, data: bytes, name: str = "photo.tif") -> Reply:
        """POST of a picture."""
        return self.ask("POST", "/api/upload", data, {"Content-Type": "application/octet-stream", "X-Name": name})

    def raw(self, data: bytes, *, wait: float = ASK_S) -> bytes:
        """Send these bytes, and read until the other side closes; b"" when it says nothing in time."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as line:
            found = b""
            try:
                line.sendall(data)
                while part := line.recv(1 << 16):
                    found += part
            except (TimeoutError, ConnectionError):
                pass
            return found

    def memory(self) -> int:
        """Resident bytes of the process."""
        assert self.process is not None
        return int(psutil.Process(self.process.pid).memory_info().rss)


@contextmanager
def served_here(explorer: Explorer) -> Iterator[Serving]:
    """The same server in a thread of this process, which is there at once."""
    with bound("127.0.0.1", 0) as door:
        port = int(door.getsockname()[1])
        server = server_of(explorer, port)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        try:
            yield Serving(port, explorer.settings.token)
        finally:
            server.should_exit = True
            thread.join(START_S)


@contextmanager
def serving(folder: Path, *words: object, impatient: bool = False) -> Iterator[Serving]:
    """Run `georetrieval serve` in a folder on a free port until the block ends."""
    program = ["-c", IMPATIENT] if impatient else ["-m", "georetrieval"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    with (folder / "serve.err").open("w+") as said:
        process = subprocess.Popen([sys.executable, *program, "serve", *map(str, words), "--port", "0"], cwd=folder,
                                   stdout=subprocess.PIPE, stderr=said, text=True, env=environment)
        try:
            assert process.stdout is not None
            address = urlsplit(process.stdout.readline().strip())
            assert address.port is not None, (folder / "serve.err").read_text()
            yield Serving(address.port, address.query.removeprefix("token=") or None, process)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(timeout=START_S) == 0
            finally:
                process.kill()
                if process.stdout is not None:
                    process.stdout.close()
