"""A file of reports -> a tagged file: every row accounted for, in order, resumable after any interruption.

The input is cut into chunks of rows. A chunk's probabilities are the costly part and are kept in a journal
beside the output as soon as they are known; the output itself is written in one pass under a temporary name
and gets its own name when complete. To resume is to make that pass again with the journal's answers, so an
interrupted run and an uninterrupted one write the same bytes by construction.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from treatytag.errors import InputError
from treatytag.features import Floats
from treatytag.offences import ARTICLES, LABELS
from treatytag.readers import ReadOptions, Row, Source, format_of, open_source
from treatytag.tagger import BATCH_CHARACTERS, BATCH_TEXTS, Prediction, Tagger, batches, shared_tagger
from treatytag.writers import Writer, open_writer


@dataclass(frozen=True)
class BatchOptions:
    """How a batch runs.

    Attributes:
        read: see `ReadOptions`.
        model: a model folder; None for the shipped one.
        prefer: see `treatytag.classify`.
        prefix: put before the names of the columns added.
        explain: also add paragraphs and evidence, which takes some milliseconds a tag.
        jobs: worker processes.
        resume: go on with an interrupted run.
        overwrite: replace an existing output.
    """

    read: ReadOptions = field(default_factory=ReadOptions)
    model: Path | None = None
    prefer: str = "balanced"
    prefix: str = ""
    explain: bool = False
    jobs: int = 1
    resume: bool = False
    overwrite: bool = False


@dataclass
class Summary:
    """What a run did: counts of rows; `articles` counts tags; `input_sha256` is None for a folder.

    `fraction` tells how much of the input has been read, in [0, 1]; 0 where that can't be told.
    """

    rows: int = 0
    tagged: int = 0
    empty: int = 0
    needs_review: int = 0
    errors: int = 0
    articles: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    model_id: str = ""
    input_sha256: str | None = None
    output: str = ""
    fraction: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """Rows per second of wall time, reading and writing included."""
        return self.rows / self.seconds if self.seconds else 0.0

    def count(self, row: Row, prediction: Prediction | None) -> None:
        """Add one row."""
        self.rows += 1
        if prediction is None:
            self.errors += 1
            return
        self.tagged += bool(prediction.labels)
        self.empty += not prediction.labels
        self.needs_review += prediction.needs_review
        self.articles.update(prediction.articles)

    def add(self, other: Summary) -> None:
        """Add the counts of another file to these; the time is the caller's to measure."""
        self.rows += other.rows
        self.tagged += other.tagged
        self.empty += other.empty
        self.needs_review += other.needs_review
        self.errors += other.errors
        self.articles += other.articles
        self.model_id = other.model_id

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, articles in treaty order."""
        whole = asdict(self) | {"rows_per_second": round(self.rows_per_second, 1), "seconds": round(self.seconds, 3)}
        del whole["fraction"]
        whole["articles"] = {str(article): self.articles[article] for article in ARTICLES}
        return whole


def answer_columns(prefix: str = "", explain: bool = False) -> dict[str, type]:
    """Return the columns added to a tagged file, in order, with their types."""
    kinds: dict[str, type] = {"articles": str, "labels": str, "needs_review": bool, "status": str}
    kinds |= {f"p_{label}": float for label in LABELS}
    if explain:
        kinds |= {"paragraphs": str, "evidence": str}
    return {prefix + name: kind for name, kind in kinds.items()}


def answer(prediction: Prediction | None, status: str, explain: bool = False) -> tuple[Any, ...]:
    """Return the values of `answer_columns`; those of an untagged row are None but for its status."""
    if prediction is None:
        return (None, None, None, status, *[None] * (len(LABELS) + 2 * explain))
    if prediction.remark:
        status = f"{status}: {prediction.remark}" if status == "ok" else f"{status}; {prediction.remark}"
    articles = ";".join(map(str, prediction.articles))
    probabilities = [round(p, 4) for p in prediction.scores]
    explanation: tuple[str, ...] = ()
    if explain:
        evidence = [piece.as_dict() for piece in prediction.evidence]
        explanation = (";".join(prediction.paragraphs), json.dumps(evidence, ensure_ascii=False))
    return (
        articles,
        ";".join(prediction.labels),
        prediction.needs_review,
        status,
        *probabilities,
        *explanation,
    )


def chunk_answers(texts: list[str], model: Path | None, prefer: str) -> Floats:
    """Return `Tagger.answers`: the piece of work that a worker process gets."""
    return shared_tagger(model, prefer).answers(texts)


class _Journal:
    """Answers on disk, one file per chunk, valid only for the run that is described in `run.json`."""

    def __init__(self, folder: Path, run: dict[str, Any], resume: bool) -> None:
        self._folder = folder
        description = folder / "run.json"
        if resume and description.exists():
            try:
                before = json.loads(description.read_text(encoding="utf-8"))
            except ValueError:
                before = {}
            changed = sorted(key for key in run if before.get(key) != run[key])
            if changed:
                raise InputError(
                    f"can't resume: {', '.join(changed)} changed since the run was interrupted; leave out --resume."
                )
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        description.write_text(json.dumps(run), encoding="utf-8")

    def get(self, number: int, n_rows: int) -> Floats | None:
        """Return the kept answers of a chunk, or None where there are none, or damaged ones."""
        try:
            kept: Floats = np.load(self._folder / f"{number:08d}.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return kept if kept.shape == (n_rows, len(LABELS) + 1) else None

    def put(self, number: int, answers: Floats) -> None:
        """Keep the answers of a chunk: all of them or, if interrupted, none."""
        path = self._folder / f"{number:08d}.npy"
        unfinished = path.with_suffix(".tmp")
        with unfinished.open("wb") as file:
            np.save(file, answers, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _answered_chunks(
    rows: Iterator[Row], options: BatchOptions, journal: _Journal | None
) -> Iterator[tuple[list[Row], Floats]]:
    """Yield each chunk with its answers, in order, from the journal or freshly computed."""
    waiting: deque[tuple[int, list[Row], bool]] = deque()

    def tasks() -> Iterator[tuple[Callable[..., Floats], tuple[Any, ...], dict[str, Any]]]:
        for number, chunk in enumerate(batches(rows, lambda row: row.text)):
            texts = [row.text for row in chunk if row.text is not None]
            kept = journal.get(number, len(texts)) if journal else None
            waiting.append((number, chunk, kept is not None))
            if kept is not None:
                yield _identity, (kept,), {}
            else:
                yield chunk_answers, (texts, options.model, options.prefer), {}

    if options.jobs == 1:
        results: Iterator[Floats] = (function(*arguments) for function, arguments, _ in tasks())
    else:
        from joblib import Parallel

        # a generator both ways: at most two chunks per worker are in memory
        results = Parallel(options.jobs, return_as="generator", pre_dispatch="2*n_jobs")(tasks())
    for answers in results:
        number, chunk, was_kept = waiting.popleft()
        if journal and not was_kept:
            journal.put(number, answers)
        yield chunk, answers


def _identity(kept: Floats) -> Floats:
    return kept


def tag_file(
    source: Path,
    output: Path | None,
    options: BatchOptions = BatchOptions(),
    *,
    name: Path | None = None,
    progress: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Tag every report of a file: rows in = rows out, in order, each with a status.

    Args:
        source: a CSV, TSV, JSONL, Parquet or Excel file, or a folder of `.txt` files.
        output: file to write; its ending decides the format. None writes to standard output, without journal.
        options: see `BatchOptions`.
        name: stands for `output` where that is None, to tell the format.
        progress: called after every chunk with the counts so far.

    Returns:
        The summary. Rows that could not be tagged also stand in `<output>.errors.jsonl`, if there are any.

    Raises:
        InputError: the input, the output or an option can't be used.
        ModelError: the model can't be used.
    """
    started = monotonic()
    tagger = shared_tagger(options.model, options.prefer)
    reports = open_source(source, options.read)
    columns = answer_columns(options.prefix, options.explain)
    if clash := sorted(set(columns) & set(reports.columns)):
        raise InputError(f"the input already has a column {clash[0]!r}; set another name with --prefix.")
    summary = Summary(model_id=tagger.model.model_id, output=str(output or "-"))
    summary.input_sha256 = _sha256(source) if source.is_file() else None
    name = output or name or Path("tagged.csv")
    format_of(name)  # before anything is written
    if output is None:
        writer = open_writer(None, name, reports, columns)
        _write(reports, writer, None, options, tagger, summary, None, progress)
        writer.close()
        summary.seconds = monotonic() - started
        return summary
    if not output.parent.is_dir():
        raise InputError(f"there is no folder {output.parent}; create it first, or choose another.")
    if output.exists() and not options.overwrite:
        raise InputError(f"{output} exists already; give another name, or --overwrite.")
    if output.resolve() == source.resolve():
        raise InputError("input and output are the same file; give another output.")
    unfinished = output.with_name(f".unfinished.{output.name}")
    errors = output.with_name(output.name + ".errors.jsonl")
    try:
        run = {
            "input": summary.input_sha256 or _listing(source),
            "model": summary.model_id,
            "batches": [BATCH_TEXTS, BATCH_CHARACTERS],
            "options": [asdict(options.read), options.prefer, options.prefix, options.explain],
        }
        journal = _Journal(output.with_name(output.name + ".journal"), run, options.resume)
        writer = open_writer(unfinished, output, reports, columns)
        try:
            _write(reports, writer, errors, options, tagger, summary, journal, progress)
        except BaseException:
            with suppress(Exception):  # what went wrong before is what the user must hear
                writer.close()
            unfinished.unlink(missing_ok=True)
            raise
        writer.close()
        unfinished.replace(output)
    except OSError as error:
        raise InputError(_cannot_write(output, error)) from error
    journal.remove()
    summary.seconds = monotonic() - started
    return summary


def _write(
    reports: Source,
    writer: Writer,
    errors: Path | None,
    options: BatchOptions,
    tagger: Tagger,
    summary: Summary,
    journal: _Journal | None,
    progress: Callable[[Summary], None],
) -> None:
    started = monotonic()
    columns = tuple(answer_columns(options.prefix, options.explain))
    if errors is not None:
        errors.unlink(missing_ok=True)
    for chunk, answers in _answered_chunks(reports.rows, options, journal):
        remaining = iter(answers.tolist())
        for row in chunk:
            prediction = tagger.predict(row.text, next(remaining)) if row.text is not None else None
            summary.count(row, prediction)
            writer.write(row.values | dict(zip(columns, answer(prediction, row.status, options.explain), strict=True)))
            if prediction is None and errors is not None:
                with errors.open("a", encoding="utf-8", errors="backslashreplace") as file:
                    line = {
                        "row": summary.rows,
                        "status": row.status,
                        "raw": row.values if row.raw is None else row.raw,
                    }
                    file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        summary.seconds = monotonic() - started
        summary.fraction = reports.fraction()
        progress(summary)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listing(folder: Path) -> str:
    files = sorted((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in folder.glob("*.txt"))
    return hashlib.sha256(repr(files).encode("utf-8", "surrogateescape")).hexdigest()


def _cannot_write(output: Path, error: OSError) -> str:
    reasons = {
        errno.ENOSPC: "the disk is full; free some space and run again with --resume",
        errno.EACCES: "no permission; choose another folder",
    }
    return f"{output} can't be written: {reasons.get(error.errno or 0, error.strerror or str(error))}."
