"""Weights for every wave from the margins of study.toml: each wave is made to look like the customers it stands for.

One row of the result is one respondent, as given. A wave is raked on its own, so that a change between waves is not a change
in who answered, as far as the margins know them. It cannot mend that, within a margin, those who answered may think
differently from those who did not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.survey.weights import rake

_WHERE = "study.toml [weights.margins]"


@dataclass(frozen=True)
class WeightedWaves:
    """`responses` with the column `weight`; `waves` has one row a wave: wave, n, n_eff (Kish), deff (n / n_eff), lowest,
    largest (weights, 1 on average) and unplaced (respondents without a category, who keep the mean weight)."""

    responses: pd.DataFrame
    waves: pd.DataFrame
    margins: list[str]


def rake_waves(
    responses: pd.DataFrame,
    margins: Mapping[str, Mapping[str, float]],
    *,
    customers: pd.DataFrame | None = None,
    wave_col: str = "wave",
    trim: float | None = None,
) -> WeightedWaves:
    """Weight every wave to the margins (shares or counts), 1 on average in each wave.

    A margin is a column of the answers, or of `customers` found by customer_id. Weights that the answers bring are where
    raking begins. A respondent whose category is not known cannot be placed, and keeps the mean weight; they are counted.
    Raises `StudyError`, naming wave, margin and category, for a margin that no table has, a target that nobody in a wave
    meets, a category without a target, and margins that contradict each other.
    """
    frame = pd.DataFrame({name: _column(responses, customers, name) for name in margins}, index=responses.index)
    waves, weights = [], pd.Series(np.nan, index=responses.index, name="weight")
    known = frame.notna().all(axis=1)
    begun = responses["weight"] if "weight" in responses and responses["weight"].notna().any() else None
    for wave in responses[wave_col].unique():
        own = (responses[wave_col] == wave) & known
        lost = int(((responses[wave_col] == wave) & ~known).sum())
        if not own.any():
            what = f"wave {wave}: nobody has a value for {' and '.join(f'`{name}`' for name in margins)}"
            raise StudyError(Problem(_WHERE, what, "map the column, or leave the margin out"))
        part = frame[own]
        base = None
        if begun is not None and begun[own].notna().all():
            part, base = part.assign(_base=begun[own]), "_base"
        try:
            raked = rake(part, _targets(margins, len(part)), base_weight_col=base, trim=trim)
        except ValueError as error:
            raise StudyError(Problem(_WHERE, f"wave {wave}: {error}")) from None
        weights[own] = raked.weights
        waves.append(
            {
                "wave": wave, "n": len(part) + lost, "n_eff": raked.n_eff, "deff": raked.deff,
                "lowest": raked.weights.min(), "largest": raked.weights.max(), "unplaced": lost,
            }
        )  # fmt: skip
    return WeightedWaves(responses.assign(weight=weights.fillna(1.0)), pd.DataFrame(waves), list(margins))


def rake_surveys(
    responses: pd.DataFrame,
    margins: Mapping[str, Mapping[str, Mapping[str, float]]],
    *,
    customers: pd.DataFrame | None = None,
    trim: float | None = None,
) -> pd.DataFrame:
    """All answers, those of customers weighted survey by survey and wave by wave (`rake_waves`); survey → its margins.

    Answers of staff, and of surveys that are not named, keep the weight that they bring, if any. Raises what `rake_waves` does.
    """
    weighted = responses
    is_customer = responses["perspective"] == "customer" if "perspective" in responses else responses["survey"].notna()
    for survey, wanted in margins.items():
        own = is_customer & (responses["survey"] == survey)
        if own.any():
            found = rake_waves(responses[own], wanted, customers=customers, trim=trim).responses["weight"]
            begun = weighted["weight"] if "weight" in weighted else pd.Series(np.nan, index=responses.index)
            weighted = weighted.assign(weight=begun.where(~own, found.reindex(responses.index)))
    return weighted


def _column(responses: pd.DataFrame, customers: pd.DataFrame | None, name: str) -> pd.Series:
    """The categories of one margin as text, one a respondent; missing where they are not known."""
    if name in responses:
        values = responses[name]
    elif customers is not None and name in customers and "customer_id" in responses:
        about = customers.drop_duplicates("customer_id").set_index("customer_id")[name]
        values = responses["customer_id"].map(about)
    else:
        columns = [*responses.columns, *([] if customers is None else customers.columns)]
        what = f"`{name}` is no column of the answers or of the customers"
        raise StudyError(Problem(_WHERE, what, did_you_mean(name, columns)))
    return values.astype(object).where(values.notna(), None).map(lambda value: None if value is None else _text(value))


def _text(value: object) -> str:
    """A category as study.toml writes it: 1, not 1.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _targets(margins: Mapping[str, Mapping[str, float]], n: int) -> dict[str, dict[str, float]]:
    """Targets that add up to the respondents of the wave, so that weights are 1 on average."""
    return {
        name: {category: share * n / sum(target.values()) for category, share in target.items()}
        for name, target in margins.items()
    }
