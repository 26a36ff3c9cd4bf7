"""Words -> concepts: a hand-made list of words that mean the same to a coder, such as hacked, breached, infiltrated.

Few corpora hold every word for a thing; a person who writes the list down once teaches all of them at a time.
"""

from __future__ import annotations

import json
import re

from treatytag.errors import CorpusError

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
