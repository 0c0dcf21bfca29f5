"""Is the event survey asked in time, and not too often? How late answers come, whether they differ, and the contact rule.

An event survey is worth asking while the contact is remembered. `event_timing` takes the answers of an open study, its event log
and its invitations, and returns what a page shows of them; it is empty for a study without an event survey. Answers are never
pooled with those of another survey.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cxlab.survey.contacts import (
    AlertQueue,
    AnswerLags,
    ContactRule,
    LagDecay,
    alert_queue,
    answer_lag,
    contact_rule,
    lag_bands,
    lag_decay,
    spoken,
)
from cxlab.survey.tracking import label_of
from cxlab.wording import SURVEY_WORDS, capital_text, describe, inside_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_ANSWERS = 100


@dataclass(frozen=True)
class EventTiming:
    """`lags` are the lags of all answers that name their event, `bands` has one row a band of the lag (satisfied customers,
    percent), `decay` the slope, `rule` what the invitations of all surveys say of the contact rule; None where there is none."""

    lags: AnswerLags | None
    bands: pd.DataFrame
    decay: LagDecay | None
    rule: ContactRule | None
    label: str
    conf_level: float
    min_base: int
    queue: AlertQueue | None = None
    waiting: pd.DataFrame = field(default_factory=pd.DataFrame)

    def sentences(self) -> list[str]:
        """What the page says of it up front: only what asks for something."""
        said = []
        if self.decay is not None and self.decay.p_value < 1 - self.conf_level:
            said.append(f"{capital_text(self.label)}: {inside_text(self.decay.headline())}")
        if self.rule is not None and self.rule.n_breaking:
            said.append(self.rule.headline())
        return said

    def lags_shown(self) -> Iterator[Shown]:
        """Satisfied customers by how late they answered."""
        if self.lags is None or self.decay is None:
            return
        note = {"Lag": self.lags.headline(), "Slope": self.decay.headline()}
        yield {
            "name": "event_lags",
            "title": self._title(),
            "subtitle": f"Satisfied customers (two best answers), percent, by the time from the contact to the answer, "
            f"{100 * self.conf_level:g}% interval",
            "alt": describe(
                "Dot plot of satisfied customers by the time to the answer", self.bands, label_col="label", unit="%",
                min_base=self.min_base,
            ),
            "note": note,
        }, self.bands  # fmt: skip

    def alerts_shown(self) -> Iterator[Shown]:
        """How many unhappy answers of the period ask for a call, by touchpoint; it names nobody."""
        if self.queue is None or not self.queue.n:
            return
        most: Any = self.waiting.iloc[0]
        where = f", most after {inside_text(str(most['label']))} ({most['n']:,})" if len(self.waiting) > 1 else ""
        yield (
            {
                "name": "alerts",
                "title": f"{self.queue.n:,} unhappy answers of the period ask for a call{where}.",
                "subtitle": "Answers of the two worst kinds in the event survey, by touchpoint, and how long they wait at the end of the "
                "period",
                "note": {
                    "Rule": f"A call within {spoken(self.queue.within)} of the answer; who was called already is not recorded",
                    "List": "Who they are stands in the restricted list of 10",
                    "Not callable": f"{self.queue.n_uncallable:,} unhappy answers name no customer",
                },
            },
            self.waiting,
        )

    def _title(self) -> str:
        assert self.decay is not None
        if not self.decay.p_value < 1 - self.conf_level:
            return f"{capital_text(self.label)} does not clearly change with the time to the answer."
        side = "less" if self.decay.estimate < 0 else "more"
        return f"{capital_text(self.label)}: who answers late is {side} content."

    def rule_shown(self) -> Iterator[Shown]:
        """Invitations that came too soon after another, by survey."""
        if self.rule is not None and self.rule.n:
            rows = self.rule.to_frame()
            words = {
                "name": "contact_rule",
                "title": self.rule.headline(),
                "subtitle": "Invitations by survey, and those that came too soon after another of any survey",
            }
            yield words, rows.assign(label=[capital_text(SURVEY_WORDS.get(name, name)) for name in rows["survey"]])


def event_timing(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    *,
    events: Any = None,
    invitations: pd.DataFrame | None = None,
    contact_days: float = 30,
    now: pd.Timestamp | None = None,
    call_back_within: str = "2d",
    conf_level: float = 0.95,
    min_base: int = 30,
) -> EventTiming:
    """The lags of the event survey and the contact rule of all surveys.

    `responses` and `items` are those of an open study, `events` its log (an Ibis table or a DataFrame) with event_id and
    timestamp, `invitations` who was asked when; `contact_days` is the shortest time between two invitations of one customer.
    Unhappy answers of the period wait at `now` for a call within `call_back_within`; without `now` they are not counted. An
    answer from before its event has no lag and is counted.
    """
    rule = None
    if invitations is not None and {"customer_id", "invited_at"} <= set(invitations):
        rule = contact_rule(invitations, days=contact_days)
    nothing = EventTiming(None, pd.DataFrame(), None, rule, "", conf_level, min_base)
    if events is None or not {"event_id", "submitted_at"} <= set(responses):
        return nothing
    rows = responses[(responses["survey"] == "event") & (responses["perspective"] == "customer")]
    overall = items[(items["role"] == "satisfaction") & items["touchpoint"].isna() & items["low"].notna()]
    asked: list[dict[str, Any]] = [
        {str(key): value for key, value in row.items()}
        for row in overall.to_dict("records")
        if row["item"] in rows and rows[row["item"]].notna().any()
    ]
    if len(rows) < LEAST_ANSWERS or not asked or rows["event_id"].notna().sum() < LEAST_ANSWERS:
        return nothing
    item, scale = asked[0]["item"], (float(asked[0]["low"]), float(asked[0]["high"]))
    lags = answer_lag(rows, _named(events, rows["event_id"]), negative="leave_out")
    if lags.n < LEAST_ANSWERS:
        return nothing
    touchpoints = rows.get("touchpoint")
    clusters = rows.get("customer_id")
    bands = lag_bands(lags.lag, rows[item], scale, clusters=clusters, conf_level=conf_level)
    bands = bands[(bands["metric"] == "top_box") & (bands["n"] > 0)].assign(label=bands["band"]).reset_index(drop=True)
    decay = lag_decay(rows[item], lags.lag, touchpoints, clusters=clusters, conf_level=conf_level)
    queue = _queue(rows, str(item), scale, now, call_back_within)
    label = label_of(str(item), asked[0])
    return EventTiming(lags, bands, decay, rule, label, conf_level, min_base, queue, _waiting(rows, queue))


def _queue(
    rows: pd.DataFrame, item: str, scale: tuple[float, float], now: pd.Timestamp | None, within: str
) -> AlertQueue | None:
    """The answers of the period that are among the two worst, and whose customer is known."""
    if now is None or "in_period" not in rows or "customer_id" not in rows:
        return None
    mine = rows[rows["in_period"] & rows["submitted_at"].notna()]
    return alert_queue(
        mine, score_col=item, at_most=scale[0] + 1, now=now, within=pd.Timedelta(within.replace("d", "D"))
    )


def _waiting(rows: pd.DataFrame, queue: AlertQueue | None) -> pd.DataFrame:
    """One row a touchpoint: label, n, n_overdue, median_hours (how long they wait)."""
    if queue is None or not queue.n:
        return pd.DataFrame()
    about = rows.set_index("response_id")["touchpoint"] if "touchpoint" in rows else pd.Series(dtype=object)
    where = queue.frame["response_id"].map(about).fillna("no touchpoint").astype(str)
    waited = (queue.now - queue.frame["submitted_at"]).dt.total_seconds() / 86_400
    table = queue.frame.assign(touchpoint=where, waited=waited).groupby("touchpoint", sort=False)
    counts = table.agg(n=("response_id", "size"), n_overdue=("overdue", "sum"), median_days=("waited", "median"))
    counts = counts.sort_values("n", ascending=False, kind="stable").reset_index()
    return counts.assign(
        label=counts["touchpoint"].str.replace("_", " ").map(capital_text), median_days=counts["median_days"].round(1)
    )


def _named(events: Any, ids: pd.Series) -> pd.DataFrame:
    """The moments of the events that somebody answered about; the rest of a log of millions is not read.

    A row that an export holds twice counts once; an event at two moments is not certain, and its answers have no lag.
    """
    wanted = ids.dropna().unique().tolist()
    if isinstance(events, pd.DataFrame):
        found = events.loc[events["event_id"].isin(wanted), ["event_id", "timestamp"]]
    else:
        found = events.filter(events["event_id"].isin(wanted)).select("event_id", "timestamp").to_pandas()
    return found.drop_duplicates().drop_duplicates("event_id", keep=False)
