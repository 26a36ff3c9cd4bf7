"""Report texts -> n-gram counts -> TF-IDF label scores, exactly as scikit-learn gives them, at batch speed.

The features are those of two `TfidfVectorizer` side by side: word 1-2-grams and `char_wb` 3-5-grams. Both
depend on a report only through its whitespace-separated tokens (and the order of the words in them), and
tokens repeat: so each distinct token is analysed once, in Python, and kept as a row of a token-by-feature
table. The character counts of a batch are then one sparse product, (reports x tokens) @ (tokens x features),
in compiled code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

WORD_NGRAMS = (1, 2)
CHAR_NGRAMS = (3, 5)

# Feature ids remembered between batches (8 bytes each, about 12 a token): real text repeats itself, and the
# bound is for endless identifiers and encoded blobs. Past it, everything is forgotten and learned again.
MAX_KNOWN = 8_000_000

_PAIR_BASE = 1 << 31  # two word numbers in one int64
_find_words = re.compile(r"(?u)\b\w\w+\b").findall  # TfidfVectorizer's default token pattern

Floats = npt.NDArray[np.float64]


def char_ngrams(token: str) -> Iterator[str]:
    """Yield the `char_wb` 3-5-grams of one whitespace-free token, as scikit-learn cuts them."""
    padded = f" {token} "
    for size in range(CHAR_NGRAMS[0], CHAR_NGRAMS[1] + 1):
        yield padded[:size]
        for start in range(1, len(padded) - size + 1):
            yield padded[start : start + size]
        if len(padded) <= size:  # a short token counts once, not once per size
            return


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
        self._weighted = idf[:, None] * weights
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


class _Rows:
    """Rows of ids in growing arrays: a CSR matrix of ones that can be appended to."""

    def __init__(self) -> None:
        self.count = self.size = 0
        self._indptr = np.zeros(1024, dtype=np.int32)
        self._indices = np.zeros(16384, dtype=np.int32)
        self._ones = np.ones(16384, dtype=np.int32)

    def append(self, ids: Sequence[int]) -> None:
        end = self.size + len(ids)
        if self.count + 2 > len(self._indptr):
            self._indptr = np.resize(self._indptr, 2 * len(self._indptr))
        if end > len(self._indices):
            self._indices = np.resize(self._indices, 2 * end)
            self._ones = np.ones(2 * end, dtype=np.int32)
        self._indices[self.size : end] = ids
        self.size = end
        self.count += 1
        self._indptr[self.count] = end

    def take(self, rows: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return the ids of `rows` one after the other, and how many each row gave."""
        starts = self._indptr[rows]
        lengths = self._indptr[rows + 1] - starts
        shifts = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        return self._indices[shifts + np.arange(len(shifts))], lengths

    def matrix(self, n_columns: int) -> sparse.csr_matrix:
        """Return all rows as a matrix of shape (count, n_columns) that shares this memory."""
        ones, indices = self._ones[: self.size], self._indices[: self.size]
        return sparse.csr_matrix((ones, indices, self._indptr[: self.count + 1]), (self.count, n_columns))


class _KnownTokens(dict[str, int]):
    """Token -> row number in `words` and `chars`; a token met for the first time gets the next row."""

    def __init__(self, word_numbers: dict[str, int], char_ids: dict[str, int]) -> None:
        super().__init__()
        self._word_numbers = word_numbers
        self._char_ids = char_ids
        self.words = _Rows()
        self.chars = _Rows()

    def __missing__(self, token: str) -> int:
        row = self[token] = self.words.count
        # -1 keeps the place of an unknown word, so that its neighbours do not become a bigram
        self.words.append([self._word_numbers.get(word, -1) for word in _find_words(token)])
        known = self._char_ids
        self.chars.append([known[gram] for gram in char_ngrams(token) if gram in known])
        return row


class Counter:
    """Counts n-grams of texts. It remembers the tokens it has met, so it is not safe to share by threads."""

    def __init__(self, words: Sequence[str], chars: Sequence[str]) -> None:
        """Make a counter of these word uni- and bigrams and these `char_wb` 3-5-grams."""
        self._shape = (len(words), len(chars))
        bigrams = [(gram.partition(" "), i) for i, gram in enumerate(words) if " " in gram]
        # A word's number is its column; a word known only as a part of bigrams is numbered after the columns.
        self._word_numbers = {gram: i for i, gram in enumerate(words) if " " not in gram}
        for (first, _, second), _ in bigrams:
            for part in (first, second):
                self._word_numbers.setdefault(part, len(words) + len(self._word_numbers))
        self._char_ids = {gram: i for i, gram in enumerate(chars)}
        number = self._word_numbers
        keys = sorted((number[first] * _PAIR_BASE + number[second], i) for (first, _, second), i in bigrams)
        # the last key can't occur: it gives every search a place to end
        self._pair_keys = np.array([key for key, _ in keys] + [np.iinfo(np.int64).max], dtype=np.int64)
        self._pair_ids = np.array([i for _, i in keys] + [-1], dtype=np.int32)
        self._tokens = _KnownTokens(self._word_numbers, self._char_ids)

    def count(self, texts: Sequence[str]) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """Count the n-grams of each text.

        Returns:
            Two int32 matrices of shapes (n_texts, n_words) and (n_texts, n_chars), indices unsorted.
        """
        if self._tokens.chars.size > MAX_KNOWN:
            self._tokens = _KnownTokens(self._word_numbers, self._char_ids)
        tokens = self._tokens
        flat: list[str] = []
        ends = np.zeros(len(texts) + 1, dtype=np.int32)
        for i, text in enumerate(texts, 1):
            flat += text.lower().split()
            ends[i] = len(flat)
        rows = np.fromiter(map(tokens.__getitem__, flat), dtype=np.int32, count=len(flat))
        uses = sparse.csr_matrix((np.ones(len(rows), np.int32), rows, ends), (len(texts), tokens.chars.count))
        return self._count_words(rows, ends), uses @ tokens.chars.matrix(self._shape[1])

    def _count_words(self, rows: npt.NDArray[np.int32], ends: npt.NDArray[np.int32]) -> sparse.csr_matrix:
        words, per_token = self._tokens.words.take(rows)
        owners = np.repeat(np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends)), per_token)
        adjacent = (words[:-1] >= 0) & (words[1:] >= 0) & (owners[:-1] == owners[1:])
        keys = words[:-1][adjacent].astype(np.int64) * _PAIR_BASE + words[1:][adjacent]
        places = np.searchsorted(self._pair_keys, keys)
        is_bigram = self._pair_keys[places] == keys
        is_unigram = (words >= 0) & (words < self._shape[0])
        columns = np.concatenate([words[is_unigram], self._pair_ids[places[is_bigram]]])
        owners = np.concatenate([owners[is_unigram], owners[:-1][adjacent][is_bigram]])
        ones = np.ones(len(columns), dtype=np.int32)
        return sparse.coo_matrix((ones, (owners, columns)), (len(ends) - 1, self._shape[0])).tocsr()
