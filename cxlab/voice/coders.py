"""How far do two coders agree, and how well does the codebook find what they read?

One row is one figure: of the sentiment or of one theme, named by `measure`. For two coders (`agreement_of_coders`), on the comments that
both coded, each row of the sheet once: the share on which they agree, Cohen's kappa (*Educational and Psychological Measurement* 20,
1960) and Krippendorff's alpha for names (*Content Analysis*, 2004; Hayes & Krippendorff, *Communication Methods and Measures* 1,
2007). For the codebook (`codebook_agreement`), each row with its weight: precision, recall, F1 and kappa against what the coders
agree on, and coverage. A theme counts for the themes above it, with coders and codebook alike.

Intervals are of the comments drawn again with replacement (percentiles); that of coverage is Wilson's. Kappa corrects for agreement
by chance and is low where nearly all comments are alike, however well the coders agree: read it beside the agreement and n. Two
coders who agree may both be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference import kish, wilson
from cxlab.inference.intervals import check_conf_level
from cxlab.voice.sentiment import LABELS
from cxlab.voice.themes import Codebook

AGREED = ["about", "label", "measure", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "reason"]
FOUND = [*AGREED[:-1], "n_coded", "n_disputed", "reason"]
SENTIMENT = "sentiment"
_MOST_UNDEFINED = 0.1  # of the samples drawn again; with more there is no interval
Floats = npt.NDArray[np.float64]


def agreement_of_coders(
    coding: pd.DataFrame, codebook: Codebook, *, n_boot: int = 1000, conf_level: float = 0.95, random_state: int = 0
) -> pd.DataFrame:
    """How far coder a and coder b agree: of the sentiment, then of each theme that either of them used, the rows agreement (a
    share), kappa and alpha. `coding` is what `read_coding` returns; n is the comments that both coded.

    Columns: about ("sentiment" or the theme), label, measure, estimate, std_error, conf_low, conf_high, conf_level, n, reason.
    Undefined where no comment was coded by both, or both gave all comments the same answer (kappa and alpha); `reason` says which.
    """
    check_conf_level(conf_level)
    rng = np.random.default_rng(random_state)
    parts = []
    both = coding["sentiment_a"].notna() & coding["sentiment_b"].notna()
    codes = [_places(coding.loc[both, f"sentiment_{coder}"], LABELS) for coder in ("a", "b")]
    parts.append(_agreement(SENTIMENT, "Sentiment", codes[0], codes[1], len(LABELS), n_boot, conf_level, rng))
    both = coding["themes_a"].notna() & coding["themes_b"].notna()
    first, second = (_with_parents(coding.loc[both, f"themes_{coder}"], codebook) for coder in ("a", "b"))
    for theme in codebook.themes:
        own = [np.array([theme.name in (names or ()) for names in coder], dtype=np.intp) for coder in (first, second)]
        if own[0].any() or own[1].any():
            parts.append(_agreement(theme.name, theme.label, own[0], own[1], 2, n_boot, conf_level, rng))
    return pd.DataFrame([row for rows in parts for row in rows], columns=AGREED)


def codebook_agreement(
    coding: pd.DataFrame, codebook: Codebook, *, n_boot: int = 1000, conf_level: float = 0.95, random_state: int = 0
) -> pd.DataFrame:
    """How well the codebook finds what the coders agree on: coverage of all coded comments, then of each theme that was coded or
    found the rows precision, recall, f1, kappa.

    A comment counts for a theme where a coder coded it and, if both did, they say the same of this theme; where they differ
    it is left out and counted in n_disputed. n is the comments that count, n_coded those of them with the theme by the coders.
    Figures are of all comments, not of the sheet: each row counts with its weight. Undefined with a reason where nothing was
    found (precision), nothing was coded (recall), or both are all alike (kappa).
    """
    check_conf_level(conf_level)
    rng = np.random.default_rng(random_state)
    coded = coding[coding["themes_a"].notna() | coding["themes_b"].notna()].reset_index(drop=True)
    weight = coded["weight"].to_numpy(dtype=float)
    mentions = codebook.roll_up(codebook.assign(coded["text"]))
    first, second = (_with_parents(coded[f"themes_{coder}"], codebook) for coder in ("a", "b"))
    rows = [_coverage(np.isin(coded.index, mentions["text_id"]), weight, conf_level)]
    for theme in codebook.themes:
        found = np.isin(coded.index, mentions.loc[mentions["theme"] == theme.name, "text_id"])
        said = [
            np.array([np.nan if names is None else float(theme.name in names) for names in coder])
            for coder in (first, second)
        ]
        consensus = np.where(np.isnan(said[0]), said[1], said[0])
        disputed = ~np.isnan(said[0]) & ~np.isnan(said[1]) & (said[0] != said[1])
        if not (found.any() or (consensus == 1).any() or disputed.any()):
            continue
        clear = ~disputed
        own = consensus[clear] == 1
        rows += _found(
            theme.name, theme.label, own, found[clear], weight[clear], int(disputed.sum()), n_boot, conf_level, rng
        )
    return pd.DataFrame(rows, columns=FOUND)


def cohen_kappa(table: npt.ArrayLike) -> float:
    """Cohen's kappa of a square table of counts, one coder's answers down, the other's across. NaN where chance alone agrees wholly.

    >>> round(cohen_kappa([[88, 14, 18], [10, 40, 10], [2, 6, 12]]), 3)  # Cohen 1960: .70 agree, .41 by chance
    0.492
    """
    return float(_kappa(np.asarray(table, dtype=float)[None])[0])


def krippendorff_alpha(ratings: Sequence[Sequence[object]]) -> float:
    """Krippendorff's alpha for names: one row a coder, one column a unit, None or NaN where a coder gave no answer.

    Units with fewer than two answers say nothing. NaN where no unit has two, or all answers are the same.

    >>> round(krippendorff_alpha([list("aabbdcccedda"), list("babbbccceddd")]), 3)  # Krippendorff 2011, example B
    0.692
    """
    values = [[None if value is None or value != value else value for value in coder] for coder in ratings]
    if len({len(coder) for coder in values}) > 1:
        raise ValueError("every coder needs an answer or None for each unit; the rows differ in length")
    answers = sorted({str(value) for coder in values for value in coder if value is not None})
    coincidences = np.zeros((len(answers), len(answers)))
    for unit in zip(*values, strict=True):
        given = [answers.index(str(value)) for value in unit if value is not None]
        if len(given) > 1:
            counts = np.bincount(given, minlength=len(answers)).astype(float)
            coincidences += (np.outer(counts, counts) - np.diag(counts)) / (len(given) - 1)
    return float(_alpha_of_coincidences(coincidences[None])[0])


# ------------------------------------------------------------------------------------------------------------------ kernels


def _kappa(tables: Floats) -> Floats:
    """Cohen's kappa of each table."""
    n = tables.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.trace(tables, axis1=1, axis2=2) / n
        expected = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1) / n**2
        return np.where(1 - expected > 1e-12, (observed - expected) / (1 - expected), np.nan)


def _alpha(tables: Floats) -> Floats:
    """Krippendorff's alpha of two coders from each table of their answers."""
    return _alpha_of_coincidences(tables + tables.transpose(0, 2, 1))


def _alpha_of_coincidences(coincidences: Floats) -> Floats:
    n = coincidences.sum(axis=(1, 2))
    margins = coincidences.sum(axis=1)
    observed = n - np.trace(coincidences, axis1=1, axis2=2)
    expected = (n**2 - (margins**2).sum(axis=1)) / np.maximum(n - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 1e-12, 1 - observed / expected, np.nan)


def _agree(tables: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.trace(tables, axis1=1, axis2=2) / tables.sum(axis=(1, 2))


def _ratio(over: Floats, under: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under > 0, over / under, np.nan)


def _precision(tables: Floats) -> Floats:
    """Of those found, how many were coded; tables are coded × found."""
    return _ratio(tables[:, 1, 1], tables[:, :, 1].sum(axis=1))


def _recall(tables: Floats) -> Floats:
    return _ratio(tables[:, 1, 1], tables[:, 1, :].sum(axis=1))


def _f1(tables: Floats) -> Floats:
    return _ratio(2 * tables[:, 1, 1], tables[:, :, 1].sum(axis=1) + tables[:, 1, :].sum(axis=1))


def _tables(
    one: npt.NDArray[np.intp],
    other: npt.NDArray[np.intp],
    k: int,
    weight: Floats,
    n_boot: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """The table of two codings, and those of the units drawn again."""
    n = len(one)
    cells = np.zeros((n, k * k))
    cells[np.arange(n), one * k + other] = weight
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=n_boot).astype(float) if n and n_boot else np.zeros((0, n))
    return cells.sum(axis=0).reshape(1, k, k), (drawn @ cells).reshape(-1, k, k)


# --------------------------------------------------------------------------------------------------------------------- rows


def _row(
    measure: Callable[[Floats], Floats], table: Floats, again: Floats, conf_level: float, n: int, undefined: str
) -> dict[str, object]:
    estimate = float(measure(table)[0]) if n else math.nan
    draws = measure(again) if len(again) else np.empty(0)
    known = draws[np.isfinite(draws)]
    row: dict[str, object] = {
        "estimate": estimate, "std_error": math.nan, "conf_low": math.nan, "conf_high": math.nan, "conf_level": conf_level, "n": n,
        "reason": "",
    }  # fmt: skip
    if math.isnan(estimate):
        return row | {"reason": undefined if n else "no comment was coded"}
    if len(known) < 2 or len(known) < (1 - _MOST_UNDEFINED) * len(draws):
        return row | {"reason": "too few comments for an interval"}
    low, high = np.percentile(known, [50 * (1 - conf_level), 50 * (1 + conf_level)])
    return row | {"std_error": float(known.std(ddof=1)), "conf_low": float(low), "conf_high": float(high)}


def _agreement(
    about: str,
    label: str,
    one: npt.NDArray[np.intp],
    other: npt.NDArray[np.intp],
    k: int,
    n_boot: int,
    conf_level: float,
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    table, again = _tables(one, other, k, np.ones(len(one)), n_boot, rng)
    alike = "both coders gave every comment the same answer"
    measures = (("agreement", _agree), ("kappa", _kappa), ("alpha", _alpha))
    return [
        {"about": about, "label": label, "measure": name} | _row(measure, table, again, conf_level, len(one), alike)
        for name, measure in measures
    ]


def _found(
    about: str,
    label: str,
    own: npt.NDArray[np.bool_],
    found: npt.NDArray[np.bool_],
    weight: Floats,
    n_disputed: int,
    n_boot: int,
    conf_level: float,
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    table, again = _tables(own.astype(np.intp), found.astype(np.intp), 2, weight, n_boot, rng)
    measures = (
        ("precision", _precision, "the codebook finds it nowhere"),
        ("recall", _recall, "the coders agree on it nowhere"),
        ("f1", _f1, "it is neither coded nor found"),
        ("kappa", _kappa, "every comment is alike"),
    )
    more = {"n_coded": int(own.sum()), "n_disputed": n_disputed}
    return [
        {"about": about, "label": label, "measure": name}
        | more
        | _row(measure, table, again, conf_level, len(own), undefined)
        for name, measure, undefined in measures
    ]


def _coverage(covered: npt.NDArray[np.bool_], weight: Floats, conf_level: float) -> dict[str, object]:
    """The share of comments in which the codebook finds any theme, on the base of a simple sample that tells as much."""
    n = len(covered)
    row: dict[str, object] = {
        "about": "", "label": "All themes", "measure": "coverage", "n": n, "n_coded": n, "n_disputed": 0, "conf_level": conf_level,
        "estimate": math.nan, "std_error": math.nan, "conf_low": math.nan, "conf_high": math.nan, "reason": "no comment was coded",
    }  # fmt: skip
    if not n:
        return row
    share, base = float(weight @ covered / weight.sum()), kish(weight)
    low, high = wilson(min(max(share, 0.0), 1.0), base, conf_level)
    error = math.sqrt(share * (1 - share) / base)
    return row | {"estimate": share, "std_error": error, "conf_low": low, "conf_high": high, "reason": ""}


def _places(values: pd.Series, known: Sequence[str]) -> npt.NDArray[np.intp]:
    return np.array([known.index(value) for value in values], dtype=np.intp)


def _with_parents(codes: pd.Series, codebook: Codebook) -> list[Collection[str] | None]:
    """What each comment was coded with, and the themes above it; None where it was not coded."""
    return [
        None if names is None else {above for name in names for above in (name, *codebook.ancestors(name))}
        for names in codes
    ]
