"""What is done: one small file per task, found by the digest of the task, believed only when its files are whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from georetrieval.files import digest, publish_json, sha256_file
from georetrieval.tasks.task import Result

FILES = "files"
"""Of a result: {name in the folder: hex SHA-256} of the files that belong to it."""
LARGEST = 1 << 20


@dataclass(frozen=True)
class Journal:
    """The notes in one folder. Whoever writes the same note writes the same bytes, so that no lock is needed."""

    folder: Path

    def find(self, task: str) -> Result | None:
        """The result of a task, by its digest; None when there is none, or anything of it is not what was written."""
        path = self._path(task)
        try:
            if path.stat().st_size > LARGEST:
                return None
            value = json.loads(path.read_text("utf-8"))
            result: Result = value["result"]
            whole = value["sha256"] == digest([task, result]) and all(
                sha256_file(self.folder / name) == sha256 for name, sha256 in result.get(FILES, {}).items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return result if whole else None

    def note(self, task: str, result: Result) -> None:
        """Publish a result; its files are published already."""
        publish_json(self._path(task), {"result": dict(result), "sha256": digest([task, result])})

    def _path(self, task: str) -> Path:
        return self.folder / f"{task}.json"
