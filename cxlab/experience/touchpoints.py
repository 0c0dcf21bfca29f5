"""Is every touchpoint owned, good and the same everywhere, and do they hand over well?

`scorecard` has one row a touchpoint, those that nobody rated or owns included. `seams` compares what a customer says of one
touchpoint with what they say of the next, `consistency` asks how much a score depends on where one is. None of them says why.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cxlab.data.answers import best_answers
from cxlab.inference import benjamini_hochberg, mean_row, share_row
from cxlab.problems import NotApplicableError
from cxlab.wording import describe, inside_text, list_text

Shown = tuple[dict[str, Any], pd.DataFrame]
GOAL = 70.0  # percent of customers who are satisfied, that a touchpoint passes only with its whole interval
SCORECARD = [
    "touchpoint", "owner", "orphan", "reach", "n", "estimate", "std_error", "conf_low", "conf_high", "conf_level",
    "importance", "significance", "status", "unit", "reason",
]  # fmt: skip


def scorecard(
    ratings: pd.DataFrame,
    *,
    touchpoints: pd.DataFrame | None = None,
    touchpoint_col: str = "touchpoint",
    score_col: str = "score",
    customer_col: str = "customer_id",
    cluster_col: str | None = None,
    importance: Mapping[str, float] | None = None,
    reach: Mapping[str, float] | None = None,
    scale: tuple[float, float] = (1, 5),
    top: int = 2,
    min_base: int = 30,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row a touchpoint: owner, reach, share (0 to 1) of the `top` best answers, importance, significance, status.

    `ratings` has one row an answer; those of one customer (or of one `cluster_col`) go together. `touchpoints` names all
    touchpoints with their owner, so that those without answers are there, too. `reach` (touchpoint → share of customers,
    0 to 1) comes from the event log where there is one, else it is the share of those customers who rated anything.
    significance = reach × importance. Status: ok, too few, unmeasured.
    """
    known = ratings.dropna(subset=[score_col])
    names = list(
        dict.fromkeys(
            [*(touchpoints["touchpoint"] if touchpoints is not None else []), *known[touchpoint_col].dropna()]
        )
    )
    owners = {} if touchpoints is None else dict(zip(touchpoints["touchpoint"], touchpoints["owner"], strict=True))
    everybody = known[customer_col].nunique() if customer_col in known else 0
    rows = []
    for name in names:
        part = known[known[touchpoint_col] == name]
        owner = owners.get(name)
        owner = owner if isinstance(owner, str) else None
        grouping = cluster_col or customer_col
        clusters = part[grouping] if grouping in part and part[grouping].notna().any() else None
        weights = part["weight"] if "weight" in part and part["weight"].notna().all() and len(part) else None
        row = share_row(part[score_col] > scale[1] - top, weights=weights, clusters=clusters, conf_level=conf_level)
        row |= {key: row[key] / 100 for key in ("estimate", "std_error", "conf_low", "conf_high")} | {"unit": ""}
        status = "ok" if row["n"] >= min_base else "too few" if row["n"] else "unmeasured"
        if status != "ok":
            row |= dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), np.nan)
            row["reason"] = f"n<{min_base}" if row["n"] else "not asked"
        own = part[customer_col].nunique() / everybody if everybody else np.nan
        reached = (own if len(part) else np.nan) if reach is None else reach.get(name, np.nan)
        weight = (importance or {}).get(name, np.nan)
        about = {"touchpoint": name, "owner": owner, "orphan": owner is None, "reach": reached}
        rows.append(about | row | {"importance": weight, "significance": reached * weight, "status": status})
    return pd.DataFrame(rows).reindex(columns=SCORECARD)


def seams(
    ratings: pd.DataFrame,
    *,
    customer_col: str = "customer_id",
    timestamp_col: str = "timestamp",
    touchpoint_col: str = "touchpoint",
    score_col: str = "score",
    within: str = "7d",
    min_base: int = 30,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row a pair of touchpoints: the mean of (next − this) where a customer rated one and then a different one.

    Only pairs at most `within` apart count; standard errors are clustered by customer, q is Benjamini–Hochberg over all
    pairs shown. Columns: from_touchpoint, to_touchpoint, estimate, std_error, conf_low, conf_high, conf_level, n, customers,
    p_value, q_value, reason. Scores after a low one rise by chance: compare with the reverse order.
    """
    rows = ratings.dropna(subset=[customer_col, timestamp_col, touchpoint_col, score_col])
    rows = rows.sort_values([customer_col, timestamp_col], kind="stable")
    after = rows.shift(-1)
    pair = (rows[customer_col] == after[customer_col]) & (rows[touchpoint_col] != after[touchpoint_col])
    pair &= (after[timestamp_col] - rows[timestamp_col]) <= pd.Timedelta(within.replace("d", "D"))
    found = pd.DataFrame(
        {
            "customer": rows[customer_col], "from_touchpoint": rows[touchpoint_col], "to_touchpoint": after[touchpoint_col],
            "change": after[score_col] - rows[score_col],
        }
    )[pair]  # fmt: skip
    made = []
    for (first, second), part in found.groupby(["from_touchpoint", "to_touchpoint"]):
        if part["customer"].nunique() < min_base:
            continue
        row = mean_row(part["change"], unit="points", clusters=part["customer"], conf_level=conf_level)
        df = part["customer"].nunique() - 1
        p_value = 2 * stats.t.sf(abs(row["estimate"] / row["std_error"]), df) if row["std_error"] > 0 else np.nan
        about = {"from_touchpoint": first, "to_touchpoint": second}
        made.append(about | row | {"customers": part["customer"].nunique(), "p_value": p_value})
    columns = ["from_touchpoint", "to_touchpoint", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n",
               "customers", "p_value", "q_value", "unit", "reason"]  # fmt: skip
    table = pd.DataFrame(made, columns=[c for c in columns if c != "q_value"])
    return table.assign(q_value=benjamini_hochberg(table["p_value"]))[columns]


def consistency(
    ratings: pd.DataFrame,
    *,
    by: str,
    touchpoint_col: str = "touchpoint",
    score_col: str = "score",
    min_base: int = 30,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row a touchpoint: the intraclass correlation of its scores by channel, team or period; 0 is the same everywhere.

    Unbalanced one-way analysis of variance: ICC = (F − 1)/(F + n₀ − 1), floored at 0, interval from F. Columns: touchpoint,
    estimate, conf_low, conf_high, conf_level, between_sd, within_sd, n, n_groups, reason. Groups below `min_base` are left
    out; a touchpoint with fewer than two groups has none.
    """
    rows = []
    for touchpoint, part in ratings.dropna(subset=[score_col, by]).groupby(touchpoint_col):
        counts = part[by].value_counts()
        part = part[part[by].isin(counts.index[counts >= min_base])]
        rows.append({"touchpoint": touchpoint} | _icc(part, by, score_col, conf_level))
    columns = ["touchpoint", "estimate", "conf_low", "conf_high", "conf_level", "between_sd", "within_sd", "n", "n_groups",
               "reason"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _icc(part: pd.DataFrame, by: str, score_col: str, conf_level: float) -> dict[str, Any]:
    grouped = part.groupby(by)[score_col]
    n, k = grouped.size().to_numpy(dtype=float), part[by].nunique()
    nothing = dict.fromkeys(("estimate", "conf_low", "conf_high", "between_sd", "within_sd"), math.nan)
    if k < 2:
        return nothing | {"conf_level": conf_level, "n": len(part), "n_groups": k, "reason": "fewer than two groups"}
    means = grouped.mean().to_numpy()
    total = n.sum()
    overall = float(part[score_col].mean())
    within = float(((part[score_col] - part[by].map(grouped.mean())) ** 2).sum()) / (total - k)
    between = float((n * (means - overall) ** 2).sum()) / (k - 1)
    n0 = (total - (n**2).sum() / total) / (k - 1)
    if within == 0:
        return nothing | {
            "conf_level": conf_level,
            "n": int(total),
            "n_groups": k,
            "reason": "all answers are the same" if between == 0 else "nothing varies within a group",
        }
    F = between / within
    tail = (1 - conf_level) / 2

    def icc(f: float) -> float:
        return max((f - 1) / (f + n0 - 1), 0.0)

    low, high = F / stats.f.ppf(1 - tail, k - 1, total - k), F / stats.f.ppf(tail, k - 1, total - k)
    return {
        "estimate": icc(F), "conf_low": icc(low), "conf_high": icc(high), "conf_level": conf_level,
        "between_sd": math.sqrt(max((between - within) / n0, 0.0)), "within_sd": math.sqrt(within), "n": int(total),
        "n_groups": k, "reason": "",
    }  # fmt: skip


@dataclass(frozen=True)
class Touchpoints:
    """`card` is the scorecard in percent with labels, `seams` the hand-overs, `consistency` by channel or team, `empathy`
    what is said at each touchpoint (from the comments), where there are any. Hand-overs and consistency are counted on
    `scale` ("1 to 5"), the event survey's most frequent; `stretched` answers on another scale were stretched to it. `spending` has
    one row a touchpoint whose cost and impact are known (the product `priorities` of 07), and no row where none is."""

    card: pd.DataFrame
    seams: pd.DataFrame
    consistency: pd.DataFrame
    by: str
    has_importance: bool
    scale: str
    stretched: int
    conf_level: float
    min_base: int
    spending: pd.DataFrame

    @property
    def orphans(self) -> list[str]:
        return list(self.card.loc[self.card["orphan"], "label"])

    @property
    def contested(self) -> list[str]:
        return list(self.card.loc[self.card["owner"].fillna("").str.contains(", "), "label"])

    def headline(self) -> str:
        """The weakest touchpoint that is clear of its neighbours, and whether it is owned."""
        rated = self.card[self.card["estimate"].notna()].sort_values("estimate")
        if rated.empty:
            return "No touchpoint was rated by enough customers."
        below = rated[rated["conf_high"] < GOAL]
        worst = (rated if below.empty else below).to_dict("records")[0]
        whose = f"owned by {worst['owner']}" if isinstance(worst["owner"], str) else "owned by nobody"
        if below.empty:
            return f"No touchpoint lies clearly below {GOAL:.0f}% satisfied customers; the lowest is {inside_text(worst['label'])}."
        rest = f"{len(rated)} rated touchpoint{'' if len(rated) == 1 else 's'} {'lies' if len(below) == 1 else 'lie'}"
        return (
            f"{len(below)} of {rest} clearly below {GOAL:.0f}% satisfied customers; the lowest is "
            f"{inside_text(worst['label'])}, {whose}: {worst['estimate']:.0f}% ({worst['conf_low']:.0f} to {worst['conf_high']:.0f}%)."
        )

    def sentences(self) -> list[str]:
        said = []
        if self.orphans:
            said.append(f"Nobody owns {list_text(map(inside_text, self.orphans))}.")
        if self.contested:
            said.append(f"More than one department owns {list_text(map(inside_text, self.contested))}.")
        unmeasured = list(self.card.loc[self.card["status"] == "unmeasured", "label"])
        if unmeasured:
            said.append(f"Nobody was asked about {list_text(map(inside_text, unmeasured))}.")
        broken = self.seams[(self.seams["q_value"] < 1 - self.conf_level) & (self.seams["estimate"] < 0)]
        if len(broken):
            worst = broken.sort_values("estimate").to_dict("records")[0]
            said.append(
                f"Where customers are handed on from {inside_text(worst['from_label'])} to {inside_text(worst['to_label'])}, the same "
                f"customers are {abs(worst['estimate']):.1f} points less content ({abs(worst['conf_high']):.1f} to "
                f"{abs(worst['conf_low']):.1f}, n {worst['n']:,})."
            )
        elif len(self.seams):
            said.append("No hand-over between touchpoints clearly lowers what the same customers say.")
        uneven = self.consistency[self.consistency["conf_low"] > 0.01] if len(self.consistency) else self.consistency
        if len(uneven):
            names = list_text(inside_text(label) for label in uneven["label"])
            said.append(f"How content customers are depends on the {self.by} with {names}.")
        less, more = (
            self._spent(reading) for reading in ("costs more than it counts for", "counts for more than it costs")
        )
        if less and more:
            said.append(
                f"Resources to divert: {list_text(map(inside_text, less))} {'costs' if len(less) == 1 else 'cost'} more than "
                f"{'it counts' if len(less) == 1 else 'they count'} for, {list_text(map(inside_text, more))} less."
            )
        return said

    def _spent(self, reading: str) -> list[str]:
        """The touchpoints with this reading, the furthest apart first."""
        rows = self.spending[self.spending["reading"] == reading]
        return list(rows.sort_values("share_difference", key=abs, ascending=False)["label"])

    def spending_shown(self) -> Iterator[Shown]:
        """Share of all impact less share of all cost; nothing where no cost is known."""
        if len(self.spending) < 2:
            return
        rows = self.spending.assign(
            estimate=100 * self.spending["share_difference"], conf_low=100 * self.spending["share_difference_low"],
            conf_high=100 * self.spending["share_difference_high"], unit="%",
            reading=["no clear change" if reading == "not clear" else "changed" for reading in self.spending["reading"]],
        ).sort_values("estimate", ascending=False, kind="stable", ignore_index=True)  # fmt: skip
        clear = rows[rows["reading"] == "changed"]
        title = "No touchpoint clearly counts for more, or for less, than it costs."
        if len(clear):
            one = clear.sort_values("estimate", key=abs, ascending=False).to_dict("records")[0]
            title = (
                f"{one['label']} takes {100 * one['cost_share']:.0f}% of the cost and brings {100 * one['impact_share']:.0f}% of the "
                "impact on loyalty."
            )
        yield {
            "name": "spending",
            "title": title,
            "subtitle": "Share of the impact on loyalty less share of the cost, percentage points, "
            f"{100 * self.conf_level:g}% interval",
            "alt": describe(
                "Differences of shares by touchpoint", rows, label_col="label", unit="%", difference=True
            ),
            "note": {
                "Impact": f"Change of {rows['outcome'].iloc[0]} with one step more of its drivers (07), if the association is causal",
                "Cost": "What the touchpoint costs now, of [economics] touchpoint_cost; of those with a cost and a driver",
                "Read": "Above zero it counts for more than it costs. A cost is an average: the next unit of money may do more or less",
            },
        }, rows  # fmt: skip

    def cost_limit(self) -> str:
        """What the page does not say of money."""
        if self.spending.empty:
            return "Costs are not in this study, or 07 has not run."
        return "Costs are what touchpoints take now; what an improvement would cost, nobody has measured."

    def base_sentence(self) -> str:
        rated = int(self.card["n"].sum())
        return f"{rated:,} ratings of {int((self.card['n'] > 0).sum())} touchpoints; {len(self.card)} are in the study."

    def key_numbers(self) -> pd.DataFrame:
        rows = self.card[self.card["estimate"].notna()].sort_values("estimate").head(4)
        return rows.assign(unit="%")

    def card_shown(self) -> pd.DataFrame:
        """The scorecard, most significant first where importance is known, else lowest first; unmeasured last."""
        rows = self.card.assign(
            owner=self.card["owner"].where(self.card["owner"].notna(), "no owner"),
            unit="%",
            reached=[f"{100 * share:.0f}%" if share == share else "not known" for share in self.card["reach"]],
            weighs=[f"{100 * share:.0f}%" if share == share else "not known" for share in self.card["importance"]],
            goal=[_goal(row) for row in self.card.to_dict("records")],
        )
        order = ["significance", "estimate"] if self.has_importance else ["estimate"]
        return rows.sort_values(order, ascending=[False, True][: len(order)] if self.has_importance else True,
                                na_position="last", ignore_index=True)  # fmt: skip

    def card_words(self) -> dict[str, Any]:
        owned = int((~self.card["orphan"]).sum())
        measured = int((self.card["status"] == "ok").sum())
        return {
            "title": f"{measured} of {len(self.card)} touchpoints are measured, {owned} are owned.",
            "subtitle": f"Satisfied customers (two best answers), percent, {100 * self.conf_level:g}% interval",
            "note": {
                "Goal": f"{GOAL:.0f}%: passed where the whole interval lies above it, missed where it lies below",
                "Reach": "Share of customers who were there in the event log, where it knows the touchpoint",
                "Importance": "Share of what the touchpoints explain of loyalty (07)"
                if self.has_importance
                else "Not known: 07 has not run",
            },
        }

    def rated_shown(self) -> Iterator[Shown]:
        rows = self.card[self.card["estimate"].notna()].sort_values("estimate", ignore_index=True).assign(unit="%")
        if len(rows):
            worst, best = rows.iloc[0].to_dict(), rows.iloc[-1].to_dict()
            yield {
                "name": "rated",
                "title": f"From {worst['estimate']:.0f}% ({inside_text(worst['label'])}) to {best['estimate']:.0f}% "
                f"({inside_text(best['label'])}) of customers are satisfied with a touchpoint.",
                "subtitle": f"Satisfied customers (two best answers), percent, {100 * self.conf_level:g}% interval",
                "alt": describe("Dot plot of satisfied customers by touchpoint", rows, label_col="label", unit="%"),
                "note": {"Base": "Answers of the period's surveys; a customer with several counts as a cluster"},
            }, rows  # fmt: skip

    def seams_shown(self) -> Iterator[Shown]:
        if len(self.seams):
            rows = self.seams.assign(
                label=self.seams["from_label"] + " → " + self.seams["to_label"],
                reading=[
                    "not tested"
                    if q != q
                    else "no clear change"
                    if q >= 1 - self.conf_level
                    else "better"
                    if e > 0
                    else "worse"
                    for q, e in zip(self.seams["q_value"], self.seams["estimate"], strict=True)
                ],
                unit=self.scale,
            )
            worse = int((rows["reading"] == "worse").sum())
            yield {
                "name": "seams",
                "title": f"{worse} of {len(rows)} hand-overs between touchpoints clearly "
                f"{'lowers' if worse == 1 else 'lower'} what the same customers say.",
                "subtitle": f"Next less this rating of the same customer, points on {self.scale}, {100 * self.conf_level:g}% interval",
                "alt": describe("Dot plot of the change at each hand-over", rows, label_col="label", unit=self.scale,
                                difference=True),
                "note": {
                    "Base": f"{int(rows['n'].sum()):,} pairs of ratings; customers with several count as clusters"
                    + (f"; {self.stretched:,} answers on another scale are stretched to this one" if self.stretched else ""),
                    "Test": f"{int(rows['p_value'].notna().sum())} pairs, Benjamini–Hochberg",
                    "Read": "A fall after a high rating is partly chance: ratings come back to their middle",
                },
            }, rows  # fmt: skip

    def consistency_shown(self) -> Iterator[Shown]:
        known = self.consistency[self.consistency["estimate"].notna()] if len(self.consistency) else self.consistency
        if len(known):
            rows = known.assign(**{c: 100 * known[c] for c in ("estimate", "conf_low", "conf_high")}, unit="%")
            most = max(rows.to_dict("records"), key=lambda row: row["estimate"])
            yield {
                "name": "consistency",
                "title": f"At most {most['estimate']:.0f}% of what ratings differ by lies between one {self.by} and another "
                f"({inside_text(most['label'])}).",
                "subtitle": f"Intraclass correlation by {self.by}, percent: 0 is the same experience everywhere",
                "alt": describe(f"Dot plot of the share of spread between groups of {self.by}", rows, label_col="label", unit="%"),
                "note": {"Base": f"{int(rows['n'].sum()):,} ratings", "Interval": "Wide where there are few groups"},
            }, rows.reset_index(drop=True)  # fmt: skip

    def findings(self) -> list[dict[str, Any]]:
        made = []
        for row in self.card.to_dict("records"):
            owner = row["owner"] if isinstance(row["owner"], str) else None
            said = f"{row['label']}: {row['estimate']:.0f}% are satisfied ({row['conf_low']:.0f} to {row['conf_high']:.0f}%)."
            if row["status"] != "ok":
                said = f"{row['label']}: {row['reason']}."
            made.append(
                {
                    "name": f"touchpoint_{row['touchpoint']}",
                    "result": {
                        **row,
                        "unit": "%",
                        "headline": said if owner else said.removesuffix(".") + "; nobody owns it.",
                    },
                    "level": "all",
                    "target": row["touchpoint"],
                    "owner": owner,
                    "unit": "%",
                    "better": "higher",
                    "definition": "share giving one of the two best answers",
                    "comparable": "cumulative",
                    "label": f"Touchpoint: {row['label']}",
                    "attention": bool(row["conf_high"] < GOAL) or owner is None,
                }
            )
        made += [
            {
                "name": f"seam_{row['from_touchpoint']}_{row['to_touchpoint']}",
                "result": {**row, "headline": f"From {inside_text(row['from_label'])} to {inside_text(row['to_label'])} the same "
                           f"customers change by {_signed(row['estimate'])} ({_signed(row['conf_low'])} to "
                           f"{_signed(row['conf_high'])})."},
                "level": "all",
                "target": row["to_touchpoint"],
                "unit": "scale points",
                "better": "higher",
                "definition": "next less this rating of the same customer",
                "comparable": "cumulative",
                "label": f"Hand-over: {row['from_label']} to {row['to_label']}",
                "attention": bool(row["q_value"] < 1 - self.conf_level and row["estimate"] < 0),
            }
            for row in self.seams.to_dict("records")
        ]  # fmt: skip
        return made


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _goal(row: Mapping[Any, Any]) -> str:
    if row["status"] != "ok":
        return "unknown"
    return "passed" if row["conf_low"] >= GOAL else "missed" if row["conf_high"] < GOAL else "open"


def touchpoint_scores(
    ratings: pd.DataFrame,
    touchpoints: pd.DataFrame,
    items: pd.DataFrame,
    *,
    importance: pd.DataFrame | None = None,
    priorities: pd.DataFrame | None = None,
    reach: Mapping[str, float] | None = None,
    within: str = "60d",
    min_base: int = 30,
    conf_level: float = 0.95,
) -> Touchpoints:
    """The scorecard, seams and consistency of a study.

    `ratings` is that of an open study (one row an answer on a scale); only satisfaction counts, of the newest wave of each
    survey for the scorecard, of all for seams. `items` has the scale of each item (item, low, high): satisfied is one of the
    two best answers, on a scale longer than ten the upper fifth. `importance` is the product of 07 (driver, touchpoint, share;
    drivers of one touchpoint add up), `priorities` that of what each brings for its cost. Raises `NotApplicableError` where no
    answer is about a touchpoint.
    """
    mine = ratings[
        (ratings["role"] == "satisfaction") & (ratings["perspective"] == "customer") & ratings["touchpoint"].notna()
    ]
    if mine.empty:
        raise NotApplicableError("needs answers about satisfaction with a touchpoint")
    mine, scale, stretched = _on_one_scale(mine, items)
    last = mine.groupby(["survey", "wave"])["timestamp"].transform("max")
    newest = last == mine.groupby("survey")["timestamp"].transform("max")
    now = _one_survey_each(mine[newest])
    weights: dict[str, float] | None = None
    if importance is not None and len(importance) and "touchpoint" in importance:
        known = importance.dropna(subset=["touchpoint"])
        weights = {str(name): float(share) for name, share in known.groupby("touchpoint")["share"].sum().items()}
    together = now["cluster"].astype(object).where(now["cluster"].notna(), now["customer_id"])
    now = now.assign(_together=together.where(together.notna(), now["response_id"]))
    card = scorecard(
        now,
        touchpoints=touchpoints,
        score_col="_best",
        scale=(0, 1),
        top=1,
        cluster_col="_together",
        importance=weights,
        reach=reach,
        min_base=min_base,
        conf_level=conf_level,
    )
    labels = dict(zip(touchpoints["touchpoint"], touchpoints["label"], strict=True))
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        card[column] = 100 * card[column]
    card.insert(1, "label", [labels.get(name, name) for name in card["touchpoint"]])
    pairs = seams(mine[mine["survey"] == "event"], within=within, min_base=min_base, conf_level=conf_level)
    for end in ("from", "to"):
        pairs[f"{end}_label"] = [labels.get(name, name) for name in pairs[f"{end}_touchpoint"]]
    used = now.groupby("touchpoint")["survey"].first()
    card["survey"] = [_SURVEYS.get(str(used.get(name)), "none") for name in card["touchpoint"]]
    by = "team" if mine["team"].notna().any() else "channel"
    steady = consistency(mine[mine["survey"] == "event"], by=by, min_base=min_base, conf_level=conf_level)
    steady["label"] = [labels.get(name, name) for name in steady["touchpoint"]]
    spending = pd.DataFrame(columns=["touchpoint", "reading", "share_difference"]) if priorities is None else priorities
    spending = spending.assign(label=[labels.get(str(name), str(name)) for name in spending["touchpoint"]])
    return Touchpoints(card, pairs, steady, by, weights is not None, scale, stretched, conf_level, min_base, spending)


_SURVEYS = {"tracking": "tracking survey", "event": "event survey", "deep_dive": "deep dive"}


def _on_one_scale(ratings: pd.DataFrame, items: pd.DataFrame) -> tuple[pd.DataFrame, str, int]:
    """Whether each answer is one of the best of its own scale (`_best`, 0 or 1), and all scores on the most frequent scale.

    Returns the ratings, that scale in words, and how many answers were given on another.
    """
    known = items.set_index("item")
    low, high = ratings["item"].map(known["low"]).astype(float), ratings["item"].map(known["high"]).astype(float)
    best = best_answers(ratings["score"], low, high)
    event = (ratings["survey"] == "event").to_numpy()
    ends = pd.DataFrame({"low": low, "high": high})[event if event.any() else slice(None)].value_counts().index[0]
    share = (ratings["score"] - low) / (high - low)
    other = (low != ends[0]) | (high != ends[1])
    score = ratings["score"].where(~other, ends[0] + share * (ends[1] - ends[0]))
    return (
        ratings.assign(_best=best, score=score),
        f"{ends[0]:g} to {ends[1]:g}",
        int((other & event).sum()),
    )


def _one_survey_each(ratings: pd.DataFrame) -> pd.DataFrame:
    """Surveys are never pooled: of each touchpoint the tracking survey's answers, else the event survey's, else the deep
    dive's."""
    rank = ratings["survey"].map({"tracking": 0, "event": 1, "deep_dive": 2}).fillna(3)
    return ratings[rank == rank.groupby(ratings["touchpoint"]).transform("min")]
