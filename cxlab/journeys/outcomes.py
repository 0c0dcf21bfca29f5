"""Which touchpoints matter for what comes later: staying, recommending, or reaching a goal of the log.

Three questions, each with a landmark, so that only what happened before the outcome counts: how important is a touchpoint (removal from
the chain, equal split, adjusted lift), is it a moment of truth (does meeting it, or its going wrong, go with another outcome), and do
touchpoints one by one tell more than the journey as a whole. All of it is association.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference import share_of
from cxlab.journeys.importance import TouchpointImportance, touchpoint_importance
from cxlab.journeys.log import drawn, moment_of
from cxlab.journeys.maps import CustomerJourneys, Shown
from cxlab.journeys.moments import DiscreteOrJourney, MomentsOfTruth, discrete_or_journey, moments_of_truth
from cxlab.journeys.reconstruct import duration
from cxlab.problems import NotApplicableError
from cxlab.wording import capital_text, describe, estimate_text, inside_text, interval_text, list_text

LEAST_OUTCOMES = 30  # customers with each outcome
_MOST_COMPARED = 4_000
_STRETCHES = 4  # landmarks, one horizon after the other
_FAILED_SHARE = 0.25  # of a scale: answers in its lowest part say that a touchpoint failed
_MOST_EFFECTS = 10  # drawn
_FORETOLD = 0.95  # area under the curve, from which on a goal is told by the steps that lead to it
_HEADINGS = {"markov": "Lost without it", "shapley": "Equal share", "lift": "Lift"}  # of the table of importance
_KINDS = {"met": "", "went well": " went well", "failed": " failed"}


@dataclass(frozen=True)
class Outcome:
    """What came later. One row of `cases` is one customer at one landmark: case (its name), customer_id, value, landmark and since
    (NaT: from the beginning); events from `since` on and before `landmark` count. Where a customer has
    several cases, each is a stretch of time that goes on or ends: given that the customer was there they are independent, as in
    survival in discrete time (Allison, *Sociological Methodology* 13, 1982)."""

    name: str
    cases: pd.DataFrame
    words: str
    binary: bool


@dataclass(frozen=True)
class _Judged:
    outcome: Outcome
    moments: MomentsOfTruth
    compared: DiscreteOrJourney | None


@dataclass(frozen=True)
class Significance:
    """What was found for each outcome; `importance` is of the first one that is yes or no. `goal` is one row where a touchpoint counts
    as success: estimate (percent of the n customers who come to it) with its interval, and its label."""

    judged: tuple[_Judged, ...]
    importance: TouchpointImportance | None
    importance_of: Outcome | None
    goal: pd.DataFrame
    n_left_out: int
    conf_level: float
    min_base: int

    def leads(self) -> list[str]:
        """How many reach the goal, and the first moment of truth; none where failing does not differ from going well, or where the
        steps before a goal nearly tell it."""
        moments = [
            self._moment_words(row, one)
            for one in self.judged
            if len(row := self._strongest(one)) and not row["is_same"] and not _is_foretold(one)
        ]
        return self._goal_words() + moments[:1]

    def sentences(self) -> list[str]:
        """How many reach the goal, and the strongest moment of truth of each outcome."""
        strongest = [(self._strongest(one), one) for one in self.judged]
        return self._goal_words() + [self._moment_words(row, one) for row, one in strongest if len(row)]

    def _goal_words(self) -> list[str]:
        return [
            f"{estimate_text(row['estimate'], '%')} ({interval_text(row['conf_low'], row['conf_high'], '%')}) of {row['n']:,} customers "
            f"come to {row['label']}."
            for row in self.goal.to_dict("records")
        ]

    def _strongest(self, one: _Judged) -> Any:
        """The largest clear effect; one that tells going wrong from going well stands before one that does not. Empty for none."""
        rows = self._moments(one)
        clear = rows[rows["clear"]].to_dict("records") if len(rows) else []
        return max(clear, key=lambda row: (not row["is_same"], abs(row["estimate"]))) if clear else {}

    def _moment_words(self, row: Any, one: _Judged) -> str:
        return f"A moment of truth: {self._told(row, one)}."

    def _told(self, row: Any, one: _Judged) -> str:
        points = "points" if one.outcome.binary else ""
        size = f"{estimate_text(abs(row['estimate']), 'points' if one.outcome.binary else '')} {points}".strip()
        ends = sorted(abs(row[end]) for end in ("conf_low", "conf_high"))
        which = "lower" if row["estimate"] < 0 else "higher"
        where = f"{row['touchpoint']} was met, well or not" if row["is_same"] else inside_text(row["label"])
        return (
            f"where {where}, {one.outcome.name} is {size} {which} "
            f"({interval_text(ends[0], ends[1], 'points' if one.outcome.binary else '')})"
        )

    def _moments(self, one: _Judged) -> pd.DataFrame:
        """The effects on one outcome as rows of a picture of differences."""
        table = one.moments.to_frame()
        rows = table[(table["kind"] != "asymmetry") & table["estimate"].notna()].copy()
        if rows.empty:
            return rows
        factor = 100 if one.outcome.binary else 1
        for column in ("estimate", "std_error", "conf_low", "conf_high"):
            rows[column] = factor * rows[column].astype(float)
        clear = (rows["q_value"] < 1 - self.conf_level) & rows["verdict"].str.startswith("moment")
        better = np.where(rows["estimate"] > 0, "better", "worse")
        rows["clear"], rows["reading"] = clear, np.where(clear, better, "no clear change")
        kinds = [_KINDS[kind] if kind != "met" else " was met" for kind in rows["kind"]]
        against = [" (against going well)" if base == "went well" else "" for base in rows["against"]]
        rows["label"] = [
            f"{capital_text(name)}{kind}{base}"
            for name, kind, base in zip(rows["touchpoint"], kinds, against, strict=True)
        ]
        rows["is_same"] = rows["touchpoint"].isin(self._not_apart(table)) & (rows["kind"] != "met")
        rows["unit"] = "points" if one.outcome.binary else ""
        rows["customers"], rows["n"] = rows["n"], rows["n_met"]
        return rows

    def _not_apart(self, table: pd.DataFrame) -> set[str]:
        """Touchpoints whose going well and failing go the same way, and are not clearly apart: meeting them is what goes with it."""
        sides = table[table["kind"].isin(["went well", "failed"]) & table["estimate"].notna()]
        same = sides.groupby("touchpoint")["estimate"].agg(
            lambda x: len(x) == 2 and bool((x > 0).all() or (x < 0).all())
        )
        apart = table[table["kind"] == "asymmetry"].set_index("touchpoint")["p_apart"]
        return {str(name) for name in same.index[same.astype(bool)] if not apart.get(name, 1.0) < 1 - self.conf_level}

    def moments_shown(self) -> Iterator[Shown]:
        """The effect of each touchpoint on each outcome."""
        for number, one in enumerate(self.judged):
            rows = self._moments(one)
            if rows.empty:
                continue
            clear = rows[rows["clear"]]
            judged = rows["touchpoint"].nunique()
            title = f"None of {judged} touchpoint{'s' if judged != 1 else ''} clearly goes with {one.outcome.name}."
            if len(clear):
                n = clear["touchpoint"].nunique()
                are = "is a moment" if n == 1 else "are moments"
                told = self._told(self._strongest(one), one)
                title = f"{n} of {judged} touchpoints {are} of truth{'; most of all' if n > 1 else ':'} {told}."
            order = rows["estimate"].abs().sort_values(ascending=False).index
            shown = pd.concat(
                [rows.loc[order][rows.loc[order, "clear"]], rows.loc[order][~rows.loc[order, "clear"]]]
            ).head(_MOST_EFFECTS)
            unjudged = one.moments.to_frame().query("verdict == 'not judged'").drop_duplicates("touchpoint")
            hidden = "; ".join(
                f"{list_text(inside_text(str(name)) for name in part['touchpoint'])} ({reason})"
                for reason, part in unjudged.groupby("reason", sort=False)
            )
            yield {
                "name": f"moments_{number}",
                "title": title,
                "subtitle": f"Difference in {one.outcome.name} against customers who did not meet the touchpoint, "
                + ("percentage points, " if one.outcome.binary else "")
                + f"{100 * self.conf_level:g}% interval",
                "alt": describe("Differences by touchpoint", shown, label_col="label", unit="points" if one.outcome.binary else "",
                                difference=True, min_base=self.min_base),
                "note": {
                    "Base": f"{one.moments.n:,} cases; {one.outcome.words}. Beside a name: customers who met it so",
                    "Test": f"{int(one.moments.to_frame()['p_value'].notna().sum())} effects, adjusted for "
                    f"{_held(one.moments.adjusted)}, by customer, Benjamini–Hochberg",
                    "Failed": "The journey rule was broken, or the customer gave one of the lowest answers about it",
                }
                | ({"Not judged": hidden} if hidden else {})
                | ({"Not drawn": _not_drawn(len(rows) - len(shown), len(clear) > len(shown))} if len(rows) > len(shown) else {}),
                "folded": clear.empty,
            }, shown.reset_index(drop=True)  # fmt: skip

    def importance_shown(self) -> Iterator[Shown]:
        """Removal, equal split and adjusted lift side by side."""
        if self.importance is None or self.importance_of is None:
            return
        table = self.importance.to_frame()
        judged = table[table["estimate"].notna()]
        if judged.empty:
            return
        by = {str(method): part.set_index("touchpoint") for method, part in judged.groupby("method")}
        ranked = [by[method]["rank"].sort_values().index for method in ("lift", "markov", "shapley") if method in by]
        names = list(dict.fromkeys(name for index in ranked for name in index))
        why = table[table["method"] == "lift"].set_index("touchpoint")["reason"]
        rows = []
        for name in names:
            row: dict[str, Any] = {
                "label": capital_text(str(name)),
                "estimate": np.nan,
                "reason": str(why.get(name, "")),
            }
            for method, part in by.items():
                if name not in part.index:
                    continue
                own: Any = part.loc[name]
                row["reach"], row["n"] = 100 * own["reach"], int(own["n_reached"])
                if method == "lift":
                    row |= {
                        key: own[key]
                        for key in ("estimate", "conf_low", "conf_high", "conf_level", "p_value", "q_value")
                    }
                else:
                    row[method] = _with_ends(100 * own["share"], 100 * own["share_low"], 100 * own["share_high"])
                    row[f"{method}_share"] = 100 * own["share"]
            rows.append(row)
        shown = pd.DataFrame(rows)
        clear = np.where(shown["q_value"] < 1 - self.conf_level, "Clear", "No clear difference") if "lift" in by else ""
        shown["clear"] = np.where(shown["estimate"].isna(), "Not judged", clear)
        said = self.importance.headline()
        pairs = self.importance.agreement()
        apart = pairs[pairs["estimate"].notna()].sort_values("estimate").to_dict("records")
        agree = "The three are not the same question."
        if apart:
            low = apart[0]
            tau = f"{low['estimate']:.2f}".replace("-", "−")
            pair = list_text(f"“{_HEADINGS[low[method]]}”" for method in ("method_a", "method_b"))
            agree = f"The orders by {pair} agree least: Kendall’s τ {tau} (1: the same order)"
        yield {
            "title": said,
            "subtitle": f"For {self.importance_of.name}: how many meet it, what would be lost without it, its equal share, and its lift",
            "note": {
                "Base": f"{self.importance.n:,} customers; {self.importance_of.words}",
                "First two": "Share of all that goes through the touchpoint; large where many pass, so read it beside lift",
                "Lift": f"Difference between customers with and without it in points, equal in {_held(self.importance.adjusted_for)}; "
                "customers resampled",
                "Agreement": agree,
            },
        }, shown  # fmt: skip

    def compared_shown(self) -> Iterator[Shown]:
        """Touchpoints one by one, or the journey as a whole."""
        for number, one in enumerate(self.judged):
            if one.compared is None:
                continue
            table = one.compared.to_frame()
            metric = "auc" if one.outcome.binary else "r2"
            names = {
                "baseline": "Segment and time alone",
                "touchpoints": "Touchpoints one by one",
                "journey": "The journey as a whole",
                "both": "Both",
            }
            rows = table[table["metric"] == metric]
            rows = rows.assign(label=[names[str(model)] for model in rows["model"]], unit="")
            title = one.compared.headline()
            beware = {}
            if _is_foretold(one):
                beware = {
                    "Beware": "So near to 1 the steps before it are part of how it comes about; they foretell, and explain nothing"
                }
            yield {
                "name": f"discrete_{number}",
                "title": title,
                "subtitle": f"What foretells {one.outcome.name} of customers who were not used to learn it: "
                + ("area under the curve, .5 is chance" if one.outcome.binary else "share of differences foretold"),
                "alt": describe(f"Dot plot of how well four models foretell {one.outcome.name}", rows, label_col="label"),
                "note": {
                    "Base": f"{one.compared.n:,} customers; {one.outcome.words}",
                    "Test": f"{one.compared.folds} folds of customers, {one.compared.repeats} times; "
                    "intervals from the spread of customers",
                }
                | beware,
                "folded": title.startswith("Neither"),
            }, rows.reset_index(drop=True)  # fmt: skip

    def findings(self) -> list[dict[str, Any]]:
        """One finding a clear moment of truth."""
        made = []
        for one in self.judged:
            rows = self._moments(one)
            for row in rows[rows["clear"]].to_dict("records") if len(rows) else []:
                name = f"moment_{row['touchpoint']}_{row['kind']}_{one.outcome.name}"
                made.append(
                    {
                        "name": "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split()),
                        "result": row | {"reason": "", "headline": f"{capital_text(self._told(row, one))}."},
                        "level": "all",
                        "unit": row["unit"],
                        "better": "higher",
                        "definition": f"difference in {one.outcome.name} with the touchpoint, {one.outcome.words}",
                        "comparable": "overlapping",
                        "label": f"{_met(row) if row['is_same'] else row['label']}: {one.outcome.name}",
                    }
                )
        return made


def significance(
    way: CustomerJourneys,
    *,
    customers: pd.DataFrame | None = None,
    ratings: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    outcome: str = "",
    horizon: str = "90d",
    observed_until: pd.Timestamp | None = None,
    max_customers: int = 20_000,
    n_boot: int = 300,
    random_state: int = 0,
) -> Significance:
    """What touchpoints go with later.

    `outcome` is a touchpoint that counts as success ("renewal"); without one, where customers have an end_date, staying for `horizon`
    after a landmark that lies so long before the end of the log, and where they were asked, the newest answer on loyalty. At most
    `max_customers` are drawn, because paths of single customers are needed. A touchpoint failed where a rule about what follows it
    was broken, or where its customer gave one of the lowest answers in a survey after the event. Where no outcome has 30 customers
    on each side nothing is judged.
    """
    until = moment_of(way.journeys.until(observed_until))
    found = [goal_of(way, outcome)] if outcome else [_staying(way, customers, until, horizon), _loyalty(ratings, items)]
    judged: list[_Judged] = []
    importance, importance_of, left_out = None, None, 0
    goal = _goal(way, outcome, found[0])
    failed = _failures(way, ratings, items)
    for one in (one for one in found if one is not None):
        everybody = one.cases["customer_id"].unique()
        chosen = drawn(everybody, max_customers, random_state)
        left_out += len(everybody) - len(chosen)
        cases = one.cases[one.cases["customer_id"].isin(chosen)]
        events, known = _before_landmarks(way, cases, failed, _endings(way, outcome))
        cases = cases.set_index("case")
        cases = cases[events.groupby("customer_id")["timestamp"].min().reindex(cases.index) < cases["landmark"]]
        if not _are_enough(cases, one.binary):
            continue
        given: dict[str, Any] = {
            "landmark": cases["landmark"], "segment": _groups(way, cases, customers), "conf_level": way.conf_level,
        }  # fmt: skip
        values = cases["value"].rename(one.name)
        try:
            moments = moments_of_truth(
                events, values, failures=known if len(known) else None, min_customers=way.min_base, **given
            )
        except NotApplicableError:
            continue
        last = cases[cases["landmark"] == cases["landmark"].max()] if one.binary and not outcome else cases
        newest = events[events["customer_id"].isin(last.index)]
        given |= {
            "landmark": last["landmark"],
            "segment": None if given["segment"] is None else given["segment"].reindex(last.index),
            "random_state": random_state,
        }
        compared, enough = None, _are_enough(last, one.binary)
        with contextlib.suppress(NotApplicableError):
            compared = None if not enough else _compared(newest, values.reindex(last.index), given)
        judged.append(_Judged(one, moments, compared))
        if importance is None and one.binary and enough:
            importance = touchpoint_importance(
                newest, values.reindex(last.index), n_boot=n_boot, min_base=way.min_base, **given
            )
            importance_of = one
    return Significance(tuple(judged), importance, importance_of, goal, left_out, way.conf_level, way.min_base)


def _goal(way: CustomerJourneys, touchpoint: str, found: Outcome | None) -> pd.DataFrame:
    """One row: the share of customers who come to the goal, in percent; empty where none is named, or too few decide it."""
    if not touchpoint or found is None:
        return pd.DataFrame()
    came, n = int(found.cases["value"].sum()), len(found.cases)
    return pd.DataFrame([share_of(came, n, conf_level=way.conf_level) | {"label": inside_text(way.labels[touchpoint])}])


def _are_enough(cases: pd.DataFrame, binary: bool) -> bool:
    """Whether thirty customers have each outcome; of a score, whether twice as many have one."""
    if not binary:
        return len(cases) >= 2 * LEAST_OUTCOMES
    return min(cases.loc[cases["value"] == value, "customer_id"].nunique() for value in (0, 1)) >= LEAST_OUTCOMES


def _endings(way: CustomerJourneys, outcome: str) -> set[str]:
    """The outcome, and the touchpoints of its stage and of the last stage: they are how a journey ends, not what led there."""
    ending = {way.stage_of.get(outcome, ""), *list(dict.fromkeys(way.stage_of.values()))[-1:]} - {""}
    return {name for name, stage in way.stage_of.items() if stage in ending} | ({outcome} - {""})


def _compared(events: pd.DataFrame, values: pd.Series, given: Mapping[str, Any]) -> DiscreteOrJourney:
    """`discrete_or_journey` of at most 4,000 cases, drawn at random: it is learnt anew some two hundred times."""
    chosen = drawn(values.index.to_numpy(dtype=object), _MOST_COMPARED, given["random_state"])
    own: dict[str, Any] = {
        name: part.reindex(chosen) if isinstance(part, pd.Series) else part for name, part in given.items()
    }
    return discrete_or_journey(events[events["customer_id"].isin(chosen)], values.reindex(chosen), repeats=2, **own)


def _before_landmarks(
    way: CustomerJourneys, cases: pd.DataFrame, failed: pd.DataFrame, endings: set[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The events of each case, and what failed in it; both by the name of the case."""
    parts, failures = [], []
    cases = cases.assign(since=cases["since"].fillna(pd.Timestamp(0, tz="UTC")))
    stretches = cases.groupby("since", sort=True)
    for since, own in stretches:
        case = own.set_index("customer_id")["case"]
        events = way.journeys.to_frame(case.index, since=since, before=own["landmark"].max())  # type: ignore[arg-type]
        events["customer_id"] = events["customer_id"].map(case)
        parts.append(events[~events["touchpoint"].isin(endings)])
        mine = failed[failed["customer_id"].isin(case.index) & (failed["timestamp"] >= since)]
        failures.append(mine.assign(customer_id=mine["customer_id"].map(case)))
    events = pd.concat(parts, ignore_index=True)
    labels = {name: inside_text(label) for name, label in way.labels.items()}
    events = events.assign(touchpoint=events["touchpoint"].map(labels))
    known = pd.concat(failures, ignore_index=True)
    return events, known[known["touchpoint"].isin(events["touchpoint"].unique())]


def _groups(way: CustomerJourneys, cases: pd.DataFrame, customers: pd.DataFrame | None) -> pd.Series | None:
    """What is held equal beside touchpoints: the segment, and how long somebody was a customer; None where neither is known."""
    group = pd.Series("", index=cases.index)
    if way.segment_col:
        known = way.journeys.segments.set_index("customer_id")[way.segment_col]
        group = group + cases["customer_id"].map(known).astype(object).where(lambda x: x.notna(), "no segment").astype(
            str
        )
    if customers is not None and "start_date" in customers:
        start = pd.to_datetime(
            customers.drop_duplicates("customer_id").set_index("customer_id")["start_date"], utc=True
        )
        days = (cases["landmark"] - cases["customer_id"].map(start)).dt.days
        group = (
            group
            + ", "
            + pd.cut(days, [-np.inf, 365, 3 * 365, np.inf], labels=["first year", "to 3 years", "longer"]).astype(str)
        )
    return group if (group != "").any() else None


def goal_of(way: CustomerJourneys, touchpoint: str) -> Outcome | None:
    """Whether a customer came to a touchpoint: what came before counts, or all where it never came."""
    rows = way.journeys.goal(touchpoint)
    if min(rows["came"].sum(), (~rows["came"]).sum()) < LEAST_OUTCOMES:
        return None
    label = inside_text(way.labels[touchpoint])
    cases = pd.DataFrame(
        {
            "case": rows["customer_id"], "customer_id": rows["customer_id"], "value": rows["came"].astype(float),
            "landmark": rows["landmark"], "since": pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]"),
        }
    )  # fmt: skip
    return Outcome(
        f"the share that comes to {label}",
        cases,
        f"what came before {label}, or all where it did not come",
        binary=True,
    )


def _staying(
    way: CustomerJourneys, customers: pd.DataFrame | None, until: pd.Timestamp, horizon: str
) -> Outcome | None:
    """Stretches of time, each from a landmark on: who was there, had an event in the stretch before it, and was there at its end."""
    if customers is None or "end_date" not in customers or customers["end_date"].notna().sum() < LEAST_OUTCOMES:
        return None
    span = duration(horizon)
    known = (
        customers.drop_duplicates("customer_id").dropna(subset=["customer_id"]).set_index("customer_id").sort_index()
    )
    ended = pd.to_datetime(known["end_date"], utc=True)
    begun = pd.to_datetime(known["start_date"], utc=True) if "start_date" in known else None
    parts = []
    for number in range(_STRETCHES):
        landmark = until - (number + 1) * span
        if landmark - span < way.journeys.first_moment and number:
            break
        there = ~(ended <= landmark) if begun is None else ~(ended <= landmark) & ~(begun > landmark)
        who = known.index[there.to_numpy()]
        parts.append(
            pd.DataFrame(
                {
                    "case": [f"{name} at {number}" for name in who], "customer_id": who,
                    "value": (~(ended[who] <= landmark + span)).astype(float).to_numpy(), "landmark": landmark,
                    "since": landmark - span,
                }
            )
        )  # fmt: skip
    cases = pd.concat(parts, ignore_index=True)
    if min(cases["value"].sum(), (1 - cases["value"]).sum()) < LEAST_OUTCOMES:
        return None
    words = (
        f"customers at {len(parts)} landmark{'s' if len(parts) > 1 else ''} up to {parts[0]['landmark'].iloc[0].date()}: what they met "
        f"in the {span.days} days before, and who was still there {span.days} days later"
    )
    return Outcome(f"the share that stays for {span.days} days", cases, words, binary=True)


def _loyalty(ratings: pd.DataFrame | None, items: pd.DataFrame | None) -> Outcome | None:
    """The newest answer to the first question on loyalty, and what was met before it."""
    if ratings is None or items is None:
        return None
    asked = items[(items["role"] == "loyalty") & items["low"].notna()]
    if asked.empty:
        return None
    item = asked.iloc[0]
    mine = ratings[(ratings["item"] == item["item"]) & (ratings["perspective"] == "customer")]
    mine = mine.dropna(subset=["customer_id", "score", "timestamp"]).sort_values(["timestamp", "score"], kind="stable")
    mine = mine.drop_duplicates("customer_id", keep="last").sort_values("customer_id")
    if len(mine) < 2 * LEAST_OUTCOMES or mine["score"].nunique() < 2:
        return None
    nothing = pd.Series(pd.NaT, index=mine.index, dtype="datetime64[us, UTC]")
    cases = pd.DataFrame(
        {"case": mine["customer_id"], "customer_id": mine["customer_id"], "value": mine["score"].astype(float),
         "landmark": mine["timestamp"], "since": nothing}
    )  # fmt: skip
    name = f"{inside_text(str(item['label']))} ({item['low']:g} to {item['high']:g})"
    words = f"the newest answer of {len(mine):,} respondents, and what they met before it"
    return Outcome(name, cases.reset_index(drop=True), words, binary=False)


def _failures(way: CustomerJourneys, ratings: pd.DataFrame | None, items: pd.DataFrame | None) -> pd.DataFrame:
    """One row a known success or failure of a touchpoint: customer_id, touchpoint (its label), timestamp (when it was known), failed."""
    parts = [
        part.occasions.dropna(subset=["failed"])[["customer_id", "touchpoint", "known_at", "failed"]].rename(
            columns={"known_at": "timestamp"}
        )
        for part in way.checked
        if len(part)
    ]
    if ratings is not None and items is not None and len(ratings):
        known = items.set_index("item")
        mine = ratings[
            (ratings["role"] == "satisfaction") & (ratings["perspective"] == "customer") & (ratings["survey"] == "event")
            & ratings["touchpoint"].isin(way.journeys.touchpoints)
        ].dropna(subset=["customer_id", "score", "timestamp"])  # fmt: skip
        low, high = (mine["item"].map(known[end]).astype(float) for end in ("low", "high"))
        failed = mine["score"] <= low + _FAILED_SHARE * (high - low)
        parts.append(mine[["customer_id", "touchpoint", "timestamp"]].assign(failed=failed.to_numpy()))
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=["customer_id", "touchpoint", "timestamp", "failed"])
    table = pd.concat(parts, ignore_index=True)
    return table.assign(
        failed=table["failed"].astype(bool), touchpoint=[inside_text(way.labels[name]) for name in table["touchpoint"]]
    )


def _is_foretold(one: _Judged) -> bool:
    """Whether what comes before an outcome nearly tells it: it is then part of how the outcome comes about."""
    table = one.compared.to_frame() if one.compared is not None else pd.DataFrame({"metric": [], "estimate": []})
    return bool((table.loc[table["metric"] == "auc", "estimate"] > _FORETOLD).any())


def _met(row: Any) -> str:
    return f"{capital_text(row['touchpoint'])} was met"


def _not_drawn(number: int, some_clear: bool) -> str:
    effects = "1 smaller effect" if number == 1 else f"{number} smaller effects"
    return effects if some_clear else f"{effects}, not clear" if number == 1 else f"{effects}, none of them clear"


def _held(names: Iterable[str]) -> str:
    """What is held equal, in words: groups are of segment and of time as a customer."""
    return list_text("segment and time as a customer" if name == "segment" else name for name in names)


def _with_ends(share: float, low: float, high: float) -> str:
    return (
        estimate_text(share, "%") if np.isnan(low) else f"{estimate_text(share, '%')} ({interval_text(low, high, '%')})"
    )
