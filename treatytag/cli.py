"""The command line: each command parses, calls one public function and prints.

Exit codes: 0 done; 1 stopped by an error, told in one sentence; 2 the command line can't be understood;
3 done, but some rows could not be tagged (they are in the error file); 130 interrupted.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from treatytag.artefact import default_model_dir
from treatytag.errors import InputError, TreatytagError
from treatytag.offences import BY_ARTICLE, NOTICE, OFFENCES, Offence
from treatytag.progress import Progress, summary_table
from treatytag.rulings import all_rulings
from treatytag.tagger import Prediction, shared_tagger

_model_option = click.option(
    "--model",
    type=click.Path(path_type=Path, file_okay=False),
    help="Model folder; the shipped one by default.",
)
_prefer_option = click.option(
    "--prefer",
    type=click.Choice(["balanced", "recall", "precision"]),
    default="balanced",
    show_default=True,
    help="Which thresholds: miss fewer offences (recall) or tag fewer reports in vain (precision).",
)
_text_column_option = click.option(
    "--text-column", help="Column that holds the report; else text, description, narrative, ..."
)
_overwrite_option = click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
_sensitive_option = click.option(
    "--show-sensitive", is_flag=True, help="Also show texts about children or intimate images (articles 14-16)."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="treatytag")
def cli() -> None:
    """Tag incident reports with the offence articles (7-17) of the UN Convention against Cybercrime.

    A tag says that the text alleges such conduct; it is no finding of guilt and no legal advice.
    """


@cli.command()
@click.argument("source", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, allow_dash=True), help="File to write; - for standard output."
)
@click.option("--text", help="Tag this one report and print the answer.")
@_text_column_option
@click.option("--format", "format_", help="Format of standard input or output: csv, tsv or jsonl.")
@click.option("--delimiter", help="CSV delimiter of the input; found out by default.")
@click.option("--encoding", help="Encoding of the input, such as cp1252; found out by default.")
@click.option("--sheet", help="Sheet of an Excel workbook; needed where more than one has rows.")
@click.option("--prefix", default="", help="Put this before the names of the columns added.")
@click.option("--explain", is_flag=True, help="Also add paragraphs and evidence, the words that led to each tag.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Worker processes.")
@click.option("--cluster", metavar="dask://HOST:PORT", help="Tag the parts of a Parquet folder on a Dask cluster.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@_overwrite_option
@click.option(
    "--summary", "summary_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the counts as JSON."
)
@_prefer_option
@_model_option
def classify(
    source: Path | None,
    output: Path | None,
    text: str | None,
    text_column: str | None,
    format_: str | None,
    delimiter: str | None,
    encoding: str | None,
    sheet: str | None,
    prefix: str,
    explain: bool,
    jobs: int,
    cluster: str | None,
    resume: bool,
    overwrite: bool,
    summary_file: Path | None,
    prefer: str,
    model: Path | None,
) -> None:
    """Tag a file of reports (CSV, TSV, JSONL, Parquet, Excel), a folder of .txt or of .parquet, or one TEXT.

    All input columns are kept; articles, labels, needs_review, status and one p_<label> column per label
    are added. Without -o, CSV goes to standard output. SOURCE - reads standard input.
    """
    if (source is None) == (text is None):
        raise click.UsageError("Give a file of reports, or one report with --text.")
    if text is not None:
        click.echo(_readable(shared_tagger(model, prefer).classify(text)))
        return
    from treatytag.batch import BatchOptions, tag_file
    from treatytag.partitions import parts_of, tag_folder
    from treatytag.readers import ReadOptions

    options = BatchOptions(
        ReadOptions(text_column, delimiter, encoding, sheet), model, prefer, prefix, explain, jobs, resume, overwrite
    )
    assert source is not None
    target = None if output in (None, Path("-")) else output
    name = Path(f"tagged.{format_ or 'csv'}")
    if summary_file is not None and not summary_file.parent.is_dir():
        raise InputError(f"there is no folder {summary_file.parent} for the summary; create it first.")
    with _as_file(source, format_ or "csv") as source, Progress(sys.stderr.isatty()) as progress:
        if target is not None and parts_of(source):
            summary = tag_folder(source, target, options, cluster=cluster, progress=progress.update)
        elif cluster is not None:
            raise InputError(f"--cluster works on a folder of .parquet files and an output folder, not on {source}.")
        else:
            summary = tag_file(source, target, options, name=name, progress=progress.update)
    click.echo(summary_table(summary), err=True)
    if summary.errors and target is None:
        click.echo(
            f"{summary.errors:,} rows could not be tagged and are not in standard output as found; "
            "with -o FILE they are kept in FILE.errors.jsonl.",
            err=True,
        )
    if summary_file is not None:
        _write_json(summary_file, summary.as_dict())
    if summary.errors:
        sys.exit(3)


@cli.command()
@click.argument("labelled", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for index.html and figures.json.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Also write the table's figures as JSON.")
@_text_column_option
@_overwrite_option
@_sensitive_option
@_prefer_option
@_model_option
def evaluate(
    labelled: Path,
    output: Path | None,
    save: Path | None,
    text_column: str | None,
    overwrite: bool,
    show_sensitive: bool,
    prefer: str,
    model: Path | None,
) -> None:
    """Measure the model on labelled reports: a table here and, with -o, a page of figures and charts.

    LABELLED is a file that classify reads, with a column articles (numbers joined by ;, in JSONL a list; empty for
    none) and, if any are open, contested. Figures saved in the model's own folder of reports go into its card too.
    """
    from treatytag.assessment import assess
    from treatytag.card import REPORTS, refresh_card
    from treatytag.evaluation_page import prepare_folder, report_of, write_evaluation
    from treatytag.labelled import read_labelled_reports
    from treatytag.readers import ReadOptions, needed

    reports = read_labelled_reports(labelled, ReadOptions(text_column))
    if output is not None:
        needed("jinja2", "report")
        prepare_folder(output, overwrite)
    tagger = shared_tagger(model, prefer)
    heading = f"{labelled.name}, model {tagger.model.model_id}"
    if save is None and output is None:
        probabilities = tagger.probabilities(reports.texts)
        thresholds = tagger.thresholds.cells(probabilities)
        click.echo(f"{heading}\n{assess(reports.gold, probabilities, thresholds, reports.scored).as_table()}")
        return
    found = report_of(reports, tagger, labelled.name)
    click.echo(f"{heading}\n{found.assessment.as_table()}")
    if save is not None:
        figures: dict[str, object] = {"file": labelled.name, "model_id": tagger.model.model_id, "prefer": prefer}
        faithfulness = {"faithfulness": asdict(found.faithfulness)}
        _write_json(save, figures | found.assessment.as_dict() | faithfulness)
        folder = model or default_model_dir()
        if save.resolve().parent == (folder / REPORTS).resolve():
            refresh_card(folder, save)
    if output is not None:
        write_evaluation(output, found, show_sensitive)
        click.echo(f"written to {output / 'index.html'}", err=True)


@cli.command()
@click.argument("tagged", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="HTML file to write.")
@_text_column_option
@click.option("--date-column", help="Column that holds dates; else incident_date, date, reported, created, ...")
@click.option("--day-first", is_flag=True, help="Read 03/04/2026 as 3 April.")
@click.option("--prefix", default="", help="What stands before the names of the columns that classify added.")
@_overwrite_option
@_sensitive_option
@_model_option
def report(
    tagged: Path,
    output: Path,
    text_column: str | None,
    date_column: str | None,
    day_first: bool,
    prefix: str,
    overwrite: bool,
    show_sensitive: bool,
    model: Path | None,
) -> None:
    """Make a page of counts, charts, the review queue and examples from a file that classify wrote."""
    from treatytag.overview import OverviewOptions
    from treatytag.overview_page import write_overview

    options = OverviewOptions(prefix, text_column, date_column, day_first, show_sensitive)
    overview = write_overview(tagged, output, shared_tagger(model), options, overwrite)
    click.echo(f"{overview.rows:,} rows, written to {output}", err=True)


@cli.command()
@click.argument("corpus", default="training_data", type=click.Path(path_type=Path))
def check(corpus: Path) -> None:
    """Check a labelled corpus: schema, duplicates, near duplicates, templates; print its coverage."""
    from treatytag.corpus import read_corpus
    from treatytag.corpus_checks import check_corpus, coverage_table

    examples = read_corpus(corpus)
    problems = check_corpus(examples)
    click.echo(coverage_table(examples))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        sys.exit(1)


@cli.command()
@click.argument("article", type=click.Choice([str(offence.article) for offence in OFFENCES]), metavar="ARTICLE")
def show(article: str) -> None:
    """Print what the Convention says under ARTICLE (7-17), in this project's words, and the rulings that give it."""
    click.echo(_described(BY_ARTICLE[int(article)]))
    click.echo(NOTICE)


@contextmanager
def _as_file(source: Path, format_: str) -> Iterator[Path]:
    """Give a file with what comes on standard input for `-`: a pipe can't be read twice, and some formats need that."""
    if source != Path("-"):
        yield source
        return
    try:
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    except OSError as error:
        raise InputError(f"standard input can't be kept in a temporary file ({error.strerror}); set TMPDIR.") from error
    with folder:
        copied = Path(folder.name, f"stdin.{format_}")
        try:
            with copied.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
        except OSError as error:
            raise InputError(
                f"standard input can't be kept in {folder.name} ({error.strerror}); "
                "set TMPDIR to a folder with more space."
            ) from error
        yield copied


def _write_json(path: Path, value: object) -> None:
    try:
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{path} can't be written ({error.strerror}); choose another file.") from error


def _described(offence: Offence) -> str:
    lines = [f"Article {offence.article}. {offence.title} ({offence.label})", f"  {offence.elements}"]
    lines += [f"  {paragraph.number}  {paragraph.elements}" for paragraph in offence.paragraphs]
    lines += ["", "Rulings of the annotation guide that give it:"]
    lines += [f"  {ruling}" for ruling in all_rulings() if ruling.mentions(offence.article)]
    return "\n".join(lines)


def _readable(prediction: Prediction) -> str:
    lines = []
    for offence in OFFENCES:
        if offence.label in prediction.labels:
            told = [p for p in offence.paragraphs if p.number in prediction.paragraphs]
            lines.append(f"Article {offence.article}  {prediction.probabilities[offence.label]:.2f}  {offence.title}")
            lines += [f"    {p.number}: {p.elements}" for p in told] or [f"    {offence.elements}"]
            lines += [f'    "{piece.text}"' for piece in prediction.evidence if piece.label == offence.label]
    if lines:
        lines += ["Near rulings:", *(f"    {ruling}" for ruling in prediction.rulings)]
    else:
        likeliest = max(OFFENCES, key=lambda offence: prediction.probabilities[offence.label])
        probability = prediction.probabilities[likeliest.label]
        lines = ["No Convention offence reported.", f"Nearest: article {likeliest.article} with {probability:.2f}."]
    if prediction.remark:
        lines.append(f"Needs review: {prediction.remark}.")
    elif prediction.needs_review:
        lines.append("Needs review: the model expects an error here more often than elsewhere.")
    return "\n".join([*lines, NOTICE])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; every foreseen error is one sentence on standard error."""
    try:
        cli.main(arguments, prog_name="treatytag", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("treatytag: interrupted; run again with --resume to go on.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has enough; Python would complain at exit
        sys.exit(1)
    except TreatytagError as error:
        click.echo(f"treatytag: {error}", err=True)
        sys.exit(1)
    except OSError as error:  # of outputs they are foreseen where they happen; standard output has no name
        from treatytag.writers import abandon_stdout

        abandon_stdout()
        reason = error.strerror or error
        if error.filename is None:
            told = f"standard output can't be written ({reason}); send it elsewhere."
        else:
            told = f"{error.filename} can't be used ({reason}); check its name and permissions."
        click.echo(f"treatytag: {told}", err=True)
        sys.exit(1)
