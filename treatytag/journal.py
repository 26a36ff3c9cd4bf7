"""The answers of a run on disk, so that an interrupted run goes on where it was."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from treatytag.errors import InputError
from treatytag.features import Floats
from treatytag.offences import LABELS

_OURS = re.compile(r"run\.json(\.tmp)?|\d{8}\.(npy|tmp)")


class Journal:
    """Answers on disk, one file per chunk, valid only for the run that is described in `run.json`.

    Raises:
        InputError: the folder is none of ours, or holds another run than is to be resumed, or one that could be.
    """

    def __init__(self, folder: Path, run: dict[str, Any], resume: bool, overwrite: bool) -> None:
        self._folder = folder
        description = folder / "run.json"
        if folder.exists():
            if not folder.is_dir() or not all(_OURS.fullmatch(path.name) for path in folder.iterdir()):
                raise InputError(f"{folder} is no journal of treatytag; move it away, or choose another output.")
            if description.exists():
                changed = changes(description, run)
                if resume and changed:
                    raise InputError(
                        f"can't resume: {', '.join(changed)} changed since the run was interrupted; leave out --resume."
                    )
                if resume:
                    return
                if not changed and not overwrite:
                    raise InputError(
                        f"{folder} holds this very run, interrupted; give --resume to go on, --overwrite to begin anew."
                    )
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write_whole(description, json.dumps(run).encode("utf-8"))

    def get(self, number: int, n_rows: int) -> Floats | None:
        """Return the kept answers of a chunk, or None where there are none, or damaged ones."""
        try:
            kept: Floats = np.load(self._folder / f"{number:08d}.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return kept if kept.shape == (n_rows, len(LABELS) + 1) else None

    def put(self, number: int, answers: Floats) -> None:
        """Keep the answers of a chunk: all of them or, if interrupted, none."""
        content = io.BytesIO()  # NumPy's own writing tells no reason where it fails
        np.save(content, answers, allow_pickle=False)
        write_whole(self._folder / f"{number:08d}.npy", content.getvalue())

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)


def changes(description: Path, run: dict[str, Any]) -> list[str]:
    """Return what of a run differs from its description on disk; all of it where that can't be read."""
    try:
        before = json.loads(description.read_text(encoding="utf-8"))
    except ValueError:
        before = {}
    if not isinstance(before, dict):
        before = {}
    return sorted(key for key in run if before.get(key) != run[key])


def write_whole(path: Path, content: bytes) -> None:
    """Write a file: all of it or, if interrupted, nothing."""
    unfinished = path.with_suffix(".tmp") if path.suffix == ".npy" else path.with_name(path.name + ".tmp")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
