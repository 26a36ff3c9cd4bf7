"""Train the model: training_data -> model. Deterministic: the same corpus and libraries give the same bytes."""

from pathlib import Path

import click

from treatytag.calibration import fit_calibration
from treatytag.corpus import read_corpus, read_lexicon
from treatytag.evaluation import cross_validate
from treatytag.packing import export_pipeline, write_model
from treatytag.paragraphs import fit_paragraphs
from treatytag.profiles import fit_profiles
from treatytag.training import fit_with_folds

ROOT = Path(__file__).parent


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path), default=ROOT / "training_data", help="Labelled corpus.")
@click.option("--output", type=click.Path(path_type=Path), default=ROOT / "model", help="Model folder to write.")
@click.option("--export-sklearn", type=click.Path(path_type=Path), help="Also dump the fitted pipeline with joblib.")
@click.option("--jobs", default=2, show_default=True, help="Processes for cross-validation.")
def main(corpus: Path, output: Path, export_sklearn: Path | None, jobs: int) -> None:
    """Read, score out of fold, calibrate, evaluate, fit on everything, save."""
    examples = read_corpus(corpus)
    lexicon = read_lexicon(ROOT / "training_data" / "lexicon.json")
    pipeline, held_out = fit_with_folds(examples, lexicon, jobs)
    calibration = fit_calibration(held_out.scores, held_out.targets)
    evaluation = cross_validate(held_out)
    paragraphs = fit_paragraphs(pipeline, examples, held_out.folds)
    profiles = fit_profiles(pipeline, examples)
    write_model(output, corpus, pipeline, calibration, paragraphs, profiles, held_out, evaluation)
    if export_sklearn is not None:
        export_pipeline(export_sklearn, pipeline, calibration)
    click.echo(f"cross-validated on {len(examples)} examples\n{evaluation.as_table()}")


if __name__ == "__main__":
    main()
