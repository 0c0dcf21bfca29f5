"""Did the drivers come first? Customers who answered twice: what they rated earlier, against how loyal they are later.

One row in is one answer of a respondent in a wave. Those who answered in both waves are one case each: later outcome = earlier drivers +
earlier outcome. A driver that goes with loyalty only because both are answered in the same mood, or because loyal people rate everything
better, goes with the *change* of loyalty no longer. Beside it stand the same model within the earlier wave (same people), and the
reverse: later driver = earlier outcome + earlier drivers. If only the reverse is clear, loyalty may come first.

What it does not say: that the driver is the cause. An earlier outcome that is answered with error holds too little fixed, and leaves some
of its part to the drivers; what both waves share for another reason stays; and a gap between waves that is too long or too short hides
an effect. Who came back is a choice of theirs: `returners` shows how they differ, and nothing here mends it.

Errors are HC3, or by account (CR3). q-values are corrected over the drivers, the reverse ones among themselves. Where somebody answered
twice in one wave the last row counts; answers without a respondent and people with a missing answer are left out; all are counted.
Weights are those of the earlier answer. Refused with `NotApplicableError` are fewer than 150 complete returners.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.drivers.complete import answers, check_column, complete_answers
from cxlab.drivers.robust import RobustFit, robust_fit
from cxlab.inference.intervals import Floats, check_conf_level, check_weights, critical_value, two_sided_p
from cxlab.inference.multiplicity import benjamini_hochberg
from cxlab.inference.permutation import cluster_codes
from cxlab.problems import NotApplicableError, did_you_mean
from cxlab.wording import list_text

LEAST_RETURNED = 150
COLUMNS = [
    "driver", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "p_value", "q_value", "reading",
    "same_wave_estimate", "same_wave_std_error", "reverse_estimate", "reverse_std_error", "reverse_p_value", "reverse_q_value",
    "reverse_reading", "n_reverse", "reason",
]  # fmt: skip
RETURNERS = [
    "item", "came_back", "did_not", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_came_back", "p_value",
    "q_value", "reading", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class LaggedDrivers:
    """`table` has one row a driver (`COLUMNS`): estimate (points of the later outcome a point of the earlier driver, at the same earlier
    outcome), the same within the earlier wave, and the reverse (points of the later driver a point of the earlier outcome). reading and
    reverse_reading are "clear", "not clear" or "not tested".

    `carried` is one row: what of a point of the earlier outcome is there later. `returners` has one row an item of the earlier wave
    (`RETURNERS`): means of those who came back and who did not, and estimate, their difference.

    `n_earlier` respondents answered the earlier wave, `n_returned` of them the later one too, `n` of these everything. `n_repeated` rows
    were an earlier answer of the same respondent in the same wave, `n_unknown` have no respondent.
    """

    table: pd.DataFrame
    carried: pd.DataFrame
    returners: pd.DataFrame
    earlier: str
    later: str
    n: int
    n_earlier: int
    n_returned: int
    n_repeated: int
    n_unknown: int
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def headline(self) -> str:
        """Which earlier ratings go with later loyalty, and how many came back."""
        base = (
            f"{self.n_returned:,} of {self.n_earlier:,} respondents of {self.earlier} came back in {self.later}, {self.n:,} with "
            "every answer"
        )
        names = list(self.table.loc[self.table["reading"] == "clear", "driver"])
        said = (
            f"{list_text(names)} of {self.earlier} {'goes' if len(names) == 1 else 'go'} with the change"
            if names
            else ("No earlier rating clearly goes with the change")
        )
        return f"{said} of the outcome until {self.later} ({base})."


def lagged_drivers(
    data: pd.DataFrame,
    *,
    outcome: str,
    drivers: Sequence[str],
    respondent_col: str,
    wave_col: str,
    earlier: str,
    later: str,
    weights_col: str | None = None,
    cluster_col: str | None = None,
    conf_level: float = 0.95,
) -> LaggedDrivers:
    """The later `outcome` on the earlier `drivers` and the earlier outcome, among those who answered both waves.

    Raises ValueError for columns and waves that are not there; `NotApplicableError` for fewer than 150 complete returners.
    """
    check_conf_level(conf_level)
    names = [str(name) for name in drivers]
    for column in (respondent_col, wave_col, outcome, *names, *filter(None, (weights_col, cluster_col))):
        check_column(data, column)
    if earlier == later:
        raise ValueError(f"`earlier` and `later` are both {earlier!r}; name two waves")
    waves = data[wave_col].astype("string")
    for label, wave in (("earlier", earlier), ("later", later)):
        if not (waves == str(wave)).any():
            raise ValueError(
                f"`{label}` = {wave!r} is no wave; {did_you_mean(str(wave), waves.dropna().unique().tolist())}"
            )
    in_waves = waves.isin([str(earlier), str(later)]).fillna(False).to_numpy(dtype=bool)
    known = data[respondent_col].notna().to_numpy()
    sides, repeated = [], 0
    for wave in (earlier, later):
        rows = data[(waves == str(wave)).fillna(False).to_numpy(dtype=bool) & known]
        once = rows.drop_duplicates(respondent_col, keep="last").set_index(respondent_col)
        repeated += len(rows) - len(once)
        sides.append(once)
    before, after = sides
    back = before.index.isin(after.index)
    both = before[back].copy()
    later_names = {name: f"{name} (later)" for name in (outcome, *names)}
    for name, made in later_names.items():
        both[made] = after[name].reindex(both.index).to_numpy()
    whole = complete_answers(
        both, outcome=later_names[outcome], drivers=[*names, outcome], weights_col=weights_col, cluster_col=cluster_col
    )
    if whole.n < LEAST_RETURNED:
        raise NotApplicableError(
            f"needs {LEAST_RETURNED} respondents who answered everything in {earlier} and the outcome in {later}; {whole.n} of "
            f"{int(back.sum())} who came back did"
        )
    fit = robust_fit(whole.X, whole.y, whole.weights, whole.clusters)
    same = robust_fit(whole.X[:, :-1], whole.X[:, -1], whole.weights, whole.clusters)
    table = _table(names, fit, same, whole.n, conf_level)
    reverse = pd.DataFrame(
        [_reverse(both, name, later_names[name], names, outcome, weights_col, cluster_col) for name in names]
    )
    reverse["reverse_q_value"] = benjamini_hochberg(reverse["reverse_p_value"])
    reverse["reverse_reading"] = _readings(reverse["reverse_q_value"], conf_level)
    reach = critical_value(conf_level, fit.df)
    carried = pd.DataFrame([_estimate(fit, len(names) + 1, reach, whole.n, conf_level)])
    return LaggedDrivers(
        table=pd.concat([table, reverse], axis=1)[COLUMNS],
        carried=carried,
        returners=_returners(before, back, [outcome, *names], weights_col, cluster_col, conf_level),
        earlier=str(earlier),
        later=str(later),
        n=whole.n,
        n_earlier=len(before),
        n_returned=int(back.sum()),
        n_repeated=repeated,
        n_unknown=int((in_waves & ~known).sum()),
        conf_level=conf_level,
    )


def _estimate(fit: RobustFit, place: int, reach: float, n: int, conf_level: float) -> dict[str, Any]:
    estimate, error = float(fit.coefficients[place]), float(fit.std_errors[place])
    return {
        "estimate": estimate, "std_error": error, "conf_low": estimate - reach * error, "conf_high": estimate + reach * error,
        "conf_level": conf_level, "n": n, "p_value": two_sided_p(estimate / error, fit.df) if error > 0 else math.nan,
    }  # fmt: skip


def _readings(q: pd.Series, conf_level: float) -> Any:
    return np.where(q.isna(), "not tested", np.where(q < 1 - conf_level, "clear", "not clear"))


def _table(names: list[str], fit: RobustFit, same: RobustFit, n: int, conf_level: float) -> pd.DataFrame:
    reach = critical_value(conf_level, fit.df)
    rows = [
        {"driver": name}
        | _estimate(fit, place, reach, n, conf_level)
        | {
            "same_wave_estimate": float(same.coefficients[place]),
            "same_wave_std_error": float(same.std_errors[place]),
            "reason": "no spread, or it follows from the drivers before it" if place in fit.lost else "",
        }
        for place, name in enumerate(names, start=1)
    ]
    table = pd.DataFrame(rows)
    q = pd.Series(benjamini_hochberg(table["p_value"]))
    return table.assign(q_value=q, reading=_readings(q, conf_level))


def _reverse(
    both: pd.DataFrame,
    name: str,
    later_name: str,
    names: list[str],
    outcome: str,
    weights_col: str | None,
    cluster_col: str | None,
) -> dict[str, Any]:
    """The later driver on the earlier outcome, all earlier drivers held fixed."""
    known = complete_answers(
        both, outcome=later_name, drivers=[outcome, *names], weights_col=weights_col, cluster_col=cluster_col
    )
    if known.n < LEAST_RETURNED:
        nothing = dict.fromkeys(("reverse_estimate", "reverse_std_error", "reverse_p_value"), math.nan)
        return nothing | {"n_reverse": known.n}
    found = _estimate(robust_fit(known.X, known.y, known.weights, known.clusters), 1, 0.0, known.n, 0.95)
    return {
        "reverse_estimate": found["estimate"], "reverse_std_error": found["std_error"], "reverse_p_value": found["p_value"],
        "n_reverse": known.n,
    }  # fmt: skip


def _returners(
    before: pd.DataFrame,
    back: Any,
    items: list[str],
    weights_col: str | None,
    cluster_col: str | None,
    conf_level: float,
) -> pd.DataFrame:
    """How those who came back answered the earlier wave, less how the others did."""
    codes = cluster_codes(len(before), np.asarray(before[cluster_col], dtype=object) if cluster_col else None)
    weights = answers(before, weights_col) if weights_col else np.ones(len(before))
    rows = []
    for item in items:
        values = answers(before, item)
        there = ~np.isnan(values) & ~np.isnan(weights)
        y, flag, w = (
            values[there],
            np.asarray(back, dtype=float)[there],
            check_weights(weights[there], int(there.sum())),
        )
        numbers = np.unique(codes[there], return_inverse=True)[1].astype(np.intp)
        row: dict[str, Any] = {
            "item": item,
            "came_back": _mean(y, w, flag == 1),
            "did_not": _mean(y, w, flag == 0),
            "reason": "",
        }
        if min((flag == 1).sum(), (flag == 0).sum()) < 2:
            nothing = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high", "p_value"), math.nan)
            row |= nothing | {
                "conf_level": conf_level,
                "n": len(y),
                "reason": "nearly all came back, or nearly none did",
            }
        else:
            fit = robust_fit(flag[:, None], y, w, numbers)
            row |= _estimate(fit, 1, critical_value(conf_level, fit.df), len(y), conf_level)
        rows.append(row | {"n_came_back": int(flag.sum())})
    table = pd.DataFrame(rows)
    q = pd.Series(benjamini_hochberg(table["p_value"]))
    return table.assign(q_value=q, reading=_readings(q, conf_level))[RETURNERS]


def _mean(y: Floats, w: Floats, inside: Any) -> float:
    return float(np.average(y[inside], weights=w[inside])) if inside.any() and w[inside].sum() > 0 else math.nan
