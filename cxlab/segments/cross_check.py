"""Does another model find the same groups? Latent classes of the answers as they are ticked, beside the groups of k-means.

One row is one number of classes. Latent class analysis needs no distance and no centring, takes respondents with holes in the battery,
and has an information criterion; how high people tick makes classes of its own there. That both agree does not make groups real, and
where they do not, neither is wrong by that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxlab.segments.latent_class import classes_table, fitted_classes
from cxlab.segments.needs import MOST_SEGMENTS, NeedsSegments, Shown, careful_answers
from cxlab.segments.stability import rand_index

_SAME = 0.65  # adjusted Rand index, from which on two groupings are called much the same


@dataclass(frozen=True)
class CrossCheck:
    """`rows` has one row a number of classes: label, k, log_likelihood, n_parameters, bic, entropy, smallest (percent of respondents),
    agreement (adjusted Rand index with the groups; NaN where there are none), n. `best` is the number with the lowest BIC."""

    rows: pd.DataFrame
    best: int
    k: int

    def classes_shown(self) -> Iterator[Shown]:
        """The latent classes by number; nothing where there are too few answers."""
        if self.rows.empty:
            return
        edge = self.best == MOST_SEGMENTS
        chosen = "falls with every class more" if edge else f"is lowest for {self.best} classes"
        title = f"Latent classes: BIC {chosen}."
        if self.k > 1:
            same = float(self.rows.loc[self.rows["k"] == self.k, "agreement"].iloc[0])
            verdict = "much the same groups" if same >= _SAME else "other groups"
            title = (
                f"A latent class model with {self.k} classes finds {verdict} (agreement {same:.2f}); its BIC {chosen}."
            )
        yield {
            "name": "latent_classes",
            "title": title,
            "subtitle": "Latent class analysis of the answers as ticked, by number of classes",
            "note": {
                "BIC": "Lower is better; how high people tick makes classes of its own, so more may be style",
                "Entropy": "How surely respondents are placed, 0 to 1",
                "Same groups": "Adjusted Rand index with the groups of this page: 1 is the same, 0 chance",
            },
        }, self.rows  # fmt: skip


def cross_check(
    groups: NeedsSegments, responses: pd.DataFrame, items: pd.DataFrame, *, n_init: int = 5, random_state: int = 0
) -> CrossCheck:
    """Latent classes of the careful respondents of `groups`, one to seven, nominal for yes and no, ordinal for scales.

    `responses` and `items` are those that `groups` came from.
    """
    battery, careful = careful_answers(responses, items, role=groups.role)
    X = careful[battery]
    steps = int(X.nunique().max())
    if steps > 11:  # a slider has no classes of answers
        return CrossCheck(pd.DataFrame(), 0, groups.k)
    kind: Literal["nominal", "ordinal"] = "nominal" if groups.yes_no else "ordinal"
    weights = careful["weight"].to_numpy() if groups.weighted else None
    models = fitted_classes(
        X, k=range(1, MOST_SEGMENTS + 1), weights=weights, n_init=n_init, item_type=kind, random_state=random_state
    )
    agreement = []
    own = pd.factorize(groups.labels.reindex(X.index))[0] if groups.found else None
    for model in models:
        same: Any = np.nan
        if own is not None and model.n_classes > 1:
            same = rand_index(own, model.labels_, np.ones(len(own)))
        agreement.append(same)
    table = classes_table(models)
    rows = table.assign(agreement=agreement, smallest=100 * table["smallest_share"], label=table["k"].astype(str))
    best = int(rows.loc[rows["bic"] == rows["bic"].min(), "k"].iloc[0])
    return CrossCheck(rows, best, groups.k)
