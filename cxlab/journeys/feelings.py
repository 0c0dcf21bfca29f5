"""What customers feel along the way: pleasant or unpleasant, from the emotions that they named or from their comments.

One row of a table of feelings is one answer or comment: customer_id, touchpoint, value (1 pleasant, 0 neither, −1 unpleasant), word (the
emotion, where one was named) and weight. The net feeling of a stage is 100 × the mean value: the share pleasant less the share
unpleasant, in points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference import mean_row

PLEASANT = {
    "delight", "gratitude", "joy", "trust", "happiness", "happy", "satisfaction", "relief", "pride", "surprise and delight", "love",
    "calm", "confidence", "enthusiasm", "delighted", "grateful", "relieved", "valued", "cared for", "pleased", "safe",
}  # fmt: skip
UNPLEASANT = {
    "frustration", "disappointment", "worry", "confusion", "anger", "annoyance", "fear", "sadness", "disgust", "stress", "boredom",
    "frustrated", "disappointed", "worried", "confused", "angry", "annoyed", "anxious", "sad", "neglected", "ashamed", "shame",
    "irritated", "stressed", "hurried", "unhappy", "unsatisfied", "disrespected",
}  # fmt: skip
NEITHER = {"neutral", "surprise", "indifference", "nothing", "none", "no feeling", "indifferent"}
_COLUMNS = ["customer_id", "touchpoint", "value", "word", "weight"]
_COMMENT = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}


@dataclass(frozen=True)
class Feelings:
    """`rows` has one row an answer or comment; `source` says where they come from ("" where there are none), `named` has the emotions
    that customers named, also where comments know more touchpoints, and `unread` lists those of them that are known neither as
    pleasant nor as unpleasant, which are left out."""

    rows: pd.DataFrame
    source: str
    named: pd.DataFrame
    unread: tuple[str, ...] = ()

    def net(self, touchpoints: list[str], customers: Any = None, *, conf_level: float = 0.95) -> dict[str, Any]:
        """The net feeling at some touchpoints (of some customers) in points: the fields of an estimate, by customer."""
        own = self.rows[self.rows["touchpoint"].isin(touchpoints)]
        if customers is not None:
            own = own[own["customer_id"].isin(customers)]
        weights = own["weight"] if len(own) and own["weight"].notna().all() else None
        return mean_row(
            own["value"], unit="points", weights=weights, clusters=own["customer_id"], conf_level=conf_level, factor=100
        )

    def words(self, touchpoints: list[str], customers: Any = None, *, min_base: int = 30) -> pd.Series:
        """Share of each named emotion, the most frequent first, then in the order of the alphabet; empty where fewer than `min_base`
        named one."""
        own = self.named[self.named["touchpoint"].isin(touchpoints)]
        if customers is not None:
            own = own[own["customer_id"].isin(customers)]
        shares = own["word"].iloc[: len(own) if len(own) >= min_base else 0].value_counts(normalize=True)
        return shares.sort_index().sort_values(ascending=False, kind="stable")


def valence(word: Any) -> float:
    """1 for a pleasant emotion, −1 for an unpleasant one, 0 for neither; NaN for a word that is not known.

    >>> valence("Delight"), valence("frustration"), valence("neutral"), valence("seven")
    (1.0, -1.0, 0.0, nan)
    """
    said = word.strip().lower() if isinstance(word, str) else ""
    for known, value in ((PLEASANT, 1.0), (UNPLEASANT, -1.0), (NEITHER, 0.0)):
        if said in known:
            return value
    return float("nan")


def feelings(
    responses: pd.DataFrame | None,
    items: pd.DataFrame | None,
    comments: pd.DataFrame | None = None,
    comment_scores: pd.DataFrame | None = None,
    *,
    min_base: int = 30,
) -> Feelings:
    """Feelings at touchpoints from the source that knows more touchpoints: emotions named in the newest wave that asked, or comments
    with a sentiment (the product `comment_scores` of 06). At the same number named emotions count, because nothing guessed them."""
    named, unread = _named(responses, items)
    said = _said(comments, comment_scores)
    known = [int((rows["touchpoint"].value_counts() >= min_base).sum()) for rows in (named, said)]
    if max(known) == 0:
        return Feelings(named.iloc[:0], "", named, unread)
    if known[0] >= known[1]:
        return Feelings(named, "emotions that customers named in a survey", named, unread)
    return Feelings(said, "comments, by their sentiment", named, unread)


def _named(responses: pd.DataFrame | None, items: pd.DataFrame | None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    nothing = pd.DataFrame(columns=_COLUMNS).astype({"value": float, "weight": float})
    if responses is None or items is None or "customer_id" not in responses:
        return nothing, ()
    asked = items[(items["role"] == "emotion") & items["touchpoint"].notna() & items["item"].isin(responses.columns)]
    customers = responses[responses["perspective"] == "customer"]
    parts = []
    for item in asked.to_dict("records"):
        own = customers[customers[item["item"]].notna()]
        if own.empty:
            continue
        newest = own.sort_values(["counted_at", "survey", "wave"], na_position="first").iloc[-1]
        own = own[(own["survey"] == newest["survey"]) & (own["wave"] == newest["wave"])]
        words = own[item["item"]].astype(str)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": own["customer_id"], "touchpoint": item["touchpoint"], "value": words.map(valence),
                    "word": words, "weight": own.get("weight", np.nan),
                }
            )
        )  # fmt: skip
    if not parts:
        return nothing, ()
    rows = pd.concat(parts, ignore_index=True)
    unread = tuple(sorted(rows.loc[rows["value"].isna(), "word"].unique()))
    return rows[rows["value"].notna()].reset_index(drop=True), unread


def _said(comments: pd.DataFrame | None, scores: pd.DataFrame | None) -> pd.DataFrame:
    nothing = pd.DataFrame(columns=_COLUMNS).astype({"value": float, "weight": float})
    if comments is None or scores is None or not {"touchpoint", "customer_id"} <= set(comments.columns):
        return nothing
    label = scores.drop_duplicates("comment_id").set_index("comment_id")["label"]
    rows = comments[comments["touchpoint"].notna()]
    value = rows["comment_id"].map(label).map(_COMMENT)
    made = pd.DataFrame(
        {
            "customer_id": rows["customer_id"],
            "touchpoint": rows["touchpoint"],
            "value": value,
            "word": None,
            "weight": np.nan,
        }
    )
    return made[made["value"].notna()].reset_index(drop=True)
