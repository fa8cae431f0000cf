"""YAML of settings: words, numbers, lists and mappings, few enough of them, and one kind of error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

MOST_VALUES = 100_000
"""Of one file, those counted again that an alias repeats."""
MOST_DEPTH = 64
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it, about ten times as fast."""
_TOO_DEEP = f"its values lie deeper than {MOST_DEPTH} in one another"


def plain_values(text: str) -> Any:
    """The value of a YAML text, safely: no objects, and nothing that grows without end by its own aliases.

    Raises
    ------
    yaml.YAMLError
        When it cannot be read, whatever in it is wrong: the library has other errors for dates and numbers that are
        none, and for tags on words that do not fit them.
    """
    try:
        _check_depth(text)
        value = yaml.load(text, _Loader)  # noqa: S506 - it is a safe loader
    except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
        raise yaml.YAMLError(f"a value is not of the kind that it looks like ({error}); put words in quotes") from error
    except RecursionError as error:
        raise yaml.YAMLError(_TOO_DEEP) from error
    _check(value)
    return value


def _check_depth(text: str) -> None:
    """Of the events alone, before anything is built of them: the builder in C has no bound and breaks its stack."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            raise yaml.YAMLError(_TOO_DEEP)


def _check(value: Any) -> None:
    count, waiting = 0, [(value, 1)]
    while waiting:
        some, depth = waiting.pop()
        if isinstance(some, str) and any("\ud800" <= letter <= "\udfff" for letter in some):
            raise yaml.YAMLError("it holds half a letter (a lone surrogate)")
        if isinstance(some, str) and "\0" in some:
            raise yaml.YAMLError("it holds a zero byte, which no name has")
        inner = [*some.keys(), *some.values()] if isinstance(some, Mapping) else some
        if not isinstance(inner, (list, tuple, set)):
            continue
        count += len(inner)
        if depth > MOST_DEPTH or count > MOST_VALUES:
            raise yaml.YAMLError(f"it holds more than {MOST_VALUES} values, or some deeper than {MOST_DEPTH} in one "
                                 "another")
        waiting += [(item, depth + 1) for item in inner]
