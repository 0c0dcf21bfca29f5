"""Who answered a question, with what weight, from which cluster.

Every metric starts here, so that they all treat a missing answer, a missing weight and a code off the scale alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.intervals import Floats, check_weights
from cxlab.problems import did_you_mean
from cxlab.survey.scales import Scale, check_scale

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class Answers:
    """The answers to one question: one entry a respondent who answered; `n_missing` counts those who did not."""

    scores: Floats
    weights: Floats
    clusters: Column | None
    strata: Column | None
    n_missing: int

    @property
    def n(self) -> int:
        return len(self.scores)


def read_answers(
    scores: Any,
    scale: Scale,
    *,
    name: str,
    whole: bool,
    weights: Any = None,
    clusters: Any = None,
    strata: Any = None,
) -> Answers:
    """Leave out and count those who did not answer; everyone else must be on the scale and have a weight.

    Raises ValueError for answers off the scale, a missing or negative weight of someone who answered, and weights,
    clusters or strata that do not belong to these respondents (another length, another pandas index).
    """
    values = check_scale(scores, scale, name=name, whole=whole)
    answered = ~np.isnan(values)
    beside = {
        word: _beside(given, scores, len(values), word)
        for word, given in (("weights", weights), ("clusters", clusters), ("strata", strata))
    }
    given_weights, given_clusters, given_strata = (
        None if column is None else column[answered] for column in beside.values()
    )
    return Answers(
        values[answered],
        check_weights(given_weights, int(answered.sum())),
        given_clusters,
        given_strata,
        int((~answered).sum()),
    )


def _beside(given: Any, scores: Any, n: int, word: str) -> Column | None:
    """A column that runs beside the answers, as an array."""
    if given is None:
        return None
    if isinstance(given, pd.Series) and isinstance(scores, pd.Series) and not given.index.equals(scores.index):
        raise ValueError(
            f"`{word}` has another index than the answers, so it is not certain whose they are; "
            f"take both from one table, or align them with `{word}.reindex(answers.index)`"
        )
    column = np.asarray(given)
    if column.shape != (n,):
        raise ValueError(f"`{word}` must be one column of {n} values, one an answer, got shape {column.shape}")
    return column


def check_columns(frame: pd.DataFrame, columns: list[str | None]) -> None:
    """Raises ValueError for a column that the table does not have; None stands for a column not asked for."""
    for column in columns:
        if column is not None and column not in frame.columns:
            raise ValueError(f"the table has no column `{column}`; {did_you_mean(column, map(str, frame.columns))}")
