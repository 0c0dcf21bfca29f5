"""With what feeling do customers write, how far can that be believed, and what else do their words show?

One row of `shares` is one feeling, of `emotions` one emotion, of `shown` one kind of cue (effort, delight, a pain point …): percent of
the comments of the period. `agreement` has one row a method that can say the feeling, held against what people read or rated. A
share is not corrected for the errors of the method: the agreement says how large they are, and belongs beside every share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference import benjamini_hochberg, difference_row, share_row
from cxlab.voice.comments import Comments
from cxlab.voice.emotions import EMOTIONS
from cxlab.voice.sentiment import LABELS
from cxlab.wording import describe, inside_text, list_text, number_text

Shown = tuple[dict[str, Any], pd.DataFrame]
_THEMES_SHOWN = 10
_WORDS_SHOWN = 4
_METHODS = {
    "lexicon": "Lexicon and rules, with negated problems repaired",
    "classifier": "Words, parts of words and the lexicon in a logistic regression that learnt from the study's own comments",
}
_AGAINST = {"hand-coded": "the people who read them", "ratings": "the ratings of the same people"}
CUES = {
    ("effort", ""): "Effort",
    ("pain_point", ""): "A pain point",
    ("intensity", "strong"): "Strong words (4 or 5 of 5)",
    ("actionability", "response needed"): "Needs an answer",
    ("actionability", "suggestion"): "A suggestion",
    ("wow", ""): "Delight beyond what was expected",
    ("need", "emotional"): "An emotional need",
    ("need", "physical"): "A physical need",
    ("promise_kept", ""): "A promise kept",
    ("promise_broken", ""): "A promise broken",
}
"""What is shown of the cues: (cue, value; "" any) → its label."""


@dataclass(frozen=True)
class Feeling:
    """What the comments of a period feel like; see the module for the rows of each table."""

    comments: Comments
    shares: pd.DataFrame
    agreement: pd.DataFrame
    emotions: pd.DataFrame
    emotions_by_theme: pd.DataFrame
    shown: pd.DataFrame
    left_out: pd.DataFrame

    @property
    def negative(self) -> float:
        return float(self.shares.set_index("label")["estimate"]["negative"])

    def sentences(self) -> list[str]:
        shares = self.shares.set_index("label")["estimate"]
        said = [
            f"Of {self.comments.n:,} comments {shares['negative']:.0f}% are negative, {shares['neutral']:.0f}% neutral and "
            f"{shares['positive']:.0f}% positive."
        ]
        method = f"The {self.comments.sentiment.method}"
        return said + [
            line.replace("It gives", f"{method} gives", 1) for line in self.comments.sentiment.sentences()[1:2]
        ]

    def feeling_shown(self) -> Iterator[Shown]:
        yield {
            "name": "feeling",
            "title": self.sentences()[0],
            "subtitle": f"Comments by feeling, percent, {100 * self.comments.conf_level:g}% interval",
            "alt": describe("Dot plot of comments by feeling", self.shares, label_col="label", unit="%"),
            "note": {
                "Base": f"{self.comments.n:,} comments; a customer with several counts as a cluster",
                "Method": _METHODS[self.comments.sentiment.method],
                "Check": self.comments.sentiment.reason,
                "Read": "The share that the method finds; its errors are not taken out",
            },
        }, self.shares  # fmt: skip

    def check_shown(self) -> Iterator[Shown]:
        """Each method against what people read or rated."""
        rows = self.agreement[self.agreement["n"] >= self.comments.min_base] if len(self.agreement) else self.agreement
        if len(rows):
            used = rows[rows["used"]].to_dict("records")[0]
            yield {
                "name": "check",
                "title": f"The feeling that is shown is that of {used['against_words']} in {100 * used['accuracy']:.0f}% of "
                f"{int(used['n']):,} comments (kappa {used['kappa']:.2f}).",
                "subtitle": f"Agreement of each method with {used['against_words']}; a method that learns is judged on comments "
                "it did not see",
                "note": {
                    "Read": "Kappa is agreement beyond chance: 0 none, 1 full. Macro-F1 counts a rare feeling as much as a frequent one",
                    "Rule": "The classifier is used only where its macro-F1 is higher beyond chance",
                    "Interval": f"Of the macro-F1, {100 * used['conf_level']:g}%, by resampling comments",
                },
            }, rows  # fmt: skip

    def confusion_shown(self) -> Iterator[Shown]:
        """What the method in use calls the comments of each given feeling."""
        found = self.comments.sentiment.confusion
        own = found[found["method"] == self.comments.sentiment.method] if len(found) else found
        if len(own) and own[list(LABELS)].to_numpy().sum() >= self.comments.min_base:
            totals = own[list(LABELS)].sum(axis=1)
            rows = own.assign(given=own["given"].str.capitalize(), n=totals)
            worst = rows.assign(right=[row[row["given"].lower()] / max(row["n"], 1) for row in rows.to_dict("records")])
            row = worst.sort_values("right", kind="stable").to_dict("records")[0]
            yield {
                "name": "confusion",
                "title": f"Of {int(row['n']):,} comments that are {row['given'].lower()}, {100 * row['right']:.0f}% are found to be: "
                "the least of the feelings.",
                "subtitle": "Comments by the feeling that people gave (rows) and that was read in them (columns)",
                "folded": True,
            }, rows  # fmt: skip

    def emotions_shown(self) -> Iterator[Shown]:
        rows = self.emotions
        if len(rows):
            felt = rows[rows["emotion"] != "neutral"].sort_values("estimate", ascending=False, kind="stable")
            top = felt.to_dict("records")[0]
            moved = felt[felt["reading"] == "changed"].to_dict("records")
            title = f"{top['label']} is found most, in {top['estimate']:.0f}% of comments"
            if moved:
                one = moved[0]
                way = "rose" if one["difference"] > 0 else "fell"
                title += f"; {inside_text(one['label'])} {way} from {one['was']:.0f}% to {one['estimate']:.0f}%"
            yield {
                "name": "emotions",
                "title": f"{title}.",
                "subtitle": f"Comments in which an emotion is found, percent, {100 * self.comments.conf_level:g}% interval; a comment "
                "may have several",
                "alt": describe("Dot plot of comments by emotion", felt, label_col="label", unit="%"),
                "note": {
                    "Base": f"{self.comments.n:,} comments",
                    "Method": "Linear model trained on GoEmotions (Reddit comments, CC BY 4.0); macro-F1 there .62, surprise weakest",
                    "Read": "Compare, do not add up: who complains in plain facts shows no emotion to it",
                }
                | ({"Against": f"{self.comments.before}, {len(felt)} tests, Benjamini–Hochberg"} if self.comments.before else {}),
            }, felt.reset_index(drop=True)  # fmt: skip

    def emotion_themes_shown(self) -> Iterator[Shown]:
        rows = self.emotions_by_theme
        known = rows[rows["estimate"].notna() & ~rows["emotion"].isin(["delight", "gratitude"])]
        if len(known):
            top = known.sort_values("estimate", ascending=False, kind="stable").to_dict("records")[0]
            yield {
                "name": "emotions_by_theme",
                "title": f"{top['label']} is felt most about {inside_text(top['theme_label'])}: in {top['estimate']:.0f}% of its "
                "comments.",
                "subtitle": "Percent of the comments about a theme in which an emotion is found",
                "alt": "Field of numbers, one row a theme and one column an emotion: " + "; ".join(
                    f"{row['theme_label']} {row['label'].lower()} {row['estimate']:.0f}%" for row in known.to_dict("records")[:12]
                ),
                "note": {"Base": f"{int(rows['n'].min()):,} to {int(rows['n'].max()):,} comments a theme"},
            }, rows  # fmt: skip

    def cues_shown(self) -> Iterator[Shown]:
        rows = self.shown
        if len(rows):
            top = rows.to_dict("records")[0]
            effort = rows[rows["cue"] == "effort"].to_dict("records")
            lead = effort[0] if effort else top
            yield {
                "name": "cues",
                "title": f"{lead['label']} is found in {lead['estimate']:.0f}% of comments ({lead['conf_low']:.0f} to "
                f"{lead['conf_high']:.0f}%).",
                "subtitle": "Comments with a phrase that shows it, percent; where no phrase does, nothing is said of a comment",
                "note": {
                    "Base": f"{self.comments.n:,} comments",
                    "Method": "Rules on the words of each sentence, negation heeded; the words beside a share are those found most",
                    "Check": "119 sentences of reviews and tweets about airlines, coded by one person: kappa .60 for effort, .52 for "
                    "pain points, .87 and .62 for needs, .76 for what needs an answer",
                    "Read": "A lower bound: what is said in other words is not found",
                },
            }, rows  # fmt: skip

    def left_out_shown(self) -> Iterator[Shown]:
        rows = self.left_out
        if len(rows):
            n = int(rows["n"].sum())
            yield {
                "name": "not_scored",
                "title": f"{n:,} comment{'' if n == 1 else 's'} of the period {'is' if n == 1 else 'are'} counted and not scored.",
                "subtitle": "Comments that are in no share of this page, by reason",
                "note": {"Language": f"Of the codebook: {self.comments.codebook.language}. Another needs a codebook of its own"},
                "folded": True,
            }, rows  # fmt: skip

    @property
    def n_left_out(self) -> int:
        return int(self.left_out["n"].sum())


def feeling(comments: Comments) -> Feeling:
    """The feeling, emotions and cues of the comments of a period."""
    return Feeling(
        comments=comments,
        shares=_shares(comments),
        agreement=_agreement(comments),
        emotions=_emotions(comments),
        emotions_by_theme=_by_theme(comments),
        shown=_cues(comments),
        left_out=_left_out(comments),
    )


def _agreement(comments: Comments) -> pd.DataFrame:
    """One row a method, the one in use first."""
    rows = comments.sentiment.agreement
    if rows.empty:
        return rows
    used = rows["method"] == comments.sentiment.method
    made = rows.assign(
        used=used,
        label=[
            f"{name.capitalize()}{', used here' if own else ''}" for name, own in zip(rows["method"], used, strict=True)
        ],
        against_words=rows["against"].map(_AGAINST),
        unit="",
    )
    return made.sort_values("used", ascending=False, kind="stable", ignore_index=True)


def _shares(comments: Comments) -> pd.DataFrame:
    own, groups = comments.rows["label"][comments.inside], comments.clusters(comments.inside)
    return pd.DataFrame(
        {"label": label} | share_row((own == label).astype(float), clusters=groups, conf_level=comments.conf_level)
        for label in LABELS
    )


def _emotions(comments: Comments) -> pd.DataFrame:
    """One row an emotion, with its share before and whether that changed."""
    rows = []
    for name in EMOTIONS:
        called = comments.rows[name]
        known = called.notna().to_numpy()
        now, then = known & comments.inside, known & comments.earlier
        if not now.any():
            return pd.DataFrame()
        row = share_row(called[now].astype(float), clusters=comments.clusters(now), conf_level=comments.conf_level)
        change: dict[str, Any] = {"was": np.nan, "difference": np.nan, "p_value": np.nan}
        if then.any():
            was = share_row(
                called[then].astype(float), clusters=comments.clusters(then), conf_level=comments.conf_level
            )
            gap = difference_row(was, row, min_base=comments.min_base)
            change = {"was": was["estimate"], "difference": gap["difference"], "p_value": gap["p_value"]}
        rows.append({"emotion": name, "label": name.capitalize()} | row | change)
    table = pd.DataFrame(rows)
    tested = table["p_value"].where(table["emotion"] != "neutral")
    table["q_value"] = benjamini_hochberg(tested)
    clear = table["q_value"] < 1 - comments.conf_level
    table["reading"] = np.where(table["q_value"].isna(), "not tested", np.where(clear, "changed", "no clear change"))
    return table


def _by_theme(comments: Comments) -> pd.DataFrame:
    """One row a theme (top level, most mentioned first) and emotion."""
    tops = [theme for theme in comments.codebook.themes if theme.parent is None]
    sizes = {theme.name: int((comments.has[theme.name] & comments.inside).sum()) for theme in tops}
    chosen = sorted(
        (theme for theme in tops if sizes[theme.name] >= comments.min_base), key=lambda theme: -sizes[theme.name]
    )
    rows = []
    for theme in chosen[:_THEMES_SHOWN]:
        for name in EMOTIONS[:-1]:
            called = comments.rows[name]
            own = comments.has[theme.name] & comments.inside & called.notna().to_numpy()
            row = share_row(called[own].astype(float), clusters=comments.clusters(own), conf_level=comments.conf_level)
            rows.append(
                {"theme": theme.name, "theme_label": theme.label, "emotion": name, "label": name.capitalize()} | row
            )
    return pd.DataFrame(rows, columns=["theme", "theme_label", "emotion", "label", "estimate", "std_error", "conf_low", "conf_high",
                                       "conf_level", "n", "unit", "reason"])  # fmt: skip


def _cues(comments: Comments) -> pd.DataFrame:
    """One row a kind of cue that is found in the period, most frequent first, with the words that show it most."""
    own = comments.own(comments.cues)
    rows = []
    for (cue, value), label in CUES.items():
        found = own[own["cue"] == cue]
        if value == "strong":
            found = found[pd.to_numeric(found["value"], errors="coerce") >= 4]
        elif value:
            found = found[found["value"] == value]
        if found.empty:
            continue
        has = comments.rows.index[comments.inside].isin(found["text_id"])
        row = share_row(has.astype(float), clusters=comments.clusters(comments.inside), conf_level=comments.conf_level)
        words = found["match"].str.lower().str.split().str.join(" ").value_counts()
        said = words.index[words >= 2][:_WORDS_SHOWN]
        rows.append(
            {"cue": cue, "value": value, "label": label}
            | row
            | {"with": int(has.sum()), "words": list_text(f"“{word}”" for word in said)}
        )
    columns = [
        "cue",
        "value",
        "label",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
        "conf_level",
        "n",
        "unit",
        "reason",
        "with",
        "words",
    ]
    table = pd.DataFrame(rows, columns=columns)
    small = table["with"] < comments.min_base
    table.loc[small, ["estimate", "std_error", "conf_low", "conf_high"]] = np.nan
    table.loc[small, "reason"] = f"found in fewer than {comments.min_base}"
    table.loc[small, "words"] = ""
    return table.sort_values("estimate", ascending=False, kind="stable", na_position="last", ignore_index=True)


def _left_out(comments: Comments) -> pd.DataFrame:
    """One row a reason why comments of the period are not scored."""
    now = comments.rows["now"].to_numpy(dtype=bool)
    why = comments.rows.loc[now & ~comments.rows["scored"].to_numpy(dtype=bool), "why_not"].value_counts()
    total = int(now.sum())
    return pd.DataFrame(
        {
            "reason_words": why.index,
            "n": why.to_numpy(),
            "percent": [number_text(100 * n / total, 1) + "%" for n in why.to_numpy()],
        }
    )
