"""One module touches the disk: no other file of the package opens anything for writing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "georetrieval"
SOURCES = [p for p in sorted(PACKAGE.rglob("*.py")) if p.name != "files.py"]
WRITING = {"write_text", "write_bytes", "rename", "replace", "unlink", "rmtree", "rmdir", "mkdir", "mkdtemp",
           "symlink_to", "hardlink_to", "copyfile", "copytree", "move"}
PICKLING = {"pickle", "cloudpickle", "dill", "shelve", "joblib"}


def paths_written(tree: ast.AST) -> list[str]:
    """Calls that write: `open` with a writing mode, or a method of `Path`, `os` or `shutil` that changes the disk."""
    found = []
    lent = names_lent(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (node.args and getattr(node.args[0], "id", None) in lent):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "open":
            modes = [a.value for a in (*node.args, *(k.value for k in node.keywords if k.arg == "mode"))
                     if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if any(set(m) & set("wax+") and set(m) <= set("rwaxbt+") for m in modes):
                found.append(f"line {node.lineno}: open for writing")
        elif name in WRITING and not _of_a_string(node, name):
            found.append(f"line {node.lineno}: {name}")
    return found


def names_lent(tree: ast.AST) -> set[str]:
    """Names that `with publishing(...) as name` binds: a library may write to the path that files.py lends."""
    items = [item for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items]
    return {
        item.optional_vars.id
        for item in items
        if isinstance(item.optional_vars, ast.Name)
        and isinstance(item.context_expr, ast.Call)
        and getattr(item.context_expr.func, "id", "") in ("publishing", "publishing_folder", "scratch_folder")
    }


def _of_a_string(node: ast.Call, name: str) -> bool:
    """`text.replace(a, b)`, `dataclasses.replace(value, field=...)` and `frame.rename(columns=...)` write nothing."""
    if name == "replace":
        return len(node.args) == 2 or bool(node.keywords)
    return name == "rename" and bool(node.keywords)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_files_writes(path: Path) -> None:
    assert paths_written(ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_is_pickled(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {name.split(".")[0] for name in names} & PICKLING


@pytest.mark.parametrize("planted", ["open('a', 'wb')", "p.write_text('x')", "p.open(mode='a')", "os.replace(a)"])
def test_a_planted_write_is_found(planted: str) -> None:
    assert paths_written(ast.parse(planted))


def test_a_lent_path_may_be_written() -> None:
    assert paths_written(ast.parse("with publishing(a) as lent, rasterio.open(lent, 'w') as f: f.write(x)")) == []
    assert paths_written(ast.parse("with publishing(a) as lent, rasterio.open(a, 'w') as f: f.write(x)")) != []
