"""What do comments speak of that the codebook misses? Proposed themes, for a person to name, mend or throw away.

One row is one proposed theme. Comments without a mention are put into groups by the words that they share: TF-IDF of words and pairs of
words (forms of one word together: "flight" and "flights"), factorised without negative parts from a start that no chance enters
(NMF, `nndsvd`; Lee & Seung 1999, Boutsidis & Gallopoulos 2008). Each comment goes to its strongest group, so there is no group of the
rest; only a comment without any word that comes up again is in none. The same comments and seed give the same table.

What it is not: a theme. On 6,504 tweets with reasons that people coded, such groups agreed with the reasons at an adjusted Rand
index of .14 where a codebook reached .41 (benchmarks/voice_themes.py). Read the examples, then write the words into the codebook;
`draft_toml` makes a beginning.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from cxlab.problems import did_you_mean

if TYPE_CHECKING:
    from cxlab.voice.themes import Codebook

PROPOSED = ["theme", "terms", "n", "share", "examples"]
LEAST_COMMENTS = 20  # without a mention; fewer are better read than counted
N_TERMS, N_EXAMPLES = 10, 3
_MOST_FITTED = 50_000  # comments that the groups are found on; the others are put into them
_LEAST_WORDS = 4  # of an example, where there are such
_MOST_COMMON = (
    0.6  # of a language without a list of words that say nothing: what more comments have than this says nothing
)
_TOKEN = re.compile(
    r"\[[A-Z]+\]|@\w+|(?:https?://|www\.)\S+|([^\W\d_]+(?:['’][^\W\d_]+)*)"
)  # masks, handles, addresses; words
_CHAT = frozenset(
    [
        "im", "ive", "dont", "didnt", "cant", "wont", "isnt", "doesnt", "wasnt", "youre", "thats", "its", "lol", "omg", "just", "got",
        "get", "getting", "going", "did", "does", "really", "like", "please", "pls", "hello", "hey",
    ]
)  # fmt: skip


def suggest_themes(
    texts: Sequence[str] | pd.Series, codebook: Codebook, *, n_themes: int = 10, random_state: int = 0
) -> pd.DataFrame:
    """What the codebook misses: one row a proposed theme, the largest first.

    Columns: theme ("new 1", …), terms (ten words, the most telling first; fewer where there are no more), n (comments whose strongest
    theme it is), share (of all comments that are not missing), examples (positions in `texts` of three comments in the middle of the
    theme). Empty where fewer than twenty comments are without a mention. Raises ValueError for `n_themes` below 1.
    """
    if not isinstance(n_themes, int | np.integer) or n_themes < 1:
        raise ValueError(f"`n_themes` must be a whole number from 1, got {n_themes!r}")
    series = (texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)).reset_index(drop=True)
    there = series[series.notna()]
    left = there[~there.index.isin(codebook.assign(there)["text_id"])]
    empty = pd.DataFrame(columns=PROPOSED)
    if len(left) < LEAST_COMMENTS:
        return empty
    said = [_words(text, codebook.language) for text in left]
    form_of = _forms(Counter(word for words in said for word in words), codebook.language)
    stems = [[form_of[word] for word in words] for words in said]
    matrix, names = _tfidf(stems, 1.0 if codebook.language == "en" else _MOST_COMMON)
    n_groups = min(int(n_themes), min(matrix.shape) - 1)
    if n_groups < 1:
        return empty
    loads, weights = _groups(matrix, n_groups, random_state)
    strongest = np.where(loads.max(axis=1) > 0, loads.argmax(axis=1), -1)
    shown = _most_frequent_form(said, form_of)
    rows: list[dict[str, object]] = []
    for group in sorted(range(n_groups), key=lambda group: (-int((strongest == group).sum()), group)):
        own = np.flatnonzero(strongest == group)
        if not len(own):
            continue
        centre = np.asarray(matrix[own].mean(axis=0)).ravel()
        rows.append(
            {
                "theme": f"new {len(rows) + 1}",
                "terms": [shown[name] for name in _telling(weights, group, centre, names)],
                "n": len(own),
                "share": len(own) / len(there),
                "examples": [int(left.index[place]) for place in _central(own, matrix, centre, left, stems)],
            }
        )
    return pd.DataFrame(rows, columns=PROPOSED)


def draft_toml(
    proposals: pd.DataFrame, texts: Sequence[str] | pd.Series, codebook: Codebook | None = None, *, n_terms: int = 5
) -> str:
    """Proposals as themes of a codebook, ready to paste and to mend: what `suggest_themes` returned, and the texts it was given.

    Each has a name and a label from its first words, and of its `n_terms` first words all forms that were written. Size and
    examples stand above it as remarks. Names that `codebook` has already get a number. What is pasted covers whatever has these
    words: look at what `assign` finds then.
    """
    if absent := [column for column in PROPOSED if column not in proposals]:
        raise ValueError(f"the proposals have no column `{absent[0]}`; {did_you_mean(absent[0], map(str, proposals))}")
    series = (texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)).reset_index(drop=True)
    language = codebook.language if codebook is not None else "en"
    said = [_words(text, language) for text in series.dropna()]
    counts = Counter(word for words in said for word in words)
    form_of = _forms(counts, language)
    forms: dict[str, list[str]] = {}
    for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        forms.setdefault(form_of[word], []).append(word)
    labels = set(codebook.labels.values()) if codebook is not None else set()
    taken = {*(codebook.labels if codebook is not None else ())}
    drafts = []
    for row in proposals.to_dict("records"):
        terms = [str(term) for term in row["terms"][:n_terms]]
        name = _free("_".join(re.sub(r"\W", "", term) for term in terms[:2]) or "new", taken, "_")
        label = _free(", ".join(terms[:3]).capitalize() or "New", labels, " ")
        any_ = list(dict.fromkeys(form for term in terms for form in forms.get(form_of.get(term, term), [term])))
        quotes = [" ".join(str(series.iloc[place]).split()) for place in row["examples"]]
        drafts.append(
            "\n".join(
                [
                    f"# {row['n']:,} comments, {row['share']:.1%} of all",
                    *(f"#   “{''.join(sign for sign in quote if sign.isprintable())}”" for quote in quotes),
                    f"[themes.{name}]" if name.isascii() else f"[themes.{json.dumps(name, ensure_ascii=False)}]",
                    f"label = {json.dumps(label, ensure_ascii=False)}",
                    f"any = {json.dumps(any_, ensure_ascii=False)}",
                ]
            )
        )
    return "\n\n".join(drafts) + ("\n" if drafts else "")


def _free(name: str, taken: set[str], between: str) -> str:
    """A name that is not taken, which it is then."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}{between}{number}", number + 1
    taken.add(free)
    return free


# ------------------------------------------------------------------------------------------------------------------- words


def _words(text: str, language: str) -> list[str]:
    found = (match.group(1) for match in _TOKEN.finditer(text))
    words = [word.lower().replace("’", "'") for word in found if word and len(word) > 2]
    if language != "en":
        return words
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return [word for word in words if word not in ENGLISH_STOP_WORDS and word.replace("'", "") not in _CHAT]


def _forms(counts: Counter[str], language: str) -> dict[str, str]:
    """Each word, and the word that it is a form of: the likeliest that was written too. English alone has rules."""
    if language != "en":
        return {word: word for word in counts}
    form_of: dict[str, str] = {}
    for word in sorted(counts, key=lambda word: (len(word), word)):
        known = [base for base in _bases(word) if len(base) > 2 and base in counts]
        form_of[word] = form_of[max(known, key=lambda base: (counts[base], base))] if known else word
    return form_of


def _bases(word: str) -> Iterator[str]:
    """What an English word may be a form of; each is shorter."""
    if word.endswith("'s"):
        yield word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "'s")):
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]
    if word.endswith("ies"):
        yield f"{word[:-3]}y"
    for ending in ("ed", "ing"):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            yield stem
            yield from ([f"{stem}e"] if len(stem) + 1 < len(word) else [])
            if len(stem) > 3 and stem[-1] == stem[-2]:
                yield stem[:-1]


def _most_frequent_form(said: Iterable[Iterable[str]], form_of: dict[str, str]) -> dict[str, str]:
    counts = Counter(word for words in said for word in words)
    shown: dict[str, str] = {}
    for word in sorted(counts, key=lambda word: (word.endswith("'s"), -counts[word], word)):
        shown.setdefault(form_of[word], word)
    return shown


# ------------------------------------------------------------------------------------------------------------------ groups


def _tfidf(stems: Sequence[Sequence[str]], most_common: float) -> tuple[csr_matrix, list[str]]:
    """TF-IDF of words and pairs of words, one row a comment; a pair is named with its blank."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    def with_pairs(words: Sequence[str]) -> list[str]:
        return [*words, *(f"{one} {two}" for one, two in pairwise(words))]

    least = 2 if len(stems) < 200 else 3
    vectors = TfidfVectorizer(
        analyzer=with_pairs, min_df=least, max_df=most_common, max_features=20_000, sublinear_tf=True
    )
    try:
        matrix = vectors.fit_transform(stems)
    except ValueError:  # no word comes up again
        return csr_matrix((len(stems), 0)), []
    return matrix, [str(name) for name in vectors.get_feature_names_out()]


def _groups(matrix: csr_matrix, n_groups: int, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """How much of each group is in each comment, and the weight of each word in each group (rows of length 1)."""
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(n_components=n_groups, init="nndsvd", random_state=random_state, max_iter=400)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):  # the root of a rounded zero, where the fit is exact
        warnings.simplefilter("ignore", ConvergenceWarning)  # another step would hardly change a proposal
        if matrix.shape[0] <= _MOST_FITTED:
            loads = model.fit_transform(matrix)
        else:
            rng = np.random.default_rng(random_state)
            model.fit(matrix[np.sort(rng.choice(matrix.shape[0], _MOST_FITTED, replace=False))])
            loads = model.transform(matrix)
    length = np.linalg.norm(model.components_, axis=1)
    return loads * length, model.components_ / np.where(length > 0, length, 1)[:, None]


def _telling(weights: np.ndarray, group: int, centre: np.ndarray, names: Sequence[str]) -> list[str]:
    """The words of a group, those first that weigh much in it and little in the others; then those of its comments' middle."""
    own = weights[group] ** 2 / np.where(weights.sum(axis=0) > 0, weights.sum(axis=0), 1)
    order = np.lexsort((np.arange(len(own)), -centre, -own))
    words = [names[place] for place in order if (own[place] > 0 or centre[place] > 0) and " " not in names[place]]
    return words[:N_TERMS]


def _central(
    own: np.ndarray, matrix: csr_matrix, centre: np.ndarray, texts: pd.Series, stems: Sequence[Sequence[str]]
) -> list[int]:
    """The comments nearest to the middle of their group, no two with the same words, short ones only where there are no others."""
    near = np.asarray(matrix[own] @ centre).ravel()
    order = own[np.argsort(-near, kind="stable")]
    long = [place for place in order if len(str(texts.iloc[place]).split()) >= _LEAST_WORDS]
    chosen: dict[tuple[str, ...], int] = {}
    for place in [*long, *order]:
        chosen.setdefault(tuple(stems[place]), place)
        if len(chosen) == N_EXAMPLES:
            break
    return list(chosen.values())
