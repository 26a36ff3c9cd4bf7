"""Calibrated probabilities -> tags: one threshold per label, and a bar that the first tag of a report must reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Thresholds:
    """When a report gets which tags.

    Offences come in company and a report without any gets one false tag as a rule: so a report's first tag asks for
    more than the others do.

    Attributes:
        labels: a label is given at or above its threshold, in treaty order ...
        first: ... if any probability of the report reaches this.
    """

    labels: tuple[float, ...]
    first: float

    def cells(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return what each probability is held against, shape (n_reports, n_labels) as theirs."""
        import numpy as np

        labels = np.array(self.labels)
        is_open = probabilities.max(axis=1, keepdims=True) >= self.first
        return np.where(is_open, labels, np.maximum(labels, self.first))

    def given(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which labels are given, shape (n_reports, n_labels)."""
        import numpy as np

        return np.asarray(probabilities >= self.cells(probabilities))
