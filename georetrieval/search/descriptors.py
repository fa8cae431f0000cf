"""What an eye leaves behind: one vector per sample, with its identity beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError

Texts = npt.NDArray[np.str_]
Vectors = npt.NDArray[np.float32]


class Space(StrEnum):
    """How nearness is measured; declared by the eye that made the vectors."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"


@dataclass(frozen=True, eq=False)
class Descriptors:
    """Vectors and, row by row, whose they are. Lists are taken too and become arrays.

    Attributes
    ----------
    vectors : (n, d) float32
    keys : (n,) str
        The identity that a match is judged by (the place, the individual).
    names : (n,) str
        What the row itself is called (tile id, file name).
    scopes : (n,) str
        Whom a query may meet (the département, the group).
    space : Space

    Raises
    ------
    InputError
        When the lengths differ or `vectors` is not two-dimensional.
    """

    vectors: Vectors
    keys: Texts
    names: Texts
    scopes: Texts
    space: Space

    def __post_init__(self) -> None:
        vectors = np.ascontiguousarray(self.vectors, dtype=np.float32)
        if vectors.ndim != 2:
            raise InputError(f"Descriptors need an (n, d) array, and got one of shape {vectors.shape}.")
        object.__setattr__(self, "vectors", vectors)
        object.__setattr__(self, "space", Space(self.space))
        for field in ("keys", "names", "scopes"):
            texts = _texts(getattr(self, field))
            if texts.shape != (len(vectors),):
                raise InputError(f"Descriptors have {len(vectors)} vectors but {field} of shape {texts.shape}.")
            object.__setattr__(self, field, texts)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dim(self) -> int:
        """Length d of a vector."""
        return int(self.vectors.shape[1])

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """(n,) bool: rows that mean something, that is finite and not all zero; the others are never searched.

        A row whose squared length leaves the range of float32 counts as not finite.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            length = np.einsum("nd,nd->n", self.vectors, self.vectors)
        return np.asarray(np.isfinite(length) & (length > 0))

    @cached_property
    def by_name(self) -> npt.NDArray[np.int64] | None:
        """Rows that mean something, by name; see `name_order`. Asked for again it is not made again."""
        return name_order(self.names, self.valid)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | Sequence[int]) -> Descriptors:
        """The descriptors of some rows (positions or a mask), in the order asked."""
        which = np.asarray(rows)
        if which.size == 0:
            which = which.astype(np.int64)
        return Descriptors(self.vectors[which], self.keys[which], self.names[which], self.scopes[which], self.space)

    @classmethod
    def concatenate(cls, parts: Sequence[Descriptors]) -> Descriptors:
        """Several descriptors of one space and length as one."""
        if not parts or len({(p.space, p.dim) for p in parts}) != 1:
            raise InputError("Only descriptors of one space and one length, at least one, can be put together.")
        return cls(
            np.concatenate([p.vectors for p in parts]), np.concatenate([p.keys for p in parts]),
            np.concatenate([p.names for p in parts]), np.concatenate([p.scopes for p in parts]), parts[0].space,
        )


def name_order(names: Texts, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64] | None:
    """Some rows, by name, equal names as they stand; None when that is all rows as they stand.

    Indexes hold their rows so: of equal answers the first name comes first, in whatever order the rows came.

    Parameters
    ----------
    names : (n,) str
    which : (n,) bool
    """
    rows = np.flatnonzero(which).astype(np.int64)
    held = names if len(rows) == len(names) else names[rows]
    if not (held[1:] >= held[:-1]).all():
        return rows[np.argsort(held, kind="stable")]
    return None if len(rows) == len(names) else rows


def _texts(values: Sequence[str] | Texts) -> Texts:
    array = np.asarray(values, dtype=np.str_)
    return array if array.size else array.reshape(0)
