"""Which touchpoints go with a later outcome, and does the journey as a whole tell more than its touchpoints one by one?

One row of the events is one event: customer_id, touchpoint, timestamp (UTC where it has no zone), and where they are known
journey and position. The outcome has one value a customer: a likelihood to recommend, or 0/1 for renewal or churn. `landmark` is
the moment of the outcome: only what lies **before** it counts. Without it a letter that customers get after two years goes
with staying for two years (immortal time, Suissa, *American Journal of Epidemiology* 167, 2008); of an outcome that may come
at any time, such as churn, take one landmark, give only customers who are still there, and let the outcome be what comes after
(Anderson, Cain & Gelber, *Journal of Clinical Oncology* 1, 1983).

`moments_of_truth` fits one linear model (of the probability, where the outcome is 0/1) with all touchpoints that can be judged
together, beside segment, number of events (log) and days since the first event (log). Standard errors are HC3 (MacKinnon &
White, *Journal of Econometrics* 29, 1985), or its form for clusters where customers have several outcomes (CR3, Bell &
McCaffrey, *Survey Methodology* 28, 2002); intervals use Student's t with customers less columns; q-values are Benjamini and
Hochberg's over all tests of one call. Where it is known which events failed, meeting a touchpoint is split in "went well" and
"failed" (at least once), each against not meeting it, as in the asymmetric effects of Mittal, Ross & Baldasare (*Journal of
Marketing* 62, 1998).

`discrete_or_journey` asks which of two descriptions foretells the outcome of customers that were not used to make the model:
touchpoint by touchpoint (met, how often, last wait), or the journey as a whole (length, waits, repeats, speed, frequent steps).

What it does not say: that a touchpoint causes anything. Whoever calls support had trouble before. Customers who have no event
before the landmark, or no outcome, are counted in `left_out` and may be different people. A model that foretells better is no
proof that customers live through the journey in that way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import Floats, check_conf_level, critical_value, two_sided_p
from cxlab.problems import NotApplicableError, did_you_mean
from cxlab.wording import capital_text, difference_text, list_text, number_text

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]
_Kind = tuple[
    str, str, Bools, bool, str
]  # kind, against, who, whether it is a column of the model, why it is not judged

LEAST_CUSTOMERS = 50
"""Fewer customers with an outcome are not enough to compare what foretells it."""

_DAY = 86_400_000_000  # microseconds
_RARE = 10  # customers who met a touchpoint or took a step, below which it is no feature
_STEPS = 10  # frequent steps from one touchpoint to the next that describe the order of a journey
_INFORMED = 1e-9  # of the weight of a row that other rows do not share
_SPLITS = 10  # of the customers in halves, for the interval of a score
_LEARN_ALIKE = 500  # customers from which half of them teach a model nearly what all do
_PENALTIES = np.logspace(-4, 2, 7)  # a customer of the training part
_NO_MOMENT, _NOT_JUDGED = "no clear effect", "not judged"
_VERDICTS = {(True, True): "both", (True, False): "can hurt", (False, True): "can delight"}
_WORDS = {"met": "meeting it", "went well": "its going well", "failed": "its failing"}
_MODELS = {"touchpoints": "the touchpoints one by one", "journey": "the journey as a whole", "both": "both together"}
_PAIRS = (
    ("touchpoints", "journey"), ("touchpoints", "baseline"), ("journey", "baseline"), ("both", "touchpoints"),
    ("both", "journey"), ("both", "baseline"),
)  # fmt: skip


@dataclass(frozen=True)
class MomentsOfTruth:
    """Touchpoints and the outcome that follows. See `moments_of_truth` for the columns of `table`.

    `left_out` says what became of the input: of (outcomes, customers, events, ratings), reason ("" for what was used), n; the
    rows of each add up to what was given. `n` is the number of customers in the model, `n_outcomes` of outcomes, `adjusted` the
    columns beside touchpoints, `binary` whether the outcome is 0/1 (effects are then differences of shares, 0.1 is ten
    percentage points), `has_landmark` whether it was known when the outcome was.
    """

    table: pd.DataFrame
    left_out: pd.DataFrame
    n: int
    n_outcomes: int
    outcome_name: str
    adjusted: tuple[str, ...]
    better: str
    binary: bool
    has_landmark: bool
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a touchpoint and kind."""
        return self.table.copy()

    def headline(self) -> str:
        """How many touchpoints are moments of truth, and which goes with the most."""
        judged = self.table[self.table["verdict"] != _NOT_JUDGED]["touchpoint"].nunique()
        if not judged:
            return f"No touchpoint can be judged by {self.outcome_name}: {self.table['reason'].iloc[0]}."
        moments = self._moments()
        of = f"{judged} touchpoint{'' if judged == 1 else 's'} that can be judged"
        if moments.empty:
            return f"None of {of} is clearly associated with {self.outcome_name} ({self.n:,} customers)."
        row = max(moments.to_dict("records"), key=lambda row: (abs(row["estimate"]), row["touchpoint"]))
        number = moments["touchpoint"].nunique()
        return (
            f"{number} of {of} {'is a moment' if number == 1 else 'are moments'} of truth; most of all {row['touchpoint']}: "
            f"{self._effect(row)} ({self.n:,} customers)."
        )

    def sentences(self) -> list[str]:
        """Each moment of truth, where failing weighs more than doing well, what was not judged, and what to beware of."""
        said = []
        moments = self._moments()
        moments = moments.assign(size=-moments["estimate"].abs()).sort_values(["size", "touchpoint"], kind="stable")
        for name in moments["touchpoint"].unique():
            rows = self.table[self.table["touchpoint"] == name]
            effects = [self._effect(row) for row in moments[moments["touchpoint"] == name].to_dict("records")]
            verdict = (
                str(rows["verdict"].iloc[0]).removeprefix("moment of truth: ").replace("both", "can hurt and delight")
            )
            said.append(f"{capital_text(str(name))} {verdict}: {list_text(effects)}.")
            for row in rows[(rows["kind"] == "asymmetry") & (rows["q_value"] < 1 - self.conf_level)].to_dict("records"):
                more, less = ("failing", "going well") if row["estimate"] > 0 else ("going well", "failing")
                turned = row if row["estimate"] > 0 else _turned(row)
                size = difference_text(*self._scaled(turned)).removeprefix("+")
                said.append(f"At {name} {more} weighs more than {less}, by {size}.")
        unjudged = self.table[self.table["verdict"] == _NOT_JUDGED].drop_duplicates("touchpoint")
        if len(unjudged):
            few = list_text(f"{row['touchpoint']} ({row['reason']})" for row in unjudged.head(3).to_dict("records"))
            more = f" and {len(unjudged) - 3} more" if len(unjudged) > 3 else ""
            said.append(f"Not judged: {few}{more}.")
        said += _cautions(self.has_landmark, self.left_out)
        said.append(
            "These are associations, adjusted for " + list_text(self.adjusted) + "; they do not say what causes what."
        )
        return said

    def _moments(self) -> pd.DataFrame:
        clear = self.table["verdict"].str.startswith("moment of truth") & (self.table["q_value"] < 1 - self.conf_level)
        return self.table[clear & (self.table["kind"] != "asymmetry")]

    def _scaled(self, row: Any) -> tuple[float, str, float, float]:
        times, unit = (100.0, "points") if self.binary else (1.0, "")
        return times * row["estimate"], unit, times * row["conf_low"], times * row["conf_high"]

    def _effect(self, row: Any) -> str:
        against = "" if row["against"] == "not met" else " instead of going well"
        points = " percentage points" if self.binary else ""
        return (
            f"{_WORDS[row['kind']]}{against} is associated with {difference_text(*self._scaled(row))}{points} in "
            f"{self.outcome_name}"
        )


@dataclass(frozen=True)
class DiscreteOrJourney:
    """What foretells the outcome: touchpoints one by one, the journey as a whole, or both. See `discrete_or_journey`.

    `features` is model → its columns, `left_out` as in `MomentsOfTruth`, `rare` the touchpoints that fewer than 10 customers met
    (no feature of their own; their events count in the journey), `n` the number of customers.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    left_out: pd.DataFrame
    features: Mapping[str, tuple[str, ...]]
    rare: tuple[str, ...]
    n: int
    outcome_name: str
    binary: bool
    has_landmark: bool
    folds: int
    repeats: int
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a model and metric."""
        return self.table.copy()

    def comparison(self) -> pd.DataFrame:
        """One row a pair of models and metric: what `model` foretells more than `other_model`."""
        return self.pairs.copy()

    def headline(self) -> str:
        """Which of the two tells more, or that it cannot be told."""
        metric, word = ("auc", "AUC") if self.binary else ("r2", "R²")
        score = self.table[self.table["metric"] == metric].set_index("model")["estimate"]
        pairs = self.pairs[self.pairs["metric"] == metric].set_index(["model", "other_model"])
        row: Any = pairs.loc[("touchpoints", "journey")]
        first, other = ("touchpoints", "journey") if row["estimate"] > 0 else ("journey", "touchpoints")
        turn = 1 if first == "touchpoints" else -1
        ends = sorted([turn * row["conf_low"], turn * row["conf_high"]])
        figures = (
            f"{word} {_score_text(score[first])} against {_score_text(score[other])}, difference "
            f"{_score_text(turn * row['estimate'])} ({_score_text(ends[0])} to {_score_text(ends[1])})"
        )
        low: Any = pairs["conf_low"]
        above = {name: bool(low[(name, "baseline")] > 0) for name in (first, other)}
        if not any(above.values()):
            return (
                f"Neither {_MODELS['touchpoints']} nor {_MODELS['journey']} clearly tell {self.outcome_name} better than segment "
                f"and time alone: {word} {_score_text(score['touchpoints'])} and {_score_text(score['journey'])} against "
                f"{_score_text(score['baseline'])} ({self.n:,} customers)."
            )
        if ends[0] > 0 and above[first]:
            tell = "tell" if first == "touchpoints" else "tells"
            return f"{capital_text(_MODELS[first])} {tell} more than {_MODELS[other]}: {figures}."
        return f"Whether {_MODELS[first]} or {_MODELS[other]} tells more cannot be told: {figures}."

    def sentences(self) -> list[str]:
        """What both together add, and what to beware of."""
        metric, word = ("auc", "AUC") if self.binary else ("r2", "R²")
        rows: Any = self.pairs[(self.pairs["metric"] == metric) & (self.pairs["model"] == "both")]
        rows = rows[rows["other_model"] != "baseline"].to_dict("records")
        said = []
        for row in rows:
            clear = row["conf_low"] > 0 or row["conf_high"] < 0
            more = f"clearly {'more' if row['estimate'] > 0 else 'less'}" if clear else "not clearly more"
            ends = [_score_text(row[end], signed=True) for end in ("conf_low", "conf_high")]
            size = _score_text(row["estimate"], signed=True)
            said.append(
                f"Both together tell {more} than {_MODELS[row['other_model']]}: {word} {size} ({ends[0]} to {ends[1]})."
            )
        return said + _cautions(self.has_landmark, self.left_out)


def moments_of_truth(
    events: pd.DataFrame,
    outcome: pd.Series,
    *,
    landmark: pd.Series | None = None,
    segment: pd.Series | None = None,
    failures: str | pd.Series | pd.DataFrame | None = None,
    fails_at: float | None = None,
    conf_level: float = 0.95,
    min_customers: int = 30,
    better: Literal["higher", "lower"] = "higher",
) -> MomentsOfTruth:
    """How meeting a touchpoint, and its going well or failing, is associated with what came later.

    outcome, landmark and segment are indexed by customer_id. A customer may have several outcomes (one a survey); then
    `landmark` is needed, in the same order. Events at or after the landmark are cut and counted. Without `landmark` all events
    count, and the time since the first event runs to the end of the log.

    failures: a column of `events` or a Series with its index, true where the event failed, missing where that is not known; or a
    table of ratings with customer_id, touchpoint, timestamp, and `failed` or `rating` (`fails_at` or less is a failure). A rating
    belongs to the customer's last event at the touchpoint up to then, and has to be older than the landmark itself: the mood of
    the day colours both. A customer with one failed event there "failed", one with known events of which none failed "went
    well"; those of whom nothing is known have a column of their own in the model and no row.

    One row a touchpoint and kind. kind: "met" (where no failure is known), "went well", "failed", "asymmetry" (size of the effect
    of failing less that of going well, above 0 where failing weighs more). against: "not met"; or "went well", where fewer than
    `min_customers` never met it, so that failing can only be held against going well. estimate, std_error, conf_low, conf_high
    are in the unit of the outcome; n is customers in the model, n_met those in this kind; p_value, q_value; verdict, one for the
    touchpoint: "moment of truth: can hurt", "… can delight", "… both", "no clear effect", "not judged"; reason where there is
    no figure. Clear is a q_value below 1 − `conf_level`; `better` says which end of the outcome is good. p_apart, in rows of
    asymmetry: the p-value of failing less going well, signs and all (not one of the tests that are corrected for); where it is not
    small, meeting the touchpoint goes with the outcome, and nothing says that its failing does.

    A touchpoint that fewer than `min_customers` met, or all but so few, is not judged and has no column; its events count in the
    number of events. Touchpoints that always go together cannot be told apart, and are not judged either. The interval of an
    asymmetry is that of |failed| − |went well| whatever their signs, and wider than needed where both have the same.

    Raises ValueError for columns, indexes and values that do not fit; NotApplicableError where no outcome can be used.
    """
    check_conf_level(conf_level)
    _check_choice("better", better, ("higher", "lower"))
    _check_whole("min_customers", min_customers, 2)
    log = _read(events, outcome, landmark, segment)
    known, ratings = _failures(log, events, failures, fails_at)
    rows, columns = _touchpoint_columns(log, known, min_customers)
    beside, names = _adjustments(log, count=True)
    with threadpool_limits(1):
        fit = _Fit(np.column_stack([*beside, *columns]), log.y, log.customer)
    table = pd.DataFrame(_effects(rows, fit, len(beside), conf_level))
    table["n"] = log.n_customers
    table["q_value"] = benjamini_hochberg(table["p_value"])
    table["verdict"] = table["touchpoint"].map(_verdicts(table, better, 1 - conf_level))
    columns_out = [
        "touchpoint", "kind", "against", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_met", "p_value",
        "q_value", "p_apart", "verdict", "reason",
    ]  # fmt: skip
    return MomentsOfTruth(
        table=table.reindex(columns=columns_out),
        left_out=pd.concat([log.left_out, ratings], ignore_index=True),
        n=log.n_customers,
        n_outcomes=len(log.y),
        outcome_name=log.name,
        adjusted=names,
        better=better,
        binary=log.binary,
        has_landmark=log.has_landmark,
        conf_level=conf_level,
    )


def discrete_or_journey(
    events: pd.DataFrame,
    outcome: pd.Series,
    *,
    landmark: pd.Series | None = None,
    segment: pd.Series | None = None,
    folds: int = 5,
    repeats: int = 4,
    random_state: Any = 0,
    conf_level: float = 0.95,
) -> DiscreteOrJourney:
    """Do touchpoints one by one foretell the outcome better, or the journey as a whole?

    Input as in `moments_of_truth`. Four models, each with segment and days since the first event: "baseline" (nothing else);
    "touchpoints": for each met or not, how often, and the wait before it was met last; "journey": number of events, days from
    first to last event and since the last, longest and mean wait, different touchpoints, share of events at a touchpoint met
    before and at the one just met, events a day, journeys, and the ten steps that most customers took; "both". Counts and days
    are logarithms (of 1 + x). Ridge regression, or logistic regression with the same penalty for 0/1; the penalty comes from
    leave-one-out errors within the training part, and so does all scaling.

    Customers, not rows, are dealt into `folds` folds, `repeats` times (0/1 in equal shares). One row a model and metric: "r2"
    (1 − Σ(y − predicted)² / Σ(y − mean of the training part)², below 0 where it misleads), for 0/1 "auc" (the mean over folds)
    and "brier_skill" (as r2, of probabilities). `comparison()` has differences of two models, p_value, and q_value over all
    pairs and metrics. n is customers; NaN with `reason` where there is no spread.

    Intervals: the customers are split in halves ten times, both halves go through all of it (one deal of folds), and the
    variance of a score, or of a difference of two, is a quarter of the mean squared difference of the halves: half of what half
    the customers vary by (the halves of Nadeau & Bengio, *Machine Learning* 52, 2003; they do not take the second half off, and
    nor is it taken off below 500 customers, where half of them are too few to learn what all do and so differ by less than they
    should). Student's t with ten degrees of freedom. They held the mean difference in .92 to 1 of 60 simulations a case, for
    scores and 0/1 and 200 to 800 customers (`benchmarks/journeys_moments.py --part folds`, December 2026).

    Raises ValueError for input that does not fit; NotApplicableError for fewer than 50 customers with an outcome, for one
    outcome only, and for fewer customers of the rarer outcome than twice the folds.
    """
    check_conf_level(conf_level)
    _check_whole("folds", folds, 2)
    _check_whole("repeats", repeats, 1)
    log = _read(events, outcome, landmark, segment)
    _check_enough(log, folds)
    features, rare = _features(log)
    rng = check_random_state(random_state)
    judged = _Judged(log.y, log.customer, log.binary)
    columns = {name: frame.to_numpy() for name, frame in features.items()}
    with threadpool_limits(1):
        scores = _validated(columns, judged, folds, repeats, rng)
        halves = [half for split in _halves(columns, judged, folds, rng) for half in split]
    table, pairs = [], []
    for metric in scores["baseline"]:
        for name in scores:
            of_halves = np.reshape([half[name][metric] for half in halves], (-1, 2))
            row = _by_halves(scores[name][metric], of_halves, log.n_customers, conf_level)
            table.append(
                {"model": name, "metric": metric, "n": log.n_customers, "n_features": columns[name].shape[1]} | row
            )
        for first, second in _PAIRS:
            of_halves = np.reshape([half[first][metric] - half[second][metric] for half in halves], (-1, 2))
            row = _by_halves(scores[first][metric] - scores[second][metric], of_halves, log.n_customers, conf_level)
            pairs.append({"model": first, "other_model": second, "metric": metric, "n": log.n_customers} | row)
    compared = pd.DataFrame(pairs)
    compared["q_value"] = benjamini_hochberg(compared["p_value"])
    figures = ["estimate", "std_error", "conf_low", "conf_high", "conf_level", "n"]
    return DiscreteOrJourney(
        table=pd.DataFrame(table)[["model", "metric", *figures, "n_features", "reason"]],
        pairs=compared[["model", "other_model", "metric", *figures, "p_value", "q_value", "reason"]],
        left_out=log.left_out,
        features={name: tuple(frame.columns) for name, frame in features.items()},
        rare=rare,
        n=log.n_customers,
        outcome_name=log.name,
        binary=log.binary,
        has_landmark=log.has_landmark,
        folds=folds,
        repeats=repeats,
        conf_level=conf_level,
    )


@dataclass(frozen=True)
class _Log:
    """Outcomes that can be used, in the order of customers, and the events before each.

    `seen` has one row an outcome and event before it: unit (row of the outcome), event (row of `events`), touchpoint (code of
    `touchpoints`), journey, time in microseconds; in the order of time. `until` is the landmark of each outcome.
    """

    y: Floats
    customer: Codes
    segment: npt.NDArray[np.object_] | None
    until: npt.NDArray[np.int64]
    seen: pd.DataFrame
    events: pd.DataFrame
    touchpoints: list[str]
    left_out: pd.DataFrame
    name: str
    has_landmark: bool

    @property
    def n_customers(self) -> int:
        return len(np.unique(self.customer))

    @property
    def binary(self) -> bool:
        return bool(np.isin(self.y, (0, 1)).all())

    @property
    def days(self) -> Floats:
        """From the first event to the landmark of each outcome."""
        first = self.seen.groupby("unit")["time"].min().to_numpy()
        days: Floats = np.asarray((self.until - first) / _DAY, dtype=np.float64)
        return days

    def customers(self, units: Bools) -> int:
        return len(np.unique(self.customer[units]))


def _read(events: pd.DataFrame, outcome: pd.Series, landmark: pd.Series | None, segment: pd.Series | None) -> _Log:
    """Events in the order of time, outcomes in the order of customers, and an account of what was left out."""
    rows = _checked_events(events)
    _check_series("outcome", outcome)
    values = pd.to_numeric(outcome.astype(object), errors="coerce").astype(float)
    if (wrong := outcome[values.isna() & outcome.notna()]).size or np.isinf(values).any():
        value = wrong.iloc[0] if wrong.size else math.inf
        raise ValueError(f"`outcome` has the value {value!r}, which is no number; give a score, or 0 and 1")
    units = pd.DataFrame({"customer_id": outcome.index.astype(str), "y": values.to_numpy()})
    units["until"] = _landmarks(outcome, landmark, units["customer_id"], rows)
    units["segment"] = _segments(segment, units["customer_id"])
    units = units.sort_values(["customer_id", "until", "y"], kind="stable", ignore_index=True)
    people = _people(rows)
    units["person"] = people.get_indexer(pd.Index(units["customer_id"]))  # −1: not in the log
    if len(units) and (units["person"] < 0).all():
        ids = units["customer_id"].iloc[0], rows["customer_id"].iloc[0]
        raise ValueError(
            f"no customer of `outcome` is in the log (`{ids[0]}` there, `{ids[1]}` here); index `outcome` by customer_id"
        )
    first = rows.groupby("person")["time"].min()
    starts = units["person"].map(first)
    units["reason"] = np.select(
        [units["y"].isna(), units["until"].isna(), starts.isna(), (starts >= units["until"]).fillna(False).astype(bool)],
        ["no outcome", "no landmark", "customer is not in the log", "no event before the landmark"],
        "",
    )  # fmt: skip
    used = units[units["reason"] == ""].reset_index(drop=True)
    if used.empty:
        why = ", ".join(f"{n:,} with {reason}" for reason, n in units["reason"].value_counts().sort_index().items())
        raise NotApplicableError(
            f"needs customers with events and an outcome: of {len(units):,} outcomes none can be used ({why})"
        )
    seen = used[["person", "until"]].rename_axis("unit").reset_index().merge(
        rows[["person", "event", "code", "journey", "time"]], on="person"
    )  # fmt: skip
    seen = seen[seen["time"] < seen["until"]].sort_values(["unit", "event"], kind="stable", ignore_index=True)
    told = rows["person"].isin(used["person"])
    counted = rows["event"].isin(seen["event"])
    why_event = np.select([counted, told], ["", "at or after the landmark"], "customer has no outcome to use")
    in_log = pd.Series(range(len(people)))
    judged, asked = in_log.isin(used["person"]), in_log.isin(units["person"])
    why_customer = np.select([judged, asked], ["", "outcome cannot be used"], "no outcome")
    return _Log(
        y=used["y"].to_numpy(dtype=float),
        customer=pd.factorize(used["person"])[0],
        segment=None if segment is None else used["segment"].to_numpy(dtype=object),
        until=used["until"].to_numpy(dtype=np.int64),
        seen=seen[["unit", "event", "code", "journey", "time"]],
        events=rows,
        touchpoints=sorted(rows["touchpoint"].unique()),
        left_out=pd.concat(
            [_account("outcomes", units["reason"]), _account("customers", why_customer), _account("events", why_event)],
            ignore_index=True,
        ),
        name=str(outcome.name) if outcome.name is not None else "the outcome",
        has_landmark=landmark is not None,
    )


def _checked_events(events: pd.DataFrame) -> pd.DataFrame:
    """Events in the order of time, numbered, with touchpoints as codes; `row` is where each stood."""
    for name in ("customer_id", "touchpoint", "timestamp"):
        if name not in events:
            raise ValueError(f"`events` has no column `{name}`; {did_you_mean(name, map(str, events.columns))}")
        if lacking := int(events[name].isna().sum()):
            raise ValueError(f"`{name}` is missing in {lacking:,} events; leave them out first, and count them")
    if events.empty:
        raise NotApplicableError("needs events: the log has none")
    rows = pd.DataFrame(
        {
            "customer_id": events["customer_id"].astype(str).to_numpy(),
            "touchpoint": events["touchpoint"].astype(str).to_numpy(),
            "time": _microseconds(events["timestamp"], "timestamp"),
            "journey": events["journey"].to_numpy() if "journey" in events else 0,
            "position": events["position"].to_numpy() if "position" in events else 0,
            "row": np.arange(len(events)),
        }
    )
    rows["code"] = pd.factorize(rows["touchpoint"], sort=True)[0]
    rows["person"] = pd.factorize(rows["customer_id"], sort=True)[0]  # in the order of the ids
    order = ["person", "time", "journey", "position", "code"]
    return rows.sort_values(order, kind="stable", ignore_index=True).rename_axis("event").reset_index()


def _people(rows: pd.DataFrame) -> pd.Index[Any]:
    """The customer_ids of checked events; the place of each is its number in the column `person`."""
    return pd.Index(rows.drop_duplicates("person")["customer_id"])


def _microseconds(times: pd.Series, name: str) -> npt.NDArray[np.int64]:
    """Whole microseconds since 1970; a time without a zone is UTC. Raises ValueError for what is no time."""
    if not pd.api.types.is_datetime64_any_dtype(times):
        raise ValueError(f"`{name}` is {times.dtype}, not a time; use pd.to_datetime({name}, utc=True)")
    utc = times.dt.tz_localize("UTC") if times.dt.tz is None else times.dt.tz_convert("UTC")
    return utc.dt.as_unit("us").astype("int64").to_numpy()


def _check_series(name: str, given: Any) -> None:
    if not isinstance(given, pd.Series):
        raise ValueError(f"`{name}` is {type(given).__name__}; give a Series with customer_id as its index")
    if given.index.hasnans:
        raise ValueError(
            f"the index of `{name}` lacks {int(np.sum(given.index.isna())):,} customer_ids; leave these rows out first"
        )


def _landmarks(outcome: pd.Series, landmark: pd.Series | None, ids: pd.Series, rows: pd.DataFrame) -> pd.Series:
    """The moment of each outcome in microseconds; missing where it is not known, the end of the log without landmark."""
    twice = ids.duplicated()
    if landmark is None:
        if twice.any():
            raise ValueError(
                f"customer `{ids[twice].iloc[0]}` has several outcomes; give `landmark`, the moment of each, with the index of `outcome`"
            )
        return pd.Series(int(rows["time"].max()) + 1, index=ids.index, dtype="Int64")
    _check_series("landmark", landmark)
    times = pd.Series(_microseconds(landmark, "landmark"), dtype="Int64").mask(landmark.isna().to_numpy())
    named = pd.Index(landmark.index.astype(str))
    if twice.any() or named.has_duplicates:
        if list(named) != list(ids):
            raise ValueError(
                f"`landmark` has {len(named):,} rows and `outcome` {len(ids):,}, some customers several times; "
                "give both with the same index"
            )
        return times
    return times.set_axis(named).reindex(ids).reset_index(drop=True)


def _segments(segment: pd.Series | None, ids: pd.Series) -> Any:
    """The segment of each outcome; whoever has none is one of "unknown"."""
    if segment is None:
        return ""
    _check_series("segment", segment)
    named = segment.set_axis(segment.index.astype(str))
    if named.index.has_duplicates:
        name = named.index[named.index.duplicated()][0]
        raise ValueError(f"`segment` names customer `{name}` twice; give one segment a customer")
    found = named.reindex(ids).reset_index(drop=True)
    return found.astype(object).where(found.notna(), "unknown").astype(str)


def _account(of: str, reasons: Any) -> pd.DataFrame:
    """How many have which reason; those that were used come first."""
    counts = pd.Series(reasons, dtype=object).value_counts().sort_index()
    used = counts.get("", 0)
    rows = [("", used), *((reason, n) for reason, n in counts.items() if reason)]
    return pd.DataFrame({"of": of, "reason": [reason for reason, _ in rows], "n": [int(n) for _, n in rows]})


def _failures(
    log: _Log, events: pd.DataFrame, failures: str | pd.Series | pd.DataFrame | None, fails_at: float | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is known of events: event, known_at (microseconds), failed (0 or 1); and an account of ratings."""
    nothing = pd.DataFrame(columns=["of", "reason", "n"])
    if fails_at is not None and not (isinstance(failures, pd.DataFrame) and "rating" in failures):
        raise ValueError(
            f"`fails_at` is {fails_at:g}, and there are no ratings; give `failures` as a table with `rating`"
        )
    if failures is None:
        return pd.DataFrame({"event": [], "known_at": [], "failed": []}, dtype=float), nothing
    if isinstance(failures, pd.DataFrame):
        return _rated(log, failures, fails_at)
    if isinstance(failures, str):
        if failures not in events:
            raise ValueError(
                f"`failures` names the column `{failures}`; {did_you_mean(failures, map(str, events.columns))}"
            )
        flags = events[failures]
    else:
        flags = failures
        if not isinstance(flags, pd.Series) or not flags.index.equals(events.index):
            raise ValueError("`failures` has another index than `events`; give one value a row, or a table of ratings")
    failed = _flags(flags, failures if isinstance(failures, str) else "failures")[log.events["row"].to_numpy()]
    known = log.events[["event", "time"]].rename(columns={"time": "known_at"}).assign(failed=failed)
    return known[known["failed"].notna()], nothing


def _flags(values: pd.Series, name: str) -> Floats:
    """True and false as 1 and 0, NaN where missing. Raises ValueError for anything else."""
    numbers = pd.to_numeric(values.astype(object), errors="coerce").astype(float)
    wrong = values[(numbers.isna() & values.notna()) | ~(numbers.isna() | numbers.isin([0, 1]))]
    if len(wrong):
        raise ValueError(
            f"`{name}` has the value {wrong.iloc[0]!r}; an event failed (true), did not (false), or is missing"
        )
    return np.asarray(numbers, dtype=np.float64)


def _rated(log: _Log, ratings: pd.DataFrame, fails_at: float | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each rating with the customer's last event at that touchpoint up to then."""
    for name in ("customer_id", "touchpoint", "timestamp"):
        if name not in ratings:
            raise ValueError(f"`failures` has no column `{name}`; {did_you_mean(name, map(str, ratings.columns))}")
    if "failed" in ratings:
        failed = _flags(ratings["failed"], "failed")
    elif "rating" not in ratings:
        raise ValueError(
            f"`failures` has neither `failed` nor `rating`; {did_you_mean('rating', map(str, ratings.columns))}"
        )
    elif fails_at is None:
        raise ValueError(
            "`failures` has ratings, and `fails_at` is not given; give the highest rating that is a failure"
        )
    else:
        score = pd.to_numeric(ratings["rating"].astype(object), errors="coerce").astype(float)
        if (wrong := ratings["rating"][score.isna() & ratings["rating"].notna()]).size:
            raise ValueError(f"`rating` has the value {wrong.iloc[0]!r}, which is no number; code the answers first")
        failed = np.where(score.isna(), np.nan, score <= fails_at)
    given = pd.DataFrame(
        {
            "customer_id": ratings["customer_id"].astype(str).to_numpy(),
            "touchpoint": ratings["touchpoint"].astype(str).to_numpy(),
            "known_at": _microseconds(ratings["timestamp"], "timestamp"),
            "failed": failed,
        }
    )
    unknown = given[~given["touchpoint"].isin(log.touchpoints)]["touchpoint"]
    if len(unknown) == len(given) and len(given):
        raise ValueError(
            f"no rating is of a touchpoint of the log (`{unknown.iloc[0]}`); {did_you_mean(unknown.iloc[0], log.touchpoints)}"
        )
    lacking = ratings["timestamp"].isna().to_numpy() | given["failed"].isna().to_numpy()
    given = given.assign(number=np.arange(len(given))).sort_values("known_at", kind="stable")
    given["person"] = _people(log.events).get_indexer(pd.Index(given["customer_id"]))
    given["code"] = pd.Index(log.touchpoints).get_indexer(pd.Index(given["touchpoint"]))
    visits = log.events[["person", "code", "time", "event"]].sort_values(["time", "event"], kind="stable")
    found = pd.merge_asof(given, visits, left_on="known_at", right_on="time", by=["person", "code"])
    found = found.sort_values("number", ignore_index=True)
    placed = found["event"].notna().to_numpy() & ~lacking
    own = found[placed].astype({"event": np.int64})
    use = own.merge(log.seen[["unit", "event"]], on="event")
    used = found["number"].isin(use[use["known_at"].to_numpy() < log.until[use["unit"].to_numpy()]]["number"])
    judged = found["person"].isin(log.events[log.events["event"].isin(log.seen["event"])]["person"])
    reasons = np.select(
        [lacking, used, ~judged, placed],
        ["no rating or no time", "", "customer has no outcome to use", "at or after the landmark"],
        "no event of the customer at that touchpoint before it",
    )  # fmt: skip
    return own[["event", "known_at", "failed"]], _account("ratings", reasons)


def _touchpoint_columns(log: _Log, known: pd.DataFrame, least: int) -> tuple[list[dict[str, Any]], list[Floats]]:
    """Rows of the result, and the columns of the model; `at` is the column that a row reads, or the two of an asymmetry."""
    rows: list[dict[str, Any]] = []
    columns: list[Floats] = []
    met, failed, well = _met(log, known)
    for code, name in enumerate(log.touchpoints):
        split = bool(failed[:, code].any())
        kinds = (_split_kinds if split else _met_kind)(log, met[:, code], failed[:, code], well[:, code], least)
        own: list[dict[str, Any]] = []
        for kind, against, who, enters, reason in kinds:
            if enters:
                columns.append(who.astype(float))
            if kind:
                at: Any = None if reason else len(columns) - 1
                n_met = log.customers(who)
                own.append(
                    {"touchpoint": name, "kind": kind, "against": against, "n_met": n_met, "at": at, "reason": reason}
                )
        rows += own
        if split:
            lack = next((row["reason"] for row in own if row["reason"]), "")
            at = None if lack else tuple(row["at"] for row in own)
            n_met = log.customers(failed[:, code] | well[:, code])
            rows.append(own[0] | {"kind": "asymmetry", "n_met": n_met, "at": at, "reason": lack})
    return rows, columns


def _met_kind(log: _Log, met: Bools, failed: Bools, well: Bools, least: int) -> list[_Kind]:
    """One column for meeting it, where both those who did and those who did not are enough."""
    n_met, n_not = log.customers(met), log.customers(~met)
    reason = f"n<{least}: {n_met:,} met it" if n_met < least else ""
    if not reason and n_not < least:
        reason = f"n<{least}: {n_not:,} did not meet it" if n_not else "every customer met it"
    return [("met", "not met", met, not reason, reason)]


def _split_kinds(log: _Log, met: Bools, failed: Bools, well: Bools, least: int) -> list[_Kind]:
    """A column for going well and one for failing, and one for those who met it and of whom neither is known.

    Where fewer than `least` did not meet it, going well is what failing is held against, and they have a column of their own.
    """
    n_met, n_not, n_failed, n_well = (log.customers(who) for who in (met, ~met, failed, well))
    few_failed = f"n<{least}: {n_failed:,} failed there" if n_failed < least else ""
    few_well = f"n<{least}: {n_well:,} are known to have done well there" if n_well < least else ""
    unknown = met & ~failed & ~well
    if n_met < least:
        few = f"n<{least}: {n_met:,} met it"
        return [("went well", "not met", well, False, few), ("failed", "not met", failed, False, few)]
    if n_not >= least:
        return [
            ("went well", "not met", well, bool(well.any()), few_well),
            ("failed", "not met", failed, True, few_failed),
            ("", "", unknown, bool(unknown.any()), ""),
        ]
    why = few_failed or few_well
    return [
        (
            "went well",
            "not met",
            well,
            False,
            f"n<{least}: {n_not:,} did not meet it" if n_not else "every customer met it",
        ),
        ("failed", "went well", failed, not why, why),
        ("", "", unknown, not why and bool(unknown.any()), ""),
        ("", "", ~met, not why and bool(n_not), ""),
    ]


def _met(log: _Log, known: pd.DataFrame) -> tuple[Bools, Bools, Bools]:
    """Outcomes × touchpoints: met before, failed at least once, known and never failed."""
    shape = len(log.y), len(log.touchpoints)
    met, failed, told = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    met[log.seen["unit"], log.seen["code"]] = True
    if len(known):
        both = log.seen.merge(known, on="event")
        both = both[both["known_at"].to_numpy() < log.until[both["unit"].to_numpy()]]
        told[both["unit"], both["code"]] = True
        both = both[both["failed"] == 1]
        failed[both["unit"], both["code"]] = True
    return met, failed, told & ~failed


def _adjustments(log: _Log, *, count: bool) -> tuple[list[Floats], tuple[str, ...]]:
    """Columns that every model has, the constant first, and what they are called."""
    columns, names = [np.ones(len(log.y))], []
    if log.segment is not None:
        columns += [(log.segment == name).astype(float) for name in sorted(set(log.segment))[1:]]
        names.append("segment")
    if count:
        columns.append(np.log1p(log.seen.groupby("unit").size().to_numpy(dtype=float)))
        names.append("number of events")
    columns.append(np.log1p(log.days))
    names.append("days since the first event")
    return columns, tuple(names)


class _Fit:
    """Least squares with the sandwich of HC3, by customer (CR3) where customers have several rows.

    `known` says which coefficients the columns tell apart, `df` is customers less independent columns.
    """

    def __init__(self, x: Floats, y: Floats, customer: Codes) -> None:
        scale = np.sqrt((x**2).sum(axis=0))
        scale[scale == 0] = 1
        u, s, vt = np.linalg.svd(x / scale, full_matrices=False)
        keep = s > s[0] * max(x.shape) * np.finfo(float).eps * 10
        u, s, v = u[:, keep], s[keep], vt[keep].T
        self.known: Bools = (v**2).sum(axis=1) > 1 - 1e-8
        self.beta: Floats = v @ ((u.T @ y) / s) / scale
        self.df = len(np.unique(customer)) - len(s)
        left = y - u @ (u.T @ y)
        still = np.abs(left).max() <= 1e-10 * max(1.0, float(np.abs(y).max()))
        self.flat = (
            "every outcome is the same" if np.ptp(y) == 0 else "the model leaves no differences" if still else ""
        )
        score = np.zeros((0, len(s))) if self.flat else _scores_without(u, left, customer)
        inner = score.T @ score
        bread = (v / s) / scale[:, None]
        self.covariance: Floats = bread @ inner @ bread.T

    def row(self, estimate: float, variance: float, conf_level: float) -> dict[str, Any]:
        error = math.sqrt(max(variance, 0.0))
        half = critical_value(conf_level, self.df) * error
        return {
            "estimate": estimate, "std_error": error, "conf_low": estimate - half, "conf_high": estimate + half,
            "conf_level": conf_level, "p_value": two_sided_p(estimate / error, self.df), "reason": "",
        }  # fmt: skip


def _scores_without(u: Floats, left: Floats, customer: Codes) -> Floats:
    """Customers × columns: what each customer moves, by residuals from the fit without it."""
    alone = np.bincount(customer)[customer] == 1
    room = 1 - (u**2).sum(axis=1)
    told = room > _INFORMED  # a row that alone informs a column says nothing of the others
    scores = [u[alone] * np.where(told, left / np.where(told, room, 1), 0)[alone, None]]
    several = np.flatnonzero(~alone)
    several = several[np.argsort(customer[several], kind="stable")]
    for rows in np.split(several, np.flatnonzero(np.diff(customer[several])) + 1) if len(several) else []:
        value, axes = np.linalg.eigh(np.eye(len(rows)) - u[rows] @ u[rows].T)
        keep = value > _INFORMED
        scores.append((axes[:, keep] @ ((axes[:, keep].T @ left[rows]) / value[keep]))[None, :] @ u[rows])
    return np.vstack(scores)


def _effects(rows: list[dict[str, Any]], fit: _Fit, beside: int, conf_level: float) -> list[dict[str, Any]]:
    """Effects with intervals; `at` is the column of a row, a pair of columns for an asymmetry."""
    made = []
    for row in rows:
        at = row.pop("at")
        columns = [] if at is None else [beside + one for one in (at if isinstance(at, tuple) else (at,))]
        reason = row["reason"]
        if columns and not fit.known[columns].all():
            reason = "who met it is told by other touchpoints and columns: it cannot be told apart"
        elif columns and fit.df < 1:
            reason = "fewer customers than columns of the model"
        elif columns and fit.flat:
            reason = fit.flat
        if reason:
            undefined = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high", "p_value"), math.nan)
            made.append(row | undefined | {"conf_level": conf_level, "reason": reason})
            continue
        beta, spread = fit.beta[columns], fit.covariance[np.ix_(columns, columns)]
        if len(columns) == 1:
            made.append(row | fit.row(float(beta[0]), float(spread[0, 0]), conf_level))
        else:  # the larger variance of sum and difference holds whatever the signs are
            variance = float(spread[0, 0] + spread[1, 1] + 2 * abs(spread[0, 1]))
            apart = fit.row(float(beta[1] - beta[0]), float(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]), conf_level)
            made.append(
                row | fit.row(float(abs(beta[1]) - abs(beta[0])), variance, conf_level) | {"p_apart": apart["p_value"]}
            )
    return made


def _verdicts(table: pd.DataFrame, better: str, alpha: float) -> dict[str, str]:
    """One verdict a touchpoint."""
    verdicts = {}
    for name, rows in table[table["kind"] != "asymmetry"].groupby("touchpoint"):
        if rows["p_value"].isna().all():
            verdicts[str(name)] = _NOT_JUDGED
            continue
        good = rows["estimate"] if better == "higher" else -rows["estimate"]
        clear = rows["q_value"] < alpha
        found = bool((clear & (good < 0)).any()), bool((clear & (good > 0)).any())
        verdicts[str(name)] = f"moment of truth: {_VERDICTS[found]}" if any(found) else _NO_MOMENT
    return verdicts


def _turned(row: Any) -> dict[str, Any]:
    """An effect with the other sign."""
    return dict(row) | {"estimate": -row["estimate"], "conf_low": -row["conf_high"], "conf_high": -row["conf_low"]}


def _score_text(value: float, *, signed: bool = False) -> str:
    """A score or a difference of two, as in ".12"; the zero before the point is left out."""
    text = number_text(value, 2, signed=signed)
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text


def _cautions(has_landmark: bool, left_out: pd.DataFrame) -> list[str]:
    """What a reader has to know of time, and of what was left out."""
    said = []
    if not has_landmark:
        said.append(
            "It is not known when the outcome was: events may have come after it, and who stayed longer had time for more."
        )
    gone = left_out[(left_out["reason"] != "") & (left_out["n"] > 0)]
    if len(gone):
        each = (
            f"{number_text(row['n'])} {row['of'][:-1] if row['n'] == 1 else row['of']} ({row['reason']})"
            for row in gone.to_dict("records")
        )
        said.append(f"Left out: {list_text(each)}.")
    return said


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"`{name}` is {value!r}; {did_you_mean(str(value), known)}")


def _check_whole(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"`{name}` must be a whole number of {least} or more, got {value!r}")


def _check_enough(log: _Log, folds: int) -> None:
    least = max(LEAST_CUSTOMERS, 4 * folds)
    if log.n_customers < least:
        raise NotApplicableError(
            f"needs {least} customers with events and an outcome to compare: there are {log.n_customers}"
        )
    values, counts = np.unique(log.y, return_counts=True)
    if len(values) == 1:
        raise NotApplicableError(f"needs outcomes that differ: every one is {values[0]:g}")
    if log.binary and (rarer := log.customers(log.y == values[counts.argmin()])) < 2 * folds:
        raise NotApplicableError(
            f"needs {2 * folds} customers with each outcome for {folds} folds: {rarer} have {values[counts.argmin()]:g}"
        )


def _features(log: _Log) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """The columns of each model, and the touchpoints that are too rare for one."""
    base, _ = _adjustments(log, count=False)
    names = sorted(set(log.segment))[1:] if log.segment is not None else []
    baseline = pd.DataFrame(dict(zip([*(f"segment {name}" for name in names), "exposure_days"], base[1:], strict=True)))
    single, rare = _single_features(log)
    whole = _journey_features(log)
    parts = {"baseline": [], "touchpoints": [single], "journey": [whole], "both": [single, whole]}
    made = {name: pd.concat([baseline, *part], axis=1) for name, part in parts.items()}
    return made, rare


def _single_features(log: _Log) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """For each touchpoint whether it was met, how often, and the wait before the last time."""
    seen = log.seen.assign(wait=_waits(log.seen))
    columns: dict[str, Floats] = {}
    rare = []
    for code, name in enumerate(log.touchpoints):
        visits = seen[seen["code"] == code].groupby("unit")
        n = visits.size().reindex(range(len(log.y)), fill_value=0).to_numpy(dtype=float)
        if log.customers(n > 0) < _RARE:
            rare.append(name)
            continue
        wait = visits["wait"].last().reindex(range(len(log.y))).fillna(0.0).to_numpy()  # the first event had no wait
        columns |= {
            f"{name} met": (n > 0).astype(float),
            f"{name} times": np.log1p(n),
            f"{name} last wait": np.log1p(wait),
        }
    return pd.DataFrame(columns, index=range(len(log.y))), tuple(rare)


def _waits(seen: pd.DataFrame) -> pd.Series:
    """Days since the event before it in the same journey; NaN for the first."""
    return seen.groupby(["unit", "journey"], sort=False)["time"].diff() / _DAY


def _journey_features(log: _Log) -> pd.DataFrame:
    """What describes a journey whatever touchpoints it is made of, and the steps that most customers took."""
    seen = log.seen.assign(wait=_waits(log.seen))
    before = seen.groupby(["unit", "journey"], sort=False)["code"].shift()
    seen["again"] = seen.duplicated(["unit", "code"]).astype(float)
    seen["at_once_again"] = (seen["code"] == before).astype(float)
    units = seen.groupby("unit")
    n = units.size().to_numpy(dtype=float)
    first, last = (units["time"].agg(end).to_numpy(dtype=np.int64) for end in ("min", "max"))
    length = (last - first) / _DAY
    columns = {
        "events": np.log1p(n),
        "length_days": np.log1p(length),
        "longest_wait_days": np.log1p(units["wait"].max().fillna(0.0).to_numpy()),
        "mean_wait_days": np.log1p(units["wait"].mean().fillna(0.0).to_numpy()),
        "different_touchpoints": np.log1p(units["code"].nunique().to_numpy(dtype=float)),
        "share_again": units["again"].mean().to_numpy(),
        "share_at_once_again": units["at_once_again"].mean().to_numpy(),
        "days_since_last": np.log1p((log.until - last) / _DAY),
        "events_a_day": np.log1p(n / (length + 1)),
        "journeys": np.log1p(units["journey"].nunique().to_numpy(dtype=float)),
    }
    steps = seen.assign(step=before * len(log.touchpoints) + seen["code"]).dropna(subset=["step"])
    steps = steps[["unit", "step"]].drop_duplicates().astype({"step": np.int64})
    took = steps.assign(customer=log.customer[steps["unit"]]).groupby("step")["customer"].nunique()
    often = took[took >= _RARE].reset_index().sort_values(["customer", "step"], ascending=[False, True])
    for step in often["step"].head(_STEPS):
        one, other = divmod(int(step), len(log.touchpoints))
        there = np.zeros(len(log.y))
        there[steps[steps["step"] == step]["unit"]] = 1
        columns[f"{log.touchpoints[one]} → {log.touchpoints[other]}"] = there
    return pd.DataFrame(columns)


@dataclass(frozen=True)
class _Judged:
    """Outcomes, and to which customer (0, 1, …) each belongs."""

    y: Floats
    customer: Codes
    binary: bool

    def part(self, chosen: Bools) -> _Judged:
        return _Judged(self.y[chosen], np.unique(self.customer[chosen], return_inverse=True)[1], self.binary)


def _validated(
    features: Mapping[str, Floats], judged: _Judged, folds: int, repeats: int, rng: np.random.RandomState
) -> dict[str, dict[str, float]]:
    """Model → metric → the score of predictions for customers that the model has not seen."""
    parts = np.array([_dealt(judged, folds, rng) for _ in range(repeats)])
    predicted = {name: _predicted(x, judged, parts) for name, x in features.items()}
    mean = _predicted(np.zeros((len(judged.y), 0)), judged, parts)
    return {name: _scores(judged, parts, each, mean) for name, each in predicted.items()}


def _halves(
    features: Mapping[str, Floats], judged: _Judged, folds: int, rng: np.random.RandomState
) -> list[list[dict[str, dict[str, float]]]]:
    """The scores of either half of the customers, for random halves."""
    found = []
    for _ in range(_SPLITS):
        side = _dealt(judged, 2, rng)
        chosen = [side == half for half in (0, 1)]
        found.append(
            [
                _validated({name: x[one] for name, x in features.items()}, judged.part(one), folds, 1, rng)
                for one in chosen
            ]
        )
    return found


def _dealt(judged: _Judged, folds: int, rng: np.random.RandomState) -> Codes:
    """The fold of each outcome: customers are dealt out at random, those with a 1 first, so that folds have equal shares."""
    n = int(judged.customer.max()) + 1
    order = rng.permutation(n)
    if judged.binary:
        ever = np.bincount(judged.customer, weights=judged.y) > 0
        order = order[np.argsort(~ever[order], kind="stable")]
    fold = np.empty(n, dtype=np.intp)
    fold[order] = np.arange(n) % folds
    return fold[judged.customer]


def _predicted(x: Floats, judged: _Judged, parts: Codes) -> Floats:
    """Repeats × outcomes: predicted by a model that has not seen the customer."""
    made = np.empty(parts.shape)
    for repeat, fold in enumerate(parts):
        for one in np.unique(fold):
            out = fold == one
            made[repeat, out] = _fitted(x[~out], judged.y[~out], x[out], judged.binary)
    return made


def _fitted(x: Floats, y: Floats, new: Floats, binary: bool) -> Floats:
    """Ridge, or logistic regression with the penalty that ridge would take, scaled by the variance of the outcome."""
    if x.shape[1] == 0 or np.ptp(y) == 0:
        return np.full(len(new), y.mean())
    scaler = StandardScaler().fit(x)
    ridge = RidgeCV(alphas=_PENALTIES * len(x)).fit(scaler.transform(x), y)
    if not binary:
        return np.asarray(ridge.predict(scaler.transform(new)), dtype=float)
    weight = float(ridge.alpha_) * y.mean() * (1 - y.mean())
    logit = LogisticRegression(C=1 / weight, max_iter=1_000).fit(scaler.transform(x), y)
    return np.asarray(logit.predict_proba(scaler.transform(new))[:, 1], dtype=float)


def _scores(judged: _Judged, parts: Codes, predicted: Floats, mean: Floats) -> dict[str, float]:
    """Metric → score; squared errors are added over folds and repeats, areas under the curve averaged."""
    skill = 1 - float(((predicted - judged.y) ** 2).sum()) / float(((mean - judged.y) ** 2).sum())
    if not judged.binary:
        return {"r2": skill}
    areas = []
    for fold, guess in zip(parts, predicted, strict=True):
        for one in np.unique(fold):
            y = judged.y[fold == one]
            areas.append(float(roc_auc_score(y, guess[fold == one])) if np.ptp(y) else math.nan)
    return {"auc": float(np.mean(areas)), "brier_skill": skill}


def _by_halves(estimate: float, halves: npt.ArrayLike, n_customers: int, conf_level: float) -> dict[str, Any]:
    """A score, or a difference of scores, with an interval from splits × 2 scores of half the customers."""
    first, second = np.asarray(halves, dtype=float).T
    more = 2 if n_customers >= _LEARN_ALIKE else 1  # half the customers vary twice as much, if they learn the same
    error = math.sqrt(float(np.mean((first - second) ** 2 / 2)) / more)
    known = error > 1e-12
    half = critical_value(conf_level, len(first)) * error if known else math.nan
    return {
        "estimate": estimate, "std_error": error if known else math.nan, "conf_low": estimate - half,
        "conf_high": estimate + half, "conf_level": conf_level,
        "p_value": two_sided_p(estimate / error, len(first)) if known else math.nan,
        "reason": "" if known else "halves of the customers do not differ" if error <= 1e-12 else "a fold has one outcome only",
    }  # fmt: skip
