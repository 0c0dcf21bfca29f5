"""Does the brand keep its promises, and evoke the feelings it intends?

`promise_register` counts for each promise the occasions that met its threshold: kept, broken, undecided, unmeasured. A promise
is kept where even the low end of the interval reaches the target, never because a survey mean looks good. `brand_experience`
adds the feelings that people said they had, those who were wowed, and the teams that deliver.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.config import Emotions, Promise
from cxlab.data.answers import best_answers
from cxlab.inference import mean_row, share_row
from cxlab.inference.intervals import critical_value
from cxlab.problems import NotApplicableError
from cxlab.wording import capital_text, describe, inside_text, list_text, span_text

Shown = tuple[dict[str, Any], pd.DataFrame]
REGISTER = [
    "promise", "statement", "touchpoint", "owner", "metric", "threshold", "better", "target", "status", "estimate",
    "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason",
]  # fmt: skip
_COUNTS = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}
_VERBS = {"kept": "is kept", "broken": "is broken", "undecided": "cannot be decided"}
STATUSES = ("broken", "undecided", "kept", "too few", "unmeasured")


def promise_register(
    promises: Mapping[str, Promise] | pd.DataFrame,
    observations: pd.DataFrame,
    *,
    target: float = 0.9,
    min_base: int = 30,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row a promise: status, and the share (0 to 1) of occasions that met the threshold, with Wilson's interval.

    `observations` has one row an occasion and one column a metric, and where it has a column `touchpoint` a promise counts
    those of its own. Status: kept (conf_low ≥ target), broken (conf_high < target), undecided, too few (n < min_base),
    unmeasured (no metric, no such column, or no value). A promise's own target wins over `target`.
    """
    table = promises if isinstance(promises, pd.DataFrame) else _as_table(promises)
    rows = []
    for promise in table.to_dict("records"):
        wanted = promise.get("target")
        goal = float(wanted) if wanted is not None and wanted == wanted else target
        about = {
            key: promise.get(key) for key in ("promise", "statement", "touchpoint", "metric", "threshold", "better")
        }
        rows.append(about | {"target": goal} | _measured(promise, observations, goal, min_base, conf_level))
    return pd.DataFrame(rows).reindex(columns=REGISTER)


def _as_table(promises: Mapping[str, Promise]) -> pd.DataFrame:
    return pd.DataFrame([{"promise": name, **promise.model_dump()} for name, promise in promises.items()])


def _measured(
    promise: Mapping[Any, Any], observations: pd.DataFrame, target: float, min_base: int, conf_level: float
) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), np.nan)
    nothing |= {"conf_level": conf_level, "n": 0, "unit": "", "status": "unmeasured"}
    metric, threshold = promise.get("metric"), promise.get("threshold")
    if not isinstance(metric, str) or threshold is None or threshold != threshold:
        return nothing | {"reason": "no metric is named"}
    if metric not in observations:
        return nothing | {"reason": f"there is no `{metric}` in the data"}
    rows = observations
    touchpoint = promise.get("touchpoint")
    if isinstance(touchpoint, str) and "touchpoint" in rows:
        rows = rows[(rows["touchpoint"] == touchpoint) | rows["touchpoint"].isna()]
    values = pd.to_numeric(rows[metric], errors="coerce").dropna()
    if values.empty:
        return nothing | {"reason": f"`{metric}` has no value in this period"}
    met = values <= float(threshold) if promise.get("better") == "lower" else values >= float(threshold)
    clusters = rows.loc[values.index, "customer_id"] if "customer_id" in rows else None
    row = share_row(met.astype(float), clusters=clusters, conf_level=conf_level)
    row |= {key: row[key] / 100 for key in ("estimate", "std_error", "conf_low", "conf_high")} | {"unit": ""}
    if row["n"] < min_base:
        return nothing | {"n": row["n"], "status": "too few", "reason": f"n<{min_base}"}
    status = "kept" if row["conf_low"] >= target else "broken" if row["conf_high"] < target else "undecided"
    return row | {"status": status}


@dataclass(frozen=True)
class BrandExperience:
    """`register` has one row a promise, `felt` one row a touchpoint and emotion (percent), `teams` one row a team, `image`
    one row an attribute, `wow` one row a group (wowed, only satisfied). Empty where a study has none."""

    register: pd.DataFrame
    felt: pd.DataFrame
    image: pd.DataFrame
    teams: pd.DataFrame
    wow: pd.DataFrame
    min_base: int
    conf_level: float

    def headline(self) -> str:
        """Which promises are broken, else which cannot be told."""
        if self.register.empty:
            return self._felt_sentences()[0]
        broken = self.register[self.register["status"] == "broken"].to_dict("records")
        if broken:
            worst = min(broken, key=lambda row: row["estimate"] - row["target"])
            more = (
                f"{_COUNTS.get(len(broken), len(broken))} promises are broken"
                if len(broken) > 1
                else "One promise is broken"
            )
            return f"{more}: “{worst['statement']}” holds on {_percent(worst)} of occasions, {worst['target']:.0%} were promised."
        counts = self.register["status"].value_counts()
        return "No promise is broken: " + list_text(f"{n} {status}" for status, n in counts.items()) + "."

    def sentences(self) -> list[str]:
        said = []
        if len(self.register):
            for status, verb in (("kept", "kept"), ("undecided", "undecided"), ("unmeasured", "not measured")):
                those = [f"“{row}”" for row in self.register.loc[self.register["status"] == status, "statement"]]
                if those:
                    said.append(f"{capital_text(verb)}: {list_text(those)}.")
            said += self._felt_sentences()
        else:
            said += self._felt_sentences()[1:]
        if len(self.wow) == 2:
            wowed, content = self.wow.to_dict("records")
            apart = wowed["estimate"] - content["estimate"]
            said.append(
                f"Customers who were wowed ({wowed['share']:.0f}%) lie {abs(apart):.0f} NPS points "
                f"{'above' if apart > 0 else 'below'} those who are only satisfied; which comes first is not known."
            )
        if len(self.teams):
            told = self.teams.loc[self.teams["reading"] == "apart", "label"]
            names = list_text(told) if len(told) else "none"
            said.append(f"Teams that can be told from the mean of all: {names}.")
        return said

    def _felt_sentences(self) -> list[str]:
        if self.felt.empty:
            return ["No promise and no feeling was asked about."] if self.register.empty else []
        said = []
        for touchpoint, rows in self.felt.groupby("touchpoint_label", sort=False):
            top = max(rows.to_dict("records"), key=lambda row: _finite(row["estimate"]))
            wanted = rows[rows["intended"]]
            if top["intended"] or wanted.empty or not np.isfinite(top["estimate"]):
                continue
            meant = list_text(f"{row['emotion']} ({row['estimate']:.0f}%)" for row in wanted.to_dict("records"))
            said.append(f"{touchpoint}: {top['emotion']} is felt most ({top['estimate']:.0f}%), meant is {meant}.")
        return said or ["At every touchpoint the feeling that was meant is the one felt most."]

    def base_sentence(self) -> str:
        occasions = int(self.register["n"].sum()) if len(self.register) else 0
        asked = int(self.felt["n"].max()) if len(self.felt) else 0
        return (
            f"{occasions:,} occasions on which a promise could be kept; up to {asked:,} customers said what they felt."
        )

    def key_numbers(self) -> pd.DataFrame:
        """The promises that are measured, worst first, in percent of occasions."""
        rows = self.register[self.register["n"] >= self.min_base].copy()
        rows = rows.assign(short=rows["estimate"] - rows["target"]).sort_values("short", kind="stable").head(4)
        for column in ("estimate", "conf_low", "conf_high"):
            rows[column] = 100 * rows[column]
        return rows.assign(label=rows["statement"], unit="%")

    def promises_shown(self) -> Iterator[Shown]:
        """The promise board: measured promises as a picture, then the whole register."""
        measured = self.register[self.register["n"] >= self.min_base].reset_index(drop=True)
        if len(measured):
            rows = measured.assign(
                label=[
                    f"{row['statement']}: {row['status']}, target {row['target']:.0%}"
                    for row in measured.to_dict("records")
                ],
                unit="%",
                **{column: 100 * measured[column] for column in ("estimate", "std_error", "conf_low", "conf_high")},
            )
            kinds = measured["status"].value_counts()
            yield {
                "name": "promises",
                "title": f"Of {len(measured)} promises that are measured "
                + list_text(f"{n} {'is' if n == 1 else 'are'} {status}" for status, n in kinds.items())
                + ".",
                "subtitle": f"Occasions on which a promise was met, percent, {100 * self.conf_level:g}% interval",
                "alt": describe("Dot plot of the share of occasions that met a promise", rows, label_col="label", unit="%"),
                "note": {
                    "Rule": "Kept where the whole interval reaches the target, broken where the whole interval lies below it",
                    "Base": f"{int(measured['n'].sum()):,} occasions; customers with several count as clusters",
                },
            }, rows  # fmt: skip

    def register_shown(self) -> Iterator[Shown]:
        if len(self.register):
            unmeasured = int((self.register["status"] == "unmeasured").sum())
            title = f"{unmeasured} of {len(self.register)} promises {'is' if unmeasured == 1 else 'are'} measured by nothing."
            shown = self.register.assign(
                share=[_percent(row) for row in self.register.to_dict("records")],
                goal=[f"{target:.0%}" for target in self.register["target"]],
                owner=self.register["owner"].where(self.register["owner"].notna(), "no owner"),
            )
            order = shown["status"].map({status: place for place, status in enumerate(STATUSES)})
            yield (
                {"title": title, "subtitle": "Every promise, its owner and what can be said of it"},
                shown.loc[order.sort_values(kind="stable").index].reset_index(drop=True),
            )

    def felt_shown(self) -> Iterator[Shown]:
        """Intended against felt, touchpoint by touchpoint."""
        if len(self.felt):
            rows = self.felt
            missed = self._felt_sentences()
            yield {
                "name": "felt",
                "title": missed[0],
                "subtitle": "Customers by the feeling they named, percent; a frame marks what is meant to be felt",
                "alt": describe(
                    "Field of emotions by touchpoint", rows, label_col="emotion", series_col="touchpoint_label", unit="%"
                ),
                "note": {
                    "Base": f"{span_text(rows['n'])} customers a touchpoint, asked directly",
                    "Interval": f"{100 * self.conf_level:g}%, in the table",
                },
            }, rows  # fmt: skip

    def image_shown(self) -> Iterator[Shown]:
        if len(self.image):
            best, worst = self.image.iloc[0].to_dict(), self.image.iloc[-1].to_dict()
            yield {
                "name": "image",
                "title": f"Customers see the brand most as {inside_text(best['label'])} ({best['estimate']:.0f}%), least as "
                f"{inside_text(worst['label'])} ({worst['estimate']:.0f}%).",
                "subtitle": f"Customers who say that it fits (two best answers), percent, {100 * self.conf_level:g}% interval",
                "alt": describe("Dot plot of image attributes", self.image, label_col="label", unit="%"),
                "note": {"Base": f"{int(self.image['n'].max()):,} customers"},
            }, self.image  # fmt: skip

    def teams_shown(self) -> Iterator[Shown]:
        if len(self.teams):
            apart = self.teams[self.teams["reading"] == "apart"]
            title = "No team can be told from the mean of all."
            if len(apart):
                title = (
                    f"{len(apart)} of {len(self.teams)} teams can be told from the mean: {list_text(apart['label'])}."
                )
            yield {
                "name": "teams",
                "title": title,
                "subtitle": "Mean satisfaction after contact by team, drawn towards the mean of all as far as its base is small",
                "alt": describe("Dot plot of satisfaction by team", self.teams, label_col="label", unit=self.teams["unit"].iloc[0]),
                "note": {
                    "Method": "Partial pooling; no ranking: neighbours cannot be told apart",
                    "Base": f"{int(self.teams['n'].sum()):,} answers; teams under {self.min_base} are left out",
                },
            }, self.teams  # fmt: skip

    def findings(self) -> list[dict[str, Any]]:
        made = []
        for row in self.register.to_dict("records"):
            shown = dict(row)
            shown |= {key: 100 * row[key] for key in ("estimate", "std_error", "conf_low", "conf_high")}
            verb = {"kept": "is kept", "broken": "is broken", "undecided": "cannot be decided"}.get(
                row["status"], "is not measured"
            )
            said = f"The promise “{row['statement']}” {verb}"
            said += f": met on {_percent(row)} of occasions, target {row['target']:.0%}." if row["n"] else "."
            made.append(
                {
                    "name": f"promise_{row['promise']}",
                    "result": {**shown, "headline": said},
                    "level": "all",
                    "target": row["touchpoint"],
                    "owner": row["owner"],
                    "unit": "%",
                    "better": "higher",
                    "definition": f"occasions that met {row['metric']} {row['threshold']}",
                    "comparable": "cumulative",
                    "label": f"Promise: {row['statement']}",
                    "attention": row["status"] in ("broken", "unmeasured"),
                }
            )
        return made


def _percent(row: Mapping[Any, Any]) -> str:
    if not np.isfinite(row["estimate"]):
        return str(row["reason"] or "not measured")
    return f"{row['estimate']:.0%} ({row['conf_low']:.0%} to {row['conf_high']:.0%})"


def _finite(value: float) -> float:
    return value if np.isfinite(value) else -1.0


def brand_experience(
    promises: Mapping[str, Promise],
    intended: Mapping[str, Emotions],
    responses: pd.DataFrame,
    items: pd.DataFrame,
    touchpoints: pd.DataFrame,
    *,
    events: pd.DataFrame | None = None,
    agents: pd.DataFrame | None = None,
    min_base: int = 30,
    conf_level: float = 0.95,
) -> BrandExperience:
    """Promises over the period's events and answers; feelings, image and wow of the newest wave that asked.

    `events` are those of the period (customer_id, touchpoint, value …), `responses` those of an open study. Raises
    `NotApplicableError` where a study has neither promises nor questions about feelings.
    """
    customers = responses[responses["perspective"] == "customer"] if len(responses) else responses
    owners = dict(zip(touchpoints["touchpoint"], touchpoints["owner"], strict=True))
    labels = dict(zip(touchpoints["touchpoint"], touchpoints["label"], strict=True))
    register = pd.DataFrame(columns=REGISTER)
    if promises:
        register = promise_register(
            promises, _observations(events, customers), min_base=min_base, conf_level=conf_level
        )
        theirs = [owners.get(name) for name in register["touchpoint"]]
        register["owner"] = pd.Series([owner if isinstance(owner, str) else None for owner in theirs], dtype=object)
    felt = _felt(customers, items, intended, labels, min_base, conf_level)
    ratings, scale = _team_ratings(customers, items, agents)
    if register.empty and felt.empty:
        raise NotApplicableError("needs [promises.…] in study.toml, or questions with the role emotion")
    return BrandExperience(
        register=register,
        felt=felt,
        image=_image(customers, items, min_base, conf_level),
        teams=team_scores(ratings, unit=scale, min_base=min_base, conf_level=conf_level),
        wow=_wow(customers, items, conf_level),
        min_base=min_base,
        conf_level=conf_level,
    )


def _observations(events: pd.DataFrame | None, customers: pd.DataFrame) -> pd.DataFrame:
    """One row an occasion: events with their values, and answers, which belong to no single touchpoint."""
    parts = [] if events is None else [events[[c for c in ("customer_id", "touchpoint", "value") if c in events]]]
    if len(customers):
        period = customers[customers["in_period"]] if "in_period" in customers else customers
        answers = period if len(period) else customers
        parts.append(answers.drop(columns=["touchpoint", "value"], errors="ignore").assign(touchpoint=None))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _newest(customers: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The answers of the newest wave that has any to these columns."""
    asked = customers.dropna(subset=columns, how="all") if columns else customers.iloc[:0]
    if asked.empty:
        return asked
    wave = asked.groupby("wave")["counted_at"].max().idxmax()
    return asked[asked["wave"] == wave]


def _felt(
    customers: pd.DataFrame,
    items: pd.DataFrame,
    intended: Mapping[str, Emotions],
    labels: Mapping[str, str],
    min_base: int,
    conf_level: float,
) -> pd.DataFrame:
    columns = ["touchpoint", "touchpoint_label", "emotion", "intended", "estimate", "std_error", "conf_low", "conf_high",
               "conf_level", "n", "unit", "reason"]  # fmt: skip
    asked = [row for row in items.to_dict("records") if row["role"] == "emotion" and row["item"] in customers]
    newest = _newest(customers, [row["item"] for row in asked])
    rows = []
    named = sorted({str(value) for row in asked for value in newest[row["item"]].dropna()}) if len(newest) else []
    for item in asked:
        answers = newest[item["item"]]
        wanted = intended[item["touchpoint"]].intended if item["touchpoint"] in intended else []
        for emotion in dict.fromkeys([*wanted, *named]):
            flags = (answers == emotion).astype(float).where(answers.notna())
            weights = newest["weight"] if "weight" in newest and newest["weight"].notna().all() else None
            row = share_row(flags, weights=weights, conf_level=conf_level)
            label = labels.get(item["touchpoint"], item["label"])
            about = {"touchpoint": item["touchpoint"], "touchpoint_label": label, "emotion": emotion}
            rows.append(about | {"intended": emotion in wanted} | row)
    return pd.DataFrame(rows, columns=columns)


def _image(customers: pd.DataFrame, items: pd.DataFrame, min_base: int, conf_level: float) -> pd.DataFrame:
    asked = [row for row in items.to_dict("records") if row["role"] == "image" and row["item"] in customers]
    newest = _newest(customers, [row["item"] for row in asked])
    rows = []
    for item in asked:
        scores = newest[item["item"]] if len(newest) else pd.Series(dtype=float)
        flags = best_answers(scores, item["low"], item["high"])
        weights = newest["weight"] if "weight" in newest and newest["weight"].notna().all() else None
        rows.append(
            {"item": item["item"], "label": item["label"]} | share_row(flags, weights=weights, conf_level=conf_level)
        )
    table = pd.DataFrame(rows)
    return table.sort_values("estimate", ascending=False, ignore_index=True) if len(table) else table


def _wow(customers: pd.DataFrame, items: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    """NPS of those with the best possible satisfaction, and of those only satisfied (second best)."""
    overall = items[(items["role"] == "satisfaction") & items["touchpoint"].isna()]
    loyal = items[(items["role"] == "loyalty") & (items["high"] == 10)]
    if overall.empty or loyal.empty:
        return pd.DataFrame()
    item, ltr = overall.iloc[0], loyal["item"].iloc[0]
    if item["item"] not in customers or ltr not in customers:
        return pd.DataFrame()
    both = customers.dropna(subset=[item["item"], ltr])
    newest = _newest(both[both["survey"] == both["survey"].mode().iloc[0]] if len(both) else both, [item["item"]])
    if newest.empty:
        return pd.DataFrame()
    score = 100.0 * (newest[ltr] >= 9) - 100.0 * (newest[ltr] <= 6)
    rows = []
    for label, level in (("Wowed", item["high"]), ("Only satisfied", item["high"] - 1)):
        inside = newest[item["item"]] == level
        share = 100 * float(inside.mean())
        rows.append({"label": label, "share": share} | mean_row(score[inside], unit="points", conf_level=conf_level))
    return pd.DataFrame(rows)


def _team_ratings(
    customers: pd.DataFrame, items: pd.DataFrame, agents: pd.DataFrame | None
) -> tuple[pd.DataFrame, str]:
    """One row a rating of a contact (team, score), and its scale. The team is the answer's own, else that of its agent.

    The rating is the satisfaction that most answers of the event survey give.
    """
    nothing = pd.DataFrame(columns=["team", "score"]), ""
    if "agent_id" not in customers or agents is None or "team" not in agents:
        return nothing
    rows = customers[customers["agent_id"].notna() & (customers["survey"] == "event")]
    asked = [name for name in items.loc[items["role"] == "satisfaction", "item"] if name in rows]
    answered = rows[asked].notna().sum()
    if answered.empty or not answered.max():
        return nothing
    asked_most = str(answered.idxmax())
    item = items.set_index("item").loc[asked_most]
    team = rows["agent_id"].map(agents.drop_duplicates("agent_id").set_index("agent_id")["team"])
    if "team" in rows:
        team = rows["team"].astype(object).where(rows["team"].notna(), team)
    return pd.DataFrame({"team": team, "score": rows[asked_most]}).dropna(), f"{item['low']:g} to {item['high']:g}"


def team_scores(
    ratings: pd.DataFrame,
    *,
    team_col: str = "team",
    score_col: str = "score",
    unit: str = "",
    min_base: int = 30,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row a team: its mean drawn towards the mean of all (empirical Bayes), with interval; no row below `min_base`.

    θ̂ = w·ȳ + (1 − w)·μ with w = n/(n + σ²within/σ²between), variances by ANOVA moments. `reading` is "apart" where the
    interval does not hold the mean of all, else "not distinguishable". Sorted by name: there is no ranking.
    """
    columns = [
        "label",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "conf_level",
        "n",
        "unit",
        "reading",
        "reason",
    ]
    counts = ratings[team_col].value_counts()
    known = ratings[ratings[team_col].isin(counts.index[counts >= min_base])]
    if known[team_col].nunique() < 2:
        return pd.DataFrame(columns=columns)
    grouped = known.groupby(team_col)[score_col]
    n, means = grouped.size().astype(float), grouped.mean()
    total, k = float(n.sum()), len(n)
    within = float(((known[score_col] - known[team_col].map(means)) ** 2).sum() / (total - k))
    overall = float(known[score_col].mean())
    n0 = (total - float((n**2).sum()) / total) / (k - 1)
    between = max((float((n * (means - overall) ** 2).sum()) / (k - 1) - within) / n0, 0.0)
    w = n * 0 if between == 0 else n / (n + within / between)
    estimate = w * means + (1 - w) * overall
    error = np.sqrt((1 - w) * between)
    half = critical_value(conf_level) * error
    table = pd.DataFrame({"label": n.index, "estimate": estimate, "std_error": error, "n": n.astype(int)})
    table = table.assign(
        conf_low=estimate - half, conf_high=estimate + half, conf_level=conf_level, unit=unit, reason=""
    )
    holds = (table["conf_low"] <= overall) & (overall <= table["conf_high"])
    table["reading"] = np.where(holds, "not distinguishable", "apart")
    return table.sort_values("label", ignore_index=True)[columns]
