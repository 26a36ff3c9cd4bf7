"""The boundary rulings of the annotation guide: which articles a scene gets, and which scenes are near a report."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True)
class Ruling:
    """A row of section 6 of the annotation guide.

    Attributes:
        row: its number.
        scene: what the text tells.
        articles: the set for that scene, as printed: `"7, 9"`, `"empty"`.
        added: further facts, each with the article it adds, as printed; "" where there are none.
    """

    row: int
    scene: str
    articles: str
    added: str

    def mentions(self, article: int) -> bool:
        """Tell whether the scene, or a further fact, gives an article."""
        numbers = [*re.findall(r"\d+", self.articles), *re.findall(r"\d+\+(\d+)", self.added)]
        return str(article) in numbers

    def __str__(self) -> str:
        """Return the ruling as one line."""
        added = f" ({self.added})" if self.added else ""
        return f"row {self.row}: {self.scene}: {self.articles}{added}"


@lru_cache(maxsize=1)
def all_rulings() -> tuple[Ruling, ...]:
    """Return the rulings in order; `training_data/annotation_guide.md` is their source."""
    text = files("treatytag").joinpath("rulings.json").read_text(encoding="utf-8")
    return tuple(Ruling(**row) for row in json.loads(text))
