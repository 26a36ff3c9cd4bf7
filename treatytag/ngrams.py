"""Tables of tokens: each distinct token is analysed once, and texts are counted by looking its n-grams up."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy import sparse

from treatytag.lexicon import PAIR_DISTANCES

WORD_NGRAMS = (1, 2)  # also of concepts
CHAR_NGRAMS = (3, 5)

_PAIR_BASE = 1 << 31  # two word numbers in one int64
find_words = re.compile(r"(?u)\b\w\w+\b").findall  # TfidfVectorizer's default token pattern

Rows = npt.NDArray[np.int32]


class Table:
    """Rows of ids in growing arrays: a CSR matrix of ones that can be appended to."""

    def __init__(self) -> None:
        self.count = self.size = 0
        self._indptr = np.zeros(1024, dtype=np.int32)
        self._indices = np.zeros(16384, dtype=np.int32)
        self._ones = np.ones(16384, dtype=np.int32)

    def extend(self, ids: Rows, lengths: Rows) -> None:
        """Append rows: the ids of all of them one after the other, and how many each has."""
        end, count = self.size + len(ids), self.count + len(lengths)
        if count >= len(self._indptr):
            self._indptr = np.resize(self._indptr, 2 * count)
        if end > len(self._indices):
            self._indices = np.resize(self._indices, 2 * end)
            self._ones = np.ones(2 * end, dtype=np.int32)
        self._indices[self.size : end] = ids
        np.cumsum(lengths, out=self._indptr[self.count + 1 : count + 1])
        self._indptr[self.count + 1 : count + 1] += self.size
        self.size, self.count = end, count

    def take(self, rows: Rows) -> tuple[Rows, Rows]:
        """Return the ids of `rows` one after the other, and how many each row gave."""
        starts = self._indptr[rows]
        lengths = self._indptr[rows + 1] - starts
        shifts = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        return self._indices[shifts + np.arange(len(shifts))], lengths

    def matrix(self, n_columns: int) -> sparse.csr_matrix:
        """Return all rows as a matrix of shape (count, n_columns) that shares this memory."""
        ones, indices = self._ones[: self.size], self._indices[: self.size]
        return sparse.csr_matrix((ones, indices, self._indptr[: self.count + 1]), (self.count, n_columns))


class Index:
    """Finds keys among known ones: by one look at a hash table, and by search where two of them share a place."""

    def __init__(self, keys: npt.NDArray[np.int64]) -> None:
        """Index non-negative keys in ascending order, each once."""
        self._keys = np.append(keys, -1)  # the key of what is not found
        self._mask = (1 << (4 * len(keys)).bit_length()) - 1
        places = self._hash(keys)
        self._numbers = np.full(self._mask + 1, len(keys), dtype=np.int32)
        self._numbers[places] = np.arange(len(keys))
        self._is_shared = np.zeros(self._mask + 1, dtype=np.bool_)
        self._is_shared[places[self._numbers[places] != np.arange(len(keys))]] = True

    def _hash(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.asarray((keys ^ (keys >> 31) * 40503) & self._mask)

    def find(self, wanted: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], Rows]:
        """Return which of the wanted keys are known, and their numbers."""
        places = self._hash(wanted)
        numbers = self._numbers[places]
        is_found = self._keys[numbers] == wanted
        unsure = np.flatnonzero(self._is_shared[places] & ~is_found)
        if len(unsure):
            numbers[unsure] = np.searchsorted(self._keys[:-1], wanted[unsure])
            is_found[unsure] = self._keys[numbers[unsure]] == wanted[unsure]
        found = np.flatnonzero(is_found)
        return found, numbers[found]


class Sequences:
    """Counts 1-2-grams of what each token stands for: its words, or the concepts of its words."""

    def __init__(self, ngrams: Sequence[str], split: Callable[[str], list[str]]) -> None:
        self._split = split
        self._n_columns = len(ngrams)
        bigrams = [(gram.partition(" "), i) for i, gram in enumerate(ngrams) if " " in gram]
        # An item's number is its column; one known only as a part of bigrams is numbered after the columns.
        self._numbers = {gram: i for i, gram in enumerate(ngrams) if " " not in gram}
        for (first, _, second), _ in bigrams:
            for part in (first, second):
                self._numbers.setdefault(part, len(ngrams) + len(self._numbers))
        number = self._numbers
        keys = sorted((number[first] * _PAIR_BASE + number[second], i) for (first, _, second), i in bigrams)
        self._pairs = Index(np.array([key for key, _ in keys], dtype=np.int64))
        self._columns = np.array([i for _, i in keys], dtype=np.int32)
        self.forget()

    def forget(self) -> None:
        """Drop all tokens."""
        self._rows = Table()

    def learn(self, tokens: Sequence[str]) -> None:
        """Append the rows of new tokens."""
        split = list(map(self._split, tokens))
        number = self._numbers.get
        # -1 keeps the place of an unknown item, so that its neighbours do not become a bigram
        items = [number(item, -1) for item in chain.from_iterable(split)]
        self._rows.extend(np.array(items, dtype=np.int32), np.fromiter(map(len, split), np.int32, len(split)))

    def items(self, rows: Rows) -> tuple[Rows, Rows]:
        """Return the numbers of all items of the tokens, -1 where unknown, and how many each token gave."""
        return self._rows.take(rows)

    def number(self, item: str) -> int:
        """Return the number of an item that is or is part of an n-gram."""
        return self._numbers[item]

    def sizes(self, rows: Rows, ends: Rows) -> npt.NDArray[np.int64]:
        """Count the items of texts, and those that are 1-grams of the model, shape (n_texts, 2)."""
        items, per_token = self.items(rows)
        ends = np.concatenate([[0], np.cumsum(per_token)])[ends]
        known = np.concatenate([[0], np.cumsum((items >= 0) & (items < self._n_columns))])[ends]
        return np.diff(np.column_stack([ends, known]), axis=0)

    def find(self, items: Rows, owners: Rows) -> tuple[Rows, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return column, first and last item of every n-gram; a 2-gram lies within one owner."""
        adjacent = np.flatnonzero((items[:-1] >= 0) & (items[1:] >= 0) & (owners[:-1] == owners[1:]))
        keys = items[adjacent].astype(np.int64) * _PAIR_BASE + items[adjacent + 1]
        found, numbers = self._pairs.find(keys)
        unigrams = np.flatnonzero((items >= 0) & (items < self._n_columns))
        bigrams = adjacent[found]
        columns = np.concatenate([items[unigrams], self._columns[numbers]])
        return columns, np.concatenate([unigrams, bigrams]), np.concatenate([unigrams, bigrams + 1])

    def count(self, rows: Rows, ends: Rows) -> sparse.csr_matrix:
        """Count the n-grams of texts, given as their tokens, shape (n_texts, n_ngrams)."""
        items, per_token = self.items(rows)
        owners = np.repeat(np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends)), per_token)
        columns, firsts, _ = self.find(items, owners)
        ones = np.ones(len(columns), dtype=np.int32)
        return sparse.coo_matrix((ones, (owners[firsts], columns)), (len(ends) - 1, self._n_columns)).tocsr()

    def occurrences(self, rows: Rows) -> tuple[Rows, Rows, Rows]:
        """Return column, first and last token of every n-gram of one text."""
        items, per_token = self.items(rows)
        tokens = np.repeat(np.arange(len(rows), dtype=np.int32), per_token)
        columns, firsts, lasts = self.find(items, np.zeros_like(items))
        return columns, tokens[firsts], tokens[lasts]


class Characters:
    """Counts `char_wb` 3-5-grams of tokens.

    The n-grams are kept as a trie in arrays: a beginning known as number b and followed by the character c leads to
    the entry with the key b * n_characters + c. So all n-grams of many tokens are found in four look-ups.
    """

    def __init__(self, ngrams: Sequence[str]) -> None:
        self._n_columns = len(ngrams)
        longest = CHAR_NGRAMS[1]
        points = np.array(ngrams, dtype=f"U{longest}").view(np.uint32).reshape(-1, longest).astype(np.int64)
        lengths = np.fromiter(map(len, ngrams), dtype=np.int64, count=len(ngrams))
        known = np.unique(points[np.arange(longest) < lengths[:, None]])
        self._alphabet = np.append(known, sys.maxunicode + 1)  # and what no text holds, where searches end
        codes = np.searchsorted(self._alphabet, points)
        columns, numbers = np.arange(len(ngrams), dtype=np.int32), codes[:, 0]
        self._levels: list[tuple[Index, Rows]] = []  # and columns, -1 for mere beginnings
        for size in range(2, longest + 1):
            long_enough = lengths >= size
            codes, columns, lengths = codes[long_enough], columns[long_enough], lengths[long_enough]
            keys = numbers[long_enough] * len(self._alphabet) + codes[:, size - 1]
            keys, numbers = np.unique(keys, return_inverse=True)
            columns_of_keys = np.full(len(keys), -1, dtype=np.int32)
            columns_of_keys[numbers[lengths == size]] = columns[lengths == size]
            self._levels.append((Index(keys), columns_of_keys))
        self.forget()

    def forget(self) -> None:
        """Drop all tokens."""
        self._rows = Table()

    @property
    def size(self) -> int:
        """Return how many n-grams are kept."""
        return self._rows.size

    def learn(self, tokens: Sequence[str]) -> None:
        """Append the rows of new tokens."""
        # as `char_wb` does: every token between two spaces of its own
        padded = f" {'  '.join(tokens)} ".encode("utf-32-le", "surrogatepass")
        points = np.frombuffer(padded, dtype=np.uint32).astype(np.int64)
        owners = np.repeat(np.arange(len(tokens)), [len(token) + 2 for token in tokens])
        codes = np.searchsorted(self._alphabet, points)
        is_known = self._alphabet[codes] == points
        starts = np.flatnonzero(is_known)
        numbers = codes[starts]
        columns, places = [], []
        for size, (index, columns_of_keys) in enumerate(self._levels, 2):
            lasts = starts + size - 1
            kept = np.flatnonzero(lasts < len(points))
            kept = kept[(owners[starts[kept]] == owners[lasts[kept]]) & is_known[lasts[kept]]]
            starts, wanted = starts[kept], numbers[kept] * len(self._alphabet) + codes[lasts[kept]]
            found, entries = index.find(wanted)
            starts, numbers = starts[found], entries.astype(np.int64)
            if size >= CHAR_NGRAMS[0]:
                columns.append(columns_of_keys[entries])
                places.append(owners[starts])
        found_columns, found_places = np.concatenate(columns), np.concatenate(places)
        is_ngram = np.flatnonzero(found_columns >= 0)
        is_ngram = is_ngram[np.argsort(found_places[is_ngram], kind="stable")]
        lengths = np.bincount(found_places[is_ngram], minlength=len(tokens))
        self._rows.extend(found_columns[is_ngram], lengths.astype(np.int32))

    def count(self, rows: Rows, ends: Rows) -> sparse.csr_matrix:
        """Count the n-grams of texts, given as their tokens, shape (n_texts, n_ngrams)."""
        shape = (len(ends) - 1, self._rows.count)
        uses = sparse.csr_matrix((np.ones(len(rows), np.int32), rows, ends), shape)
        return uses @ self._rows.matrix(self._n_columns)

    def occurrences(self, rows: Rows) -> tuple[Rows, Rows, Rows]:
        """Return column and token, twice, of every n-gram of one text."""
        columns, per_token = self._rows.take(rows)
        tokens = np.repeat(np.arange(len(rows), dtype=np.int32), per_token)
        return columns, tokens, tokens


class Pairs:
    """Counts pairs of concepts near each other."""

    def __init__(self, pairs: Sequence[str], concepts: Sequences) -> None:
        self._concepts = concepts
        self._n_columns = len(pairs)
        ends = [tuple(map(concepts.number, pair.split(" "))) for pair in pairs]
        members = sorted(set(chain.from_iterable(ends)))
        # what stands in pairs, numbered anew; all else, -1 included, is the last number and in no pair
        self._members = np.full(max(members, default=0) + 2, len(members), dtype=np.int32)
        self._members[members] = np.arange(len(members))
        self._columns = np.full((len(members) + 1, len(members) + 1), -1, dtype=np.int32)
        for column, (first, second) in enumerate(ends):
            i, j = self._members[first], self._members[second]
            self._columns[i, j] = self._columns[j, i] = column

    def _find(self, rows: Rows, ends: Rows) -> tuple[Rows, Rows, Rows]:
        """Return column, first and last token of every pair within a text."""
        items, per_token = self._concepts.items(rows)
        items = self._members[np.minimum(items, len(self._members) - 1)]
        tokens = np.repeat(np.arange(len(rows), dtype=np.int32), per_token)
        owners = np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends))[tokens]
        columns, firsts = [], []
        for distance in PAIR_DISTANCES:
            found = np.where(
                owners[:-distance] == owners[distance:], self._columns[items[:-distance], items[distance:]], -1
            )
            places = np.flatnonzero(found >= 0)
            columns.append(found[places])
            firsts.append(places)
        lasts = [places + distance for places, distance in zip(firsts, PAIR_DISTANCES, strict=True)]
        return np.concatenate(columns), tokens[np.concatenate(firsts)], tokens[np.concatenate(lasts)]

    def count(self, rows: Rows, ends: Rows) -> sparse.csr_matrix:
        """Count the n-grams of texts, given as their tokens, shape (n_texts, n_ngrams)."""
        columns, firsts, _ = self._find(rows, ends)
        owners = np.searchsorted(ends, firsts, side="right") - 1
        ones = np.ones(len(columns), dtype=np.int32)
        return sparse.coo_matrix((ones, (owners, columns)), (len(ends) - 1, self._n_columns)).tocsr()

    def occurrences(self, rows: Rows) -> tuple[Rows, Rows, Rows]:
        """Return column, first and last token of every pair of one text."""
        return self._find(rows, np.array([0, len(rows)], dtype=np.int32))
