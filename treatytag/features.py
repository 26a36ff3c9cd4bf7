"""Report texts -> n-gram counts -> TF-IDF label scores, exactly as scikit-learn gives them, at batch speed.

The features are those of four `TfidfVectorizer` side by side: word 1-2-grams, `char_wb` 3-5-grams, and 1-2-grams
and near pairs of the concepts that a lexicon gives for words. All depend on a report only through its
whitespace-separated tokens and their order, and tokens repeat: so each distinct token is analysed once and kept
as a row of a table. The character counts of a batch are then one sparse product, (reports x tokens) @
(tokens x features), in compiled code; the others are array look-ups.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

from treatytag.lexicon import Lexicon
from treatytag.ngrams import Characters, Pairs, Rows, Sequences, find_words

KINDS = ("words", "chars", "concepts", "pairs")

# Feature ids remembered between batches (8 bytes each, about 12 a token), distinct tokens, of which those in other
# scripts have no ids, and their characters, for scripts that put no spaces between words. Real text repeats itself,
# and the bounds are for endless identifiers and encoded blobs. Past one, everything is forgotten and learned again.
MAX_KNOWN = 6_000_000
MAX_TOKENS = 400_000
MAX_CHARACTERS = 20_000_000

_LEARNED_AT_ONCE = 500_000  # characters of new tokens: about 60 MB of arrays

Floats = npt.NDArray[np.float64]


class Branch:
    """One kind of n-gram: what a fitted `TfidfVectorizer(sublinear_tf=True)` knows, and the label weights.

    Attributes:
        ngrams: the n-grams, one a column, in scikit-learn's order.
        idf: shape (n_ngrams,), inverse document frequencies.
        weights: shape (n_ngrams, n_labels), logistic-regression weights.
    """

    def __init__(self, ngrams: tuple[str, ...], idf: Floats, weights: Floats) -> None:
        self.ngrams = ngrams
        self.idf = idf
        self.weights = weights
        self._weighted = np.ascontiguousarray(idf[:, None] * weights)  # else SciPy copies it for every batch
        self._squared_idf = idf**2

    def score(self, counts: sparse.csr_matrix) -> Floats:
        """Return what this branch adds to the label scores, shape (n_texts, n_labels).

        Equal to `TfidfTransformer(sublinear_tf=True).transform(counts) @ weights`; the unit length is
        divided out after the product, so that no array as long as the counts is needed for it.
        """
        log_counts = 1.0 + np.log(np.arange(1, counts.data.max(initial=1) + 1))
        values = sparse.csr_matrix((log_counts[counts.data - 1], counts.indices, counts.indptr), counts.shape)
        sums = values @ self._weighted
        values.data *= values.data
        norms = np.sqrt(values @ self._squared_idf)
        norms[norms == 0.0] = 1.0
        return np.asarray(sums / norms[:, None])

    def contributions(self, columns: Rows) -> Floats:
        """Return what each n-gram of one text adds to the label scores, shape (len(columns), n_labels).

        Repeats of an n-gram share what it adds, so the rows sum to the text's `score`.
        """
        unique, places, counts = np.unique(columns, return_inverse=True, return_counts=True)
        values = 1.0 + np.log(counts)
        norm = np.sqrt((values**2 * self._squared_idf[unique]).sum()) or 1.0
        return np.asarray(((values / counts / norm)[:, None] * self._weighted[unique])[places])


class Counter(dict[str, int]):
    """Counts n-grams of texts, for four kinds at once.

    As a dict it is token -> row number in the tables of each kind: a token met for the first time is
    analysed and gets the next row. So threads that share one must take turns, as those of a `Tagger` do.
    """

    def __init__(self, ngrams: Sequence[Sequence[str]], lexicon: Lexicon) -> None:
        """Make a counter of the n-grams given for each of `KINDS`."""
        super().__init__()
        words, chars, concepts, pairs = ngrams
        self._words = Sequences(words, find_words)
        self._characters = Characters(chars)
        self._concepts = Sequences(concepts, lexicon)
        self._kinds = (self._words, self._characters, self._concepts, Pairs(pairs, self._concepts))
        self._tables = (self._words, self._characters, self._concepts)
        self._n_characters = 0
        self._new: list[str] = []

    def __missing__(self, token: str) -> int:
        self._new.append(token)
        row = self[token] = len(self)
        return row

    def tokens(self, texts: Sequence[str]) -> tuple[Rows, Rows]:
        """Return the table rows of all tokens of all texts, and where each text begins and ends among them.

        They hold until the next call, which may forget all tokens.
        """
        flat: list[str] = []
        ends = np.zeros(len(texts) + 1, dtype=np.int32)
        for i, text in enumerate(texts, 1):
            flat += text.lower().split()
            ends[i] = len(flat)
        try:
            if self._characters.size > MAX_KNOWN or len(self) > MAX_TOKENS or self._n_characters > MAX_CHARACTERS:
                self._forget()
            rows = np.fromiter(map(self.__getitem__, flat), dtype=np.int32, count=len(flat))
            if self._new:
                self._learn()
        except BaseException:  # such as Ctrl-C in a notebook: some tables may hold tokens that others don't
            self._forget()
            raise
        return rows, ends

    def _learn(self) -> None:
        lengths = np.fromiter(map(len, self._new), np.int64, len(self._new))
        self._n_characters += int(lengths.sum())
        parts = np.flatnonzero(np.diff(np.cumsum(lengths) // _LEARNED_AT_ONCE)) + 1
        for start, end in pairwise([0, *parts.tolist(), len(self._new)]):
            for table in self._tables:
                table.learn(self._new[start:end])
        self._new = []

    def _forget(self) -> None:
        self.clear()
        self._n_characters = 0
        self._new = []
        for table in self._tables:
            table.forget()

    def count(self, rows: Rows, ends: Rows) -> tuple[sparse.csr_matrix, ...]:
        """Count the n-grams of texts, given as their `tokens`.

        Returns:
            For each of `KINDS` an int32 matrix of shape (n_texts, n_ngrams), indices unsorted.
        """
        return tuple(kind.count(rows, ends) for kind in self._kinds)

    def words(self, rows: Rows, ends: Rows) -> npt.NDArray[np.int64]:
        """Count the words of texts, given as their `tokens`, and those the model knows, shape (n_texts, 2)."""
        return self._words.sizes(rows, ends)

    def occurrences(self, text: str) -> tuple[tuple[Rows, Rows, Rows], ...]:
        """Tell where the n-grams of a text stand.

        Returns:
            For each of `KINDS` three arrays as long as there are n-grams: their columns, and the whitespace-separated
            tokens, numbered from 0, that hold their first and their last part.
        """
        rows, _ = self.tokens([text])
        return tuple(kind.occurrences(rows) for kind in self._kinds)
