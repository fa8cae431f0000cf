"""A YAML file, `--set key=value` and the environment become one validated `Recipe`, or every error at once."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from georetrieval.errors import InputError, UsageError
from georetrieval.foreign import read_bytes
from georetrieval.geo.plain_yaml import plain_values
from georetrieval.recipe.schema import Recipe
from georetrieval.recipe.schema_pictures import PictureRecipe

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
EXTENDS = "extends"
"""Key at the top of a recipe that names another one whose values come first."""
MAX_BYTES = 1_000_000
"""A recipe is a page of text; anything larger is not one."""


def published(name: str) -> Path:
    """The recipe of that name in pipelines/, beside the checkout or inside the installed package.

    Raises
    ------
    InputError
        When there is none.
    """
    here = Path(__file__).parent
    for folder in (here.parents[1] / "pipelines", here / "published"):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    raise InputError(f"There is no published recipe {name!r}; give the path of a YAML file.")


AnyRecipe = Recipe | PictureRecipe
"""Of tiles, or of pictures."""


def load_recipe(path: Path, settings: Sequence[str] = ()) -> AnyRecipe:
    """Read, complete and validate a recipe: of tiles, or of pictures where it has `pictures` in place of `tiles`.

    Parameters
    ----------
    path
        The YAML file. `${NAME}` in a value is replaced by the environment variable of that name. With
        `extends: other.yaml` (a path beside the file) the other recipe's values come first, and so on up the chain:
        mappings are merged key by key, lists and single values are replaced, null makes a setting null.
    settings
        `key.sub=value` strings that override the file; the value is read as YAML.

    Raises
    ------
    InputError
        When the file, or one that it extends, is missing or is not YAML.
    UsageError
        When the recipe extends itself, or contradicts its schema: all errors at once, each with the nearest known
        key, and with the file it is in when that is not `path`.
    """
    chain = _chain(path)
    values: dict[str, Any] = {}
    for _, own in chain:
        values = _merged(values, own)
    for setting in settings:
        _override(values, setting)
    if "pictures" in values and "tiles" in values:
        raise UsageError(f"{path} says both tiles and pictures; a recipe is about one of them.")
    model = PictureRecipe if "pictures" in values else Recipe
    try:
        return model.model_validate(_expand(values))
    except ValidationError as error:
        raise UsageError(f"{path}: {_all_errors(error, model, chain, settings)}.") from error


_Chain = list[tuple[Path, dict[str, Any]]]
"""The files of a recipe and what each of them says itself, the farthest first."""


def _chain(path: Path) -> _Chain:
    chain: _Chain = []
    while True:
        own = _read(path, chain[0][0] if chain else None)
        other = own.pop(EXTENDS, None)
        chain.insert(0, (path, own))
        if other is None:
            return chain
        if not isinstance(other, str):
            raise UsageError(f"{path}: {EXTENDS} names one other recipe by its path; found {other!r}.")
        path = path.parent / _expand(other)
        if _file_at(path) in [_file_at(file) for file, _ in chain]:
            raise UsageError(f"{chain[0][0]} extends {path}, which extends it in turn; take one of the two "
                             f"`{EXTENDS}` away.")


def _merged(under: Any, over: Any) -> Any:
    """`over` on top of `under`: mappings key by key, anything else whole."""
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return deepcopy(over)
    return {**under, **{key: _merged(under.get(key), value) for key, value in over.items()}}


def _file_at(path: Path) -> Path | None:
    """Where a file really is; None of what can be no file: a name that is too long, holds a zero byte, or is a loop."""
    try:
        return path.resolve() if path.is_file() else None
    except PermissionError:
        raise  # it may be there: the command line says so
    except (OSError, RuntimeError, ValueError):
        return None


def _read(path: Path, extended_by: Path | None = None) -> dict[str, Any]:
    if _file_at(path) is None:
        where = "the published ones are in pipelines/" if extended_by is None else f"{extended_by} extends it"
        raise InputError(f"The recipe {path} does not exist; {where}.")
    try:
        values = plain_values(read_bytes(path, MAX_BYTES, "a recipe").decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise InputError(f"{path}{where} is not YAML: {getattr(error, 'problem', None) or error}.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no settings; a recipe is a mapping of names to values.")
    return values


def _override(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {setting!r} is not of the form key.sub=value.")
    try:
        value = plain_values(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--set {setting!r}: the value is not YAML.") from error
    *parents, last = key.split(".")
    place: Any = values
    for name in parents:
        place = _child(place, name, setting)
    if isinstance(place, list):
        _child(place, last, setting)
        place[int(last)] = value
    else:
        place[last] = value


def _child(place: Any, name: str, setting: str) -> Any:
    if isinstance(place, list):
        if name not in map(str, range(len(place))):
            raise UsageError(f"--set {setting!r}: {name!r} is not a position in a list of {len(place)}.")
        return place[int(name)]
    child = place.setdefault(name, {})
    if child is None:
        child = place[name] = {}
    if not isinstance(child, (dict, list)):
        raise UsageError(f"--set {setting!r}: {name!r} is a single value and has nothing below it.")
    return child


def _expand(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _expand(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(v) for v in value]
    return _VARIABLE.sub(_variable, value) if isinstance(value, str) else value


def _variable(match: re.Match[str]) -> str:
    name = match.group(1)
    if name not in os.environ:
        raise UsageError(f"The recipe reads the environment variable {name}, which is not set; set it, or give the "
                         f"value that uses it with --set.")
    return os.environ[name]


def _all_errors(
    error: ValidationError, model: type[BaseModel], chain: _Chain, settings: Sequence[str]
) -> str:
    set_ = [setting.partition("=")[0] for setting in settings]
    return "; ".join(_one_error(model, e["loc"], e["type"], e["msg"]) + _place(e["loc"], chain, set_)
                     for e in error.errors(include_url=False))


def _place(location: tuple[int | str, ...], chain: _Chain, set_: Sequence[str]) -> str:
    """The file that says what is wrong, where it is not the recipe itself or a `--set`."""
    key = ".".join(map(str, location))
    if any(f"{key}.".startswith(f"{name}.") for name in set_):
        return ""
    told = next((path for path, own in reversed(chain) if _says(own, location)), chain[-1][0])
    return "" if told == chain[-1][0] else f" (in {told})"


def _says(own: Any, location: tuple[int | str, ...]) -> bool:
    for name in location:
        if isinstance(own, list):
            return True  # lists are replaced whole: this file wrote all of it
        if not isinstance(own, dict) or name not in own:
            return False
        own = own[name]
    return bool(location)


def _one_error(model: type[BaseModel], location: tuple[int | str, ...], kind: str, message: str) -> str:
    key = ".".join(map(str, location))
    if kind == "value_error":  # our own sentence
        message = message.removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    if kind != "extra_forbidden":
        return f"{key or 'the recipe'}: {message[0].lower()}{message[1:]}"
    known = _fields_at(model, location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.4)
    return f"{key} is not a setting" + (f" (did you mean {near[0]}?)" if near else f" (known: {', '.join(known)})")


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for name in location:
        field = model.model_fields.get(str(name))
        if field is not None:
            model = _model_in(field.annotation) or model
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
