"""An index in a table answers as in its folder: a real server, and the folder as the oracle."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from georetrieval.errors import BusyError, InputError, MismatchError, MissingExtraError, StoreError, UsageError
from georetrieval.maps import ground_table
from georetrieval.search import postgres_export, postgres_session
from georetrieval.search.building import About
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import EVERYTHING, Filter, Gallery
from georetrieval.search.matches import Matches
from georetrieval.search.postgres import FILTERED, PostgresStore
from georetrieval.search.postgres_address import Address
from georetrieval.search.postgres_export import export_postgres
from georetrieval.search.postgres_session import Session, quoted
from georetrieval.search.store import IndexStore
from tests.made.server import PASSWORD

ROWS, DIM = 400, 12
NASTY = ("'; DROP TABLE tiles; --", 'say "hello"', "{NULL,\\'a\\'}", "Île-d'Yeu: 'là' \\ ÿ", "null", "%s :name $1", "",
         "a\nb\tc", "日本")


def rows(seed: int = 1, count: int = ROWS, space: str = "cosine", dim: int = DIM) -> tuple[Descriptors, pa.Table]:
    """Rows with equal vectors, very near ones, few dates, and keys and scopes that are hard to quote."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, dim)).astype(np.float32)
    vectors[100:160] = vectors[7]                                                    # ties, more than are spare
    vectors[160:200] = vectors[8] * (1 + random.normal(size=(40, dim)) * 1e-7)        # nearly ties: apart by rounding
    vectors[200:210] *= np.float32(1e-6)
    west = np.arange(count) % 20 * 100.0
    south = np.arange(count) // 20 * 100.0
    table = pa.table({"date": [("2004", "2019", "1976'")[i % 3] for i in range(count)], "xmin": west, "ymin": south,
                      "xmax": west + 100, "ymax": south + 100})
    keys = [f"{NASTY[i % len(NASTY)]}{i // 20}" for i in range(count)]
    order = random.permutation(count)
    return Descriptors(vectors, keys, [f"t{i:05d}" for i in order], [NASTY[i % 4] for i in range(count)], space), table


def built(folder: Path, part, **about) -> IndexStore:
    known = {"model": "hog", "fingerprint": {"architecture": "hog", "px": 1}, "crs": "EPSG:2154", "cell_m": 100.0}
    return IndexStore.build(folder, [(part[0], ground_table(part[1].to_pandas(), "EPSG:2154"))],
                            About(**known | about))


@pytest.fixture(scope="module", params=["cosine", "euclidean"])
def both(request, server, tmp_path_factory):
    """The same index in a folder and in a table whose name has to be quoted."""
    store = built(tmp_path_factory.mktemp("both") / "town", rows(space=request.param))
    address = Address.parse(server.address(f"a:b \"c\" {request.param}; --", more="&schema=Deux%20S%C3%A8vres"))
    assert export_postgres(store, address).rows == ROWS
    table = PostgresStore.open(address)
    yield store, table
    table.close()


def questions(store: IndexStore) -> Descriptors:
    """Rows of the index (ties and rounding among them), strange vectors, and vectors that mean nothing."""
    held = store.load()[0].take([0, 7, 120, 8, 170, 205, 399])
    strange = np.random.default_rng(5).normal(size=(5, DIM)).astype(np.float32)
    strange[4] += 2 * held.vectors[3]
    strange[1], strange[2, 3], strange[3] = 0, np.nan, strange[3] * np.float32(1e-15)
    new = Descriptors(strange, ["'x", "nowhere", "b\0c", "", held.keys[0]], [*"vwxy", "a\udc80\0"],
                      [NASTY[0], "?", NASTY[1], "\0", NASTY[3]], held.space)
    return Descriptors.concatenate([held, new])


def named(matches: Matches) -> list[str]:
    """The names of all answers."""
    return matches.gallery_names[matches.rows[matches.found]].tolist()


FILTERS = [
    Filter(), Filter(exclude_self=True), Filter(own_scope=True), Filter(dates=("1976'",)),
    Filter(dates=("2004", "2019")), Filter(dates=("'; DROP TABLE x; --",)), Filter(scopes=NASTY[:1]),
    Filter(scopes=NASTY[1:3], exclude_self=True),
    Filter(scopes=(*NASTY, "\0", "\ud800")), Filter(bounds=(150, 250, 650, 1000)), Filter(bounds=(-9, -9, 100, 100)),
    Filter(bounds=(1e9, 1e9, 2e9, 2e9)), Filter(("2004",), NASTY[:2], (0, 0, 1500, 1500), True, True),
]


@pytest.mark.parametrize("where", FILTERS, ids=str)
@pytest.mark.parametrize("k", [1, 5, 90, ROWS + 7])
def test_the_same_answers_as_in_the_folder(both, where, k):
    store, table = both
    asked = questions(store)
    mine = store.gallery().search(asked, k, where=where)
    part = table.source()[1].nearest([asked], k, where)
    theirs = Gallery.of(part[0], attributes=part[1]).search(asked, k, where=where)
    assert theirs.found.tolist() == mine.found.tolist()
    assert named(theirs) == named(mine)
    assert theirs.scores.tobytes() == mine.scores.tobytes()
    assert theirs.hits.tolist() == mine.hits.tolist()
    assert theirs.truths.tolist() == mine.truths.tolist()
    assert theirs.unanswered_names.tolist() == mine.unanswered_names.tolist()


def test_many_questions_read_all_rows_once(both):
    store, table = both
    asked = Descriptors.concatenate([questions(store)] * 6)
    part = table.source()[1].nearest([asked], 4, Filter(own_scope=True))
    assert len(part[0]) == ROWS
    mine = store.gallery().search(asked, 4, where=Filter(own_scope=True))
    theirs = Gallery.of(part[0], attributes=part[1]).search(asked, 4, where=Filter(own_scope=True))
    assert (named(theirs), theirs.scores.tobytes()) == (named(mine), mine.scores.tobytes())


def test_few_rows_come_and_all_when_all_are_wanted(both):
    store, table = both
    part = table.source()[1].nearest([store.load()[0].take([0])], 1)
    assert 1 <= len(part[0]) < 40
    mine, theirs = store.load(), table.source()[1].whole()
    assert theirs[0].vectors.tobytes() == mine[0].vectors.tobytes()
    for column in ("tile_id", "key", "scope", "date", "xmin", "ymax"):
        assert theirs[1].column(column).to_pylist() == mine[1].column(column).to_pylist()
    assert table.gallery().search(questions(store), 3).scores.tobytes() == \
        store.gallery().search(questions(store), 3).scores.tobytes()


def test_rows_by_name_and_by_place(both):
    store, table = both
    held, source = store.load(), table.source()[1]
    names = [*held[0].names[:3].tolist(), "'; --", "no\0ne"]
    assert sorted(source.named(names)[0].names.tolist()) == sorted(names[:3])
    places = table.source()[1].touching(np.array([[250.0, 250, 250, 250], [np.nan] * 4, [1000, 1000, 1100, 1100]]))[1]
    boxes = held[1].to_pandas()
    for x0, y0, x1, y1 in ([250, 250, 250, 250], [1000, 1000, 1100, 1100]):
        there = boxes[(boxes.xmin <= x1) & (boxes.xmax >= x0) & (boxes.ymin <= y1) & (boxes.ymax >= y0)]
        assert set(there["tile_id"]) <= set(places.column("tile_id").to_pylist())
    assert places.num_rows == 1 + 9
    assert source.extent() == (0, 0, 2000, 2000)
    assert store.source()[1].extent() == (0, 0, 2000, 2000)


def test_a_filter_that_sql_does_not_know_is_refused(both):
    """Distances are compared here: `answered` reads the table whole for them; see `search --beyond` in tests/cli."""
    from dataclasses import dataclass, fields

    @dataclass(frozen=True)
    class Later(Filter):
        colour: str = ""

    store, table = both
    assert {f.name for f in fields(Filter)} == FILTERED | {"beyond_m"}
    for where, what in ((Filter(beyond_m=5.0), "beyond_m"), (Later(colour="red"), "colour")):
        with pytest.raises(UsageError, match=what):
            table.source()[1].nearest([questions(store)], 3, where)
    with pytest.raises(UsageError, match="length 3"):
        table.source()[1].nearest([Descriptors(np.ones((1, 3)), ["a"], ["a"], ["a"], "cosine")], 3)


def test_another_eye_is_refused_as_by_the_folder(both):
    store, table = both
    for index in (store, table):
        index.require({"architecture": "hog", "px": 1})
        with pytest.raises(MismatchError, match="px is 1 in the index and 2 in the model"):
            index.require({"architecture": "hog", "px": 2})
    own = {"segments", "tombstones", "version", "parent"}
    assert table.manifest.model_dump(exclude=own) == store.manifest.model_dump(exclude=own)


@pytest.fixture
def town(tmp_path):
    return built(tmp_path / "town", rows())


@pytest.fixture
def other(tmp_path):
    return built(tmp_path / "other", rows(seed=2, count=300))


def held(address: Address) -> tuple[bytes, int]:
    store = PostgresStore.open(address)
    try:
        return store.source()[1].whole()[0].vectors.tobytes(), store.manifest.counts.tiles
    finally:
        store.close()


def in_the_middle(monkeypatch, happens) -> None:
    """Let something happen when some of the rows have gone to the server."""
    copied = postgres_export.copied

    def hooked(*arguments):
        for number, chunk in enumerate(copied(*arguments)):
            if number == 2:
                happens()
            yield chunk

    monkeypatch.setattr(postgres_export, "copied", hooked)


@pytest.mark.parametrize("dim", [DIM, DIM + 3], ids=["rows replaced", "other columns"])
def test_who_reads_while_it_is_exported_sees_one_whole_version(server, town, tmp_path, monkeypatch, dim):
    address, after = Address.parse(server.address()), built(tmp_path / "n", rows(seed=2, count=300, dim=dim))
    export_postgres(town, address)
    old, new = town.load()[0].vectors.tobytes(), after.load()[0].vectors.tobytes()
    before, seen = PostgresStore.open(address), []
    in_the_middle(monkeypatch, lambda: seen.append(held(address)))
    if dim == DIM:
        export_postgres(after, address)
        assert before.source()[1].whole()[0].vectors.tobytes() == old  # it keeps what it saw
    else:
        monkeypatch.setattr(postgres_export, "LOCK_S", 1)
        with pytest.raises(BusyError, match="try again"):
            export_postgres(after, address)  # `before` reads the columns that would go
        assert held(address) == (old, ROWS)
        before.close()
        export_postgres(after, address)
    assert set(seen) == {(old, ROWS)}
    assert held(address) == (new, 300)
    before.close()


def test_rights_and_views_outlive_a_new_export(server, town, other):
    address = Address.parse(server.address())
    export_postgres(town, address)
    mine = Address.parse(server.address(address.table, user="reader"))
    with pytest.raises(InputError, match="'reader' may not"):
        PostgresStore.open(mine)
    with server.session() as session:
        session.run(f"GRANT SELECT ON {quoted(address.table)}, georetrieval_indexes TO reader")
        session.run(f"CREATE VIEW {quoted('v' + address.table)} AS SELECT tile_id FROM {quoted(address.table)}")
    export_postgres(other, address)
    assert held(mine)[1] == 300
    with pytest.raises(InputError, match="'reader' may not"):
        export_postgres(town, mine)
    with server.session() as session:
        assert session.run(f"SELECT count(*) FROM {quoted('v' + address.table)}") == [[300]]


KILLED = """
import os, signal, sys
from pathlib import Path
from georetrieval.search import postgres_export
from georetrieval.search.postgres_address import Address
from georetrieval.search.store import IndexStore
copied = postgres_export.copied
def half(*arguments):
    for number, chunk in enumerate(copied(*arguments)):
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield chunk
postgres_export.copied = half
postgres_export.export_postgres(IndexStore.open(Path(sys.argv[1])), Address.parse(sys.argv[2]))
"""


def test_an_export_that_is_killed_leaves_the_old_rows(server, town, other):
    address = Address.parse(server.address())
    export_postgres(town, address)
    done = subprocess.run([sys.executable, "-c", KILLED, other.path, str(address)], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert held(address) == (town.load()[0].vectors.tobytes(), ROWS)
    export_postgres(other, address)
    assert held(address)[1] == 300


def test_a_lost_connection_and_a_second_writer_are_busy(server, town, other, monkeypatch):
    address = Address.parse(server.address())
    export_postgres(town, address)

    def second() -> None:
        with pytest.raises(BusyError, match="Another export"):
            export_postgres(town, address)

    with monkeypatch.context() as patch:
        in_the_middle(patch, second)
        export_postgres(other, address)

    def cut() -> None:
        with server.session() as session:
            session.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'")

    in_the_middle(monkeypatch, cut)
    with pytest.raises(BusyError, match="try again"):
        export_postgres(town, address)
    assert held(address)[1] == 300


def test_an_approximate_index_only_on_request(server, town, other):
    address = Address.parse(server.address())
    with pytest.raises(InputError, match="no index in"):
        PostgresStore.open(address)
    recall = export_postgres(town, address, ann="hnsw").recall
    assert recall is not None
    assert 0.5 < recall <= 1
    near = Address.parse(server.address(address.table, more="&ann=hnsw"))
    store, asked = PostgresStore.open(near), town.load()[0].take([3, 50, 300])
    for where in (EVERYTHING, Filter(bounds=(0, 0, 300, 300)), Filter(dates=("2004",))):
        part = store.source()[1].nearest([asked], 9, where)
        found = Gallery.of(part[0], attributes=part[1]).search(asked, 9, where=where)
        assert found.found.all()  # never fewer than k
        mine = town.gallery().search(asked, 9, where=where)
        same = found.gallery_names[found.rows] == mine.gallery_names[mine.rows]
        assert same.mean() > 0.8
    store.close()
    exact = PostgresStore.open(address)
    exact.session.run("SET enable_seqscan = off")
    exact.session.run("SET hnsw.ef_search = 1")  # were it asked, there would be few answers
    part = exact.source()[1].nearest([asked], 50)
    assert Gallery.of(part[0]).search(asked, 50).scores.tobytes() == town.gallery().search(asked, 50).scores.tobytes()
    exact.close()
    assert held(address)[1] == ROWS
    assert export_postgres(other, address).recall is None
    with pytest.raises(UsageError, match="no approximate index"):
        PostgresStore.open(near)
    with server.session() as session:
        assert session.run("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%hnsw%' AND tablename = :name",
                           name=address.table) == [[0]]


DAMAGE = {
    "UPDATE {t} SET embedding = embedding + CAST(:q AS vector) WHERE tile_id = 't00007'": "'t00007' is not as it was",
    "UPDATE {t} SET key = 'x' WHERE tile_id = 't00007' AND :q <> ''": "'t00007' is not as it was",
    "UPDATE {t} SET x_max = x_max + 1 WHERE tile_id = 't00007' AND :q <> ''": "'t00007' is not as it was",
    "UPDATE {t} SET position = position + 1000 WHERE tile_id = 't00007' AND :q <> ''": "rows are not those",
    "DELETE FROM {t} WHERE tile_id = 't00007' AND :q <> ''": f"holds {ROWS - 1} rows",
    "UPDATE georetrieval_indexes SET words = '[]' WHERE table_name = '{n}' AND :q <> ''": "does not have its digest",
    "UPDATE georetrieval_indexes SET words = replace(CAST(words AS text), 'hog', 'dog')::json WHERE table_name = '{n}' "
    "AND :q <> ''": "does not have its digest",
}


@pytest.fixture(scope="module")
def exported(server, tmp_path_factory):
    store, address = built(tmp_path_factory.mktemp("e") / "town", rows()), Address.parse(server.address())
    export_postgres(store, address)
    return store, address


@pytest.mark.parametrize("statement", DAMAGE)
def test_damage_is_told(server, exported, statement):
    store, address = exported
    with server.session() as session:
        session.run(statement.format(t=quoted(address.table), n=address.table), q=str([1e-7] * DIM))
    with pytest.raises(StoreError, match=DAMAGE[statement]):
        held(address)
    export_postgres(store, address)
    assert held(address)[1] == ROWS


@pytest.mark.parametrize("change", ["DROP COLUMN sha256", "ALTER COLUMN embedding TYPE halfvec(12)", "RENAME key TO k"])
def test_a_table_with_other_columns_is_told_and_replaced(server, exported, change):
    store, address = exported
    with server.session() as session:
        session.run(f"ALTER TABLE {quoted(address.table)} {change}")
    with pytest.raises(StoreError, match="other columns|its columns are not"):
        PostgresStore.open(address)
    export_postgres(store, address)
    assert held(address)[1] == ROWS


def test_the_table_of_somebody_else_is_left_alone(server, exported):
    store, address = exported
    with server.session() as session:
        session.run("CREATE TABLE cadastre (id int)")
        session.run("INSERT INTO cadastre VALUES (1)")
    theirs = Address.parse(server.address("cadastre"))
    for table in (theirs, Address.parse(server.address("georetrieval_indexes"))):
        with pytest.raises(InputError, match="no export made"):
            export_postgres(store, table)
        with pytest.raises(InputError, match="is no index"):
            PostgresStore.open(table)
    with server.session() as session:
        assert session.run("SELECT id FROM cadastre") == [[1]]
    with pytest.raises(InputError, match="There is no schema 'nowhere'"):
        PostgresStore.open(replace(address, schema="nowhere"))


def test_pgvector_has_to_be_in_the_database(server, exported):
    bare = Address.parse(server.address(database="bare"))
    for ask in (lambda: export_postgres(exported[0], bare), lambda: PostgresStore.open(bare)):
        with pytest.raises(MissingExtraError, match="CREATE EXTENSION vector") as error:
            ask()
        assert error.value.exit_code == 5


def test_vectors_that_pgvector_would_not_order_are_refused(server, tmp_path):
    part = rows(count=210)
    part[0].vectors[3] *= np.float32(1e-17)
    with pytest.raises(InputError, match="not put them in order exactly"):
        export_postgres(built(tmp_path / "odd", part), Address.parse(server.address()))
    zero = replace(rows(count=210)[0], keys=np.asarray(["a\0b"] * 210))
    address = Address.parse(server.address())
    with pytest.raises(InputError, match="zero byte"):
        export_postgres(built(tmp_path / "zero", (zero, part[1])), address)
    with pytest.raises(InputError, match="no index in"):
        PostgresStore.open(address)


def test_the_password_opens_the_door_and_is_never_said(server, exported, monkeypatch, tmp_path):
    from urllib.parse import quote

    for name in ("PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    plain, table = server.address(exported[1].table, user="guarded"), quoted(exported[1].table)
    with server.session() as session:
        session.run(f"GRANT SELECT ON {table}, georetrieval_indexes TO guarded")
    given = plain.replace("guarded@", f"guarded:{quote(PASSWORD, safe='')}@")
    file = tmp_path / ".pgpass"
    file.write_text("# mine\nother:*:*:*:x\n*:5432:land:guarded:" + PASSWORD.replace(":", "\\:") + "\n")
    file.chmod(0o644)
    with pytest.raises(InputError, match="none was given: set PGPASSWORD"):
        PostgresStore.open(Address.parse(plain))  # others may read the file: it does not count
    file.chmod(0o600)
    assert held(Address.parse(plain))[1] == ROWS
    file.unlink()
    assert held(Address.parse(given))[1] == ROWS
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert held(Address.parse(plain))[1] == ROWS
    wrong = Address.parse(plain.replace("guarded@", "guarded:hush-hush@"))
    with pytest.raises(InputError, match="wrong user or password") as error:
        PostgresStore.open(wrong)
    for text in (str(error.value), repr(error.value), str(wrong), repr(wrong), str(error.value.__cause__)):
        assert "hush" not in text
    assert Address.parse(str(Address.parse(given))).password == PASSWORD  # from the environment, not from the words


@pytest.mark.parametrize("address", [
    "postgresql://u:hush@h/d", "postgresql://u:hush@h/d?tables=x", "postgresql://u:hush@h:port/d?table=x",
    "postgresql://u:hush@[h/d?table=x", "postgresql://u:hush@h/d?table=" + "x" * 64, "mysql://u:hush@h/d?table=x",
    "postgresql://u:hush@h/d?table=x&sslmode=perhaps", "postgresql://u:hush@h/d?table=x%00", "postgresql://?ann=ivf&table=x",
])
def test_an_address_that_is_none_is_refused_without_repeating_it(address):
    with pytest.raises(UsageError) as error:
        Address.parse(address)
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(("more", "told"), [
    ("host=/nowhere", "no PostgreSQL server at /nowhere"), ("host=127.0.0.1", "no PostgreSQL server at 127.0.0.1:9"),
    ("host=no.such.host.invalid", "no PostgreSQL server at no.such"), ("host=a..b", "no PostgreSQL server at a..b"),
])
def test_a_server_that_is_not_there_is_told(more, told):
    with pytest.raises(InputError, match=told):
        PostgresStore.open(Address.parse(f"postgresql://u:hush@:9/d?table=x&{more}"))


def test_who_answers_but_is_no_postgresql_is_told():
    import socket
    import threading

    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        for _ in range(2):
            with listening.accept()[0] as peer:
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()
    for mode in ("disable", "require"):
        with pytest.raises(InputError, match="cannot be spoken to"):
            PostgresStore.open(Address.parse(f"postgresql://u:hush@127.0.0.1:{listening.getsockname()[1]}/d"
                                             f"?table=x&sslmode={mode}"))
    listening.close()


def test_without_the_driver_the_extra_is_named(monkeypatch, town):
    monkeypatch.setitem(sys.modules, "pg8000.native", None)
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'georetrieval\[postgres\]'"):
        export_postgres(town, Address.parse("postgresql://u@h/d?table=x"))


def test_addresses_say_where(monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    full = Address.parse("postgres://a%40b:p%3Aw@db.example:6543/la%20nd?table=s.t&sslmode=verify-full&ann=hnsw")
    assert (full.user, full.password, full.host, full.port, full.database, full.schema, full.table, full.ssl_mode,
            full.ann) == ("a@b", "p:w", "db.example", 6543, "la nd", "s", "t", "verify-full", True)
    assert str(full) == "postgresql://a%40b@db.example:6543/la%20nd?table=s.t&ann=hnsw"
    assert os.fspath(Path(Address.parse("postgresql://u@/d?table=t").socket)) == "/var/run/postgresql/.s.PGSQL.5432"


def test_an_approximate_index_of_another_distance_is_made_again(server, tmp_path):
    """The rows of a euclidean index after those of a cosine one: its operators cannot use the old approximate index."""
    address = Address.parse(server.address())
    kinds = []
    for space in ("cosine", "euclidean"):
        export_postgres(built(tmp_path / space, rows(space=space)), address, ann="hnsw")
        table = PostgresStore.open(address)
        kinds.append(table.session.run(
            "SELECT o.opcname FROM pg_index i JOIN pg_opclass o ON o.oid = i.indclass[0] JOIN pg_class c ON "
            "c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam WHERE i.indrelid = to_regclass(:name) AND "
            "a.amname = 'hnsw'", name=f'"{address.table}"'))
        table.close()
    assert len(kinds[0]) == len(kinds[1]) == 1
    assert kinds[0] != kinds[1]


def test_a_server_that_says_nothing_is_given_up(monkeypatch):
    """It takes the call and then is silent."""
    monkeypatch.setattr(postgres_session, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(InputError, match="cannot be spoken to"):
            PostgresStore.open(Address.parse(f"postgresql://me@127.0.0.1:{port}/land?table=town"))


def test_an_account_without_a_name_is_asked_for_one(monkeypatch):
    monkeypatch.delenv("PGUSER", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: (_ for _ in ()).throw(KeyError("uid")))
    with pytest.raises(UsageError, match="As whom"):
        Address.parse("postgresql://127.0.0.1/land?table=town")


@pytest.mark.parametrize("space", ["cosine", "euclidean"])
def test_the_recall_of_an_approximate_index_does_not_count_the_row_that_asks(server, tmp_path, monkeypatch, space):
    """An index that finds nothing but the row itself has recall 0; one that finds all has 1, equal rows or not."""
    monkeypatch.setattr(postgres_export, "ANN_K", 4)
    vectors, table = rows(space=space)
    store, address = built(tmp_path / "town", (vectors.take(range(40)), table[:40])), Address.parse(server.address())
    assert export_postgres(store, address, ann="hnsw").recall == 1
    run = Session.run

    def blind(self, sql, stream=None, **parameters):
        found = run(self, sql, stream, **parameters)
        return found[:1] if sql.startswith("SELECT position") else found

    monkeypatch.setattr(Session, "run", blind)
    assert export_postgres(store, address, ann="hnsw").recall == 0
    one = built(tmp_path / "one", (vectors.take([0]), table[:1]))
    assert export_postgres(one, address, ann="hnsw").recall == 1


def test_a_mistake_of_ours_is_no_lost_connection(server):
    class Odd:
        def __str__(self):
            return self.nothing

    with server.session() as session:
        with pytest.raises(AttributeError, match="nothing"):
            session.run("SELECT CAST(:odd AS text)", odd=Odd())
        with pytest.raises(BusyError, match="was lost"):  # it was cut off in the middle; no wrong answer comes
            session.run("SELECT 1")
