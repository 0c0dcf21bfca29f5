"""What customers say, with what feeling, about what, and what goes with it in loyalty.

`voice_of_customer` takes the comments of an open study (masked on entry) and returns what a reader needs: the feeling of all and
of each theme, how far the feeling agrees with the ratings of the same people, what each theme goes with in loyalty, which
themes rise, and a few masked quotes. One row of a table is one theme, period or feeling. Comments in another language than the
codebook's are counted and not scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference import benjamini_hochberg, difference_row, share_row
from cxlab.period import Length, Period, labels_of
from cxlab.problems import NotApplicableError
from cxlab.voice.impact import theme_impact
from cxlab.voice.languages import languages
from cxlab.voice.sentiment import LABELS, agreement, label_of, labels_of_ratings, lexicon_sentiment
from cxlab.voice.themes import Codebook, suggest_themes
from cxlab.wording import capital_text, describe, inside_text, list_text, number_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_COMMENTS = 100
_QUOTE_LENGTH = 220
_WEAK = 0.4  # kappa below which the lexicon is said to agree weakly with the ratings


@dataclass(frozen=True)
class VoiceOfCustomer:
    """`feeling` has one row a label (percent of comments), `themes` one row a theme: share, share negative, change of its
    share, impact on loyalty (NPS in points, else the mean rating on `metric_unit`). `trend` has one row a theme and period of
    the `length` of the report's, `quotes` one row a quote, `agreed` the agreement with
    ratings, `proposed` what the codebook misses. `scores` and `mentions` are the products."""

    codebook: str
    period: str
    feeling: pd.DataFrame
    themes: pd.DataFrame
    trend: pd.DataFrame
    quotes: pd.DataFrame
    proposed: pd.DataFrame
    scores: pd.DataFrame
    mentions: pd.DataFrame
    agreed: dict[str, float]
    before: str
    length: Length
    metric: str
    metric_unit: str
    n: int
    n_not_scored: int
    coverage: float
    conf_level: float
    min_base: int

    def headline(self) -> str:
        costly = self._costly
        if len(costly):
            row = costly.to_dict("records")[0]
            return (
                f"{row['label']} goes with the largest loss of loyalty: without those who mention it, {self._the_metric} would be "
                f"{self._lost(row)} higher ({self._ends(row)})."
            )
        negative = self.feeling.set_index("label")["estimate"]["negative"]
        most = (
            max(self.themes.to_dict("records"), key=lambda row: _known(row["negative"])) if len(self.themes) else None
        )
        if most is not None and most["negative"] > negative:
            return (
                f"{negative:.0f}% of comments are negative; most often those about {inside_text(most['label'])} "
                f"({most['negative']:.0f}% of them)."
            )
        return f"{negative:.0f}% of comments are negative."

    def _lost(self, row: Mapping[Any, Any]) -> str:
        return number_text(abs(row["impact"]), self._decimals) + (" points" if self._decimals == 0 else " of a point")

    def _ends(self, row: Mapping[Any, Any]) -> str:
        ends = sorted((abs(row["impact_high"]), abs(row["impact_low"])))
        return f"{number_text(ends[0], self._decimals)} to {number_text(ends[1], self._decimals)}"

    @property
    def _the_metric(self) -> str:
        return self.metric if self.metric_unit == "points" else f"the {self.metric} ({self.metric_unit})"

    @property
    def _decimals(self) -> int:
        return 0 if self.metric_unit == "points" else 1

    @property
    def _costly(self) -> pd.DataFrame:
        rows = self.themes
        clear = rows[(rows["impact_q"] < 1 - self.conf_level) & (rows["impact"] < 0)]
        return clear.sort_values("impact", kind="stable")

    @property
    def rising(self) -> pd.DataFrame:
        rows = self.themes
        return rows[(rows["rise_q"] < 1 - self.conf_level) & (rows["rise"] > 0)].sort_values("rise", ascending=False)

    def sentences(self) -> list[str]:
        shares = self.feeling.set_index("label")["estimate"]
        said = [
            f"Of {self.n:,} comments {shares['negative']:.0f}% are negative, {shares['neutral']:.0f}% neutral and "
            f"{shares['positive']:.0f}% positive, by words alone."
        ]
        if np.isfinite(self.agreed["kappa"]):
            how = "weakly" if self.agreed["kappa"] < _WEAK else "well" if self.agreed["kappa"] > 0.6 else "moderately"
            said.append(
                f"That agrees {how} with the ratings of the same people: {self.agreed['accuracy']:.0%} alike, kappa "
                f"{self.agreed['kappa']:.2f} (n {int(self.agreed['n']):,})."
            )
        else:
            said.append("No comment has a rating beside it, so the feeling could not be checked.")
        up = self.rising.to_dict("records")
        if up:
            said.append(
                "More often than in " + self.before + ": "
                + list_text(f"{inside_text(row['label'])} ({row['was']:.0f}% to {row['share']:.0f}%)" for row in up[:3]) + "."
            )  # fmt: skip
        elif self.before:
            said.append(f"No theme is clearly more frequent than in {self.before}.")
        said.append(f"The codebook covers {self.coverage:.0%} of comments.")
        if self.n_not_scored:
            one = self.n_not_scored == 1
            said.append(
                f"{self.n_not_scored:,} comment{'' if one else 's'} in {'another language is' if one else 'other languages are'} "
                "counted and not scored."
            )
        return said

    def base_sentence(self) -> str:
        return f"{self.n:,} comments of {self.period or 'all periods'}, codebook “{self.codebook}”; names and numbers are masked."

    def key_numbers(self) -> pd.DataFrame:
        rows = self.feeling.set_index("label").loc[["negative", "positive"]].reset_index()
        return rows.assign(label=[f"{label.capitalize()} comments" for label in rows["label"]], unit="%")

    def feeling_shown(self) -> Iterator[Shown]:
        yield {
            "name": "feeling",
            "title": self.sentences()[0],
            "subtitle": f"Comments by feeling, percent, {100 * self.conf_level:g}% interval",
            "alt": describe("Dot plot of comments by feeling", self.feeling, label_col="label", unit="%"),
            "note": {
                "Base": f"{self.n:,} comments; a customer with several counts as a cluster",
                "Method": "VADER's lexicon with negated problems repaired",
                "Check": f"Accuracy {self.agreed['accuracy']:.2f}, macro-F1 {self.agreed['macro_f1']:.2f}, kappa "
                f"{self.agreed['kappa']:.2f} against the ratings of {int(self.agreed['n']):,} comments"
                if np.isfinite(self.agreed["kappa"])
                else "No ratings to check against",
            },
        }, self.feeling  # fmt: skip

    def themes_shown(self) -> pd.DataFrame:
        return self.themes.sort_values("share", ascending=False, ignore_index=True).assign(
            estimate=lambda rows: rows["share"], unit="%"
        )

    def themes_words(self) -> dict[str, Any]:
        rows = self.themes_shown().to_dict("records")
        title = "No theme of the codebook is mentioned."
        if rows:
            title = f"{rows[0]['label']} is mentioned most ({rows[0]['share']:.0f}%)."
            worst = max(rows, key=lambda row: _known(row["negative"]))
            if np.isfinite(worst["negative"]):
                title = f"{title[:-1]}, {inside_text(worst['label'])} most negatively ({worst['negative']:.0f}% of its comments)."
        return {
            "title": title,
            "subtitle": f"Themes of the codebook: share of comments, share of them negative, {100 * self.conf_level:g}% interval",
            "note": {
                "Base": f"{self.n:,} comments; one may have several themes",
                "Coverage": f"{self.coverage:.0%} of comments mention at least one theme",
                "Rising": f"Against {self.before}, {int(self.themes['rise_p'].notna().sum())} tests, Benjamini–Hochberg"
                if self.before
                else "No earlier period to compare with",
            },
        }

    def impact_shown(self) -> Iterator[Shown]:
        rows = self.themes[self.themes["impact"].notna()]
        if len(rows):
            table = rows.assign(
                estimate=rows["impact"], conf_low=rows["impact_low"], conf_high=rows["impact_high"], n=rows["impact_n"],
                unit=self.metric_unit,
                reading=np.where(
                    rows["impact_q"].isna(), "not tested",
                    np.where(rows["impact_q"] >= 1 - self.conf_level, "no clear change", np.where(rows["impact"] > 0, "better", "worse")),
                ),
            )  # fmt: skip
            costly = self._costly
            title = f"No theme clearly goes with a lower {self.metric}."
            if len(costly):
                row = costly.to_dict("records")[0]
                title = f"{row['label']} goes with {self._lost(row)} of {self._the_metric} lost: the largest of {len(table)} themes."
            yield {
                "name": "impact",
                "title": title,
                "subtitle": f"{capital_text(self.metric)} of all who commented less {self.metric} of those who do not mention the theme"
                f"{'' if self.metric_unit == 'points' else f', {self.metric_unit}'}, "
                f"{100 * self.conf_level:g}% interval",
                "alt": describe("Dot plot of the impact of each theme", table, label_col="label", unit=self.metric_unit, difference=True),
                "note": {
                    "Base": f"Respondents with a comment and an answer; {int(table['n'].min()):,} to {int(table['n'].max()):,} mention "
                    "a theme",
                    "Test": f"{int(table['impact_q'].notna().sum())} themes, bootstrap of respondents, Benjamini–Hochberg",
                    "Read": "Below zero: those who mention it are less loyal. Association, not cause",
                },
            }, table.reset_index(drop=True)  # fmt: skip

    def trend_shown(self) -> Iterator[Shown]:
        """The two themes that rise most, or else the two most frequent, period by period."""
        names = list(self.rising["label"])[:2] or list(self.themes_shown()["label"])[:2]
        rows = self.trend[self.trend["label"].isin(names)]
        if rows["period"].nunique() > 1:
            last = rows[rows["period"] == rows["period"].iloc[-1]]
            said = list_text(f"{inside_text(row['label'])} {row['estimate']:.0f}%" for row in last.to_dict("records"))
            yield {
                "name": "trend",
                "title": f"Share of comments in {rows['period'].iloc[-1]}: {said}.",
                "subtitle": f"Share of comments that mention a theme, by {self.length}, percent, {100 * self.conf_level:g}% interval",
                "alt": describe("Line of the share of comments by theme", rows, label_col="period", series_col="label", unit="%"),
                "note": {"Base": f"{int(rows['n'].min()):,} to {int(rows['n'].max()):,} comments a {self.length}"},
            }, rows.reset_index(drop=True)  # fmt: skip

    def quotes_shown(self) -> Iterator[Shown]:
        if len(self.quotes):
            yield (
                {
                    "title": f"{self.quotes['label'].nunique()} themes in the words of customers, masked.",
                    "subtitle": "For each theme the comment nearest to what all its comments say, of the feeling that most have by "
                    f"their rating and their words; none from fewer than {self.min_base} people",
                },
                self.quotes,
            )

    def proposed_shown(self) -> Iterator[Shown]:
        if len(self.proposed):
            rows = self.proposed.assign(
                words=[", ".join(terms[:6]) for terms in self.proposed["terms"]], percent=100 * self.proposed["share"]
            )
            yield (
                {
                    "title": f"Of the comments that no theme covers, {number_text(int(rows['n'].iloc[0]))} share words that the "
                    "codebook lacks.",
                    "subtitle": "Groups of words found by factorisation of what is not covered: proposals to read, no themes",
                },
                rows,
            )

    def findings(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = [
            {
                "name": "negative_comments",
                "result": {**row, "headline": f"{row['estimate']:.0f}% of comments are negative."},
                "level": "all",
                "unit": "%",
                "better": "lower",
                "definition": "share of comments with a negative lexicon score",
                "comparable": "independent",
                "label": "Negative comments",
            }
            for row in self.feeling[self.feeling["label"] == "negative"].to_dict("records")
        ]
        rising = set(self.rising["theme"])
        costly = set(self._costly["theme"])
        for row in self.themes.to_dict("records"):
            said = f"{row['label']}: {row['share']:.0f}% of comments"
            said += f", {row['negative']:.0f}% of them negative" if np.isfinite(row["negative"]) else ""
            if row["theme"] in costly:
                said += f"; goes with {self._lost(row)} of {self._the_metric} lost ({self._ends(row)})"
            if row["theme"] in rising:
                said += f"; rising from {row['was']:.0f}%"
            made.append(
                {
                    "name": f"theme_{row['theme']}",
                    "result": {
                        "estimate": row["share"], "std_error": row["std_error"], "conf_low": row["conf_low"],
                        "conf_high": row["conf_high"], "conf_level": self.conf_level, "n": row["n"], "headline": said + ".",
                    },
                    "level": "all",
                    "target": row["touchpoint"],
                    "unit": "%",
                    "definition": f"share of comments, codebook {self.codebook}",
                    "comparable": "independent",
                    "label": f"Theme: {row['label']}",
                    "attention": row["theme"] in rising or row["theme"] in costly,
                }
            )  # fmt: skip
        return made


def _known(value: float) -> float:
    return float(value) if np.isfinite(value) else -1.0


def voice_of_customer(
    comments: pd.DataFrame,
    codebook: Codebook,
    *,
    responses: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    period: str = "",
    rating_scale: tuple[float, float] | None = None,
    n_boot: int = 1000,
    min_base: int = 30,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> VoiceOfCustomer:
    """What the comments of a period say, with everything before it as background.

    `comments`: comment_id, text, source, and where known customer_id, response_id, rating, counted_at, in_period.
    `responses` with a question about loyalty (0 to 10) give the impact, linked by response_id; without them the rating does.
    Raises `NotApplicableError` where fewer than a hundred comments can be scored.
    """
    known = comments[comments["text"].notna()].reset_index(drop=True)
    now = known["in_period"].to_numpy(dtype=bool) if "in_period" in known else np.ones(len(known), dtype=bool)
    language = languages(known["text"])
    scored = can_be_scored(known["text"], language, codebook.language)
    sentiment = lexicon_sentiment(known["text"].where(scored))
    mentions = codebook.assign(known["text"].where(scored, None))
    inside = scored.to_numpy() & now
    if inside.sum() < LEAST_COMMENTS:
        raise NotApplicableError(
            f"needs {LEAST_COMMENTS} comments in the language of the codebook; there are {int(inside.sum())}"
        )
    clusters = known["customer_id"] if "customer_id" in known and known["customer_id"].notna().any() else None
    has = {
        theme: np.isin(known.index, mentions.loc[mentions["theme"] == theme, "text_id"]) for theme in codebook.labels
    }
    scale = rating_scale or _rating_scale(known)
    reference = labels_of_ratings(known["rating"], scale) if scale is not None else pd.Series(None, index=known.index)
    impact, metric, unit = _impact(known, mentions, inside, responses, items, scale, n_boot, conf_level, random_state)
    length: Length = Period.parse(period).length if period else "quarter"
    stretch = _stretches(known, length)
    before = _before(stretch, now)
    themes = _themes(codebook, has, sentiment, inside, stretch, before, clusters, scored, impact, min_base, conf_level)
    covered = np.isin(known.index, mentions["text_id"])
    return VoiceOfCustomer(
        codebook=codebook.name,
        period=period,
        feeling=_feeling(sentiment["label"], inside, clusters, conf_level),
        themes=themes,
        trend=_trend(codebook, has, stretch, scored, clusters, conf_level),
        quotes=_quotes(codebook, known["text"], has, sentiment["label"], reference, inside, clusters, min_base),
        proposed=suggest_themes(
            known["text"].where(scored & now, None), codebook, n_themes=5, random_state=random_state
        ),
        scores=_scores(known, sentiment, language),
        mentions=_mentions(known, mentions),
        agreed=agreement(sentiment["label"][inside], reference[inside]),
        before=before,
        length=length,
        metric=metric,
        metric_unit=unit,
        n=int(inside.sum()),
        n_not_scored=int((now & ~scored.to_numpy()).sum()),
        coverage=float(covered[inside].mean()),
        conf_level=conf_level,
        min_base=min_base,
    )


def can_be_scored(texts: pd.Series, found: pd.Series, language: str) -> pd.Series:
    """Which texts are in the language of the codebook, as far as can be told; `found` are those of `languages`.

    A short text is guessed badly: only where it is surely in another language is it left out.
    """
    short = texts.str.len() < 60
    return (found == language) | (found == "") | (short & texts.str.isascii())


def _rating_scale(known: pd.DataFrame) -> tuple[float, float] | None:
    if "rating" not in known or known["rating"].notna().sum() < 30:
        return None
    highest = float(known["rating"].max())
    return (0.0 if known["rating"].min() == 0 else 1.0), next(
        (top for top in (5.0, 7.0, 10.0) if highest <= top), highest
    )


def _feeling(labels: pd.Series, inside: np.ndarray, clusters: pd.Series | None, conf_level: float) -> pd.DataFrame:
    own = labels[inside]
    groups = None if clusters is None else _alone(clusters)[inside]
    rows = [
        {"label": label} | share_row((own == label).astype(float), clusters=groups, conf_level=conf_level)
        for label in LABELS
    ]
    return pd.DataFrame(rows)


def _alone(clusters: pd.Series) -> pd.Series:
    """Whose comment it is; one without a customer is a customer of its own."""
    return clusters.astype(object).where(
        clusters.notna(), pd.Series([f"alone {i}" for i in clusters.index], clusters.index)
    )


def _stretches(known: pd.DataFrame, length: Length) -> pd.Series:
    """The year, quarter, month or week of each comment; "" where its date is not known."""
    if "counted_at" not in known:
        return pd.Series("", index=known.index)
    days = known["counted_at"].dt.date
    return labels_of(days, length).fillna("").astype(str)


def _before(stretch: pd.Series, now: np.ndarray) -> str:
    """The last stretch with enough comments that is not in the period."""
    earlier = stretch[~now]
    counts = earlier[earlier != ""].value_counts()
    enough = sorted(counts.index[counts >= LEAST_COMMENTS])
    return str(enough[-1]) if enough else ""


def _impact(
    known: pd.DataFrame,
    mentions: pd.DataFrame,
    inside: np.ndarray,
    responses: pd.DataFrame | None,
    items: pd.DataFrame | None,
    scale: tuple[float, float] | None,
    n_boot: int,
    conf_level: float,
    random_state: int,
) -> tuple[pd.DataFrame, str, str]:
    """Each theme against loyalty, and what that is in which unit: the NPS of the same responses, else the comments' ratings."""
    score: pd.Series | None = None
    who = pd.Series(known.index, index=known.index)
    metric, unit = "NPS", "points"
    if responses is not None and items is not None and "response_id" in known:
        loyal = items[(items["role"] == "loyalty") & (items["low"] == 0) & (items["high"] == 10)]["item"]
        asked = [item for item in loyal if item in responses and responses[item].notna().any()]
        if asked:
            answers = (
                responses.dropna(subset=[asked[0]]).drop_duplicates("response_id").set_index("response_id")[asked[0]]
            )
            score = known["response_id"].map(answers)
            who = known["response_id"].astype(object).where(score.notna(), None)
    if (score is None or score[inside].notna().sum() < LEAST_COMMENTS) and scale is not None:
        score, metric, unit = known["rating"], "mean rating", f"{scale[0]:g} to {scale[1]:g}"
    if score is None or score[inside].notna().sum() < LEAST_COMMENTS:
        return pd.DataFrame(columns=["theme"]), metric, unit
    kind = "nps" if metric == "NPS" else "mean"
    own = mentions[mentions["text_id"].isin(known.index[inside])]
    scores = score[inside].astype(float)
    if kind == "nps":  # one respondent may have written several comments, and answered once
        own = own.assign(text_id=own["text_id"].map(who)).drop_duplicates(["text_id", "theme"])
        scores = scores.dropna().groupby(who).first()
    lost = theme_impact(own, scores, metric=kind, n_boot=n_boot, conf_level=conf_level, random_state=random_state)
    return lost, metric, unit


def _themes(
    codebook: Codebook,
    has: dict[str, np.ndarray],
    sentiment: pd.DataFrame,
    inside: np.ndarray,
    stretch: pd.Series,
    before: str,
    clusters: pd.Series | None,
    scored: pd.Series,
    impact: pd.DataFrame,
    min_base: int,
    conf_level: float,
) -> pd.DataFrame:
    """One row a theme that is mentioned in the period."""
    groups = None if clusters is None else _alone(clusters)
    earlier = ((stretch == before) & scored).to_numpy() & ~inside if before else np.zeros(len(stretch), dtype=bool)
    about = {theme.name: theme for theme in codebook.themes}
    rows = []
    for theme, mention in has.items():
        if not mention[inside].any():
            continue
        row = share_row(mention[inside], clusters=None if groups is None else groups[inside], conf_level=conf_level)
        theirs = sentiment["label"][inside & mention]
        change: dict[str, Any] = {"was": np.nan, "rise": np.nan, "rise_p": np.nan}
        if earlier.sum():
            was = share_row(
                mention[earlier], clusters=None if groups is None else groups[earlier], conf_level=conf_level
            )
            gap = difference_row(was, row)
            change = {"was": was["estimate"], "rise": gap["difference"], "rise_p": gap["p_value"]}
        rows.append(
            {
                "theme": theme, "label": about[theme].label, "touchpoint": about[theme].touchpoint, "share": row["estimate"],
                "std_error": row["std_error"], "conf_low": row["conf_low"], "conf_high": row["conf_high"],
                "conf_level": conf_level, "n": int(mention[inside].sum()),
                "negative": 100 * float((theirs == "negative").mean()) if len(theirs) >= min_base else np.nan, "reason": "",
            }
            | change
        )  # fmt: skip
    columns = ["theme", "label", "touchpoint", "share", "std_error", "conf_low", "conf_high", "conf_level", "n", "negative",
               "reason", "was", "rise", "rise_p"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table["rise_q"] = benjamini_hochberg(table["rise_p"])
    named = {
        "estimate": "impact",
        "conf_low": "impact_low",
        "conf_high": "impact_high",
        "q_value": "impact_q",
        "n": "impact_n",
    }
    more = impact.rename(columns=named).reindex(columns=["theme", *named.values()])
    few = more["impact_n"].to_numpy(dtype=float) < min_base
    more.loc[few, ["impact", "impact_low", "impact_high", "impact_q"]] = np.nan
    return table.merge(more, on="theme", how="left", validate="one_to_one")


def _trend(
    codebook: Codebook,
    has: dict[str, np.ndarray],
    stretch: pd.Series,
    scored: pd.Series,
    clusters: pd.Series | None,
    conf_level: float,
) -> pd.DataFrame:
    rows = []
    for name in sorted(set(stretch[stretch != ""])):
        here = ((stretch == name) & scored).to_numpy()
        if here.sum() < LEAST_COMMENTS / 2:
            continue
        for theme, mention in has.items():
            groups = None if clusters is None else _alone(clusters)[here]
            row = share_row(mention[here], clusters=groups, conf_level=conf_level)
            rows.append({"period": name, "theme": theme, "label": codebook.labels[theme]} | row)
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
    return pd.DataFrame(rows, columns=columns)


def _quotes(
    codebook: Codebook,
    texts: pd.Series,
    has: dict[str, np.ndarray],
    by_words: pd.Series,
    by_rating: pd.Series,
    inside: np.ndarray,
    clusters: pd.Series | None,
    min_base: int,
) -> pd.DataFrame:
    """One quote a theme: the comment whose words are nearest to those of all comments of the theme, of the feeling that most
    of them have. No comment stands for two themes; none where fewer than `min_base` people speak.

    What people feel is what they rated and wrote, of those with whom both are the same; of all, by their words, where those are
    fewer than `min_base`.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows: list[dict[str, Any]] = []
    said: set[str] = set()
    for theme, mention in has.items():
        own = texts[inside & mention]
        people = own.index.nunique() if clusters is None else _alone(clusters)[own.index].nunique()
        if people < min_base:
            continue
        words = by_words[own.index]
        alike = words[words == by_rating[own.index]]
        by = "both" if len(alike) >= min_base else "words"
        labels = alike if by == "both" else words
        feeling = str(labels.mode().iloc[0])
        fit = own[labels.index[labels == feeling]]
        fit = fit[fit.str.len().between(25, _QUOTE_LENGTH) & ~fit.isin(said)]
        if fit.empty:
            continue
        try:
            matrix = TfidfVectorizer(sublinear_tf=True).fit_transform(fit)
        except ValueError:
            continue
        centre = np.asarray(matrix.mean(axis=0)).ravel()
        nearest = str(fit.iloc[int(np.argmax(matrix @ centre))])
        said.add(nearest)
        rows.append(
            {"label": codebook.labels[theme], "feeling": feeling, "by": by, "quote": f"“{nearest}”", "n": int(people)}
        )
    return pd.DataFrame(rows, columns=["label", "feeling", "by", "quote", "n"])


def _scores(known: pd.DataFrame, sentiment: pd.DataFrame, language: pd.Series) -> pd.DataFrame:
    """The product `comment_scores`."""
    ids = known["customer_id"] if "customer_id" in known else pd.Series(None, index=known.index, dtype=object)
    return pd.DataFrame(
        {
            "comment_id": known["comment_id"], "customer_id": ids, "score": sentiment["score"],
            "label": label_of(sentiment["score"]), "language": language, "method": "lexicon",
        }
    )  # fmt: skip


def _mentions(known: pd.DataFrame, mentions: pd.DataFrame) -> pd.DataFrame:
    """The product `theme_assignments`."""
    return mentions.assign(comment_id=known["comment_id"].reindex(mentions["text_id"]).to_numpy()).drop(
        columns="text_id"
    )
