"""What a server is told at its start, and the names under which it may be asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address

from georetrieval.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANYWHERE = ("0.0.0.0", "::", "")
HTTP = 80
"""The port that browsers leave out."""
MIB = 1 << 20
LEAST_TOKEN = 16
_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}")
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]+")


@dataclass(frozen=True)
class Settings:
    """How to listen, and what to show.

    Attributes
    ----------
    host, port : what is bound; port 0 takes a free one
    names : other names by which the host may be asked
    token : what every request has to bring; None asks for none
    basemap : "ign" lets the page fetch IGN's map; None lets it fetch nothing
    lang : language that the page starts in, "fr" or "en"; None: the browser's
    upload_bytes, upload_pixels : largest picture that is taken

    Raises
    ------
    UsageError
        When another address than this machine's own is bound without a token, or a name is none.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    names: tuple[str, ...] = ()
    token: str | None = None
    basemap: str | None = None
    lang: str | None = None
    upload_bytes: int = 32 * MIB
    upload_pixels: int = 64_000_000

    def __post_init__(self) -> None:
        for name in (self.host, *self.names):
            if name and not (_is_ipv6(name) if ":" in name else _NAME.fullmatch(name)):
                raise UsageError(f"{name!r} is no name or address of a machine.")
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
        return frozenset([*(f"{name}:{port}" for name in plain), *(plain if port == HTTP else ())])

    def address(self, port: int) -> str:
        """Where the page is, for a person; with the token, where there is one."""
        name = self.names[0] if self.host in ANYWHERE else self.host
        name = f"[{name}]" if ":" in name else name
        return f"http://{name}:{port}/" + (f"?token={self.token}" if self.token else "")


def _is_ipv6(name: str) -> bool:
    try:
        IPv6Address(name)
    except ValueError:
        return False
    return True
