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
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import IO, Any

from treatytag.errors import InputError
from treatytag.features import Floats
from treatytag.journal import Journal
from treatytag.offences import ARTICLES, LABELS
from treatytag.readers import ReadOptions, Row, Source, format_of, listing, open_source
from treatytag.tagger import BATCH_CHARACTERS, BATCH_TEXTS, Prediction, Tagger, batches, shared_tagger
from treatytag.writers import Writer, abandon_stdout, open_writer


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
        if prediction.labels:
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
    articles = ";".join(map(str, prediction.articles)) if prediction.labels else ""
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


def _answered_chunks(
    rows: Iterator[Row], options: BatchOptions, journal: Journal | None
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


def run_of(content: object, options: BatchOptions) -> dict[str, Any]:
    """Return what an output depends on, as plain values: what is in the input, the model and the options."""
    return {
        "input": content,
        "model": shared_tagger(options.model, options.prefer).model.model_id,
        "batches": [BATCH_TEXTS, BATCH_CHARACTERS],
        "options": [asdict(options.read), options.prefer, options.prefix, options.explain],
    }


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
    name = output or name or Path("tagged.csv")
    exact = format_of(name) == "parquet"  # and an unknown format is told before anything is done
    reports = open_source(source, replace(options.read, exact=exact))
    columns = answer_columns(options.prefix, options.explain)
    if clash := sorted(set(columns) & set(reports.columns)):
        raise InputError(f"the input already has a column {clash[0]!r}; set another name with --prefix.")
    summary = Summary(model_id=tagger.model.model_id, output=str(output or "-"))
    summary.input_sha256 = _sha256(source) if source.is_file() else None
    if output is None:
        _write_to_pipe(reports, name, options, tagger, summary, progress)
        summary.seconds = monotonic() - started
        return summary
    unfinished = output.with_name(f".unfinished.{output.name}")
    errors = _ErrorFile(output.with_name(output.name + ".errors.jsonl"))
    run = run_of(summary.input_sha256 or listing(source), options)
    try:
        journal_folder = output.with_name(output.name + ".journal")
        if not output.parent.is_dir():
            raise InputError(f"there is no folder {output.parent}; create it first, or choose another.")
        if output.resolve() == source.resolve():
            raise InputError("input and output are the same file; give another output.")
        # A run that was stopped after its last step left both.
        if output.exists() and not options.overwrite and not (options.resume and journal_folder.exists()):
            raise InputError(f"{output} exists already; give another name, or --overwrite.")
        journal = Journal(journal_folder, run, options.resume, options.overwrite)
        writer: Writer | None = None
        try:
            writer = open_writer(unfinished, output, reports, columns)
            _write(reports, writer, errors, options, tagger, summary, journal, progress)
            writer.close()
            errors.close()
        except BaseException:
            if writer is not None:
                writer.abandon()
            with suppress(Exception):
                errors.close()
            unfinished.unlink(missing_ok=True)
            raise
        unfinished.replace(output)
    except OSError as error:
        raise InputError(_cannot_write(str(output), error)) from error
    journal.remove()
    summary.seconds = monotonic() - started
    return summary


def _write_to_pipe(
    reports: Source,
    name: Path,
    options: BatchOptions,
    tagger: Tagger,
    summary: Summary,
    progress: Callable[[Summary], None],
) -> None:
    try:
        writer = open_writer(None, name, reports, answer_columns(options.prefix, options.explain))
        _write(reports, writer, None, options, tagger, summary, None, progress)
        writer.close()
    except BrokenPipeError:
        raise  # whoever read has enough: no error
    except OSError as error:
        abandon_stdout()
        raise InputError(_cannot_write("standard output", error)) from error


class _ErrorFile:
    """Rows that could not be tagged, or not be read or written in whole; there is no file where there are none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def begin(self) -> None:
        self._path.unlink(missing_ok=True)

    def add(self, row: int, status: str, raw: Any) -> None:
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", errors="backslashreplace")
        line = {"row": row, "status": status, "raw": raw}
        self._file.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _write(
    reports: Source,
    writer: Writer,
    errors: _ErrorFile | None,
    options: BatchOptions,
    tagger: Tagger,
    summary: Summary,
    journal: Journal | None,
    progress: Callable[[Summary], None],
) -> None:
    started = monotonic()
    if errors is not None:
        errors.begin()
    for chunk, answers in _answered_chunks(reports.rows, options, journal):
        remaining = iter(answers.tolist())
        for row in chunk:
            prediction = tagger.predict(row.text, next(remaining)) if row.text is not None else None
            summary.count(row, prediction)
            cut = writer.write(row, answer(prediction, row.status, options.explain))
            if errors is None:
                continue
            if prediction is None:
                errors.add(summary.rows, row.status, row.values if row.raw is None else row.raw)
                continue
            if row.raw is not None:
                errors.add(summary.rows, row.status, row.raw)
            if cut:
                errors.add(summary.rows, "ok: cut in the output, whole here", cut)
        summary.seconds = monotonic() - started
        summary.fraction = reports.fraction()
        progress(summary)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cannot_write(output: str, error: OSError) -> str:
    where = " or the folder for temporary files (TMPDIR)" if output.endswith(".xlsx") else ""
    again = "" if output == "standard output" else " with --resume"
    reasons = {
        errno.ENOSPC: f"the disk{where} is full; free some space and run again{again}",
        errno.EDQUOT: f"your quota is used up; free some space and run again{again}",
        errno.EACCES: "no permission; choose another folder",
    }
    reason = reasons.get(error.errno or 0) or f"{error.strerror or error}; check the disk and run again{again}"
    return f"{output} can't be written: {reason}."
