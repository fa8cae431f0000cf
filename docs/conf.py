"""How the pages are built: `make docs`. The package is read, never imported, so neither torch nor GDAL is needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "georetrieval"
PUBLIC = (Path(__file__).parent / "public.txt").read_text(encoding="utf-8").split()
"""Modules of the reference, by their dotted names without the package's."""

project = "georetrieval"
author = "The georetrieval authors"
copyright = "The georetrieval authors, Apache-2.0"
release = re.findall(r'__version__ = "(.+)"', (PACKAGE / "__init__.py").read_text(encoding="utf-8"))[0]

extensions = ["myst_parser", "autoapi.extension", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "_templates"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["autoapi.python_import_resolution"]  # modules that are not public are not read

autoapi_dirs = [str(PACKAGE)]
autoapi_root = "api"
autoapi_add_toctree_entry = False
autoapi_keep_files = False
autoapi_member_order = "bysource"
autoapi_python_class_content = "class"
autoapi_options = ["members", "show-inheritance"]
autoapi_template_dir = "_templates/autoapi"


def _read(path: Path) -> bool:
    """Whether a file of the package is read: the public modules, and the packages that lead to them."""
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    package = name.removesuffix(".__init__")
    return name == "__init__" or name in PUBLIC or (
        package != name and any(public.startswith(package + ".") for public in PUBLIC))


autoapi_ignore = ["*/__pycache__/*", *(str(path) for path in sorted(PACKAGE.rglob("*.py")) if not _read(path))]

napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = [("Source", "notes_style")]
default_role = "py:obj"                     # `Matches` is a link where there is something of that name

nitpicky = True
nitpick_ignore_regex = [("py:(obj|class|exc|data|meth|attr|func|mod)", ".*")]  # numpy's, torch's, and plain words

html_theme = "furo"
html_title = "georetrieval"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
pygments_style = "friendly"

SECTIONS = ("Attributes", "Parameters")
FIELD = re.compile(r"(?P<names>\w+(?:, \w+)*)(?: : (?P<said>.+))?")
"""First line of a field of a numpydoc section: one name or several, mostly with a type, a sentence, or both."""
SHAPE = re.compile(r"(?P<type>\([^)]*\)(?: [\w.]+)?)(?:[,;:] (?P<text>.+))?")
"""A type that begins with a shape: (n, d) float32, and what else is said."""
SOURCE = re.compile(r"\*?Source\*?: ")
"""Begins the line of a published constant; it belongs to no field."""


def fields_apart(lines: list[str]) -> list[str]:
    """Fields that share a line (`a, b : (n,) str`) get one each; types are shown as written, sentences as sentences.

    Napoleon would take the names of a shared line for types, and whatever stands behind the colon for links.
    """
    told: list[str] = []
    field: list[str] = []
    section = False
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        header = following.startswith("---")
        if header or SOURCE.match(line) or (section and FIELD.fullmatch(line) and not line.startswith("---")):
            told += _each(field)
            field = []
        if header or SOURCE.match(line):
            section = header and line in SECTIONS
            told += [line] if header else ["", "", line]    # two empty lines end a section
        elif section and (field or FIELD.fullmatch(line)) and not line.startswith("---"):
            field.append(line)
        else:
            told.append(line)
    return told + _each(field)


def _each(field: list[str]) -> list[str]:
    first = FIELD.fullmatch(field[0]) if field else None
    if first is None:
        return field
    type_, text = _type_and_text(first["said"] or "")
    said = [line for line in field[1:] if line]
    said = [f"    {text}", *said] if text else said
    firsts = [f"{name} : ``{type_}``" if type_ else name for name in first["names"].split(", ")]
    return [line for name in firsts for line in (name, *said)] + [line for line in field[1:] if not line]


def _type_and_text(said: str) -> tuple[str, str]:
    said = said.replace("``", "`")
    if shape := SHAPE.fullmatch(said):
        return shape["type"], shape["text"] or ""
    return (said.replace("`", ""), "") if len(said.split()) <= 3 and not set(said) & set(";\"") else ("", said)


def numpydoc(_app: Any, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Before napoleon: what it would misread in our docstrings is said so that it does not."""
    if what in ("attribute", "data", "property") and lines and lines[0]:
        lines[:0] = ["..", ""]              # else what stands before a colon in the first sentence becomes a type
    else:
        lines[:] = fields_apart(lines)


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", numpydoc, priority=400)
