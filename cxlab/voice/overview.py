"""What customers say, with what feeling, about what, what it goes with in loyalty, and what is new: all that 06 shows.

`voice_of_customer` reads the comments of an open study once (`Comments`) and asks of them four questions: `Feeling`, `Subjects`,
`Rising`, and which themes hurt most and in whose words. One row of `worst` is one of the themes that hurt most, of `quotes` one masked
quote. What names single customers is given by `restricted` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cxlab.config import Promise
from cxlab.voice.calls import CallList, KeyAccounts, customers_to_call, key_accounts
from cxlab.voice.comments import Comments, read_comments
from cxlab.voice.feeling import Feeling, feeling
from cxlab.voice.hand_coded import HandCoded, coded_sentiment, coding_of, hand_coded
from cxlab.voice.impact import worst_themes
from cxlab.voice.quotes import quotes
from cxlab.voice.rising import Rising, rising
from cxlab.voice.sentiment import labels_of_ratings
from cxlab.voice.subjects import Subjects, subjects
from cxlab.voice.themes import Codebook
from cxlab.wording import list_text, period_text

Shown = tuple[dict[str, Any], pd.DataFrame]
_QUOTED = 12  # themes
_REVIEW = ["comment_id", "text", "score", "label", "probability"]


@dataclass(frozen=True)
class VoiceOfCustomer:
    """The answers of 06. `worst` has the columns of the themes and since, whom, quote; `quotes` label, feeling, quote, n."""

    read: Comments
    felt: Feeling
    about: Subjects
    news: Rising
    worst: pd.DataFrame
    quotes: pd.DataFrame
    calls: CallList
    accounts: KeyAccounts | None
    coded: HandCoded

    # -------------------------------------------------------------------------------------------------------- in words

    def headline(self) -> str:
        return self.about.headline(self.felt.negative)

    def sentences(self) -> list[str]:
        said = [
            *self.worst["sentence"].iloc[1:],
            *self.news.sentences(),
            *self.felt.sentences(),
            *self.about.sentences(),
            *self.coded.sentences(),
        ]
        if self.read.loyalty is not None and not len(self.about.costly):
            said.append(f"No theme clearly goes with a lower {self.about.metric}.")
        n = self.felt.n_left_out
        if n:
            said.append(f"{n:,} comment{' is' if n == 1 else 's are'} counted and not scored, mostly for the language.")
        return said

    def base_sentence(self) -> str:
        return (
            f"{self.read.n:,} comments of {self.read.period or 'all periods'}, codebook “{self.read.codebook.name}”; names and numbers "
            "are masked."
        )

    def key_numbers(self) -> pd.DataFrame:
        rows = self.felt.shares.set_index("label").loc[["negative", "positive"]].reset_index()
        return rows.assign(label=[f"{label.capitalize()} comments" for label in rows["label"]], unit="%")

    @property
    def unit(self) -> str:
        return self.about.unit

    @property
    def decimals(self) -> int:
        return self.about.decimals

    # -------------------------------------------------------------------------------------------------------- exhibits

    def worst_shown(self) -> Iterator[Shown]:
        rows = self.worst
        if len(rows):
            named = list_text(rows["label"])
            lost = list_text(self.about.lost(row, "estimate") for row in rows.to_dict("records"))
            one = len(rows) == 1
            yield {
                "name": "worst",
                "title": f"{named} hurt{'s' if one else ''} most: {self.about.the_metric} would be {lost} higher without those who "
                f"mention {'it' if one else 'them'}.",
                "subtitle": f"Themes that clearly go with a lower {self.about.metric}; {self.about.metric} of all less that of those who "
                f"do not mention it, {100 * self.read.conf_level:g}% interval",
                "note": {
                    "Read": "The losses overlap, because one person may mention several themes: they do not add up",
                    "Since": f"When its mentions left their past level, by {self.news.every}; “as ever” where they did not clearly",
                    "For whom": "The group in which it goes with the largest loss, where groups clearly differ",
                    "Quotes": f"Masked; none from fewer than {self.read.min_base} people",
                },
            }, rows  # fmt: skip

    def quotes_shown(self) -> Iterator[Shown]:
        if len(self.quotes):
            yield {
                "name": "quotes",
                "title": f"{self.quotes['label'].nunique()} themes in the words of customers, masked.",
                "subtitle": "For each theme a comment near to what all its comments say, and one that says something else; of the "
                f"feeling that most have by their rating and their words. None from fewer than {self.read.min_base} people",
            }, self.quotes  # fmt: skip

    def restricted(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """The lists that name single customers: whom to call, the accounts, the comments whose feeling is least sure."""
        if self.calls.n:
            yield "voice_calls", self.calls.to_frame()
        if self.accounts is not None and len(self.accounts.to_frame()):
            yield "voice_accounts", self.accounts.to_frame()
        if len(self.coded.sheet):
            yield "voice_coding_sheet", self.coded.sheet
        unsure = self.read.rows[self.read.inside & self.read.rows["uncertain"].fillna(False).to_numpy(dtype=bool)]
        if len(unsure):
            yield "voice_review", unsure.sort_values("probability", kind="stable")[_REVIEW]

    def findings(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = [
            {
                "name": "negative_comments",
                "result": {**row, "headline": f"{row['estimate']:.0f}% of comments are negative."},
                "level": "all",
                "unit": "%",
                "better": "lower",
                "definition": f"share of comments read as negative by the {self.read.sentiment.method}",
                "comparable": "independent",
                "label": "Negative comments",
            }
            for row in self.felt.shares[self.felt.shares["label"] == "negative"].to_dict("records")
        ]
        return made + self.about.findings()

    # --------------------------------------------------------------------------------- what a researcher looks at first

    feeling = property(lambda self: self.felt.shares)
    themes = property(lambda self: self.about.themes)
    trend = property(lambda self: self.news.trend)
    proposed = property(lambda self: self.news.proposed)
    scores = property(lambda self: self.read.scores_product())
    mentions = property(lambda self: self.read.mentions_product())
    rising = property(lambda self: self.about.rising)
    coverage = property(lambda self: self.about.coverage)
    n = property(lambda self: self.read.n)
    n_not_scored = property(lambda self: self.felt.n_left_out)


def voice_of_customer(
    comments: pd.DataFrame,
    codebook: Codebook,
    *,
    responses: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    accounts: pd.DataFrame | None = None,
    membership: pd.DataFrame | None = None,
    segment_col: str = "",
    promises: Mapping[str, Promise] | None = None,
    decisions: Path | None = None,
    period: str = "",
    rating_scale: tuple[float, float] | None = None,
    n_boot: int = 1000,
    min_base: int = 30,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> VoiceOfCustomer:
    """What the comments of a period say, with everything before it as background.

    Takes and refuses what `read_comments` does. `responses` with a question about loyalty (0 to 10) give the impact, linked by
    response_id; without them the rating of the comments does, else the feeling that people read in them. `n_boot` shuffles give the
    intervals of the impact. `accounts` say who is a key account and who renews.
    """
    coding = coding_of(decisions, codebook)
    read = read_comments(
        comments, codebook, responses=responses, items=items, membership=membership, customers=customers, segment_col=segment_col,
        coded=coded_sentiment(coding), promises=promises, decisions=decisions,
        period=period, rating_scale=rating_scale, conf_level=conf_level,
        min_base=min_base, random_state=random_state,
    )  # fmt: skip
    about, news = subjects(read, n_boot=n_boot), rising(read)
    said = _quotes(read, about)
    asked: dict[str, Any] = {"customers": customers, "accounts": accounts, "labels": codebook.labels}
    inside = read.rows[read.inside]
    return VoiceOfCustomer(
        read=read,
        felt=feeling(read),
        about=about,
        news=news,
        worst=_worst(read, about, news, said),
        quotes=said,
        calls=customers_to_call(inside, inside[["score", "label"]], read.mentions, read.own(read.cues), **asked),
        accounts=key_accounts(inside, inside[["score", "label"]], read.mentions, **asked)
        if accounts is not None
        else None,
        coded=hand_coded(read, coding),
    )


def _quotes(read: Comments, about: Subjects) -> pd.DataFrame:
    """Up to two quotes a theme of the top level, of the feeling that most of its comments have.

    What people feel is what they rated and wrote, of those with whom both are the same; of all, by their words, where those are fewer
    than `min_base`.
    """
    tops = about.themes[about.themes["parent"].isna()].sort_values("share", ascending=False, kind="stable")
    names = list(dict.fromkeys([*about.costly["theme"], *tops["theme"]]))[:_QUOTED]
    own = read.own(read.mentions)
    rows = read.rows[read.inside]
    found = quotes(
        rows["text"], own[own["theme"].isin(names)], people=rows["person"], feelings=_feelings(read, names), labels=rows["label"],
        min_base=read.min_base, n=2, random_state=read.random_state,
    )  # fmt: skip
    order = {name: place for place, name in enumerate(names)}
    found = found.assign(
        label=found["theme"].map(read.codebook.labels), quote=[f"“{quote}”" for quote in found["quote"]]
    )
    return found.sort_values("theme", key=lambda themes: themes.map(order), kind="stable", ignore_index=True)


def _feelings(read: Comments, names: list[str]) -> dict[str, str]:
    """The feeling of most comments of each theme."""
    by_rating = labels_of_ratings(read.rows["rating"].astype(float), read.rating_scale) if read.rating_scale else None
    made = {}
    for name in names:
        words = read.rows["label"][read.has[name] & read.inside]
        alike = words[words == by_rating[words.index]] if by_rating is not None else words.iloc[:0]
        labels = alike if len(alike) >= read.min_base else words
        if len(labels):
            made[name] = str(labels.mode().iloc[0])
    return made


def _worst(read: Comments, about: Subjects, news: Rising, said: pd.DataFrame) -> pd.DataFrame:
    """One row a theme that hurts most, with since when, for whom and a quote."""
    if read.loyalty is None or about.themes.empty:
        return pd.DataFrame(columns=["theme", "label", "estimate", "sentence"])
    tops = about.themes[about.themes["parent"].isna() & about.themes["impact"].notna()]
    cost = tops.rename(columns={"estimate": "_"}).assign(
        estimate=tops["impact"], conf_low=tops["impact_low"], conf_high=tops["impact_high"], q_value=tops["impact_q"], n=tops["impact_n"],
        n_all=len(read.loyalty.scores),
    )  # fmt: skip
    segments = about.by_group[about.by_group["kind"] == "segment"]
    found = worst_themes(
        cost, news.alerts if "since" in news.alerts and len(news.alerts) else None, segments if len(segments) else None,
        labels=read.codebook.labels, score=about.the_metric.split(" (")[0], unit=about.unit,
    )  # fmt: skip
    quote = said.drop_duplicates("theme").set_index("theme")["quote"]
    return found.assign(
        since_words=[_since(row, news) for row in found.to_dict("records")],
        whom_words=[_whom(row) for row in found.to_dict("records")],
        quote=found["theme"].map(quote).fillna("–"),
        unit=about.unit,
    )


def _since(row: Mapping[Any, Any], news: Rising) -> str:
    """Since when people mention it more or less often."""
    if news.alerts.empty:
        return f"not known: too few {news.every}s"
    if not row.get("direction"):
        return "as ever"
    way = "more" if row["direction"] == "up" else "less"
    return f"{way} often since {period_text(row['since'])}"


def _whom(row: Mapping[Any, Any]) -> str:
    group = row.get("costs_most")
    return str(group) if isinstance(group, str) and group else "everybody alike"
