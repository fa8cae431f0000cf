"""What a server is told at its start, and the names under which it may be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from georetrieval.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANYWHERE = ("0.0.0.0", "::", "")
PORTS = {"http": 80, "https": 443}
"""The ports that browsers leave out."""
MIB = 1 << 20
LEAST_TOKEN = 16
_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}")
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]+")
_PUBLIC = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?/?")


@dataclass(frozen=True)
class Settings:
    """How to listen, and what to show.

    Attributes
    ----------
    host, port : what is bound; port 0 takes a free one
    names : other names by which the host may be asked
    token : what every request has to bring; None asks for none
    public : address under which a proxy before this server is asked, e.g. "https://gis.example"; None: there is none
    basemap : "ign" lets the page fetch IGN's map; None lets it fetch nothing
    lang : language that the page starts in, "fr" or "en"; None: the browser's
    upload_bytes, upload_pixels : largest picture that is taken

    Raises
    ------
    UsageError
        When another address than this machine's own is bound, or a proxy is before it, without a token; when a name
        or an address is none.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    names: tuple[str, ...] = ()
    token: str | None = None
    public: str | None = None
    basemap: str | None = None
    lang: str | None = None
    upload_bytes: int = 32 * MIB
    upload_pixels: int = 64_000_000

    def __post_init__(self) -> None:
        for name in (self.host, *self.names):
            if name and not (_is_ipv6(name) if ":" in name else _NAME.fullmatch(name)):
                raise UsageError(f"{name!r} is no name or address of a machine.")
        if self.public is not None and not _is_public(self.public):
            raise UsageError(f"{self.public!r} is no address of a proxy; write https://NAME or https://NAME:PORT, "
                             "without a path.")
        if self.public is not None and not self.token:
            raise UsageError(f"{self.public} can be reached from other machines: a token is needed.")
        if self.host not in LOOPBACK and not self.token:
            raise UsageError(f"{self.host or 'Every address'} can be reached from other machines: a token is needed.")
        if self.token is not None and (len(self.token) < LEAST_TOKEN or not _TOKEN.fullmatch(self.token)):
            raise UsageError(f"A token has at least {LEAST_TOKEN} letters, digits or any of - _ . ~ and no others.")
        if self.host in ANYWHERE and not self.names:
            raise UsageError(f"{self.host or 'An empty host'} is every address of this machine; say with --allow-host "
                             "by which name or address it will be asked.")

    def hosts(self, port: int) -> frozenset[str]:
        """Values of the Host header that are answered, when the server listens on this port."""
        named = (*LOOPBACK, *(() if self.host in ANYWHERE else (self.host,)), *self.names)
        plain = [f"[{IPv6Address(name)}]" if ":" in name else name.lower() for name in named]  # as browsers write them
        own = {f"{name}:{port}" for name in plain} | set(plain if port == PORTS["http"] else ())
        return frozenset(own if self.origin is None else own | {self.origin.partition("//")[2]})

    @property
    def origin(self) -> str | None:
        """The origin of the page behind the proxy, as browsers write it: without the port that they leave out."""
        if self.public is None:
            return None
        split = urlsplit(self.public.lower())
        port = "" if split.port in (None, PORTS[split.scheme]) else f":{split.port}"
        return f"{split.scheme}://{split.hostname}{port}"

    @property
    def secure(self) -> bool:
        """Whether a browser may send the cookie over TLS alone."""
        return self.origin is not None and self.origin.startswith("https:")

    def address(self, port: int) -> str:
        """Where the page is, for a person; with the token, where there is one."""
        name = self.names[0] if self.host in ANYWHERE else self.host
        name = f"[{name}]" if ":" in name else name
        place = self.origin or f"http://{name}:{port}"
        return f"{place}/" + (f"?token={self.token}" if self.token else "")


def _is_ipv6(name: str) -> bool:
    try:
        IPv6Address(name)
    except ValueError:
        return False
    return True


def _is_public(address: str) -> bool:
    found = _PUBLIC.fullmatch(address)
    return found is not None and int((found[1] or ":1")[1:]) < 1 << 16
