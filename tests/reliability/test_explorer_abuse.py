"""R15: what a hostile page, client or file can send to the explorer: nothing leaks, nothing grows, codes are right.

Small in every run; all of it with GEORETRIEVAL_CAMPAIGN=ci. Each case says which answers are right.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from georetrieval.files import TEMPORARY_PREFIX
from tests.made import campaign
from tests.made.serving import Reply, Serving, make_land, serving

SECRET = "nobody-may-read-this-7d1c"
TOKEN = "a-token-of-the-tests-0123456789"
GROWTH = 48 << 20
"""Bytes by which the process may have grown: allocators keep some."""
SENT = 50 << 20
Case = tuple[str, Callable[[Serving], Reply | None], frozenset[int]]


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_land(tmp_path_factory.mktemp("abused"))
    (folder / "secret.txt").write_text(SECRET)
    return folder


@pytest.fixture(scope="module")
def server(land: Path) -> Iterator[Serving]:
    with serving(land, "./town", "--tiles", "tiles", "--token", TOKEN, impatient=True) as found:
        yield found


def asked(method: str, path: str, body: bytes | None = None, token: str | None = TOKEN,
          **headers: str) -> Callable[[Serving], Reply]:
    """A request with the token and headers named like_this."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
    return lambda server: server.ask(method, path, body, bearer | named)


def questioned(body: bytes, kind: str = "application/json") -> Callable[[Serving], Reply]:
    return asked("POST", "/api/search", body, Content_Type=kind)


def line(text: str, *, token: bool = True, body: bytes = b"") -> Callable[[Serving], Reply | None]:
    """Bytes as they are: the first line and headers, `{host}` filled in; None when the other side just hangs up."""

    def send(server: Serving) -> Reply | None:
        bearer = f"Authorization: Bearer {TOKEN}\r\n" if token else ""
        head = text.format(host=server.host) + "\r\n" + bearer + "Connection: close\r\n\r\n"
        found = server.raw(head.encode("latin-1") + body)
        if not found.startswith(b"HTTP/1.1 "):
            return None
        return Reply(int(found[9:12]), {}, found)

    return send


def traversals(land: Path) -> Iterator[Case]:
    """Names of files where a name, number or word belongs."""
    words = ["../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "....//secret.txt", "..\\secret.txt",
             "..%5csecret.txt", "%252e%252e%252fsecret.txt", "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd",
             "file:///etc/passwd", "..%c0%afsecret.txt", "%00", "index.html%00.png", "../settings.py",
             "..%2f..%2fcli%2fmain.py", "town/CURRENT", "../town/CURRENT", "tiles/tiles.json", "~/.profile",
             "..;/secret.txt", ".%2e/%2e./secret.txt", f"{land}/secret.txt", quote(f"{land}/secret.txt", safe=""),
             "../" * 30 + "etc/passwd", "%2e%2e%2f" * 30 + "etc/passwd", "C:%5cWindows%5cwin.ini", "\\\\host\\share"]
    paths = ["/{}", "/web/{}", "/web/vendor/{}", "/api/{}", "/api/tiles/{}", "/api/tiles/{}/photo.png",
             "/api/tiles/1/{}", "/api/upload/{}", "/api/upload/{}.png"]
    queries = [("/api/tiles/1/photo.png?px={}", 400), ("/api/download?format={}&q=%7B%22tile%22%3A1%7D", 400),
               ("/api/download?format=csv&q={}", 400), ("/api/tiles?v={}", 409)]
    for word in words:
        for path in paths:
            yield path.format(word), asked("GET", path.format(word)), frozenset({404, 400})
        for path, status in queries:
            yield path.format(word), asked("GET", path.format(word)), frozenset({status, 400})
        for field, value in (("upload", word), ("dates", [word]), ("tile", word), ("more", word)):
            body = json.dumps({"tile": 1, field: value} if field != "upload" else {"upload": word}).encode()
            right = {"upload": {404, 400}, "dates": {200, 400}}.get(field, {400})
            yield f"{field} {word}", questioned(body), frozenset(right)


def strangers() -> Iterator[Case]:
    """Other hosts, other pages, no token."""
    hosts = ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:{port}.evil.example", "localhost:1",
             "0.0.0.0:{port}", "[::]:{port}", "127.1:{port}", "2130706433:{port}", "localhost.:{port}", "user@{host}"]
    paths = ["/", "/api/index", "/api/tiles", "/api/tiles/1/photo.png"]
    for path in paths:
        for host in hosts:
            def send(server: Serving, path: str = path, host: str = host) -> Reply:
                named = host.format(port=server.port, host=server.host)
                return server.ask("GET", path, headers={"Host": named, "Authorization": f"Bearer {TOKEN}"})

            yield f"Host {host} {path}", send, frozenset({403})
        for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "file://", "http://127.0.0.1", "x" * 500):
            yield f"Origin {origin[:30]} {path}", asked("GET", path, Origin=origin), frozenset({403})
            yield (f"POST from {origin[:30]}", asked("POST", "/api/search", b'{"tile": 1}', Origin=origin,
                                                     Content_Type="application/json"), frozenset({403}))
        for site in ("cross-site", "same-site"):
            yield (f"{site} {path}", asked("GET", path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors"),
                   frozenset({403}))
        for token in (None, "", "wrong", TOKEN[:-1], TOKEN + "0", "é" * 20, "x" * 4000):
            yield f"token {token and token[:20]} {path}", asked("GET", path, token=_latin(token)), frozenset({403})
        yield f"?token=wrong {path}", asked("GET", f"{path}?token=wrong", token=None), frozenset({403})
        yield (f"cookie {path}", asked("GET", path, token=None, Cookie='georetrieval="; token=x; a=b; =; é'.encode()
                                       .decode("latin-1")), frozenset({403}))
    yield "no Host", line("GET /api/index HTTP/1.1"), frozenset({400})
    yield "two Hosts", line("GET /api/index HTTP/1.1\r\nHost: {host}\r\nHost: evil.example"), frozenset({400})
    yield "HTTP/1.0", line("GET /api/index HTTP/1.0"), frozenset({403})
    yield ("an address elsewhere", line("GET http://evil.example/api/index HTTP/1.1\r\nHost: {host}"),
           frozenset({404, 400}))
    yield "CONNECT", line("CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}"), frozenset({400, 404, 405})
    yield "websocket", asked("GET", "/api/index", Upgrade="websocket", Connection="Upgrade"), frozenset({200, 400})


def _latin(text: str | None) -> str | None:
    return None if text is None else text.encode().decode("latin-1")


def too_much() -> Iterator[Case]:
    """Too many bytes, fields, headers, ranges; bodies that are not what they say."""
    fields = json.dumps({"tile": 1} | {f"f{n}": n for n in range(1000)}).encode()
    yield "1000 fields", questioned(fields), frozenset({400})
    yield "1000 fields in an address", asked("GET", "/api/tiles?" + "&".join(f"a{n}=1" for n in range(1000))), \
        frozenset({400})
    yield "1000 headers", asked("GET", "/api/tiles", **{f"X_{n}": "1" for n in range(1000)}), frozenset({400})
    yield "long header", asked("GET", "/api/tiles", X_Long="y" * 100_000), frozenset({400})
    yield "long address", asked("GET", "/" + "a" * 100_000), frozenset({400, 404})
    yield "deep", questioned(b"[" * 30_000), frozenset({400})
    yield "deep field", questioned(b'{"like":' + b"[" * 30_000 + b"]" * 30_000 + b"}"), frozenset({400})
    yield "large question", questioned(b'{"tile": 1' + b" " * (1 << 20) + b"}"), frozenset({413})
    for body in (b"", b"null", b"{", b"\xff\xfe", b'{"tile": NaN}', b'{"tile": 1e400}', b'{"tile": 1, "k": 1.5}',
                 b'{"tile": 1, "bbox": [1e999, 0, 1, 1]}', b'{"tile":' + b"9" * 5000 + b"}", b'{"like": [true]}',
                 b'{"tile": 1, "scopes": ["\\ud800"]}'):
        yield f"question {body[:20]!r}", questioned(body), frozenset({400})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        yield f"question as {kind}", questioned(b'{"tile": 1}', kind), frozenset({415})
        yield f"picture as {kind}", asked("POST", "/api/upload", b"x", Content_Type=kind), frozenset({415})
    yield "50 MB", asked("POST", "/api/upload", bytes(SENT), Content_Type="image/png"), frozenset({413})
    yield "50 MB in pieces", _in_pieces(SENT), frozenset({413})
    yield "a length that is none", line("POST /api/search HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1"), \
        frozenset({400})
    yield "two lengths", line("POST /api/search HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\nContent-Length: 9"), \
        frozenset({400})
    both = "POST /api/search HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 3\r\n"
    yield "smuggled", line(both + "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"), \
        frozenset({400})
    for ranges in ("bytes=0-0", "bytes=-1", "bytes=0-,0-", "bytes=" + ",".join(f"{n}-" for n in range(1500)),
                   "bytes=5-1", "lines=1", "bytes=" + "0-1," * 2000):
        yield f"Range {ranges[:20]}", asked("GET", "/api/tiles", Range=ranges), frozenset({200})
        yield f"Range {ranges[:20]}", asked("GET", "/api/tiles/1/photo.png", Range=ranges), frozenset({200})
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"):
        for path in ("/", "/api/index", "/api/search", "/api/tiles/1"):
            yield f"{method} {path}", asked(method, path), frozenset({405})
    yield "HEAD", asked("HEAD", "/api/tiles/1"), frozenset({200})


def _in_pieces(size: int) -> Callable[[Serving], Reply | None]:
    """A picture that does not say how long it is."""
    piece = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    head = "POST /api/upload HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked"
    return line(head, body=piece * (size >> 16) + b"0\r\n\r\n")


def pictures() -> Iterator[Case]:
    """Files that are no photographs, and names that are none."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    vrt = b'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand><SimpleSource><SourceFilename>/etc/passwd' \
          b"</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    others = {"html": b"<html>", "svg": b"<svg/>", "vrt": vrt, "gpkg": b"SQLite format 3\0" + bytes(99),
              "zip": b"PK\3\4", "program": b"\x7fELF" + bytes(99), "nothing": b"", "text": b"../secret.txt",
              "gif": b"GIF89a" + bytes(20)}
    for name, data in others.items():
        yield f"picture {name}", _dropped(data), frozenset({415})
    yield "bomb", _dropped(bomb), frozenset({415, 413, 400})
    for head in (b"II*\0", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0cjP  \r\n\x87\n", b"MM\0*"):
        yield f"cut short {head!r}", _dropped(head + bytes(200)), frozenset({400, 415})


def _dropped(data: bytes, name: str = "../../secret.txt") -> Callable[[Serving], Reply]:
    return asked("POST", "/api/upload", data, Content_Type="application/octet-stream", X_Name=name)


def harmless(server: Serving, land: Path) -> None:
    """What the campaign is measured against: everything was done once."""
    photo = next(land.glob("2019/*.tif")).read_bytes()
    for _ in range(10):
        sent = _dropped(photo)(server)
        assert sent.status == 200
        assert sent.json["name"] == "secret.txt"  # what comes after the last slash, for people to read
        body = json.dumps({"upload": sent.json["upload"]}).encode()
        assert questioned(body)(server).status == 200
    assert questioned(b'{"tile": 20, "like": [1]}')(server).status == 200
    assert asked("POST", "/api/upload", bytes(SENT), Content_Type="image/png")(server).status == 413
    _in_pieces(SENT)(server)


def leaks(reply: Reply, land: Path, asked_for: str = "") -> bool:
    """Whether an answer holds what lies on the disk, or says where that is without having been told."""
    words = [SECRET, "root:", "from __future__", "Traceback", "[fonts]", "manifests/0", TEMPORARY_PREFIX, "/tmp"]
    words += [str(land)]
    return any(word.encode() in reply.data for word in words if word not in asked_for)


def test_nothing_leaks_and_nothing_grows(server: Serving, land: Path) -> None:
    cases = [*traversals(land), *strangers(), *too_much(), *pictures()]
    assert len(cases) >= 500
    chosen = random.Random(campaign.SEED).sample(cases, min(len(cases), campaign.size(120, len(cases), ci=len(cases))))
    harmless(server, land)
    before, wrong, leaked, silent = server.memory(), [], [], 0
    for name, send, right in chosen:
        try:
            reply = send(server)
        except (ConnectionError, BrokenPipeError):  # hung up on in the middle of what it sent
            reply = None
        if reply is None:
            silent += 1
            wrong += [] if {400, 413} & right else [(name, "hung up")]
            continue
        wrong += [] if reply.status in right else [(name, reply.status)]
        leaked += [name] if leaks(reply, land, name) else []
    harmless(server, land)
    growth = server.memory() - before
    assert silent <= 0.05 * len(chosen), "hanging up is no answer"
    campaign.told("R15", requests=len(chosen), wrong=len(wrong), leaks=len(leaked), hung_up=silent,
                  grown_kib=growth >> 10)
    assert wrong == []
    assert leaked == []
    assert growth < GROWTH
    assert server.process is not None
    assert server.process.poll() is None


def test_a_leak_would_be_seen(land: Path) -> None:
    assert leaks(Reply(200, {}, (land / "secret.txt").read_bytes()), land)
    assert leaks(Reply(200, {}, Path("/etc/passwd").read_bytes()), land)


def test_it_listens_on_one_address_alone(server: Serving) -> None:
    assert server.process is not None
    found = [c.laddr for c in psutil.Process(server.process.pid).net_connections("inet") if c.status == "LISTEN"]
    assert [(one.ip, one.port) for one in found] == [("127.0.0.1", server.port)]


def test_slow_clients_are_let_go_and_hold_up_nobody(server: Serving) -> None:
    head = f"POST /api/search HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer {TOKEN}\r\n" \
           "Content-Type: application/json\r\n"
    starts = [b"", b"G", b"GET / HTTP/1.1\r\nHost: a", head.encode(), (head + "Content-Length: 20\r\n\r\n{").encode()]
    place = ("127.0.0.1", server.port)
    lines = [socket.create_connection(place, timeout=30) for _ in range(campaign.size(20, 60, ci=60))]
    dripping = socket.create_connection(place, timeout=30)
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.2):
            try:
                dripping.sendall(b"X")
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    try:
        for turn, one in enumerate(lines):
            one.sendall(starts[turn % len(starts)])
        assert asked("GET", "/api/index")(server).status == 200  # others are answered meanwhile
        for turn, one in enumerate(lines):
            said = b""
            while part := _read(one):
                said += part
            assert (b" 408 " in said[:20]) == (turn % len(starts) == 4), said[:200]
        assert _read(dripping) == b""  # a byte now and then is not enough
    finally:
        stop.set()
        for one in (*lines, dripping):
            one.close()


def _read(one: socket.socket) -> bytes:
    try:
        return one.recv(1 << 16)
    except ConnectionError:
        return b""


def test_many_at_once_are_answered_or_told_to_come_again(server: Serving) -> None:
    right = questioned(b'{"tile": 20}')(server).json["matches"]
    start = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        replies = list(pool.map(lambda _: questioned(b'{"tile": 20}')(server), range(campaign.size(50, 400, ci=400))))
    assert {reply.status for reply in replies} <= {200, 503}
    answered = [reply for reply in replies if reply.status == 200]
    assert answered
    assert all(reply.json["matches"] == right for reply in answered)
    assert all(reply.json["error"] for reply in replies if reply.status == 503)
    campaign.told("R15, at once", asked=len(replies), answered=len(answered),
                  seconds=round(time.monotonic() - start, 1))
    assert asked("GET", "/api/index")(server).status == 200


def test_a_link_with_the_token_lets_in_by_a_cookie_that_scripts_cannot_read(server: Serving) -> None:
    assert server.token == TOKEN
    reply = asked("GET", f"/?token={TOKEN}", token=None)(server)
    assert reply.status == 200  # a page of our own: a redirection would be another site's, without the strict cookie
    assert reply.headers["cache-control"] == "no-store"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    script = re.search(b"<script>(.*?)</script>", reply.data)
    assert script is not None
    assert f"'sha256-{base64.b64encode(hashlib.sha256(script[1]).digest()).decode()}'" in policy
    assert TOKEN.encode() not in reply.data
    cookie = reply.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    kept = cookie.partition(";")[0]
    assert asked("GET", "/api/index", token=None, Cookie=kept)(server).status == 200
    assert asked("GET", f"/api/index?token={TOKEN}", token=None)(server).status == 403

def test_only_a_few_pictures_are_received_at_once(server: Serving) -> None:
    head = (f"POST /api/upload HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: "
            "image/png\r\nContent-Length: 1000\r\n\r\nxx").encode()
    lines = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(6)]
    try:
        for one in lines:
            one.sendall(head)
        said = sorted(_read(one)[9:12] for one in lines)
        assert said == [b"408"] * 3 + [b"503"] * 3
    finally:
        for one in lines:
            one.close()
    assert _dropped(b"no picture")(server).status == 415
