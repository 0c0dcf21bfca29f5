"""The comments of a study, read once: in which language, with what feeling, about what, and what their writers think of the company.

One row of `Comments.rows` is one comment, one of `mentions` one place where a theme is named (the themes above it included), one of
`cues` one phrase that shows effort, delight, a pain point. Feeling is said by the lexicon, or by a classifier trained on what people
read in the study's own comments or on the ratings beside them, but only where that is shown to be better. Comments in another
language than the codebook's are counted and not scored. Everything that 06 shows is computed from this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.config import Promise
from cxlab.period import Length, Period, labels_of
from cxlab.problems import NotApplicableError, ParameterError, did_you_mean
from cxlab.voice.aspects import aspect_sentiment
from cxlab.voice.calibration import CalibratedSentiment, calibrate_sentiment
from cxlab.voice.cues import cues
from cxlab.voice.emotions import EMOTIONS, emotions
from cxlab.voice.languages import NAMES, scorable
from cxlab.voice.sentiment import LABELS
from cxlab.voice.themes import Codebook
from cxlab.voice.word_lists import BUILT_IN, WordList, lexicon_for, score_with_lexicon

LEAST_COMMENTS = 100
MOST_SEGMENTS = 12  # more values than this are no groups of people
Metric = Literal["nps", "mean"]
_COLUMNS = ("customer_id", "response_id", "rating", "touchpoint", "segment", "coded_sentiment")


@dataclass(frozen=True)
class WordListSentiment:
    """The feeling of a language that is read with a study's own list of words. It is checked against nothing."""

    words: WordList
    method: Literal["lexicon"] = "lexicon"
    agreement: pd.DataFrame = field(default_factory=pd.DataFrame)
    confusion: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def reason(self) -> str:
        return f"The feeling is read with the study's own words ({self.words.name}), and was not checked."

    def sentences(self) -> list[str]:
        return [self.reason]

    def predict(self, texts: Sequence[str] | pd.Series) -> pd.DataFrame:
        """One row a text: score, label, probability (NaN), uncertain (never)."""
        return score_with_lexicon(texts, self.words).assign(probability=np.nan, uncertain=False)


@dataclass(frozen=True)
class Loyalty:
    """What the writers think of the company: one score a respondent.

    `scores` and `customers` are indexed by respondent; `who` gives the respondent of each comment (missing where no score is known).
    `label` and `unit` say what the score is: "NPS" in "points", "mean rating" on "1 to 10", "net feeling" (share positive less share
    negative) in "points".
    """

    scores: pd.Series
    customers: pd.Series
    who: pd.Series
    metric: Metric
    label: str
    unit: str

    def of(self, mentions: pd.DataFrame) -> pd.DataFrame:
        """Mentions of comments as mentions of respondents: text_id is the respondent, each theme once."""
        own = mentions.assign(text_id=mentions["text_id"].map(self.who).astype(object))
        return own[own["text_id"].notna()].drop_duplicates(["text_id", "theme"])

    def by(self, column: pd.Series) -> pd.Series:
        """A column of the comments (segment, touchpoint) for each respondent: what the first of their comments says."""
        told = pd.DataFrame({"who": self.who, "value": column}).dropna().drop_duplicates("who")
        return told.set_index("who")["value"].reindex(self.scores.index)


@dataclass(frozen=True)
class Comments:
    """What is known of every comment up to the end of a period.

    `rows` is indexed by text_id and holds the columns of the export, and now (of the period), stretch (the period of that length in which
    it was written), person, language, scored, why_not (why not scored), score (−1 to 1), label, probability, uncertain and the eight
    emotions. `before` is the stretch that this period is compared with, "" where there is none.
    """

    codebook: Codebook
    rows: pd.DataFrame
    mentions: pd.DataFrame
    cues: pd.DataFrame
    sentiment: CalibratedSentiment | WordListSentiment
    loyalty: Loyalty | None
    rating_scale: tuple[float, float] | None
    period: str
    length: Length
    before: str
    segments: bool
    conf_level: float
    min_base: int
    random_state: int

    @cached_property
    def inside(self) -> npt.NDArray[np.bool_]:
        """The comments of the period that are scored."""
        return (self.rows["now"] & self.rows["scored"]).to_numpy(dtype=bool)

    @cached_property
    def earlier(self) -> npt.NDArray[np.bool_]:
        """The scored comments of the stretch before."""
        if not self.before:
            return np.zeros(len(self.rows), dtype=bool)
        told = (self.rows["stretch"] == self.before) & self.rows["scored"] & ~self.rows["now"]
        return told.to_numpy(dtype=bool)

    @cached_property
    def has(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Theme → which comments mention it."""
        texts = {theme: part.unique() for theme, part in self.mentions.groupby("theme", sort=False)["text_id"]}
        return {theme: self.rows.index.isin(texts.get(theme, [])) for theme in self.codebook.labels}

    @cached_property
    def people(self) -> pd.Series | None:
        """Whose each comment is, where customers are known: the clusters of every interval."""
        return self.rows["person"] if self.rows["customer_id"].notna().any() else None

    @property
    def n(self) -> int:
        return int(self.inside.sum())

    def own(self, mentions: pd.DataFrame, which: npt.NDArray[np.bool_] | None = None) -> pd.DataFrame:
        """The mentions (or cues) of some comments, those of the period unless said."""
        return mentions[mentions["text_id"].isin(self.rows.index[self.inside if which is None else which])]

    def clusters(self, which: npt.NDArray[np.bool_]) -> pd.Series | None:
        return None if self.people is None else self.people[which]

    def scores_product(self) -> pd.DataFrame:
        """The product `comment_scores`: comment_id, customer_id, score, label, probability, uncertain, language, method, emotions."""
        made = self.rows[["comment_id", "customer_id", "score", "label", "probability", "uncertain", "language"]]
        return made.assign(method=self.sentiment.method, **{name: self.rows[name] for name in EMOTIONS})

    def mentions_product(self) -> pd.DataFrame:
        """The product `theme_assignments`: comment_id, theme, start, end, match, score and label of the clause, scope."""
        ids = self.rows["comment_id"].reindex(self.mentions["text_id"]).to_numpy()
        return self.mentions.assign(comment_id=ids).drop(columns="text_id").reset_index(drop=True)


def read_comments(
    comments: pd.DataFrame,
    codebook: Codebook,
    *,
    responses: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    membership: pd.DataFrame | None = None,
    customers: pd.DataFrame | None = None,
    segment_col: str = "",
    coded: pd.Series | None = None,
    promises: Mapping[str, Promise] | None = None,
    decisions: Path | None = None,
    period: str = "",
    rating_scale: tuple[float, float] | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
    random_state: int = 0,
) -> Comments:
    """Read the comments of an open study: those of the period, with everything before it as background.

    `comments`: comment_id, text, source, and where known customer_id, response_id, rating, touchpoint, segment, coded_sentiment,
    counted_at, in_period. `coded` is what people read in them (comment_id → label), beside the column coded_sentiment. Segments are
    those of the column `segment_col` of the comments or of `customers`, else of the column segment, else of `membership` (customer_id,
    segment_id).
    A codebook in another language than English needs lexicon.LANGUAGE.txt in `decisions`. Raises `NotApplicableError` where fewer than a
    hundred comments can be scored, `ParameterError` for a `segment_col` that is nowhere.
    """
    rows = comments[comments["text"].notna()].reset_index(drop=True)
    for column in _COLUMNS:
        if column not in rows:
            rows[column] = None
    rows["now"] = rows["in_period"].astype(bool) if "in_period" in rows else True
    rows["person"] = _people(rows["customer_id"])
    rows["segment"] = _segments(rows, membership, customers, segment_col)
    told = scorable(rows["text"], codebook.language)
    rows["language"], rows["scored"], rows["why_not"] = told["language"], told["scored"], told["reason"]
    inside = (rows["now"] & rows["scored"]).to_numpy(dtype=bool)
    if inside.sum() < LEAST_COMMENTS:
        raise NotApplicableError(
            f"needs {LEAST_COMMENTS} comments in the language of the codebook; there are {int(inside.sum())}"
        )
    length: Length = Period.parse(period).length if period else "quarter"
    rows["stretch"] = _stretches(rows, length)
    scale = rating_scale or _rating_scale(rows["rating"])
    texts = rows["text"].where(rows["scored"])
    rows["coded_sentiment"] = _gold(rows, coded)
    sentiment = _sentiment(texts, rows, scale, codebook.language, decisions, random_state)
    rows = rows.join(sentiment.predict(texts)[["score", "label", "probability", "uncertain"]])
    english = codebook.language == BUILT_IN
    felt = emotions(texts) if english else pd.DataFrame(dict.fromkeys(EMOTIONS, pd.NA), index=rows.index)
    rows = rows.join(felt[list(EMOTIONS)].astype("boolean"))
    found = codebook.assign(texts)
    said = aspect_sentiment(texts, found)[["score", "label", "scope"]]
    mentions = codebook.roll_up(found.assign(score=said["score"], label=said["label"], scope=said["scope"]))
    return Comments(
        codebook=codebook,
        rows=rows,
        mentions=mentions,
        cues=cues(texts if english else texts.iloc[:0], promises=promises),
        sentiment=sentiment,
        loyalty=_loyalty(rows, inside, responses, items, scale),
        rating_scale=scale,
        period=period,
        length=length,
        before=_before(rows),
        segments=bool(rows.loc[inside, "segment"].nunique() > 1),
        conf_level=conf_level,
        min_base=min_base,
        random_state=random_state,
    )


def _sentiment(
    texts: pd.Series,
    rows: pd.DataFrame,
    scale: tuple[float, float] | None,
    language: str,
    decisions: Path | None,
    random_state: int,
) -> CalibratedSentiment | WordListSentiment:
    words = lexicon_for(language, decisions)
    if words is not None:
        return WordListSentiment(words)
    if language != BUILT_IN:
        raise NotApplicableError(
            f"the codebook is in {NAMES.get(language, language)}, and the study has no list of its words: needs "
            f"decisions/lexicon.{language}.txt"
        )
    gold = rows["coded_sentiment"]
    return calibrate_sentiment(
        texts,
        ratings=rows["rating"].where(rows["scored"]) if scale else None,
        gold=gold if gold.notna().any() else None,
        scale=scale,
        random_state=random_state,
    )


def _people(customers: pd.Series) -> pd.Series:
    """Whose comment it is; one without a customer is a customer of its own."""
    alone = pd.Series([f"alone {i}" for i in customers.index], customers.index, dtype=object)
    return customers.astype(object).where(customers.notna(), alone)


def _segments(
    rows: pd.DataFrame, membership: pd.DataFrame | None, customers: pd.DataFrame | None, segment_col: str
) -> pd.Series:
    if segment_col:
        if segment_col in rows:
            return rows[segment_col].astype(object)
        if customers is not None and segment_col in customers:
            return rows["customer_id"].map(
                customers.drop_duplicates("customer_id").set_index("customer_id")[segment_col]
            )
        known = [*rows.columns, *(customers.columns if customers is not None else [])]
        raise ParameterError(
            "segment_col",
            f"neither comments nor customers have a column `{segment_col}`",
            did_you_mean(segment_col, known),
        )
    if rows["segment"].notna().any() and rows["segment"].nunique() <= MOST_SEGMENTS:
        return rows["segment"].astype(object)
    if membership is not None and len(membership):
        name = "segment" if "segment" in membership else "segment_id"
        return rows["customer_id"].map(membership.drop_duplicates("customer_id").set_index("customer_id")[name])
    return pd.Series(None, index=rows.index, dtype=object)


def _gold(rows: pd.DataFrame, coded: pd.Series | None) -> pd.Series:
    """What people read in the comments: negative, neutral, positive, or missing."""
    said = rows["coded_sentiment"].astype(object)
    if coded is not None and len(coded):
        said = rows["comment_id"].map(coded).astype(object).where(lambda label: label.notna(), said)
    lower = said.map(lambda label: label.strip().lower() if isinstance(label, str) else None)
    unknown = lower[lower.notna() & ~lower.isin(LABELS)]
    if len(unknown):
        raise ParameterError(
            "coded_sentiment", f"{len(unknown):,} comments say `{unknown.iloc[0]}`",
            f"expected {', '.join(LABELS)}; recode.coded_sentiment in study.toml translates others",
        )  # fmt: skip
    return lower.where(rows["scored"], None)


def _rating_scale(ratings: pd.Series) -> tuple[float, float] | None:
    """The scale of ratings that nobody declared: from 0 or 1 to the next of 5, 7 and 10; None for fewer than thirty."""
    known = pd.to_numeric(ratings, errors="coerce").dropna()
    if len(known) < 30:
        return None
    highest = float(known.max())
    return (0.0 if known.min() == 0 else 1.0), next((top for top in (5.0, 7.0, 10.0) if highest <= top), highest)


def _stretches(rows: pd.DataFrame, length: Length) -> pd.Series:
    """The year, quarter, month or week of each comment; "" where its date is not known."""
    if "counted_at" not in rows:
        return pd.Series("", index=rows.index)
    return labels_of(rows["counted_at"].dt.date, length).fillna("").astype(str)


def _before(rows: pd.DataFrame) -> str:
    """The last stretch with enough scored comments that is not in the period."""
    earlier = rows.loc[~rows["now"] & rows["scored"] & (rows["stretch"] != ""), "stretch"]
    counts = earlier.value_counts()
    enough = sorted(counts.index[counts >= LEAST_COMMENTS])
    return str(enough[-1]) if enough else ""


def _loyalty(
    rows: pd.DataFrame,
    inside: npt.NDArray[np.bool_],
    responses: pd.DataFrame | None,
    items: pd.DataFrame | None,
    scale: tuple[float, float] | None,
) -> Loyalty | None:
    """The answers to the question about recommendation, else the ratings of the comments, else the feeling that people read in them."""
    asked = _recommendation(rows, responses, items)
    if asked is not None and asked[inside].notna().sum() >= LEAST_COMMENTS:
        who = rows["response_id"].astype(object).where(asked.notna() & inside, None)
        return _by_respondent(rows, asked, who, "nps", "NPS", "points")
    own = pd.Series(rows["comment_id"], rows.index, dtype=object)
    rated = pd.to_numeric(rows["rating"], errors="coerce")
    if scale is not None and rated[inside].notna().sum() >= LEAST_COMMENTS:
        unit = f"{scale[0]:g} to {scale[1]:g}"
        return _by_respondent(rows, rated, own.where(rated.notna() & inside, None), "mean", "mean rating", unit)
    read = rows["coded_sentiment"].map({"negative": -100.0, "neutral": 0.0, "positive": 100.0})
    if read[inside].notna().sum() >= LEAST_COMMENTS:
        return _by_respondent(rows, read, own.where(read.notna() & inside, None), "mean", "net feeling", "points")
    return None


def _recommendation(rows: pd.DataFrame, responses: pd.DataFrame | None, items: pd.DataFrame | None) -> pd.Series | None:
    if responses is None or items is None:
        return None
    loyal = items[(items["role"] == "loyalty") & (items["low"] == 0) & (items["high"] == 10)]["item"]
    asked = [item for item in loyal if item in responses and responses[item].notna().any()]
    if not asked:
        return None
    answers = responses.dropna(subset=[asked[0]]).drop_duplicates("response_id").set_index("response_id")[asked[0]]
    return rows["response_id"].map(answers).astype(float)


def _by_respondent(
    rows: pd.DataFrame, scores: pd.Series, who: pd.Series, metric: Metric, label: str, unit: str
) -> Loyalty:
    told = (
        pd.DataFrame({"who": who, "score": scores, "person": rows["person"]})
        .dropna()
        .drop_duplicates("who")
        .set_index("who")
    )
    return Loyalty(told["score"].astype(float), told["person"], who, metric, label, unit)
