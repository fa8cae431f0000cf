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

FIELD = re.compile(r"^(?P<indent> *)(?P<names>\w+(?:, \w+)+|\w+)(?: : (?P<type>.+))?$")
"""First line of a field of a numpydoc section: one name or several, and mostly a type."""


SOURCE = re.compile(r"\*?Source\*?: ")
"""Begins the line of a published constant; it belongs to no field."""


def source_apart(lines: list[str]) -> list[str]:
    """Two empty lines before a *Source* line end the section that it follows."""
    return [told for line in lines for told in (["", "", line] if SOURCE.match(line) else [line])]


def fields_apart(lines: list[str]) -> list[str]:
    """Attributes that share a line (`a, b : (n,) str`) get one each, and types are shown as they are written.

    Napoleon would take the names of a shared line for types, and parts of a shape for links.
    """
    if "Attributes" not in lines:
        return lines
    start = lines.index("Attributes") + 2
    told, group = lines[:start], []
    for number, line in enumerate([*lines[start:], ""]):
        field = FIELD.match(line)
        following = [*lines[start:], "", ""][number + 1]
        if SOURCE.match(line) or (field and following.startswith("---")):
            return told + _each(group) + lines[start + number:]
        if field and not field["indent"]:
            told, group = told + _each(group), [line]
        else:
            group.append(line)
    return told + _each(group)


def _each(group: list[str]) -> list[str]:
    field = FIELD.match(group[0]) if group else None
    if field is None:
        return group
    type_ = field["type"] and field["type"].replace("`", "")
    said = [line for line in group[1:] if line]
    firsts = [f"{name} : ``{type_}``" if type_ else name for name in field["names"].split(", ")]
    return [line for first in firsts for line in (first, *said)] + group[1 + len(said):]


def numpydoc(_app: Any, what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Before napoleon: what it would misread in our docstrings is said so that it does not."""
    if what in ("attribute", "data", "property") and lines and lines[0]:
        lines[:0] = ["..", ""]              # else what stands before a colon in the first sentence becomes a type
    else:
        lines[:] = fields_apart(source_apart(lines))


def without_absent(_app: Any, docname: str, source: list[str]) -> None:
    """The page of QGIS is left out of the table of contents where it is not there."""
    if docname == "index" and not (Path(__file__).parent / "qgis.md").exists():
        source[0] = source[0].replace("\nqgis\n", "\n")


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("source-read", without_absent)
    app.connect("autodoc-process-docstring", numpydoc, priority=400)
