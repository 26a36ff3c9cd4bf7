"""A small model trained once per run, for tests that must not depend on the shipped one."""

from pathlib import Path

import pytest

from treatytag.assessment import assess
from treatytag.calibration import Calibration, fit_calibration
from treatytag.corpus import Example, read_corpus, read_lexicon
from treatytag.evaluation import held_out_answers
from treatytag.packing import calibrated_pipeline, write_model
from treatytag.paragraphs import fit_paragraphs
from treatytag.profiles import fit_profiles
from treatytag.training import fit_with_folds

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "training_data"


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    return read_corpus(CORPUS)


@pytest.fixture(scope="session")
def small_corpus(examples: list[Example], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every seventh example, as a corpus file."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    path.write_text("".join(e.model_dump_json() + "\n" for e in examples[::7][:900]), encoding="utf-8")
    return path


class Trained:
    """What a training run makes, kept together for the tests that compare its parts."""

    def __init__(self, corpus: Path) -> None:
        examples = read_corpus(corpus)
        self.corpus = corpus
        self.examples = examples
        lexicon = read_lexicon(CORPUS / "lexicon.json")
        self.pipeline, self.held_out = fit_with_folds(examples, lexicon, n_jobs=1)
        self.calibration: Calibration = fit_calibration(self.held_out.scores, self.held_out.targets)
        self.paragraphs = fit_paragraphs(self.pipeline, examples, self.held_out.folds)
        self.profiles = fit_profiles(self.pipeline, examples)
        self.calibrated = calibrated_pipeline(self.pipeline, self.calibration)

    def write(self, folder: Path) -> Path:
        assessment = assess(self.held_out.targets.astype(bool), *held_out_answers(self.held_out))
        parts = (self.pipeline, self.calibration, self.paragraphs, self.profiles, self.held_out)
        write_model(folder, self.examples, *parts, assessment)
        return folder


@pytest.fixture(scope="session")
def trained(small_corpus: Path) -> Trained:
    return Trained(small_corpus)


@pytest.fixture(scope="session")
def small_model(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained.write(tmp_path_factory.mktemp("model"))
