"""Report text -> `Prediction`: the articles alleged, each with a calibrated probability."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import compress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from treatytag.artefact import Model, default_model_dir, load_model
from treatytag.errors import ModelError
from treatytag.offences import BY_LABEL, LABELS, PARAGRAPHS
from treatytag.rulings import Ruling, all_rulings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from scipy import sparse

    from treatytag.evidence import Evidence
    from treatytag.features import Floats

# A batch is one sparse product: large enough to share its fixed cost, small enough to bound memory.
BATCH_TEXTS = 2048
BATCH_CHARACTERS = 2_000_000

T = TypeVar("T")

_loading = threading.Lock()  # else threads that start together would each load the model
_explaining = threading.Lock()  # all taggers split sentences with one spaCy pipeline


def batches(items: Iterable[T], text_of: Callable[[T], str | None]) -> Iterator[list[T]]:
    """Cut items into lists of at most BATCH_TEXTS, closed early once their texts fill BATCH_CHARACTERS."""
    batch: list[T] = []
    characters = 0
    for item in items:
        batch.append(item)
        characters += len(text_of(item) or "")
        if len(batch) == BATCH_TEXTS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


TOO_SHORT = "too short to tell"
UNFAMILIAR = "unfamiliar words, perhaps not English"
# Remarks by number, as they travel in arrays.
REMARKS = ("", TOO_SHORT, UNFAMILIAR)

# Fewer words than this report nothing that a coder could work with.
MIN_WORDS = 4


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model reads in one report. A tag is an allegation found in a text, not a finding of guilt.

    Attributes:
        labels: labels assigned, in treaty order; () means no Convention offence reported.
        scores: calibrated probabilities in [0, 1], in `LABELS` order.
        doubt: expected number of wrong labels in this answer, by the model's own probabilities.
        remark: why the model should not be trusted on this text ("too short to tell", "unfamiliar words, ..."), or "".
        needs_review: True where a person should look first: `doubt` above the model's limit, or a remark.
        text: the report.
    """

    labels: tuple[str, ...]
    scores: tuple[float, ...]
    doubt: float
    remark: str
    needs_review: bool
    text: str = field(repr=False)
    _tagger: Tagger = field(repr=False, compare=False)

    @property
    def articles(self) -> tuple[int, ...]:
        """Convention article numbers of `labels`, ascending."""
        return tuple(BY_LABEL[label].article for label in self.labels)

    @property
    def probabilities(self) -> Mapping[str, float]:
        """Label -> calibrated probability in [0, 1], for all eleven labels; read-only."""
        return MappingProxyType(dict(zip(LABELS, self.scores, strict=True)))

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The words that led to each tag, label by label; computed when asked for, some milliseconds a tag."""
        return self._tagger.evidence(self.text, self.labels)

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """Paragraphs of the assigned articles 11, 13, 14 and 17, where the model can tell them; when asked for."""
        return self._tagger.paragraphs(self.text, self.labels)

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """The nearest three boundary rulings that give an assigned article, nearest first; when asked for."""
        return self._tagger.rulings(self.text, self.articles)


class Tagger:
    """A loaded model. Loading takes a fraction of a second; keep it, and share it between threads.

    Threads take turns to count n-grams, once for each batch. Pickling a tagger stores the name of its folder only:
    another process loads the model from there.
    """

    def __init__(self, model: Model, prefer: str = "balanced") -> None:
        """Wrap a model; `prefer` is `balanced`, `recall` or `precision`.

        Raises:
            ModelError: the model has no thresholds for `prefer`.
        """
        from treatytag.features import Counter

        if prefer not in model.thresholds:
            raise ModelError(
                f"the model knows no preference {prefer!r}; choose one of {', '.join(sorted(model.thresholds))}."
            )
        self.model = model
        self.prefer = prefer
        self.thresholds = model.thresholds[prefer]
        self._counter = Counter([branch.ngrams for branch in model.branches], model.lexicon)
        self._lock = threading.RLock()  # held by whoever uses the counter, which grows with every new word

    def __reduce__(self) -> tuple[Callable[..., Tagger], tuple[Path, str]]:
        return shared_tagger, (self.model.folder, self.prefer)

    @classmethod
    def load(cls, folder: str | Path | None = None, prefer: str = "balanced") -> Tagger:
        """Load a model folder, by default the shipped one.

        Raises:
            ModelError: the folder holds no sound model, or knows no such preference.
        """
        return cls(load_model(Path(folder) if folder is not None else default_model_dir()), prefer)

    def answers(self, texts: Sequence[str]) -> Floats:
        """Return what `predict` needs, shape (n_texts, 12): probabilities in `LABELS` order, number of the remark.

        Probabilities are calibrated, in [0, 1] and rounded to 6 decimals, and a text's row does not depend on the
        other texts: so the answer is the same one by one, in any batch and on any machine whose floats differ in
        the last bits.
        """
        import numpy as np
        from scipy.special import expit

        with self._lock:
            tokens = self._counter.tokens(texts)
            counts = self._counter.count(*tokens)
            n_words, n_known = self._counter.words(*tokens).T
        parts = (branch.score(count) for branch, count in zip(self.model.branches, counts, strict=True))
        probabilities = expit(sum(parts, self.model.intercepts)).round(6)
        unfamiliar = n_known < self.model.familiarity_limit * n_words
        remarks = np.where(n_words < MIN_WORDS, REMARKS.index(TOO_SHORT), unfamiliar * REMARKS.index(UNFAMILIAR))
        return np.column_stack([probabilities, remarks])

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Return calibrated probabilities in [0, 1], shape (n_texts, 11), columns in `LABELS` order."""
        return self.answers(texts)[:, : len(LABELS)]

    def word_counts(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Count the words of each text, and those among them that the model knows, shape (n_texts, 2)."""
        with self._lock:
            return self._counter.words(*self._counter.tokens(texts))

    def predict(self, text: str, answer: Sequence[float]) -> Prediction:
        """Make the decision on one report from its row of `answers`."""
        scores = tuple(answer[: len(LABELS)])
        # `self.thresholds.given`, without arrays: this runs once a report
        is_open = max(scores) >= self.thresholds.first
        given = [is_open and p >= threshold for p, threshold in zip(scores, self.thresholds.labels, strict=True)]
        doubt = sum([1.0 - p if is_given else p for p, is_given in zip(scores, given, strict=True)])
        remark = REMARKS[int(answer[-1])]
        return Prediction(
            labels=tuple(compress(LABELS, given)),
            scores=scores,
            doubt=doubt,
            remark=remark,
            needs_review=doubt > self.model.review_limit or remark != "",
            text=text,
            _tagger=self,
        )

    def classify(self, text: str) -> Prediction:
        """Tag one report."""
        return next(self.classify_many([text]))

    def classify_many(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """Tag reports one after the other, in batches: one Prediction per text, in input order."""
        for batch in batches(map(_checked, texts), lambda text: text):
            yield from map(self.predict, batch, self.answers(batch).tolist())

    def evidence(self, text: str, labels: Sequence[str]) -> tuple[Evidence, ...]:
        """Return the words of a text that speak for some labels; see `Prediction.evidence`."""
        from treatytag.evidence import contributions, explain

        with self._lock:
            spans, added = contributions(self.model.branches, self._counter, text)
        found: list[Evidence] = []
        for label in labels:
            column = LABELS.index(label)
            with _explaining:
                found += explain(
                    text,
                    label,
                    spans,
                    added[:, column],
                    partial(self._lacks, column),
                )
        return tuple(found)

    def _lacks(self, column: int, texts: Sequence[str]) -> list[bool]:
        given = self.thresholds.given(self.probabilities(texts))
        return [not is_given for is_given in given[:, column].tolist()]

    def _counts_of(self, text: str) -> tuple[sparse.csr_matrix, ...]:
        with self._lock:
            return self._counter.count(*self._counter.tokens([text]))

    def paragraphs(self, text: str, labels: Sequence[str]) -> tuple[str, ...]:
        """Return the paragraphs of some labels' articles that a text tells of; see `Prediction.paragraphs`."""
        words = self._counts_of(text)[0]
        scores = self.model.paragraphs.score(words)[0]
        told = zip(PARAGRAPHS.items(), scores, self.model.paragraph_limits, strict=True)
        return tuple(number for (number, label), score, limit in told if label in labels and score >= limit)

    def rulings(self, text: str, articles: Sequence[int]) -> tuple[Ruling, ...]:
        """Return the three rulings nearest to a text that give one of some articles; see `Prediction.rulings`."""
        concepts = self._counts_of(text)[2]
        nearness = self.model.profiles.score(concepts)[0]
        by_nearness = sorted(zip(-nearness, all_rulings(), strict=True), key=lambda pair: (pair[0], pair[1].row))
        return tuple(r for _, r in by_nearness if any(map(r.mentions, articles)))[:3]


def _checked(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"a report must be a str, not {type(text).__name__}; join or convert it first.")
    return text


@lru_cache(maxsize=4)
def _tagger(folder: Path, prefer: str) -> Tagger:
    return Tagger.load(folder, prefer)


def shared_tagger(model: str | Path | None = None, prefer: str = "balanced") -> Tagger:
    """Return a tagger that is loaded once per process, for all its threads; arguments as for `Tagger.load`."""
    with _loading:
        return _tagger(Path(model).resolve() if model is not None else default_model_dir(), prefer)


def classify(text: str, *, model: str | Path | None = None, prefer: str = "balanced") -> Prediction:
    """Tag one report with the offence articles of the Convention that it alleges.

    Args:
        text: the report, English.
        model: a model folder; default the shipped one. It is loaded once and kept.
        prefer: `balanced`, `recall` (miss fewer) or `precision` (tag fewer in vain).

    Returns:
        The prediction; its `articles` are empty when no Convention offence is reported.

    Raises:
        ModelError: the model can't be used.

    >>> classify("Hackers stole the clinic's patient database last night.").articles
    (7,)
    """
    return shared_tagger(model, prefer).classify(text)


def classify_many(
    texts: Iterable[str], *, model: str | Path | None = None, prefer: str = "balanced"
) -> Iterator[Prediction]:
    """Tag reports at batch speed: one Prediction per text, in input order; empty input gives nothing.

    Arguments and errors as for `classify`; `texts` may be any iterable and is read as needed.
    """
    return shared_tagger(model, prefer).classify_many(texts)
