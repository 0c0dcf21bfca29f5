"""What does a theme go with in loyalty? The score of all, and the score without those who mention the theme.

One row is one theme; the estimate is in the unit of the score. Association, not cause.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import two_sided_p


def theme_impact(
    assignments: pd.DataFrame,
    scores: pd.Series,
    *,
    metric: str = "nps",
    n_boot: int = 1000,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """One row a theme: what the score of all would lose without those who mention it (estimate = all − others).

    `scores`: one value a respondent, indexed by text_id: 0 to 10 for metric nps (in points), any number for mean. Negative:
    the theme costs. Respondents are resampled; p is two-sided from the bootstrap's normal approximation, q is
    Benjamini–Hochberg over themes. Association: who mentions a theme may be unhappy for another reason.
    """
    if metric not in ("nps", "mean"):
        raise ValueError(f"`metric` must be nps or mean, got {metric!r}")
    known = scores.dropna().astype(float)
    values = (100.0 * (known >= 9) - 100.0 * (known <= 6)) if metric == "nps" else known
    value, n = values.to_numpy(), len(values)
    rng = np.random.default_rng(random_state)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=n_boot).astype(float) if n else np.empty((0, 0))
    overall = counts @ value / counts.sum(axis=1) if n else np.empty(0)
    rows = []
    tail = 100 * (1 - conf_level) / 2
    for theme in dict.fromkeys(assignments["theme"]):
        mention = values.index.isin(assignments.loc[assignments["theme"] == theme, "text_id"])
        if not 0 < mention.sum() < n:
            continue
        others = ~mention
        estimate = float(value.mean() - value[others].mean())
        draws = overall - counts[:, others] @ value[others] / np.maximum(counts[:, others].sum(axis=1), 1)
        error = float(draws.std(ddof=1))
        low, high = np.percentile(draws, [tail, 100 - tail])
        rows.append(
            {
                "theme": theme, "n": int(mention.sum()), "score_with": float(value[mention].mean()), "estimate": estimate,
                "std_error": error, "conf_low": float(low), "conf_high": float(high), "conf_level": conf_level,
                "p_value": two_sided_p(estimate / error) if error > 0 else np.nan,
            }
        )  # fmt: skip
    columns = [
        "theme",
        "n",
        "score_with",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "conf_level",
        "p_value",
        "q_value",
    ]
    table = pd.DataFrame(rows, columns=[column for column in columns if column != "q_value"])
    return table.assign(q_value=benjamini_hochberg(table["p_value"]))[columns]
