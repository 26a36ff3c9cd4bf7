"""Train the model: training_data -> model. Deterministic: the same corpus and libraries give the same bytes."""

import sys
from pathlib import Path

import click

from treatytag import Tagger, TreatytagError
from treatytag.assessment import assess
from treatytag.calibration import fit_calibration
from treatytag.corpus import read_corpus, read_lexicon
from treatytag.corpus_checks import check_corpus
from treatytag.evaluation import held_out_answers
from treatytag.evaluation_page import prepare_folder, report_of, write_evaluation
from treatytag.labelled import read_own_corpus, reports_of
from treatytag.packing import export_pipeline, write_model
from treatytag.paragraphs import fit_paragraphs
from treatytag.profiles import fit_profiles
from treatytag.training import fit_with_folds

ROOT = Path(__file__).parent
SHIPPED = ROOT / "training_data"


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path), help="Your labelled reports; the shipped corpus by default.")
@click.option("--add", is_flag=True, help="Learn from the shipped corpus and yours together.")
@click.option("--output", type=click.Path(path_type=Path), default=ROOT / "model", help="Model folder to write.")
@click.option("--report", type=click.Path(path_type=Path), help="Folder for a page of the out-of-fold figures.")
@click.option("--export-sklearn", type=click.Path(path_type=Path), help="Also dump the fitted pipeline with joblib.")
@click.option("--jobs", default=2, show_default=True, help="Processes for cross-validation.")
def main(
    corpus: Path | None, add: bool, output: Path, report: Path | None, export_sklearn: Path | None, jobs: int
) -> None:
    """Read, fit and score out of fold, calibrate, evaluate, save."""
    if report is not None:
        prepare_folder(report, is_overwriting=True)
    own = read_own_corpus(corpus) if corpus is not None else []
    for problem in check_corpus(own):
        click.echo(problem, err=True)
    examples = [*(read_corpus(SHIPPED) if add or corpus is None else []), *own]
    pipeline, held_out = fit_with_folds(examples, read_lexicon(SHIPPED / "lexicon.json"), jobs)
    calibration = fit_calibration(held_out.scores, held_out.targets)
    answers = held_out_answers(held_out)
    assessment = assess(held_out.targets.astype(bool), *answers)
    paragraphs = fit_paragraphs(pipeline, examples, held_out.folds)
    profiles = fit_profiles(pipeline, examples)
    write_model(output, examples, pipeline, calibration, paragraphs, profiles, held_out, assessment)
    if export_sklearn is not None:
        export_pipeline(export_sklearn, pipeline, calibration)
    if report is not None:
        write_evaluation(report, report_of(reports_of(examples), Tagger.load(output), "out of fold", answers))
    click.echo(f"cross-validated on {len(examples)} examples\n{assessment.as_table()}")


if __name__ == "__main__":
    try:
        main()
    except TreatytagError as error:
        sys.exit(f"train.py: {error}")
