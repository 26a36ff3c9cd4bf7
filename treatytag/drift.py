"""Texts and their labels -> a profile: how long, how familiar, how often labelled; to lay beside the corpus' own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from treatytag.offences import LABELS
from treatytag.tagger import MIN_WORDS

if TYPE_CHECKING:
    import numpy.typing as npt

    from treatytag.features import Floats

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Profile:
    """What a set of labelled texts is like; shares are in [0, 1].

    Attributes:
        words: quantiles of words (two letters or more) a text, at `QUANTILES`.
        unknown_words: quantiles of the share of a text's words that the model does not know, at `QUANTILES`.
        label_rates: label -> share of the texts that have it.
        empty: share of the texts without any label.
        unfamiliar: share of the texts below the model's limit of familiarity.
        too_short: share of the texts with fewer than `MIN_WORDS` words.
    """

    words: tuple[float, ...]
    unknown_words: tuple[float, ...]
    label_rates: dict[str, float]
    empty: float
    unfamiliar: float
    too_short: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Profile | None:
        """Return the profile stored with a model, or None where a model has none: older ones do not."""
        try:
            return cls(
                words=tuple(map(float, values["words"])),
                unknown_words=tuple(map(float, values["unknown_words"])),
                label_rates={label: float(values["label_rates"][label]) for label in LABELS},
                empty=float(values["empty"]),
                unfamiliar=float(values["unfamiliar"]),
                too_short=float(values["too_short"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def profile_of(
    n_words: npt.NDArray[Any], familiarity: Floats, gold: npt.NDArray[Any], familiarity_limit: float
) -> Profile:
    """Describe labelled texts.

    Args:
        n_words: words of each text, shape (n_texts,).
        familiarity: share of its words that the model knows, shape (n_texts,).
        gold: labels as 0/1 or booleans, shape (n_texts, n_labels).
        familiarity_limit: see `Model`.
    """
    import numpy as np

    is_short = n_words < MIN_WORDS
    return Profile(
        words=tuple(np.quantile(n_words, QUANTILES).round(1).tolist()),
        unknown_words=tuple((1.0 - np.quantile(familiarity, QUANTILES[::-1])).round(4).tolist()),
        label_rates=dict(zip(LABELS, gold.mean(axis=0).round(4).tolist(), strict=True)),
        empty=round(float((~gold.astype(bool).any(axis=1)).mean()), 4),
        unfamiliar=round(float((~is_short & (familiarity < familiarity_limit)).mean()), 4),
        too_short=round(float(is_short.mean()), 4),
    )
