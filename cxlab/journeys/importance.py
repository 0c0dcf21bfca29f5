"""Which touchpoints matter for what customers do afterwards: renew, buy, stay, recommend?

`touchpoint_importance` gives three answers side by side, because they are answers to three questions:

- **markov**: how much of the conversions passes through a touchpoint? Journeys become a first-order chain start → touchpoints →
  converted or lost. A touchpoint is taken out by sending everybody who arrives there to lost; the removal effect is the part of
  the conversions that goes with it (Anderl, Becker, von Wangenheim & Schumann, *Int. J. of Research in Marketing* 33, 2016). It
  factors into f · b / P: the chance to get there at all, times the chance to convert from there, over that of everybody; one
  inverse gives all. A touchpoint repeated in a row changes nothing. Where f (`expected`) is far from the reach that was seen,
  journeys remember more than their last touchpoint, and the chain is a poor picture of them.
- **shapley**: how would the conversions be split fairly? Players are touchpoints, and the worth of a set S is what those convert
  who met nothing outside S: v(S) = Σ conversions(T) / N over the sets T ⊆ S. Its Shapley value is each conversion split equally
  among the touchpoints that the customer met (Zhao, Mahboobi & Bagheri, arXiv 1804.05327, 2018), so it is exact for any number
  of touchpoints: no subset is listed, nothing is sampled, and there is no Monte Carlo error. The rate within S instead of its
  conversions would be no game: no rate exists for a set that nobody stayed inside, and with fifteen touchpoints that is most.
- **lift**: do customers who met a touchpoint differ from those who did not, other things equal? Regression standardisation
  (Robins 1986): one model of the outcome on all touchpoints met, segment and time observed (logit for 0 and 1, else linear),
  then the mean prediction with the touchpoint for everybody minus that without it. The model knows *which* other touchpoints
  were met and hence how many. Their number alone is not enough: where six in ten go on from a touchpoint that matters to one
  that does nothing, a model of the number called the second in 9, 24 and 55% of samples as the first was worth 0.5, 1 and 2
  standard deviations, and the model of all in 4 to 7% (1,000 samples of 1,000 customers, linear, p < .05, December 2026;
  `benchmarks/journeys_importance.py follower`).

Measured (`benchmarks/journeys_importance.py`, 400 samples of 2,000 customers from a chain of five touchpoints): 95% intervals held
the true removal effect in 92.8 to 95.3% of samples, the split in 91.5 to 96.5%, the lift in 92.5 to 94.3%. Of touchpoints that do nothing
at most 2% were called at q < 0.05, and 4 to 6% at p < 0.05 (two runs of 100 and 200 samples a case).

What it does not say:

- That a touchpoint causes anything. Customers who complain differ from those who do not, before they complain.
- That a large share is a merit. markov and shapley hand out conversions, and a touchpoint that everybody passes gets many
  whatever it does, and never a negative share. So each row has `expected`, the estimate if outcome and touchpoints had nothing
  to do with each other: the reach in the chain, and the split of visitors instead of converters. The p-value is for the
  difference from it (for lift: from 0); that an interval of a share excludes 0 is no test. The split also moves with how many
  touchpoints the converters met, since each of theirs gets a smaller part: where busy customers convert more, even a touchpoint
  that everybody met lies clearly below `expected`. Read it beside lift, never alone.
- What a touchpoint does by leading to another one: lift holds the others fixed. Whether its effect differs between customers.
- Anything of touchpoints after the outcome. Who stays longer meets more, so without `landmark` staying explains meeting
  ("immortal time"), and the sentences say so. Customers with no event before their landmark are left out: they are in the log
  only because they were still there after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse, special
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import Floats, check_conf_level, two_sided_p
from cxlab.problems import did_you_mean
from cxlab.wording import (
    MIN_BASE,
    capital_text,
    difference_text,
    estimate_text,
    finer,
    interval_text,
    list_text,
    number_text,
)

Method = Literal["markov", "shapley", "lift"]
METHODS: tuple[Method, ...] = ("markov", "shapley", "lift")
LEAST_OUTCOMES = 10  # customers with the rarer outcome, below which the logit of lift is not fitted
COLUMNS = [
    "method", "touchpoint", "reach", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_reached", "expected",
    "share", "share_low", "share_high", "rank", "rank_low", "rank_high", "rate_with", "rate_without", "ratio", "ratio_low",
    "ratio_high", "p_value", "q_value", "reason",
]  # fmt: skip
_EVENTS = ["customer_id", "journey", "position", "touchpoint", "timestamp"]
_LEAST_DRAWS = 50
_MOST_UNDEFINED = 0.05  # of the resamples: with more an interval would leave out too much
_CHUNK = 2**20  # numbers held at once
_NO_SPREAD = 1e-12
_REDUNDANT = 1e-8
_STEPS = 50

Draws = dict[str, Floats]


@dataclass(frozen=True)
class TouchpointImportance:
    """`table` has one row a method and touchpoint, `orders` one row a pair of methods, `counts` one row a check with its n.

    Of the customers in the log, `n_without_outcome` have no outcome, `n_without_landmark` an outcome but no landmark, and
    `n_nothing_before` no event before it; the other `n` are judged. `n_outcomes_without_log` outcomes have no journey,
    `n_events_after` events came at or after the landmark. `adjusted_for` says what lift holds equal.
    """

    table: pd.DataFrame
    orders: pd.DataFrame
    counts: pd.DataFrame
    methods: tuple[Method, ...]
    adjusted_for: tuple[str, ...]
    outcome: str
    binary: bool
    has_landmark: bool
    n: int
    n_without_outcome: int
    n_without_landmark: int
    n_nothing_before: int
    n_outcomes_without_log: int
    n_events_after: int
    n_boot: int
    min_base: int
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a method and touchpoint, in the order of the methods and of rank; those that are not judged last.

        `reach`: share (0 to 1) of the customers who met it. `estimate`: for markov the share (0 to 1) of the conversions that
        goes without the touchpoint, for shapley conversions credited per customer (they add up to the conversion rate), for
        lift the difference between customers with and without it in percentage points, or in the unit of a numeric outcome.
        `std_error`, `conf_low`, `conf_high`, `conf_level`; `n` customers, `n_reached` those who met it; `expected` (see the top
        of the module; 0 for lift). `share`, `share_low`, `share_high`: of the sum over all touchpoints, those not judged
        included; NaN for lift. `rank`: 1 has the largest estimate; for lift the last may be the one to mend first. `rank_low`,
        `rank_high`: its interval. `rate_with`, `rate_without`: standardised outcome in the unit of the estimate; `ratio` with
        interval: the one over the other; for lift alone. `p_value`, `q_value` (Benjamini–Hochberg within a method). `reason`:
        why a figure is not there.
        """
        return self.table.copy()

    def agreement(self) -> pd.DataFrame:
        """One row a pair of methods: method_a, method_b, estimate (Kendall's τ_b of their orders of the touchpoints that both
        judge, −1 to 1), std_error, conf_low, conf_high, conf_level, n (customers), n_touchpoints, reason.

        Disagreement is a finding: the methods ask different things. Resampling adds luck to both orders, so the interval lies
        somewhat nearer to 0 than the estimate.
        """
        return self.orders.copy()

    def headline(self) -> str:
        """What goes with the outcome other things equal; without lift, what carries most of the conversions."""
        method: Method = "lift" if "lift" in self.methods else self.methods[0]
        judged = self._judged(method)
        if not judged:
            return f"No touchpoint can be judged: {self._why(method)} ({self.n:,} customers)."
        if method != "lift":
            row = judged[0]
            return f"{_name(row)} carries the largest share of conversions by {_SAID[method]}: {_share(row)} ({self.n:,} customers)."
        clear = [row for row in judged if row["q_value"] < 1 - self.conf_level]
        among = f"{len(judged)} touchpoint{'s' if len(judged) > 1 else ''}"
        if not clear:
            return f"None of {among} clearly goes with {self.outcome}, other things equal ({self.n:,} customers)."
        most = max(clear, key=lambda row: abs(row["estimate"]))
        return (
            f"{len(clear)} of {among} clearly {'go' if len(clear) > 1 else 'goes'} with {self.outcome}, other things equal; most "
            f"{_name(most, inside=True)}: {self._lift(most)} ({self.n:,} customers)."
        )

    def sentences(self) -> list[str]:
        """What else the page says: the ends of lift, what carries conversions, whether the orders agree, what was left out."""
        said = [*self._ends(), *self._carried(), *self._order()]
        hidden = self.table[self.table["reason"] == f"n<{self.min_base}"]["touchpoint"].nunique()
        if hidden:
            one = hidden == 1
            said.append(
                f"{hidden} touchpoint{' was' if one else 's were'} met by fewer than {self.min_base} customers and "
                f"{'is' if one else 'are'} not judged."
            )
        if not self.has_landmark:
            said.append("When the outcome came is not known, so touchpoints that customers met after it count as well.")
        gone = {
            "without outcome": self.n_without_outcome,
            "without the moment of their outcome": self.n_without_landmark,
            "with no event before it": self.n_nothing_before,
        }
        if any(gone.values()):
            said.append(f"Left out: customers {list_text(f'{what} ({n:,})' for what, n in gone.items() if n)}.")
        return said

    def _judged(self, method: str) -> list[dict[Any, Any]]:
        rows = self.table[(self.table["method"] == method) & self.table["estimate"].notna()]
        return rows.sort_values("rank", kind="stable").to_dict("records")

    def _why(self, method: str) -> str:
        reasons = self.table.loc[self.table["method"] == method, "reason"].value_counts()
        return str(reasons.index[0])

    def _lift(self, row: Any) -> str:
        text = difference_text(row["estimate"], "%" if self.binary else "", row["conf_low"], row["conf_high"])
        return text.replace(" (", " points (", 1) if self.binary else text

    def _ends(self) -> list[str]:
        clear = [row for row in self._judged("lift") if row["q_value"] < 1 - self.conf_level]
        up = [row for row in clear if row["estimate"] > 0]
        down = [row for row in clear if row["estimate"] < 0][::-1]
        said = []
        for rows, word in ((up, "higher"), (down, "lower")):
            if rows:
                each = list_text(f"{_name(row, inside=True)} {self._lift(row)}" for row in rows[:3])
                said.append(f"{capital_text(self.outcome)} is clearly {word} with {each}.")
        return said

    def _carried(self) -> list[str]:
        said = []
        for method in ("markov", "shapley"):
            rows = self._judged(method)
            if rows and not math.isnan(rows[0]["estimate"]):
                row = rows[0]
                beyond = [x for x in rows if x["q_value"] < 1 - self.conf_level and x["estimate"] > x["expected"]]
                more = list_text(_name(x, inside=True) for x in beyond[:3])
                said.append(
                    f"By {_SAID[method]} {_name(row, inside=True)} carries most, {_share(row)} of conversions; "
                    + (
                        f"clearly more than its traffic explains: {more}."
                        if more
                        else "none more than its traffic explains."
                    )
                )
        return said

    def _order(self) -> list[str]:
        known = self.orders[self.orders["estimate"].notna()] if len(self.orders) else self.orders
        if known.empty:
            return []
        row = known.sort_values("estimate", kind="stable").to_dict("records")[0]
        tau = f"{number_text(row['estimate'], 2)}{self._taus(row)}"
        apart = f"{_SAID[row['method_a']]} and {_SAID[row['method_b']]}"
        return [f"Of the orders, those by {apart} agree least (Kendall's τ {tau}, {row['n_touchpoints']} touchpoints)."]

    def _taus(self, row: Any) -> str:
        low, high = row["conf_low"], row["conf_high"]
        return "" if math.isnan(low) else f", {number_text(low, 2)} to {number_text(high, 2)}"


_SAID = {"markov": "removal from the chain", "shapley": "equal split", "lift": "adjusted lift"}


def _share(row: Any) -> str:
    """A share of the conversions with its interval, in percent."""
    share, low, high = (100 * row[name] for name in ("share", "share_low", "share_high"))
    more = finer("%", low, high)
    return estimate_text(share, "%", more=more) + (
        "" if math.isnan(low) else f" ({interval_text(low, high, '%', more=more)})"
    )


def _name(row: Any, *, inside: bool = False) -> str:
    """A touchpoint as a reader sees it."""
    text = str(row["touchpoint"]).replace("_", " ")
    return text if inside else capital_text(text)


def touchpoint_importance(
    events: pd.DataFrame,
    outcome: pd.Series,
    *,
    segment: pd.Series | None = None,
    adjust: pd.DataFrame | None = None,
    methods: Sequence[Method] = METHODS,
    landmark: pd.Series | pd.Timestamp | str | None = None,
    cut: float | None = None,
    min_base: int = MIN_BASE,
    n_boot: int = 500,
    conf_level: float = 0.95,
    random_state: Any = 0,
) -> TouchpointImportance:
    """Removal effect, fair split of conversions, and adjusted lift of every touchpoint, with intervals.

    `events` has one row an event: customer_id, journey, position (in the journey), touchpoint, timestamp (UTC); the order of the
    rows does not matter. `outcome` is indexed by customer_id: 0 and 1 (converted), or a number. A number needs `cut` for markov
    and shapley (converted is `cut` and above); lift takes it as it is. `landmark` is the moment of the outcome, one for all or
    a series by customer_id: events at or after it do not count. `segment` (a series) and `adjust` (a frame of numbers or groups),
    both by customer_id, are held equal by lift, and so are the other touchpoints and the days (on a log scale, with its square)
    from the first event to the landmark, or to the last event of the log. What is missing there is a group of its own.

    A journey is one path. Of several journeys of one customer the last takes the outcome and the earlier ones end as lost, since
    no conversion followed them, as in the literature on attribution; the equal split and lift know the customer, not the journey.

    Intervals are percentiles over `n_boot` resamples of customers, with all of their events (0: none, else at least 50). The
    logit is not fitted anew in each: from the fit to all customers two steps of Newton's method are made with the weights of the
    resample, the information taken once.
    It is kept from running away where a touchpoint foretells the outcome perfectly by as many customers of average outcome as
    it has coefficients, spread over all (Clogg et al., *Sociological Methodology* 21, 1991). p-values are normal, by the standard
    error of the resamples. A touchpoint met by fewer than `min_base` customers is not judged but stays in the paths; lift also
    needs as many who did not meet it.

    Raises ValueError for columns that are missing, customers listed twice, outcomes that are no numbers or fit no customer of
    the log, and methods that are not known.

    >>> events = pd.DataFrame({"customer_id": list("aabcdd"), "journey": 0, "position": [0, 1, 0, 0, 0, 1],
    ...                        "touchpoint": list("ABABAB"), "timestamp": pd.Timestamp("2026-01-01", tz="UTC")})
    >>> renewed = pd.Series({"a": 1, "b": 0, "c": 1, "d": 0})
    >>> found = touchpoint_importance(events, renewed, methods=["markov"], min_base=1, n_boot=0)
    >>> found.to_frame()[["touchpoint", "estimate", "share"]].round(3).values.tolist()
    [['B', 1.0, 0.6], ['A', 0.667, 0.4]]
    """
    wanted = _methods(methods)
    check_conf_level(conf_level)
    if n_boot != 0 and n_boot < _LEAST_DRAWS:
        raise ValueError(f"`n_boot` must be 0 (no intervals) or at least {_LEAST_DRAWS}, got {n_boot}")
    if min_base < 1:
        raise ValueError(f"`min_base` must be 1 or more, got {min_base}")
    base = _base(events, outcome, landmark)
    converted = _converted(base.y, cut, wanted)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    with threadpool_limits(1):  # sums of floats depend on how they are shared between threads
        parts: list[_Credit | _Lift] = []
        credit: list[Method] = [method for method in wanted if method != "lift"]
        if credit:
            parts.append(_Credit(base, converted, credit))
        if "lift" in wanted:
            parts.append(_Lift(base, segment, adjust, min_base))
        whole = np.ones((1, base.n))
        points = {name: value for part in parts for name, value in part.of(whole).items()}
        drawn = _resampled(parts, base.n, n_boot, seed)
    why = {method: _reasons(base, parts, method, points, min_base) for method in wanted}
    table = pd.concat(
        [_rows(method, base, points, drawn, why[method], conf_level) for method in wanted], ignore_index=True
    )
    return TouchpointImportance(
        table=table[COLUMNS],
        orders=_agreement(wanted, points, drawn, why, base.n, conf_level),
        counts=pd.DataFrame({"check": list(base.counts), "n": list(base.counts.values())}),
        methods=wanted,
        adjusted_for=next((part.adjusted_for for part in parts if isinstance(part, _Lift)), ()),
        outcome=_said_outcome(outcome),
        binary=base.binary,
        has_landmark=landmark is not None,
        n=base.n,
        n_without_outcome=base.counts["customers without outcome"],
        n_without_landmark=base.counts["customers without landmark"],
        n_nothing_before=base.counts["customers with no event before the landmark"],
        n_outcomes_without_log=base.counts["outcomes without log"],
        n_events_after=base.counts["events at or after the landmark"],
        n_boot=n_boot,
        min_base=min_base,
        conf_level=conf_level,
    )


def _methods(methods: Sequence[Method]) -> tuple[Method, ...]:
    given: list[str] = [methods] if isinstance(methods, str) else list(methods)
    for method in given:
        if method not in METHODS:
            raise ValueError(f"`methods`: there is no method `{method}`; {did_you_mean(method, METHODS)}")
    if not given:
        raise ValueError(f"`methods` is empty; known: {', '.join(METHODS)}")
    return tuple(method for method in METHODS if method in given)


def _said_outcome(outcome: pd.Series) -> str:
    return str(outcome.name).replace("_", " ") if isinstance(outcome.name, str) and outcome.name else "the outcome"


# ------------------------------------------------------------------------------------------------------ what is judged


@dataclass(frozen=True)
class _Base:
    """The customers who are judged, sorted by id, and their events in order, customers and touchpoints as small integers."""

    ids: pd.Index
    y: Floats
    code: npt.NDArray[np.intp]
    journey: npt.NDArray[np.intp]
    touchpoint: npt.NDArray[np.intp]
    names: list[str]
    days: Floats
    counts: dict[str, int]

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def binary(self) -> bool:
        return bool(np.isin(self.y, (0, 1)).all())

    def met(self) -> npt.NDArray[np.bool_]:
        """Customers × touchpoints."""
        made = np.zeros((self.n, len(self.names)), dtype=bool)
        made[self.code, self.touchpoint] = True
        return made


def _base(events: pd.DataFrame, outcome: pd.Series, landmark: pd.Series | pd.Timestamp | str | None) -> _Base:
    rows = _events(events)
    known = _by_customer("outcome", outcome)
    if not (pd.api.types.is_numeric_dtype(known) or pd.api.types.is_bool_dtype(known)):
        raise ValueError(f"`outcome` is {known.dtype}, not a number; make it 0 and 1, or a score")
    known = known.astype(float).dropna()
    if np.isinf(known).any():
        raise ValueError(f"`outcome` of customer `{known.index[np.isinf(known)][0]}` is infinite; give a number")
    customers = pd.Index(rows["customer_id"].unique())
    has_outcome = customers.isin(known.index)
    if not has_outcome.any():
        here, there = (f"`{index[0]}`" if len(index) else "nobody" for index in (customers, known.index))
        raise ValueError(
            f"no customer of the log has an outcome (the log has {here}, `outcome` {there}); are ids the same?"
        )
    until: Any = rows["timestamp"].max()
    moments = pd.Series(until, index=customers)
    if landmark is not None:
        moments = _moments(landmark, customers)
    has_moment = moments.notna().to_numpy()
    rows["moment"] = moments.reindex(rows["customer_id"]).to_numpy()
    kept = rows["customer_id"].isin(customers[has_outcome & has_moment])
    before = kept if landmark is None else kept & (rows["timestamp"] < rows["moment"])
    used = rows[before]
    if used.empty:
        raise ValueError(
            "no event lies before the landmark of its customer; is `landmark` the moment of the outcome, in UTC?"
        )
    code, ids = pd.factorize(used["customer_id"], sort=True)
    touchpoint, names = pd.factorize(used["touchpoint"], sort=True)
    index = pd.Index(ids)
    first = used.groupby("customer_id")["timestamp"].min().reindex(index)
    days = (moments.reindex(index) - first).dt.total_seconds().to_numpy() / 86_400
    counts = {
        "customers in the log": len(customers),
        "customers without outcome": int((~has_outcome).sum()),
        "customers without landmark": int((has_outcome & ~has_moment).sum()),
        "customers with no event before the landmark": int((has_outcome & has_moment).sum()) - len(index),
        "customers judged": len(index),
        "outcomes without log": int((~known.index.isin(customers)).sum()),
        "events in the log": len(rows),
        "events of customers without outcome or landmark": int((~kept).sum()),
        "events at or after the landmark": int((kept & ~before).sum()),
        "events judged": len(used),
    }
    return _Base(
        ids=index, y=known.reindex(index).to_numpy(dtype=float), code=code, journey=used["journey"].to_numpy(dtype=np.intp),
        touchpoint=touchpoint, names=[str(name) for name in names], days=days, counts=counts,
    )  # fmt: skip


def _events(events: pd.DataFrame) -> pd.DataFrame:
    """The events in order. Refuses what is not there, what is missing, and positions that are taken twice."""
    for column in _EVENTS:
        if column not in events:
            raise ValueError(f"`events` has no column `{column}`; {did_you_mean(column, map(str, events.columns))}")
    rows = events[_EVENTS].copy()
    if rows.empty:
        raise ValueError("`events` has no rows; give the events of at least one customer")
    for column in _EVENTS:
        if missing := int(rows[column].isna().sum()):
            raise ValueError(f"`events`: {missing:,} rows have no `{column}`; leave them out and count them")
    rows["timestamp"] = _utc("events.timestamp", rows["timestamp"])
    for column in ("customer_id", "touchpoint"):
        rows[column] = rows[column].astype(str).astype(object)
    rows = rows.sort_values(["customer_id", "journey", "position"], ignore_index=True)
    again = rows.duplicated(["customer_id", "journey", "position"])
    if again.any():
        one = rows[again].iloc[0]
        raise ValueError(
            f"`events`: position {one['position']} of journey {one['journey']} of customer `{one['customer_id']}` is there twice; "
            "number the events of a journey from 0"
        )
    return rows


def _utc(name: str, times: pd.Series) -> pd.Series:
    if not pd.api.types.is_datetime64_any_dtype(times):
        raise ValueError(f"`{name}` is {times.dtype}, not a time; convert it with pd.to_datetime")
    return times.dt.tz_localize("UTC") if times.dt.tz is None else times.dt.tz_convert("UTC")


def _by_customer(name: str, given: Any) -> Any:
    """A series or frame by customer_id, the ids as text. Refuses customers who are there twice."""
    if not isinstance(given, pd.Series | pd.DataFrame):
        raise ValueError(f"`{name}` must be indexed by customer_id (pandas), got {type(given).__name__}")
    made = given.copy()
    made.index = pd.Index([str(key) for key in given.index], dtype=object, name="customer_id")
    if made.index.has_duplicates:
        raise ValueError(
            f"`{name}` has customer `{made.index[made.index.duplicated()][0]}` more than once; give each once"
        )
    return made


def _moments(landmark: pd.Series | pd.Timestamp | str, customers: pd.Index) -> pd.Series:
    if isinstance(landmark, pd.Series):
        return _utc("landmark", _by_customer("landmark", landmark)).reindex(customers)
    try:
        moment = pd.Timestamp(landmark)
    except (TypeError, ValueError):
        raise ValueError(f"`landmark` must be a time or a series of times by customer_id, got {landmark!r}") from None
    if pd.isna(moment):
        raise ValueError(f"`landmark` must be a time, got {landmark!r}")
    moment = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
    return pd.Series(moment, index=customers)


def _converted(y: Floats, cut: float | None, methods: tuple[Method, ...]) -> npt.NDArray[np.bool_]:
    if cut is not None:
        return y >= cut
    if methods != ("lift",) and not np.isin(y, (0, 1)).all():
        raise ValueError(
            f"`outcome` has values other than 0 and 1 (from {y.min():g} to {y.max():g}), and markov and shapley need converted or "
            "not; give `cut` (converted is `cut` and above), or methods=['lift']"
        )
    return y == 1


# ------------------------------------------------------------------------------------------- conversions handed out


class _Credit:
    """Removal effects and the equal split, from weighted sums of what each customer did.

    All sums are of whole numbers, and so the same in whatever order they are added.
    """

    def __init__(self, base: _Base, converted: npt.NDArray[np.bool_], methods: list[Method]) -> None:
        self.methods, self.k, self.converted = methods, len(base.names), converted
        met = base.met()
        size = met.sum(axis=1)
        self.most = int(size.max())
        who, what = np.nonzero(met)
        split = _counted(who, what * self.most + size[who] - 1, (base.n, self.k * self.most))
        self.split = split.T.tocsr()
        self.split_won = _only(split, converted).T.tocsr()
        k, code, at = self.k, base.code, base.touchpoint
        new_customer = np.r_[True, code[1:] != code[:-1]]
        opens = new_customer | np.r_[True, base.journey[1:] != base.journey[:-1]]
        closes, last = np.r_[opens[1:], True], np.r_[new_customer[1:], True]
        goes_on = np.flatnonzero(~closes)
        self.starts = _counted(code[opens], at[opens], (base.n, k)).T.tocsr()
        self.steps = _counted(code[goes_on], at[goes_on] * k + at[goes_on + 1], (base.n, k * k)).T.tocsr()
        ends = _counted(code[last], at[last], (base.n, k))
        self.ends, self.ends_won = ends.T.tocsr(), _only(ends, converted).T.tocsr()
        exits = _counted(code[closes], at[closes], (base.n, k))
        self.exits = exits.T.tocsr()

    def of(self, weights: Floats) -> Draws:
        """Draws × touchpoints: estimate, expected of each method."""
        made: Draws = {}
        w = np.ascontiguousarray(weights.T)
        if "markov" in self.methods:
            steps = (self.steps @ w).T.reshape(len(weights), self.k, self.k)
            made["markov"], made["markov expected"] = removal_effects(
                (self.starts @ w).T, steps, (self.ends_won @ w).T, (self.ends @ w).T, (self.exits @ w).T
            )
        if "shapley" in self.methods:
            each = np.arange(1, self.most + 1)
            shape = (len(weights), self.k, self.most)
            total = weights.sum(axis=1, keepdims=True)
            rate = (weights @ self.converted.astype(float))[:, None] / total
            made["shapley"] = ((self.split_won @ w).T.reshape(shape) / each).sum(axis=2) / total
            made["shapley expected"] = rate * ((self.split @ w).T.reshape(shape) / each).sum(axis=2) / total
        return made

    def reason(self, method: str) -> str:
        return "" if self.converted.any() else "nobody converted"


def removal_effects(starts: Floats, steps: Floats, won: Floats, ends: Floats, exits: Floats) -> tuple[Floats, Floats]:
    """The removal effect of each state of a stack of chains, and what it were if conversion did not depend on the path.

    `starts`, `won` (conversions), `ends` (of the journeys that have an outcome) and `exits` (of all) are counts, draws × states;
    `steps` from row to column. NaN where nobody converts.
    """
    visits = np.maximum(steps.sum(axis=2) + exits, 1)
    visited = np.linalg.inv(np.eye(steps.shape[1]) - steps / visits[:, :, None])
    begin = starts / starts.sum(axis=1, keepdims=True)
    ever = np.einsum("bi,bij->bj", begin, visited) / np.einsum("bii->bi", visited)

    def effect(absorbed: Floats) -> Floats:
        from_here = np.einsum("bij,bj->bi", visited, absorbed / visits)
        overall = (begin * from_here).sum(axis=1, keepdims=True)
        some = overall > 0
        share: Floats = np.where(some, ever * from_here / np.where(some, overall, 1), np.nan)
        return share

    return effect(won), effect(ends)


def _counted(rows: Any, columns: Any, shape: tuple[int, int]) -> sparse.csr_array:
    made = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape)
    return made.tocsr()


def _only(table: sparse.csr_array, rows: npt.NDArray[np.bool_]) -> sparse.csr_array:
    """The table with the other rows empty."""
    made = sparse.diags_array(rows.astype(float)) @ table
    return sparse.csr_array(made)


# ----------------------------------------------------------------------------------------------------- adjusted lift


class _Lift:
    """Standardised difference between customers with and without each touchpoint, all touchpoints in one model."""

    def __init__(self, base: _Base, segment: Any, adjust: Any, min_base: int) -> None:
        self.y, self.binary, self.n_touchpoints = base.y, base.binary, len(base.names)
        met = base.met()
        reached = met.sum(axis=0)
        self.why = np.full(len(base.names), "", dtype=object)
        self.why[base.n - reached < min_base] = f"fewer than {min_base} did not meet it"
        self.why[reached == base.n] = "everyone met it"
        self.why[reached < min_base] = f"n<{min_base}"
        rarer = min(int(base.y.sum()), int(base.n - base.y.sum())) if base.binary else base.n
        if (base.y == base.y[0]).all():
            self.why[self.why == ""] = "every outcome is the same"
        elif rarer < LEAST_OUTCOMES:
            self.why[self.why == ""] = f"fewer than {LEAST_OUTCOMES} customers have the rarer outcome"
        told, self.adjusted_for = _nuisance(base, segment, adjust, met[:, self.why != ""].sum(axis=1))
        judged = np.flatnonzero(self.why == "")
        told = told[:, _independent(told)]
        columns = np.column_stack([told, met[:, judged]])
        apart = _set_apart(columns)[told.shape[1] :]
        self.why[judged[~apart]] = "follows from what else is held equal"
        kept = _independent(columns)
        self.X = columns[:, kept]
        place = {int(column): at for at, column in enumerate(kept)}
        self.at = {int(t): place[told.shape[1] + i] for i, t in enumerate(judged) if apart[i]}
        self.reached = {t: met[:, t] for t in self.at}
        if self.at:
            self._fit()

    def _fit(self) -> None:
        n, p = self.X.shape
        self.upper = np.triu_indices(p)
        if self.binary:
            share = p / n
            self.y_near = (self.y + share * self.y.mean()) / (1 + share)
            self.theta = _logit(self.X, self.y_near)
            mean = special.expit(self.X @ self.theta)
            spread = mean * (1 - mean)
        else:
            self.y_near, self.theta, mean, spread = self.y, np.zeros(p), np.zeros(n), np.ones(n)
        self.score = self.X * (self.y_near - mean)[:, None]
        self.information = (self.X[:, self.upper[0]] * self.X[:, self.upper[1]]) * spread[:, None]

    def of(self, weights: Floats) -> Draws:
        """Draws × touchpoints: lift, with, without; NaN where a touchpoint is not judged."""
        empty = np.full((len(weights), self.n_touchpoints), np.nan)
        made = {"lift": empty.copy(), "with": empty.copy(), "without": empty.copy()}
        if not self.at:
            return made
        theta = self._fitted(weights)
        rates = self._rates_of_logit if self.binary else self._rates_of_line
        for touchpoint, (high, low) in rates(theta, weights).items():
            made["with"][:, touchpoint], made["without"][:, touchpoint] = high, low
            made["lift"][:, touchpoint] = high - low
        return made

    def _fitted(self, weights: Floats) -> Floats:
        """Coefficients of each draw: a Newton step from the fit to all, for the logit another with the same information."""
        p = self.X.shape[1]
        flat = weights @ self.information
        full = np.zeros((len(weights), p, p))
        full[:, self.upper[0], self.upper[1]] = flat
        full[:, self.upper[1], self.upper[0]] = flat
        diagonal = np.arange(p)
        full[:, diagonal, diagonal] *= 1 + 1e-10  # a draw may miss a group altogether
        full[:, diagonal, diagonal] += 1e-10
        inverse = np.linalg.inv(full)
        theta: Floats = self.theta + np.einsum("bij,bj->bi", inverse, weights @ self.score)
        if self.binary:
            left = weights * (self.y_near - special.expit(theta @ self.X.T))
            theta = theta + np.einsum("bij,bj->bi", inverse, left @ self.X)
        return theta

    def _rates_of_logit(self, theta: Floats, weights: Floats) -> dict[int, tuple[Floats, Floats]]:
        """Mean predictions in percent, everybody with and without the touchpoint."""
        odds = np.exp(np.clip(theta @ self.X.T, -500, 500))
        factual = weights * odds / (1 + odds)
        total = weights.sum(axis=1)
        made = {}
        for touchpoint, at in self.at.items():
            here = self.reached[touchpoint]
            times = np.exp(np.clip(theta[:, at], -100, 100))[:, None]
            gained, lost = odds[:, ~here] * times, odds[:, here] / times
            high = factual[:, here].sum(axis=1) + (weights[:, ~here] * gained / (1 + gained)).sum(axis=1)
            low = factual[:, ~here].sum(axis=1) + (weights[:, here] * lost / (1 + lost)).sum(axis=1)
            made[touchpoint] = (100 * high / total, 100 * low / total)
        return made

    def _rates_of_line(self, theta: Floats, weights: Floats) -> dict[int, tuple[Floats, Floats]]:
        total = weights.sum(axis=1)
        mean = weights @ self.y / total
        made = {}
        for touchpoint, at in self.at.items():
            low = mean - theta[:, at] * (weights @ self.reached[touchpoint].astype(float)) / total
            made[touchpoint] = (low + theta[:, at], low)
        return made


def _logit(X: Floats, y: Floats) -> Floats:
    """Logistic regression by Newton's method with halved steps; `y` may lie between 0 and 1."""
    theta = np.zeros(X.shape[1])

    def loss(at: Floats) -> float:
        eta = X @ at
        return float((np.logaddexp(0, eta) - y * eta).sum())

    now = loss(theta)
    for _ in range(_STEPS):
        mean = special.expit(X @ theta)
        gradient = X.T @ (y - mean)
        step = np.linalg.solve((X * (mean * (1 - mean))[:, None]).T @ X, gradient)
        if gradient @ step < 1e-12 * len(y):
            return np.asarray(theta + step)
        size = 1.0
        while loss(theta + size * step) > now and size > 1e-6:
            size /= 2
        theta = theta + size * step
        now = loss(theta)
    return theta


def _nuisance(base: _Base, segment: Any, adjust: Any, rest: Any) -> tuple[Floats, tuple[str, ...]]:
    """What is held equal besides the judged touchpoints: columns with mean 0, the constant first; and their names."""
    columns = [np.ones(base.n)]
    said = ["the other touchpoints met"]
    days = _standard(np.log1p(base.days))
    columns += [_standard(np.asarray(rest, dtype=float)), days, _standard(days**2)]
    said.append("time observed")
    if segment is not None:
        given = _by_customer("segment", segment).reindex(base.ids)
        columns += _groups(given)
        said.append("segment")
    if adjust is not None:
        table = _by_customer("adjust", adjust)
        table = table.to_frame() if isinstance(table, pd.Series) else table
        for name in table.columns:
            column = table[name].reindex(base.ids)
            if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
                values = column.to_numpy(dtype=float, na_value=np.nan)
                if np.isinf(values).any():
                    raise ValueError(f"`adjust` column `{name}` has infinite values; make them missing, or a number")
                unknown = np.isnan(values)
                mean = values[~unknown].mean() if (~unknown).any() else 0.0
                columns += [_standard(np.where(unknown, mean, values)), _standard(unknown.astype(float))]
            else:
                columns += _groups(column)
            said.append(str(name).replace("_", " "))
    return np.column_stack(columns), tuple(said)


def _groups(column: pd.Series) -> list[Floats]:
    codes, names = pd.factorize(
        column.astype(object).map(lambda value: value if pd.isna(value) else str(value)), sort=True
    )
    return [_standard((codes == group).astype(float)) for group in range(-1, len(names))]


def _standard(values: Floats) -> Floats:
    spread = values.std()
    return (values - values.mean()) / spread if spread > _NO_SPREAD else np.zeros(len(values))


def _independent(columns: Floats) -> npt.NDArray[np.intp]:
    """Columns that do not follow from those before them."""
    triangle: Any = np.linalg.qr(columns, mode="r")
    kept: list[int] = []
    units: list[Floats] = []
    for j, column in enumerate(triangle.T):
        left = column.copy()
        for unit in units + units:  # twice, for what rounding leaves
            left -= (unit @ left) * unit
        if left @ left > _REDUNDANT * (column @ column):
            kept.append(j)
            units.append(left / np.sqrt(left @ left))
    return np.array(kept, dtype=np.intp)


def _set_apart(columns: Floats) -> npt.NDArray[np.bool_]:
    """Whether each column does not follow from all the others: it has no part in any combination that is 0."""
    triangle: Any = np.linalg.qr(columns, mode="r")
    length = np.sqrt((triangle**2).sum(axis=0))
    _, size, directions = np.linalg.svd(triangle / np.where(length > 0, length, 1))
    zero = directions[np.r_[size, np.zeros(len(directions) - len(size))] ** 2 < _REDUNDANT]
    apart: npt.NDArray[np.bool_] = (np.abs(zero) < 1e-6).all(axis=0)
    return apart


# --------------------------------------------------------------------------------------------------------- the tables


def _resampled(parts: Sequence[_Credit | _Lift], n: int, n_boot: int, seed: int) -> Draws:
    """What each part finds with the customers of each resample; draws × touchpoints."""
    rng = np.random.default_rng(seed)
    k2 = max((part.k**2 for part in parts if isinstance(part, _Credit)), default=1)
    size = max(1, _CHUNK // max(n, k2))
    made: list[Draws] = []
    for start in range(0, n_boot, size):
        picked = (rng.integers(0, n, n) for _ in range(min(size, n_boot - start)))
        weights: Floats = np.stack([np.bincount(who, minlength=n) for who in picked]).astype(np.float64)
        made.append({name: value for part in parts for name, value in part.of(weights).items()})
    return {name: np.concatenate([part[name] for part in made]) for name in made[0]} if made else {}


def _reasons(base: _Base, parts: Sequence[_Credit | _Lift], method: str, points: Draws, min_base: int) -> list[str]:
    """Why the estimate of each touchpoint is not given; empty where it is."""
    reached = base.met().sum(axis=0)
    if method == "lift":
        return [str(why) for part in parts if isinstance(part, _Lift) for why in part.why]
    none = next(part.reason(method) for part in parts if isinstance(part, _Credit))
    return [f"n<{min_base}" if here < min_base else none for here in reached]


def _rows(method: Method, base: _Base, points: Draws, drawn: Draws, why: list[str], conf_level: float) -> pd.DataFrame:
    """One row a touchpoint. `points` has one draw, that of all customers with weight 1."""
    k, reached = len(base.names), base.met().sum(axis=0)
    judged = np.array([not reason for reason in why])
    blank = np.full(k, np.nan)
    table = pd.DataFrame(
        {
            "method": method, "touchpoint": base.names, "reach": reached / base.n, "conf_level": conf_level, "n": base.n,
            "n_reached": reached, "reason": why,
        }
    )  # fmt: skip
    estimate = np.where(judged, points[method][0], np.nan)
    draws = _or_nan(drawn, method, k)
    table["estimate"] = estimate
    table["std_error"], table["conf_low"], table["conf_high"] = _spread(draws, judged, conf_level)
    expected, against = np.zeros(k), draws
    ratio: Floats = blank
    rates: tuple[Floats, Floats] = (blank, blank)
    if method == "lift":
        rates = points["with"][0], points["without"][0]
        if base.binary:
            ratio = np.where(judged, _over(*rates), np.nan)
            times = _over(_or_nan(drawn, "with", k), _or_nan(drawn, "without", k))
            _, table["ratio_low"], table["ratio_high"] = _spread(times, judged, conf_level)
        shares, share_draws = blank, np.full_like(draws, np.nan)
    else:
        expected = points[f"{method} expected"][0]
        against = draws - _or_nan(drawn, f"{method} expected", k)
        shares, share_draws = _shared(points[method])[0], _shared(draws)
    for name, values in {"ratio": ratio, "rate_with": rates[0], "rate_without": rates[1], "share": shares}.items():
        table[name] = np.where(judged, values, np.nan)
    table["expected"] = np.where(judged, expected, np.nan)
    _, table["share_low"], table["share_high"] = _spread(share_draws, judged, conf_level)
    table["rank"] = _ranks(np.where(judged, estimate, np.nan)[None])[0]
    _, table["rank_low"], table["rank_high"] = _spread(
        _ranks(np.where(judged, draws, np.nan)), judged, conf_level, whole=True
    )
    error = _spread(against, judged, conf_level)[0]
    with_spread = error > _NO_SPREAD
    z = np.where(with_spread, (estimate - expected) / np.where(with_spread, error, 1), np.nan)
    table["p_value"] = [two_sided_p(value) for value in z]
    table["q_value"] = benjamini_hochberg(table["p_value"])
    if not len(draws):
        table.loc[judged, "reason"] = "no resamples were asked for: no interval, no test"
    else:
        undefined = np.isnan(draws).mean(axis=0) > _MOST_UNDEFINED
        table.loc[judged & undefined, "reason"] = "not defined in too many resamples: no interval, no test"
        still = judged & ~undefined & ~with_spread
        table.loc[still, "reason"] = "does not vary between resamples: no test"
    for name in COLUMNS:
        if name not in table:
            table[name] = np.nan
    return table.assign(last=~judged).sort_values(["last", "rank", "touchpoint"], kind="stable").drop(columns="last")


def _or_nan(drawn: Draws, name: str, k: int) -> Floats:
    return drawn.get(name, np.zeros((0, k)))


def _over(high: Floats, low: Floats) -> Floats:
    some = low > 0
    return np.where(some, high / np.where(some, low, 1), np.nan)


def _shared(values: Floats) -> Floats:
    """Of the sum of each draw; NaN where there is nothing to share."""
    total = values.sum(axis=1, keepdims=True)
    some = total > 0
    return np.where(some, values / np.where(some, total, 1), np.nan)


def _spread(
    draws: Floats, judged: npt.NDArray[np.bool_], conf_level: float, *, whole: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Standard deviation and percentiles over draws; NaN where not judged, or where more than 5% of the draws are undefined."""
    error, low, high = (np.full(draws.shape[1], np.nan) for _ in range(3))
    defined = ~np.isnan(draws)
    for j in np.flatnonzero(judged) if len(draws) else []:
        own = draws[defined[:, j], j]
        if len(own) < (1 - _MOST_UNDEFINED) * len(draws):
            continue
        error[j] = own.std(ddof=1)
        tail = (1 - conf_level) / 2
        low[j] = np.quantile(own, tail, method="lower" if whole else "linear")
        high[j] = np.quantile(own, 1 - tail, method="higher" if whole else "linear")
    return error, low, high


def _ranks(values: Floats) -> Floats:
    """1 for the largest of each draw, ties the better rank; NaN stays NaN. What differs by rounding is a tie."""
    near = np.round(values, 12)
    higher = (near[:, None, :] > near[:, :, None]).sum(axis=2)
    ranks: Floats = np.where(np.isnan(values), np.nan, 1.0 + higher)
    return ranks


def _agreement(
    methods: tuple[Method, ...], points: Draws, drawn: Draws, why: dict[Any, list[str]], n: int, conf_level: float
) -> pd.DataFrame:
    rows = []
    for first, second in combinations(methods, 2):
        both = [j for j, (a, b) in enumerate(zip(why[first], why[second], strict=True)) if not a and not b]
        tau, reason = np.array([math.nan]), "fewer than two touchpoints are judged by both"
        error, low, high = (np.array([math.nan]) for _ in range(3))
        if len(both) > 1:
            tau = _tau(points[first][:, both], points[second][:, both])
            reason = "one of the orders has nothing but ties" if math.isnan(tau[0]) else ""
        if len(both) > 1 and len(drawn) and not reason:
            draws = _tau(drawn[first][:, both], drawn[second][:, both])[:, None]
            error, low, high = _spread(draws, np.array([True]), conf_level)
        rows.append(
            {
                "method_a": first, "method_b": second, "estimate": tau[0], "std_error": error[0], "conf_low": low[0],
                "conf_high": high[0], "conf_level": conf_level, "n": n, "n_touchpoints": len(both),
                "reason": reason or ("" if len(drawn) else "no resamples were asked for: no interval"),
            }
        )  # fmt: skip
    return pd.DataFrame(
        rows,
        columns=[
            "method_a", "method_b", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_touchpoints", "reason",
        ],
    )  # fmt: skip


def _tau(first: Floats, second: Floats) -> Floats:
    """Kendall's τ_b of two orders, draw by draw."""
    a, b = (np.sign(np.round(x[:, :, None] - x[:, None, :], 12)) for x in (first, second))
    size = np.sqrt((a**2).sum(axis=(1, 2)) * (b**2).sum(axis=(1, 2)))
    some = size > 0
    tau: Floats = np.where(some, (a * b).sum(axis=(1, 2)) / np.where(some, size, 1), np.nan)
    return tau
