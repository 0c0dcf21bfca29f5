"""What changes in what customers write: what rises or falls and since when, what is new, and what the codebook misses?

One row of `trend` is one theme and period of the report's length; `alerts` judges the newest period of every theme, counted in
shorter periods (a quarter by months), with the number of looks a year held against false alarms; `firsts` are themes and words that
were hardly known before; `proposed` are groups of words that no theme covers, to be read before they become one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from cxlab.period import Period
from cxlab.voice.comments import LEAST_COMMENTS, Comments
from cxlab.voice.quotes import readability
from cxlab.voice.sentiment import NEUTRAL
from cxlab.voice.themes import suggest_themes
from cxlab.voice.trends import Every, first_appearances, theme_alerts, theme_trends
from cxlab.wording import capital_text, describe, inside_text, list_text, number_text, period_text

Shown = tuple[dict[str, Any], pd.DataFrame]
SHORTER: dict[str, Every] = {"year": "quarter", "quarter": "month", "month": "week", "week": "week"}
_PROPOSED = 5
_LEAST_PERIODS = 6  # before which a habit is not known
_EXAMPLE_LENGTH = 160


@dataclass(frozen=True)
class Rising:
    """What changes in the comments; see the module. `every` is the length of the periods that alerts are counted in."""

    comments: Comments
    every: str
    trend: pd.DataFrame
    finer: pd.DataFrame
    alerts: pd.DataFrame
    firsts: pd.DataFrame
    proposed: pd.DataFrame

    @property
    def called(self) -> pd.DataFrame:
        """The alerts of this look, the largest change first; a heading is left out where one theme below it moved the same way."""
        rows = self.alerts[self.alerts["alert"].astype(bool)].copy()
        moved = set(zip(rows["theme"], rows["measure"], rows["direction"], strict=True))
        above = {
            (top, measure, direction)
            for theme, measure, direction in moved
            for top in self.comments.codebook.ancestors(theme)
        }
        kept = [key not in above for key in zip(rows["theme"], rows["measure"], rows["direction"], strict=True)]
        rows = rows[np.array(kept, dtype=bool)]
        return rows.reindex(rows["estimate"].abs().sort_values(ascending=False, kind="stable").index)

    def said(self, row: dict[Any, Any]) -> str:
        """One alert in words."""
        label = inside_text(self.comments.codebook.labels[row["theme"]])
        what = f"mentions of {label}" if row["measure"] == "mentions" else f"unhappy words about {label}"
        span = f"{number_text(row['before'], 1 if row['before'] < 10 else 0)}% to {number_text(row['now'], 0)}%"
        return f"{what} {'rose' if row['direction'] == 'up' else 'fell'} from {span} since {period_text(row['since'])}"

    def sentences(self) -> list[str]:
        rows = self.called.to_dict("records")
        if not rows:
            return []
        return [capital_text(list_text(self.said(row) for row in rows[:3])) + "."]

    def alerts_shown(self) -> Iterator[Shown]:
        judged = self.alerts[self.alerts["p_value"].notna()]
        if len(judged):
            rows = self.called.assign(
                label=[self.comments.codebook.labels[name] for name in self.called["theme"]],
                what=np.where(self.called["measure"] == "mentions", "Share of people", "Unhappy, of those who mention it"),
                started=[_start_words(row) for row in self.called.to_dict("records")],
                whom=[list_text(map(str, groups)) if len(groups) else "no one group" for groups in self.called["groups"]],
                difference=self.called["estimate"], unit="%",
            )  # fmt: skip
            title = "Nothing moved by more than chance and habit."
            if len(rows):
                title = capital_text(self.said(rows.to_dict("records")[0])) + "."
            level = float(judged["level"].iloc[0])
            yield {
                "name": "alerts",
                "title": title,
                "subtitle": f"Themes whose newest level differs from their own past, by {self.every}; percent of people, "
                f"{100 * self.comments.conf_level:g}% interval",
                "note": {
                    "Test": f"{len(judged)} series; periods differ by more than chance alone, which is allowed for; Benjamini–Hochberg "
                    f"at {number_text(100 * level, 1)}%",
                    "False alarms": "One in two years of looks is expected where nothing changes",
                    "Read": "What is found is a little too large, because luck is found too",
                },
            }, rows.reset_index(drop=True)  # fmt: skip

    def trend_shown(self) -> Iterator[Shown]:
        """The themes of the alerts, else the two most frequent: in shorter periods where there are enough, else in the report's own."""
        names = list(dict.fromkeys(self.called.loc[self.called["measure"] == "mentions", "theme"]))[:2]
        newest = self.trend[self.trend["period"] == self.trend["period"].iloc[-1]] if len(self.trend) else self.trend
        names = names or list(newest.sort_values("estimate", ascending=False, kind="stable")["theme"])[:2]
        rows = self.trend[self.trend["theme"].isin(names)]
        known = rows[rows["estimate"].notna()]
        if known["period"].nunique() > 1:
            last = known[known["period"] == known["period"].iloc[-1]]
            said = list_text(f"{inside_text(row['label'])} {row['estimate']:.0f}%" for row in last.to_dict("records"))
            yield {
                "name": "trend",
                "title": f"Share of comments in {last['period'].iloc[-1]}: {said}.",
                "subtitle": f"Share of comments that mention a theme, by {self.comments.length}, percent, "
                f"{100 * self.comments.conf_level:g}% interval",
                "alt": describe("Line of the share of comments by theme", rows, label_col="period", series_col="label", unit="%"),
                "note": {"Base": f"{int(rows['n'].min()):,} to {int(rows['n'].max()):,} comments a {self.comments.length}"},
            }, rows.reset_index(drop=True)  # fmt: skip

    def firsts_shown(self) -> Iterator[Shown]:
        if len(self.firsts):
            labels = self.comments.codebook.labels
            rows = self.firsts.assign(
                label=[
                    labels.get(row["name"], row["name"])
                    if row["kind"] == "theme"
                    else "“" + "”, “".join(row["terms"][:4]) + "”"
                    for row in self.firsts.to_dict("records")
                ],
                what=np.where(self.firsts["kind"] == "theme", "Theme", "Words"),
                day=[pd.Timestamp(day).strftime("%-d %B %Y") for day in self.firsts["first"]],
                unit="%",
            )
            top = rows.to_dict("records")[0]
            yield {
                "name": "first_appearances",
                "title": f"New since {top['day']}: {inside_text(top['label'])}, in the comments of {number_text(top['estimate'], 1)}% of "
                "people.",
                "subtitle": "Themes and words that hardly anybody used before, percent of people who use them now",
                "note": {"Test": "Each theme and each word against all its uses so far, Benjamini–Hochberg; at least five people"},
            }, rows  # fmt: skip

    def proposed_shown(self) -> Iterator[Shown]:
        if len(self.proposed):
            texts = self.comments.rows["text"]
            rows = self.proposed.assign(
                words=[", ".join(terms[:6]) for terms in self.proposed["terms"]],
                percent=100 * self.proposed["share"],
                example=[_example(texts.iloc[list(places)]) for places in self.proposed["examples"]],
            )
            yield (
                {
                    "name": "proposed",
                    "title": f"Of the comments that no theme covers, {number_text(int(rows['n'].iloc[0]))} share words that the "
                    "codebook lacks.",
                    "subtitle": "Groups of words found by factorisation of what is not covered: proposals to read, no themes",
                    "folded": True,
                },
                rows.drop(columns=["terms", "examples"]),
            )


def rising(comments: Comments) -> Rising:
    """What changes in the comments up to the end of a period."""
    rows = comments.rows[comments.rows["scored"]]
    mentions = comments.mentions[comments.mentions["text_id"].isin(rows.index)]
    mentions = mentions.assign(unhappy=mentions["score"] <= -NEUTRAL)
    every = SHORTER[comments.length]
    dated = (
        rows[rows["counted_at"].notna()]
        if "counted_at" in rows
        else rows.iloc[:0].assign(counted_at=pd.Series(dtype="datetime64[us, UTC]"))
    )
    until = Period.parse(comments.period) if comments.period else None
    last = str(Period.containing(until.after - timedelta(days=1), every)) if until else None
    alerts, finer = pd.DataFrame(), pd.DataFrame()
    if len(dated):
        finer = theme_trends(mentions, dated, every=every, negative_col="unhappy", until=last, min_base=comments.min_base,
                             conf_level=comments.conf_level)  # fmt: skip
        by = (
            theme_trends(mentions, dated, every=every, negative_col="unhappy", until=last, by="segment", min_base=comments.min_base,
                         conf_level=comments.conf_level)
            if comments.segments
            else None
        )  # fmt: skip
        if finer["period"].nunique() >= _LEAST_PERIODS:
            alerts = theme_alerts(
                finer,
                by=by,
                min_base=comments.min_base,
                conf_level=comments.conf_level,
                random_state=comments.random_state,
            )
    if alerts.empty:
        alerts = pd.DataFrame(
            columns=["theme", "measure", "alert", "direction", "estimate", "p_value", "groups", "since", "level"]
        )
    return Rising(
        comments=comments,
        every=every,
        trend=_trend(comments, mentions, dated, until),
        finer=finer,
        alerts=alerts,
        firsts=_firsts(comments, mentions, dated),
        proposed=suggest_themes(
            comments.rows["text"].where(comments.inside, None),
            comments.codebook,
            n_themes=_PROPOSED,
            random_state=comments.random_state,
        ),
    )


def _trend(comments: Comments, mentions: pd.DataFrame, dated: pd.DataFrame, until: Period | None) -> pd.DataFrame:
    """Every theme in periods of the report's length that have enough comments."""
    columns = [
        "period",
        "theme",
        "label",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "conf_level",
        "n",
        "unit",
        "reason",
    ]
    if dated.empty:
        return pd.DataFrame(columns=columns)
    found = theme_trends(mentions, dated, every=comments.length, until=str(until) if until else None, min_base=LEAST_COMMENTS // 2,
                         conf_level=comments.conf_level)  # fmt: skip
    found = found[found["n"] >= LEAST_COMMENTS / 2]
    return found.assign(label=found["theme"].map(comments.codebook.labels))[columns].reset_index(drop=True)


def _firsts(comments: Comments, mentions: pd.DataFrame, dated: pd.DataFrame) -> pd.DataFrame:
    """What was hardly known before this period; nothing where there is no earlier comment."""
    now = dated[dated["now"].astype(bool)]
    if now.empty or len(now) == len(dated):
        return pd.DataFrame()
    since = now["counted_at"].min().date()
    own = dated[dated["counted_at"] <= now["counted_at"].max()]
    return first_appearances(own, mentions, since=since, conf_level=comments.conf_level)


def _start_words(row: dict[Any, Any]) -> str:
    """Since when, with the plausible starts."""
    said = period_text(row["since"])
    if row.get("older"):
        return f"{said} or before"
    if row["earliest"] and row["earliest"] != row["latest"]:
        return f"{said} ({period_text(row['earliest'])} to {period_text(row['latest'])})"
    return said


def _example(texts: pd.Series) -> str:
    """The first comment that can be read aloud, cut at a word; none where there is no such."""
    fit = [text for text in texts if readability(text) > 0]
    if not fit:
        return ""
    text = fit[0]
    if len(text) <= _EXAMPLE_LENGTH:
        return text
    return text[:_EXAMPLE_LENGTH].rsplit(" ", 1)[0] + " …"
