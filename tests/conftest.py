"""Property tests draw the same examples in CI every time; elsewhere they go on looking for new ones."""

from __future__ import annotations

import os

from hypothesis import settings

from tests.made.server import postgis_server, server

__all__ = ["postgis_server", "server"]

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
