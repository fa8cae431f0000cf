"""Listening on one address of this machine until somebody says stop."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import uvicorn

from georetrieval.errors import BusyError, InputError
from georetrieval.serve.app import application
from georetrieval.serve.explorer import Explorer
from georetrieval.serve.patience import PatientProtocol

MOST_CONNECTIONS = 128
WAITING = 64
KEEP_ALIVE_S = 5
CLOSE_S = 3


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens on this address alone; port 0 takes a free one.

    Raises
    ------
    BusyError
        When somebody else listens there.
    InputError
        When it is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=WAITING)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise InputError(f"{host}:{port} cannot be listened on: {error.strerror}.") from error
        raise BusyError(f"{host}:{port} cannot be listened on ({error.strerror}); another program may be there: choose "
                        "another --port, or --port 0 for a free one.") from error


def listen(explorer: Explorer, ready: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    ready : called with the page's address once somebody who connects is waited for
    """
    settings = explorer.settings
    with bound(settings.host, settings.port) as door:
        port = int(door.getsockname()[1])
        server = server_of(explorer, port)
        ready(settings.address(port))
        server.run(sockets=[door])


def server_of(explorer: Explorer, port: int) -> uvicorn.Server:
    """The server of an explorer, for a socket that is bound to this port."""
    return uvicorn.Server(uvicorn.Config(
        application(explorer, port), http=PatientProtocol, ws="none", lifespan="off", log_level="error",
        access_log=False, server_header=False, proxy_headers=False, limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=CLOSE_S, backlog=WAITING,
        h11_max_incomplete_event_size=16 << 10, loop="asyncio", log_config=None,
    ))
