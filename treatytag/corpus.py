"""Labelled examples on disk -> checked `Example` records, and their grouped folds."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from treatytag.errors import CorpusError
from treatytag.lexicon import Lexicon
from treatytag.offences import ARTICLES, BY_ARTICLE
from treatytag.rulings import all_rulings

Genre = Literal[
    "victim_complaint",
    "police_blotter",
    "prosecutor_release",
    "judgment",
    "court_list",
    "news",
    "breach_register",
    "breach_letter",
    "cert_ticket",
    "threat_digest",
    "bank_narrative",
    "trust_and_safety",
    "school_ngo_referral",
    "insurance_claim",
    "help_desk",
    "parliamentary_answer",
    "regulator_finding",
    "notice",
    "market_news",
    "workplace_note",
    "other",
]
GENRES: tuple[str, ...] = get_args(Genre)

# The guide's rows of rulings, a met condition as "row+article", and the rules of sections 1, 2 and 4.
_ROWS = "|".join(str(ruling.row) for ruling in all_rulings())
_RULING = rf"^(G[1-9]|A[1-4]|D[1-4]|(art|not)([789]|1[0-7])|unrelated|({_ROWS})(\+([789]|1[0-7]))?)$"


class Example(BaseModel):
    """A report with its gold labels, as one line of `training_data/corpus.jsonl`.

    Attributes:
        id: unique, never reused.
        text: the report.
        articles: gold set of articles 7-17, sorted; empty when no Convention offence is reported.
        paragraphs: those of articles 11, 13, 14 and 17 that the text lets one tell.
        stage: `completed`, `attempted` (all of it) or `assisted`; None when `articles` is empty.
        genre: who writes this kind of text.
        language: ISO 639-1.
        scenario: examples that tell the same scene share it and never straddle a fold.
        rulings: ids of the annotation guide's rulings that decided.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, StringConstraints(pattern=r"^E[0-9]{4,6}$")]
    text: Annotated[str, StringConstraints(min_length=20)]
    articles: list[int]
    paragraphs: list[str]
    stage: Literal["completed", "attempted", "assisted"] | None
    genre: Genre
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    scenario: Annotated[str, StringConstraints(min_length=1)]
    rulings: Annotated[list[Annotated[str, StringConstraints(pattern=_RULING)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Example:
        if self.articles != sorted(set(self.articles) & set(ARTICLES)):
            raise ValueError("articles must be sorted, unique and within 7-17")
        allowed = {p.number for article in self.articles for p in BY_ARTICLE[article].paragraphs}
        if unknown := set(self.paragraphs) - allowed:
            raise ValueError(f"paragraphs {sorted(unknown)} do not belong to the articles given")
        if (self.stage is None) != (not self.articles):
            raise ValueError("stage must be null exactly when articles is empty")
        for ruling in self.rulings:
            _, plus, article = ruling.partition("+")
            if plus and int(article) not in self.articles:
                raise ValueError(f"condition {ruling} is cited as met, but its article is not given")
        return self


def corpus_files(path: Path) -> list[Path]:
    """Return the `*.jsonl` files of a corpus folder in name order, or the one file given."""
    return sorted(path.glob("*.jsonl")) if path.is_dir() else [path]


def read_corpus(path: Path) -> list[Example]:
    """Read a corpus: a JSONL file, or a folder of them in name order.

    Raises:
        CorpusError: nothing to read, or lines that break the schema; the message lists the first ten.
    """
    examples: list[Example] = []
    problems: list[str] = []
    for file in corpus_files(path):
        try:
            lines = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CorpusError(
                f"{file} can't be read ({error}); give a UTF-8 JSONL file or a folder of them."
            ) from error
        for number, line in enumerate(lines, 1):
            try:
                examples.append(Example.model_validate_json(line))
            except ValidationError as error:
                detail = error.errors()[0]
                where = ".".join(map(str, detail["loc"])) or "line"
                problems.append(f"{file.name}:{number}: {where}: {detail['msg']}")
    if problems:
        more = f"\nand {len(problems) - 10} more" if len(problems) > 10 else ""
        raise CorpusError("mend these lines of the corpus:\n" + "\n".join(problems[:10]) + more)
    if not examples:
        raise CorpusError(f"no examples in {path}; give a JSONL file or a folder that holds some.")
    return examples


def read_lexicon(path: Path) -> Lexicon:
    """Read the lexicon that is part of the corpus.

    Raises:
        CorpusError: it can't be read or is malformed.
    """
    try:
        return Lexicon.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} can't be read ({error}); a lexicon belongs there.") from error


def corpus_sha256(examples: Sequence[Example]) -> str:
    """Return the sha256 of the examples as JSON lines, in their order."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(example.model_dump_json().encode("utf-8") + b"\n")
    return digest.hexdigest()


def targets_of(examples: Sequence[Example]) -> npt.NDArray[np.int8]:
    """Return gold labels as 0/1, shape (n_examples, n_labels), columns in treaty order."""
    return np.array([[article in e.articles for article in ARTICLES] for e in examples], dtype=np.int8)


def folds_of(examples: Sequence[Example], n_folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Assign each example to a fold, scenarios kept together and label rates kept even.

    Stratified on each example's rarest article (or none): with so skewed a label set this evens out
    every label's rate, and scikit-learn's grouped splitter takes one class per example.

    Returns:
        Fold numbers 0..n_folds-1, shape (n_examples,).
    """
    from sklearn.model_selection import StratifiedGroupKFold

    support = Counter(article for e in examples for article in e.articles)
    strata = [min(e.articles, key=lambda article: support[article], default=0) for e in examples]
    groups = [e.scenario for e in examples]
    folds = np.empty(len(examples), dtype=np.int64)
    splitter = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(splitter.split(strata, strata, groups)):
        folds[held_out] = number
    return folds
