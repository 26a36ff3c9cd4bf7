"""Words -> concepts: a hand-made list of words that mean the same to a coder, such as hacked, breached, infiltrated.

Few corpora hold every word for a thing; a person who writes the list down once teaches all of them at a time.
"""

from __future__ import annotations

import json
import re

from treatytag.errors import CorpusError

# How many concepts apart those of a pair stand: what is told of one act stands together, in any order.
PAIR_DISTANCES = tuple(range(2, 11))

_MAX_KNOWN = 100_000  # words remembered; texts hold endless numbers

_find_words = re.compile(r"\w+|\$").findall


class Lexicon:
    """Maps words to concepts; an instance is a tokenizer for scikit-learn.

    A word belongs to one concept: by itself if it is listed, else by the longest listed beginning
    (written with a final `*`).
    """

    def __init__(self, concepts: dict[str, str]) -> None:
        """Make a lexicon of concept -> its words, separated by spaces.

        Raises:
            CorpusError: a word stands under two concepts.
        """
        self.concepts = concepts
        self._words: dict[str, str] = {}
        self._beginnings: dict[str, str] = {}
        for concept, words in concepts.items():
            for word in words.split():
                listed = self._beginnings if word.endswith("*") else self._words
                if listed.setdefault(word.rstrip("*"), concept) != concept:
                    raise CorpusError(f"the lexicon has {word!r} under two concepts; remove one of them.")
        self._longest = max(map(len, self._beginnings), default=0)
        self._known: dict[str, str | None] = {}

    def __reduce__(self) -> tuple[type[Lexicon], tuple[dict[str, str]]]:
        return Lexicon, (self.concepts,)

    @classmethod
    def parse(cls, text: str) -> Lexicon:
        """Read a lexicon from JSON: an object of concept -> words separated by spaces.

        Raises:
            CorpusError: the text is no such object.
        """
        try:
            concepts = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"the lexicon is not JSON ({error}); mend it.") from error
        if not isinstance(concepts, dict) or not all(isinstance(words, str) for words in concepts.values()):
            raise CorpusError('the lexicon must be an object such as {"hacker": "hacker* intruder*"}; mend it.')
        return cls(concepts)

    def concept(self, word: str) -> str | None:
        """Return the concept of one lower-case word, or None."""
        if word not in self._known:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[word] = self._look_up(word)
        return self._known[word]

    def _look_up(self, word: str) -> str | None:
        if word in self._words:
            return self._words[word]
        for length in range(min(len(word), self._longest), 1, -1):
            if word[:length] in self._beginnings:
                return self._beginnings[word[:length]]
        return None

    def __call__(self, text: str) -> list[str]:
        """Return the concepts of a lower-case text in order; words without a concept leave no gap.

        >>> Lexicon({"hack": "hack* breached", "site": "website*"})("they breached our town's websites")
        ['hack', 'site']
        """
        return [concept for word in _find_words(text) if (concept := self.concept(word)) is not None]

    def pairs(self, text: str) -> list[str]:
        """Return the pairs of concepts that stand near but not next to each other, each in alphabetical order.

        >>> Lexicon({"hack": "hack*", "site": "site", "man": "man"}).pairs("A MAN hacked a site")
        ['man site']
        """
        concepts = self(text.lower())
        return [
            " ".join(sorted((first, second)))
            for distance in PAIR_DISTANCES
            for first, second in zip(concepts, concepts[distance:], strict=False)
        ]
