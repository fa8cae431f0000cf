"""Memory is kept between the steps."""

from __future__ import annotations

import ctypes
import sys

import pytest

from georetrieval.nets.memory import keep_memory


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_the_c_library_agrees() -> None:
    asked = hasattr(ctypes.CDLL(None), "mallopt")
    assert keep_memory() == asked
    assert keep_memory() == asked  # twice does no harm
