"""Which groups of customers differ in what they need, and are the groups real?

`needs_segments` takes the answers to a battery of needs (one row a respondent of one wave), screens them, takes out each
person's own level of ticking, asks whether there are groups at all, how many come back when the sample is drawn again, and
describes them. Where there are none it says so, and nobody is put into a group.

What it does not say: that a group is a target, or why its members need what they need. A group that "wants everything"
cannot be found after the level of ticking is taken out; how much of the raw solution is only that level is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxlab.data.answers import best_answers, grouping_columns
from cxlab.inference import mean_row, share_row, with_readings
from cxlab.inference.intervals import critical_value, two_sided_p
from cxlab.problems import NotApplicableError, ParameterError
from cxlab.segments.kmeans import KMeansSegmenter, Style, styled
from cxlab.segments.screening import screen
from cxlab.segments.stability import NullCheck, Stability, null_check, rand_index, stability
from cxlab.wording import SURVEY_WORDS, capital_text, describe, estimate_text, inside_text, list_text, number_text

LEAST_RESPONDENTS = 200
COMES_BACK = (
    0.8  # median adjusted Rand index of pairs of samples, from which on a number of segments is taken to come back
)
BEHIND = 0.1  # how far its agreement may lie below that of the best number
HOLDS = 0.6  # median overlap that the weakest segment needs
MOST_SEGMENTS = 7
LEVELS_OUT: Style = "center"
Finding = Literal["natural segments", "reproducible", "constructive only", "no structure", "artefact of response style"]
"""What may be said of groups (after Dolnicar & Leisch 2010): they are there (more grouped than answers without groups, and they come
back); only their cuts come back, through people who differ by degrees; they are made, not found; nothing; only styles of ticking."""
MEMBERSHIP = ["customer_id", "segment_id", "segment", "probability", "typing_version", "placed_at"]


@dataclass(frozen=True)
class NeedsSegments:
    """What a battery of needs shows.

    `verdict` is "segments", "style" or "none" (`null_check`), `role` what was asked (need, importance, expectation) on which
    `scale` ("1 to 5"). `solutions` has one row a number of segments (k, ari, ari_low,
    ari_high, weakest), `sizes` one row a segment, `profile` one row a segment and need (estimate: how much more or less
    important than to the person on average, in points of the scale), `outcomes` one row a segment and outcome (NPS,
    satisfaction), `groups` one row a segment and group of customers, `needs` one row a need over all. `members` has one row
    a respondent who was placed, `labels` the segment's label of each careful respondent of the newest wave (index of the answers),
    `styles` one row a way to treat style (style, ari, weakest, style_share, agreement: with the solution that is used).

    `style` is what was taken out of each person's answers before grouping, `asked_for` whether a person set the number of groups.
    """

    wave: str
    verdict: str
    role: str
    scale: str
    k: int
    solutions: pd.DataFrame
    needs: pd.DataFrame
    sizes: pd.DataFrame
    profile: pd.DataFrame
    outcomes: pd.DataFrame
    groups: pd.DataFrame
    members: pd.DataFrame
    screened: pd.DataFrame
    conf_level: float
    weighted: bool
    null: NullCheck
    kinds: pd.DataFrame
    styles: pd.DataFrame
    style: Style
    asked_for: bool
    survey: str
    labels: pd.Series = field(repr=False)
    stable: Stability = field(repr=False)

    @property
    def found(self) -> bool:
        """Whether customers were put into groups."""
        return self.k > 1

    @property
    def style_share(self) -> float:
        """How much of a person's own level the groups of raw answers explain (0 to 1)."""
        return float(self.styles.loc[self.styles["style"] == "none", "style_share"].iloc[0])

    @property
    def comes_back(self) -> bool:
        """Whether any number of groups comes back when the sample is drawn again."""
        return bool(len(_holding(self.solutions)))

    @property
    def finding(self) -> Finding:
        """What may be said of groups in these answers, in words."""
        if self.verdict == "style":
            return "artefact of response style"
        if self.verdict == "segments":
            return "natural segments" if self.comes_back else "constructive only"
        return "reproducible" if self.comes_back else "no structure"

    @property
    def n(self) -> int:
        return int(self.screened["keep"].sum())

    def names(self) -> dict[str, str]:
        """segment_id → the name that is proposed: the need that sets the group apart most."""
        return dict(zip(self.sizes["segment_id"], self.sizes["label"], strict=True)) if self.found else {}

    def renamed(self, names: Mapping[str, str]) -> NeedsSegments:
        """The same groups by other names (segment_id → name), everywhere."""
        new = {old: names.get(segment, old) for segment, old in self.names().items()}
        if not new:
            return self
        parts = {name: getattr(self, name) for name in ("profile", "outcomes", "groups", "members")}
        renamed = {name: table.assign(segment=table["segment"].map(new)) for name, table in parts.items() if len(table)}
        kinds = self.kinds.assign(label=self.kinds["label"].map(new)) if len(self.kinds) else self.kinds
        sizes = self.sizes.assign(label=self.sizes["label"].map(new))
        return replace(self, **renamed, kinds=kinds, sizes=sizes, labels=self.labels.map(new))

    def headline(self) -> str:
        """The answer in one sentence."""
        if not self.found:
            return {
                "artefact of response style": "No groups of customers with needs of their own: what looks like groups is gone once "
                "each person's level of ticking is taken out.",
                "no structure": "No groups of customers with needs of their own: the answers are no more grouped than answers without "
                "groups would be, and no cut comes back.",
                "reproducible": "Customers differ in their needs by degrees, not in groups: cuts come back when the sample is drawn "
                "again, but the answers are no more grouped than answers without groups would be.",
                "constructive only": "No groups of customers that come back: the answers are more grouped than chance, but every new "
                "sample would draw other lines.",
                "natural segments": "No groups of customers were made.",
            }[self.finding]
        ari = float(self.solutions.set_index("k")["ari"][self.k])
        count = _COUNTS.get(self.k, str(self.k))
        if self.finding == "natural segments" and self._holds:
            return (
                f"{count} groups of customers differ in what they need, and they come back when the "
                f"sample is drawn again (agreement {ari:.2f}, where 1 is the same groups)."
            )
        if self.finding == "reproducible" and self._holds:
            return (
                f"{count} groups were cut, not found: the same cuts come back when the sample is drawn again (agreement {ari:.2f}), but "
                "customers differ by degrees and no gap lies between the groups."
            )
        return (
            f"{count} groups were made because they were asked for; in a new sample they would be others (agreement {ari:.2f}, "
            "where 1 is the same groups)."
        )

    @property
    def _holds(self) -> bool:
        """Whether the number of groups that is used comes back."""
        return self.k in set(_holding(self.solutions)["k"])

    def sentences(self) -> list[str]:
        """Who the groups are, how much is style, and what was left out."""
        said = []
        if self.found:
            largest = self.sizes.sort_values("estimate", ascending=False).to_dict("records")
            said.append("By size: " + list_text(f"“{row['label']}” ({row['estimate']:.0f}%)" for row in largest) + ".")
            apart = self.outcomes[self.outcomes["reading"] == "changed"]
            if len(apart):
                far = apart.reindex(apart["difference"].abs().sort_values(ascending=False).index).to_dict("records")[0]
                more = "above" if far["difference"] > 0 else "below"
                said.append(
                    f"{far['label']} of “{far['segment']}” lies {abs(far['difference']):.0f} points {more} that of the others."
                )
            else:
                said.append("None of them is clearly more or less satisfied or loyal than the others.")
        else:
            most = _holding(self.solutions)
            if len(most) and self.finding == "reproducible":
                said.append(
                    f"Up to {int(most['k'].max())} groups can be cut that come back; `n_segments` makes them, and they are then "
                    "groups of convenience."
                )
        said.append(self._style_sentence())
        dropped = self.screened[~self.screened["keep"]]["reason"].value_counts()
        if len(dropped):
            reasons = list_text(f"{number_text(n)} for {reason}" for reason, n in dropped.items())
            said.append(f"Of {len(self.screened):,} respondents {int(dropped.sum()):,} were left out: {reasons}.")
        return said

    def _style_sentence(self) -> str:
        share = f"{self.style_share:.0%} of the differences between the groups of the raw answers is only how high people tick"
        return (
            f"{share}; it is taken out here."
            if self.style != "none"
            else f"{share}; the answers are grouped as they are."
        )

    def base_sentence(self) -> str:
        weights = "sizes are weighted" if self.weighted else "not weighted"
        return f"{self._source}: {self.n:,} respondents with careful answers, {weights}."

    @property
    def _source(self) -> str:
        return f"{capital_text(SURVEY_WORDS.get(self.survey, self.survey))} {self.wave}"

    def key_numbers(self) -> pd.DataFrame:
        """The four largest groups by their share of customers."""
        rows = self.sizes.sort_values("estimate", ascending=False) if self.found else self.sizes.iloc[:0]
        return rows.head(4).assign(label=rows["label"].head(4), reading="no earlier wave", estimate_before=np.nan)

    # ------------------------------------------------------------------------------------------- what is shown, and said

    def needs_words(self) -> dict[str, Any]:
        first, *_, last = self.needs.to_dict("records")
        verb, asked = _ASKED.get(self.role, ("matters", "importance"))
        most, least = f"{first['estimate']:.1f} of {self.scale.split()[-1]}", f"{last['estimate']:.1f}"
        subtitle = f"Mean {asked}, {self.scale}, {100 * self.conf_level:g}% interval"
        if self.yes_no:
            most, least = (estimate_text(row["estimate"], "%") for row in (first, last))
            subtitle = f"Respondents to whom it applies, percent, {100 * self.conf_level:g}% interval"
            verb = "applies"
        unit = "%" if self.yes_no else self.scale
        return {
            "title": f"{first['label']} {verb} most ({most}), {inside_text(last['label'])} least ({least}).",
            "subtitle": subtitle,
            "alt": describe(f"Dot plot of {asked} by question", self.needs, label_col="label", unit=unit),
            "note": {"Base": f"{self.n:,} respondents", "Source": self._source},
        }

    @property
    def yes_no(self) -> bool:
        """Whether the questions are answered by yes or no."""
        return self.scale == "0 to 1"

    def solutions_shown(self) -> pd.DataFrame:
        """One row a number of groups: its agreement, and the middle half of the pairs."""
        ends = {"ari": "estimate", "ari_low": "conf_low", "ari_high": "conf_high"}
        return self.solutions.rename(columns=ends).assign(groups=self.solutions["k"].astype(str), n=self.n)

    def solutions_words(self) -> dict[str, Any]:
        rows = dict(zip(self.solutions["k"].astype(int), self.solutions["ari"], strict=True))
        best = max(rows, key=lambda k: rows[k])
        title = f"Agreement of repeated solutions is highest for {best} groups, {rows[best]:.2f}."
        if self.found:
            drop = f" and with one group more {rows[self.k + 1]:.2f}" if self.k + 1 in rows else ""
            title = f"The agreement of repeated solutions is {rows[self.k]:.2f} with {self.k} groups{drop}."
        pairs = len(self.stable.pairs) // max(len(self.solutions), 1)
        return {
            "title": title,
            "subtitle": "Adjusted Rand index of pairs of bootstrap samples by number of groups, median and middle half: 1 is "
            "the same groups, 0 chance",
            "alt": "Line of the agreement by number of groups: "
            + "; ".join(f"{k} groups {value:.2f}" for k, value in rows.items())
            + ".",
            "note": {
                "Base": f"{self.n:,} respondents, {pairs} pairs of samples for each number",
                "Rule": f"The largest number with a median of {COMES_BACK:g}, and no more than {BEHIND:g} below the best, whose weakest "
                f"group keeps {HOLDS:.0%} of itself",
                "Test": "Against answers without groups the best solution lies "
                f"{self.null.table['z_centred'].max():.0f} standard deviations out; more than 3 counts as groups",
            },
        }

    def styles_shown(self) -> Iterator[Shown]:
        """The solution as it is used beside those that treat style in another way."""
        rows = self.styles.assign(label=self.styles["style"].map(_STYLES), share=100 * self.styles["style_share"])
        shares = dict(zip(rows["style"], rows["share"], strict=True))
        title = (
            f"Of the groups of raw answers {shares['none']:.0f}% is only how high people tick, of those without each person's level "
            f"{shares['center']:.0f}%."
        )
        yield {
            "name": "styles",
            "title": title,
            "subtitle": f"{int(rows['k'].iloc[0])} groups by what is taken out of the answers: do they come back, are they style?",
            "note": {
                "Share": "How much of a person's mean over all questions the group explains (η²): a group that is a style of ticking",
                "Same groups": "Adjusted Rand index with the groups that are used: 1 is the same, 0 chance",
                "Used": _STYLES[self.style],
            },
        }, rows  # fmt: skip

    def holding_shown(self) -> Iterator[Shown]:
        """How well each group comes back: within its number of groups, and from one number to the next."""
        if not self.found or self.k not in self.stable.overlaps:
            return
        own = pd.DataFrame({"label": self.labels.to_numpy(), "segment": self.stable.labels[self.k]})
        most = own.groupby("segment")["label"].agg(lambda names: names.value_counts().index[0])
        known = self.stable.across()
        across = known[known["k"] == self.k].set_index("segment")["sla"].to_dict()
        rows = self.stable.by_segment(self.k)
        rows = rows.assign(label=rows["segment"].map(most.to_dict()), across=rows["segment"].map(across))
        rows = rows.sort_values("jaccard", kind="stable", ignore_index=True)
        first: Any = rows.iloc[0]
        yield (
            {
                "name": "segment_stability",
                "title": f"Every group keeps at least {first['jaccard']:.0%} of itself in a new sample; least “{first['label']}” does.",
                "subtitle": f"How much of each of {self.k} groups comes back, and whether it stays together when one group more is made",
                "note": {
                    "Comes back": "Overlap (Jaccard) with its nearest group of bootstrap solutions, median (SLSw, Dolnicar 2017)",
                    "Stays together": f"From {self.k - 1} to {self.k} groups, 1 less the entropy of where its members come from: SLSa",
                },
            },
            rows,
        )

    def kinds_shown(self) -> Iterator[Shown]:
        """Functional against emotional needs by group; nothing where study.toml does not say which need is which."""
        if self.kinds.empty:
            return
        apart = self.kinds[self.kinds["reading"] == "changed"].sort_values("q_value", kind="stable")
        title = "No group clearly weighs emotional needs otherwise than the rest of the customers."
        if len(apart):
            far: Any = apart.iloc[0]
            side = "emotional" if far["difference"] > 0 else "functional"
            title = (
                f"“{far['label']}” leans to {side} needs, by {abs(far['difference']):.1f} points more than the others."
            )
        yield {
            "name": "need_kinds",
            "title": title,
            "subtitle": f"Emotional less functional needs of each person, difference of the group from all others, points on "
            f"{self.scale}, {100 * self.conf_level:g}% interval",
            "alt": describe("Dot plot of emotional less functional needs", self.kinds,
                            label_col="label", unit="points", difference=True),
            "note": {
                "Base": f"{self.n:,} respondents",
                "Kinds": "`kind` of each need in study.toml; what is emotional is the researcher's word",
            },
        }, self.kinds  # fmt: skip

    def profile_shown(self) -> Iterator[Shown]:
        """Each group against the average need of its members, where there are groups."""
        if not self.found:
            return
        leading = {str(row["segment_id"]): str(row["label"]) for row in self.sizes.to_dict("records")}
        rows = self.profile.assign(leading=self.profile["item"].map(leading) == self.profile["segment"])
        top = max(rows.to_dict("records"), key=lambda row: row["estimate"])
        what = {"expectation": "Expectation", "image": "What is thought"}.get(self.role, "Importance")
        size = f"{top['estimate']:.0f}" if self.yes_no else f"{top['estimate']:.1f}"
        if self.style == "none":
            said, against = (
                f"{inside_text(top['label'])} lies {size} points above all respondents",
                "difference from all respondents",
            )
        else:
            said, against = (
                f"{inside_text(top['label'])} lies {size} points above their own average",
                "less the person's own mean",
            )
        unit = "percentage points" if self.yes_no else f"points on {self.scale}"
        yield {
            "title": f"The most distinct group is “{top['segment']}”, where {said}.",
            "subtitle": f"{what}, {against}, {unit}, by group and question",
            "alt": describe(
                "Field of questions by group", rows.assign(unit=""), label_col="label", series_col="segment", unit=unit
            ),
            "note": {
                "Base": list_text(f"{row['label']} {row['n']:,}" for row in self.sizes.to_dict("records")),
                "Interval": f"{100 * self.conf_level:g}%, in the table; the groups are made from these answers, so they differ "
                "by construction",
            },
        }, rows  # fmt: skip

    def outcomes_shown(self) -> Iterator[Shown]:
        """Each outcome by group."""
        if not self.found:
            return
        for label, rows in self.outcomes.groupby("label", sort=False):
            apart = rows[rows["reading"] == "changed"].to_dict("records")
            unit = str(rows["unit"].iloc[0])
            title = f"No group clearly differs from the others in {inside_text(str(label))}."
            if apart:
                far = max(apart, key=lambda row: abs(row["difference"]))
                title = f"{label} of “{far['segment']}” is {estimate_text(far['estimate'], unit)}, clearly apart from the others."
            yield {
                "name": f"outcome_{rows['outcome'].iloc[0]}",
                "title": title,
                "subtitle": f"{label} by group, {100 * self.conf_level:g}% interval",
                "alt": describe(f"Dot plot of {label} by group", rows, label_col="segment", unit=unit),
                "note": {
                    "Base": f"{int(rows['n'].sum()):,} answers",
                    "Test": f"Each group against all others; {int(self.outcomes['p_value'].notna().sum())} tests on this page, "
                    "Benjamini–Hochberg",
                },
            }, rows.reset_index(drop=True)  # fmt: skip

    def groups_shown(self) -> Iterator[Shown]:
        """The groups of customers that are more, or less, frequent in a segment; all of them where none is."""
        if not self.found or self.groups.empty:
            return
        apart = self.groups[self.groups["reading"] == "changed"].sort_values(
            "q_value", kind="stable", ignore_index=True
        )
        shown = apart if len(apart) else self.groups.sort_values("p_value", kind="stable", ignore_index=True)
        words = self.groups_words()
        words["note"]["Shown"] = "Clear differences" if len(apart) else "The ten least unclear; none is clear"
        yield words, shown.head(10)

    def groups_words(self) -> dict[str, Any]:
        tested = int(self.groups["p_value"].notna().sum())
        apart = self.groups[self.groups["reading"] == "changed"].to_dict("records")
        columns = list_text(str(column).replace("_", " ") for column in self.groups["by"].drop_duplicates())
        title = (
            f"Nothing the company knows of its customers ({columns}) clearly tells the groups apart, in {tested} tests."
        )
        if apart:
            far = max(apart, key=lambda row: abs(row["difference"]))
            title = (
                f"{len(apart)} of {tested} shares differ clearly between the groups, most {far['cell']} in “{far['segment']}”: "
                f"{far['estimate']:.0f}%."
            )
        return {
            "title": title,
            "subtitle": f"Share of each group's members, {100 * self.conf_level:g}% interval",
            "note": {"Test": f"{tested} tests, Benjamini–Hochberg", "Source": "What is known of respondents"},
        }

    def findings(self) -> list[dict[str, Any]]:
        """Size and outcomes of each group, as `cxlab.findings.record` takes them."""
        if not self.found:
            return []
        sized = [
            {
                "name": f"segment_share_{row['segment_id']}",
                "result": {**row, "headline": f"{row['label']}: {row['estimate']:.0f}% of customers."},
                "level": "segment",
                "target": row["label"],
                "unit": "%",
                "definition": "share of customers placed in the group",
                "comparable": "cumulative",
                "label": f"Share of customers: {row['label']}",
            }
            for row in self.sizes.to_dict("records")
        ]
        outcomes = [
            {
                "name": f"segment_{row['outcome']}_{row['segment_id']}",
                "result": {**row, "headline": _outcome_headline(row)},
                "level": "segment",
                "target": row["segment"],
                "unit": row["unit"],
                "better": "higher",
                "definition": f"{row['outcome']} in the deep dive",
                "comparable": "cumulative",
                "label": f"{row['label']}: {row['segment']}",
            }
            for row in self.outcomes.to_dict("records")
        ]
        return sized + outcomes


_ASKED = {
    "expectation": ("is expected", "expectation"), "image": ("is thought", "agreement"), "importance": ("matters", "importance"),
}  # fmt: skip
_STYLES = {
    "none": "Answers as ticked",
    "center": "Without each person's level",
    "zscore": "Without level and spread",
}


def _holding(solutions: pd.DataFrame) -> pd.DataFrame:
    """The numbers of groups that come back nearly as well as the best, with a weakest group that holds."""
    least = max(COMES_BACK, float(solutions["ari"].max()) - BEHIND)
    return solutions[(solutions["ari"] >= least) & (solutions["weakest"] >= HOLDS)]


_COUNTS = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six", 7: "Seven"}


Shown = tuple[dict[str, Any], pd.DataFrame]
"""What an exhibit says (title, subtitle, alt, note) and the rows that it shows."""


def _outcome_headline(row: Any) -> str:
    sign = "%" if row["unit"] == "%" else ""
    ends = f"between {number_text(row['conf_low'])}{sign} and {number_text(row['conf_high'])}{sign}"
    return f"{row['label']} of {row['segment']} is {number_text(row['estimate'])}{sign}, {ends} (n {row['n']:,})."


def needs_segments(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    *,
    n_segments: int = 0,
    style: Style = LEVELS_OUT,
    role: str = "",
    group_cols: tuple[str, ...] = (),
    n_boot: int = 50,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> NeedsSegments:
    """Groups by need among the respondents of the newest wave that asked about needs.

    `responses` and `items` are those of an open study; needs are the items with the role `role` (empty: `need`, else `importance`,
    else `expectation`). `n_segments` 0: the largest number that comes back, and none where there are no natural segments; a number
    that is asked for is made, and said to be made, unless the answers have no structure at all. `style`: what is taken out of each
    person's answers first (`styled`). `customers` brings the columns `group_cols` that the
    groups are compared on (none named: those with 2 to 12 values). Respondents with a hole in the battery are left out and
    counted; earlier waves are placed by the model of the newest.

    Raises `NotApplicableError` where no such battery was asked of enough people, `ParameterError` for a number of segments
    that the answers cannot give.
    """
    if style not in _STYLES:
        raise ParameterError("style", f"`{style}`", "center, zscore or none")
    battery, role, asked, newest, screened = needs_answers(responses, items, role=role)
    wave = str(newest["wave"].iloc[0]) if len(newest) else ""
    careful = newest[screened["keep"].to_numpy()]
    if len(careful) < LEAST_RESPONDENTS:
        what = f"{len(careful)} careful answers to the {len(battery)} questions about {role}"
        raise NotApplicableError(f"needs at least {LEAST_RESPONDENTS} respondents to group; there are {what}")
    if n_segments and not 2 <= n_segments <= MOST_SEGMENTS:
        raise ParameterError("n_segments", f"`{n_segments}` groups", f"0 (chosen), or 2 to {MOST_SEGMENTS}")
    X = careful[battery].to_numpy(dtype=float)
    if len(np.unique(styled(X, "center"), axis=0)) <= MOST_SEGMENTS:
        what = f"{len(np.unique(X, axis=0))} different ways to answer the {len(battery)} questions about {role}"
        raise NotApplicableError(f"needs more than {MOST_SEGMENTS} different answers to group; there are {what}")
    null = null_check(X, k=range(2, MOST_SEGMENTS + 1), n_null=20, random_state=random_state)
    ks = range(2, MOST_SEGMENTS + 1)
    stable = stability(X, k=ks, n_boot=n_boot, style=style, random_state=random_state)
    solutions = stable.summary()
    holds = _holding(solutions)
    structured = null.verdict == "segments" or (null.verdict == "none" and len(holds) > 0)
    k = int(holds["k"].max()) if null.verdict == "segments" and len(holds) else 1
    k = n_segments if n_segments and structured else k
    weights = careful["weight"].to_numpy() if "weight" in careful and careful["weight"].notna().all() else None
    labels = {row["item"]: row["label"] for row in items.to_dict("records")}
    model = KMeansSegmenter(max(k, 1), style=style, random_state=random_state).fit(X)
    made = model.labels_ if k > 1 else KMeansSegmenter(2, style=style, random_state=random_state).fit(X).labels_
    styles = _styles(X, made, style, stable, n_boot, random_state)
    names = _names(model, battery, labels)
    place = np.array(list(names))[model.labels_]
    shown = pd.Series(place, index=careful.index).map(names)
    scale = _scale(items, battery)
    profile = _profile(careful[battery], shown, labels, scale, style, weights, conf_level)
    return NeedsSegments(
        wave=wave,
        verdict=null.verdict,
        role=role,
        scale=scale,
        k=k,
        solutions=solutions,
        needs=_over_all(careful, battery, labels, scale, weights, conf_level),
        sizes=_sizes(shown, names, weights, conf_level),
        profile=profile,
        outcomes=_outcomes(careful, shown, names, items, conf_level),
        groups=_group_shares(careful, shown, customers, group_cols, conf_level),
        members=_members(asked, battery, model, names) if k > 1 else pd.DataFrame(columns=MEMBERSHIP),
        screened=screened,
        kinds=_kinds(careful[battery], shown, items, conf_level),
        styles=styles,
        style=style,
        asked_for=bool(n_segments),
        survey=str(newest["survey"].iloc[0]) if "survey" in newest else "deep_dive",
        labels=shown if k > 1 else pd.Series(dtype=object),
        conf_level=conf_level,
        weighted=weights is not None,
        null=null,
        stable=stable,
    )


def needs_answers(
    responses: pd.DataFrame, items: pd.DataFrame, *, role: str = ""
) -> tuple[list[str], str, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The battery and its role; who answered it in any wave, and in the newest one; and whether each of these is kept (`screen`).

    Raises `NotApplicableError` where no such battery was asked.
    """
    battery, role = _battery(responses, items, role)
    asked = responses[responses["perspective"] == "customer"].dropna(subset=battery, how="all")
    wave = asked.groupby("wave")["counted_at"].max().idxmax() if len(asked) else ""
    newest = asked[asked["wave"] == wave]
    yes_no = _scale(items, battery) == "0 to 1"
    return battery, role, asked, newest, _screened(newest, battery, yes_no)


def careful_answers(responses: pd.DataFrame, items: pd.DataFrame, *, role: str = "") -> tuple[list[str], pd.DataFrame]:
    """The battery, and those who answered it with care in the newest wave (`needs_answers`)."""
    battery, _, _, newest, screened = needs_answers(responses, items, role=role)
    return battery, newest[screened["keep"].to_numpy()]


def _battery(responses: pd.DataFrame, items: pd.DataFrame, wanted: str = "") -> tuple[list[str], str]:
    """The items to group by, and their role."""
    for role in [wanted] if wanted else ["need", "importance", "expectation"]:
        known = items[(items["role"] == role) & items["low"].notna()]
        names = [name for name in known["item"] if name in responses and responses[name].notna().any()]
        if len(names) >= 4:
            return names, role
    if wanted:
        raise NotApplicableError(f'needs at least four questions with the role "{wanted}" that were answered')
    raise NotApplicableError("needs at least four questions about needs, importance or expectation; no item asks them")


def _scale(items: pd.DataFrame, battery: list[str]) -> str:
    """The scale of the battery, as a unit: "1 to 5"."""
    asked = items[items["item"].isin(battery)]
    return f"{asked['low'].min():g} to {asked['high'].max():g}"


def _screened(newest: pd.DataFrame, battery: list[str], yes_no: bool = False) -> pd.DataFrame:
    table = screen(newest[battery])
    if yes_no:  # nothing, or all, of a list may apply
        straight = table["reason"] == "the same answer to everything"
        table = table.assign(keep=table["keep"] | straight, reason=table["reason"].mask(straight, ""))
    holes = table["keep"] & (table["missing_share"] > 0)
    return table.assign(keep=table["keep"] & ~holes, reason=table["reason"].mask(holes, "an unanswered need"))


def _styles(
    X: np.ndarray, own: np.ndarray, used: Style, stable: Stability, n_boot: int, random_state: int
) -> pd.DataFrame:
    """One row a way to treat style: does its solution come back, is it style, and is it the one that is used (`own`)?"""
    k = int(own.max()) + 1
    rows = []
    for style in dict.fromkeys([used, "none", "center"]):
        labels = own if style == used else KMeansSegmenter(k, style=style, random_state=random_state).fit(X).labels_
        other = stable if style == used else stability(X, k=[k], n_boot=n_boot, style=style, random_state=random_state)
        summary: Any = other.summary().set_index("k").loc[k]
        rows.append(
            {
                "style": style, "k": k, "ari": float(summary["ari"]), "weakest": float(summary["weakest"]),
                "style_share": _eta(labels, X.mean(axis=1)), "agreement": rand_index(own, labels, np.ones(len(own))),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _kinds(answers: pd.DataFrame, shown: pd.Series, items: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    """Emotional less functional needs of each person, by group against the others; empty where no kinds are said."""
    if "kind" not in items or shown.nunique() < 2:
        return pd.DataFrame()
    known = items.set_index("item")["kind"].reindex(answers.columns)
    parts = [list(known.index[known == kind]) for kind in ("emotional", "functional")]
    if not all(parts):
        return pd.DataFrame()
    contrast = answers[parts[0]].mean(axis=1) - answers[parts[1]].mean(axis=1)
    rows = [
        {
            "label": label,
            **_against_others(
                contrast, (shown == label).to_numpy(), _scale(items, [str(name) for name in answers]), conf_level
            ),
        }
        for label in shown.value_counts().index
    ]
    table = _tested(pd.DataFrame(rows), conf_level)
    half = critical_value(conf_level) * table["difference_error"]
    ends = {
        "estimate": table["difference"],
        "conf_low": table["difference"] - half,
        "conf_high": table["difference"] + half,
    }
    return table.assign(**ends, std_error=table["difference_error"])


def _names(model: KMeansSegmenter, battery: list[str], labels: dict[str, str]) -> dict[str, str]:
    """segment_id → name, in the order of the model's segments: by the need that sets a segment apart most.

    A segment that shares its leading need with another one is named after its first need that is not taken.
    """
    apart = model.cluster_centers_ - model.cluster_centers_.mean(axis=0)
    order = np.argsort(-apart.max(axis=1), kind="stable")
    taken: dict[int, str] = {}
    for segment in order:
        needs = [battery[j] for j in np.argsort(-apart[segment], kind="stable")]
        taken[int(segment)] = next((need for need in needs if need not in taken.values()), f"segment_{segment}")
    named = {taken[j]: labels.get(taken[j], taken[j]) for j in range(len(taken))}
    twice = pd.Series(named).duplicated(keep=False)
    return {key: f"{label} ({key})" if twice[key] else label for key, label in named.items()}


def _over_all(
    careful: pd.DataFrame, battery: list[str], labels: dict[str, str], scale: str, weights: Any, conf_level: float
) -> pd.DataFrame:
    row = partial(share_row, weights=weights, conf_level=conf_level)
    if scale != "0 to 1":
        row = partial(mean_row, unit=scale, weights=weights, conf_level=conf_level)
    rows = [{"item": item, "label": labels[item]} | row(careful[item]) for item in battery]
    return pd.DataFrame(rows).sort_values("estimate", ascending=False, ignore_index=True)


def _sizes(shown: pd.Series, names: dict[str, str], weights: Any, conf_level: float) -> pd.DataFrame:
    rows = []
    for segment, label in names.items():
        inside = (shown == label).to_numpy()
        row = share_row(inside, weights=weights, conf_level=conf_level)
        rows.append({"segment_id": segment, "label": label} | row | {"n": int(inside.sum()), "n_all": len(inside)})
    return pd.DataFrame(rows).sort_values("estimate", ascending=False, ignore_index=True)


def _profile(
    answers: pd.DataFrame,
    shown: pd.Series,
    labels: dict[str, str],
    scale: str,
    style: Style,
    weights: Any,
    conf_level: float,
) -> pd.DataFrame:
    """Each group and question: what sets the group apart (estimate), and its plain mean beside that of all (mean, total, index)."""
    raw = answers.to_numpy(dtype=float)
    apart = styled(raw, style) if style != "none" else raw - np.average(raw, axis=0, weights=weights)
    factor = 100.0 if scale == "0 to 1" else 1.0
    values = pd.DataFrame(factor * apart, index=answers.index, columns=answers.columns)
    unit = "points" if scale == "0 to 1" else scale
    total = np.average(raw, axis=0, weights=weights)
    rows = []
    for segment in dict.fromkeys(map(str, shown)):
        inside = (shown == segment).to_numpy()
        own = None if weights is None else weights[inside]
        means = np.average(raw[inside], axis=0, weights=own)
        rows += [
            {"segment": segment, "item": item, "label": labels[item]}
            | mean_row(values[item][inside], unit=unit, weights=own, conf_level=conf_level)
            | {
                "mean": factor * mean,
                "total": factor * over_all,
                "index": 100 * mean / over_all if over_all > 0 else np.nan,
            }
            for item, mean, over_all in zip(map(str, answers), means, total, strict=True)
        ]
    return pd.DataFrame(rows)


def _outcomes(
    careful: pd.DataFrame, shown: pd.Series, names: dict[str, str], items: pd.DataFrame, conf_level: float
) -> pd.DataFrame:
    """NPS and satisfaction overall of each segment, and the difference from all others."""
    known = items.set_index("item")
    ids = {label: segment for segment, label in names.items()}
    rows = []
    for item in known.index[known["touchpoint"].isna() & known["role"].isin(["loyalty", "satisfaction"])]:
        if item not in careful or careful[item].notna().sum() < LEAST_RESPONDENTS / 2:
            continue
        scored, unit, label = scored_answers(careful[item], known.loc[item])
        for segment in names.values():
            inside = (shown == segment).to_numpy()
            rows.append(
                {"segment": segment, "segment_id": ids[str(segment)], "outcome": item, "label": label, "unit": unit}
                | _against_others(scored, inside, unit, conf_level)
            )
    table = pd.DataFrame(rows, columns=None if rows else _AGAINST)
    return _tested(table, conf_level)


_NO_GROUPS = ("stratum", "team")
_AGAINST = [
    "segment", "segment_id", "outcome", "label", "unit", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n",
    "difference", "p_value", "q_value", "reading", "reason",
]  # fmt: skip


def scored_answers(scores: pd.Series, item: pd.Series) -> tuple[pd.Series, str, str]:
    """What each answer counts: −100, 0, 100 for NPS; 0 or 1 for the share of the two best answers."""
    if item["role"] == "loyalty" and (item["low"], item["high"]) == (0, 10):
        return (100.0 * (scores >= 9) - 100.0 * (scores <= 6)).where(scores.notna()), "points", "NPS"
    return best_answers(scores, item["low"], item["high"]), "%", str(item["label"])


def _against_others(scored: pd.Series, inside: np.ndarray, unit: str, conf_level: float) -> dict[str, Any]:
    row = share_row if unit == "%" else mean_row
    own, others = row(scored[inside], conf_level=conf_level), row(scored[~inside], conf_level=conf_level)
    change = own["estimate"] - others["estimate"]
    error = float(np.hypot(own["std_error"], others["std_error"]))
    own |= {"unit": unit, "difference": change}
    tested = error
    if unit == "%":  # the score test: by the error that both share if there is no difference
        pooled = float(scored.mean())
        tested = 100 * float(np.sqrt(pooled * (1 - pooled) * (1 / max(own["n"], 1) + 1 / max(others["n"], 1))))
    return own | {"difference_error": error, "p_value": two_sided_p(change / tested) if tested > 0 else np.nan}


def _tested(table: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    if table.empty:
        return table.reindex(columns=_AGAINST)
    return with_readings(table, conf_level)


def _group_shares(
    careful: pd.DataFrame,
    shown: pd.Series,
    customers: pd.DataFrame | None,
    group_cols: tuple[str, ...],
    conf_level: float,
) -> pd.DataFrame:
    """Share of each group of customers within each segment, against all other respondents."""
    columns = ["segment", "by", "cell", *_AGAINST[4:]]
    known = careful
    if customers is not None and "customer_id" in careful:
        known = customers.drop_duplicates("customer_id").set_index("customer_id").reindex(careful["customer_id"])
    about = known if customers is None else known[[name for name in customers if name in known]]
    wanted = list(group_cols) or grouping_columns(about, _NO_GROUPS)
    rows = []
    for column in wanted:
        values = known[column].to_numpy(dtype=object)
        there = pd.notna(values)
        for cell in sorted({str(value) for value in values[there]}):
            flags = pd.Series(np.where(there, values == cell, np.nan), index=careful.index, dtype=float)
            for segment in map(str, shown.unique()):
                row = _against_others(flags, (shown == segment).to_numpy(), "%", conf_level)
                rows.append({"segment": segment, "by": column, "cell": cell} | row)
    return _tested(pd.DataFrame(rows), conf_level).reindex(columns=columns) if rows else pd.DataFrame(columns=columns)


def _members(asked: pd.DataFrame, battery: list[str], model: KMeansSegmenter, names: dict[str, str]) -> pd.DataFrame:
    """Everybody who answered the battery in any wave, placed by the model of the newest; the latest answer counts."""
    if "customer_id" not in asked:
        return pd.DataFrame(columns=MEMBERSHIP)
    whole = asked.dropna(subset=[*battery, "customer_id"]).sort_values("counted_at", kind="stable")
    whole = whole[screen(whole[battery])["keep"]].drop_duplicates("customer_id", keep="last")
    X = styled(whole[battery].to_numpy(dtype=float), model.style)
    gaps = np.sqrt(((X[:, None] - model.cluster_centers_[None]) ** 2).sum(axis=2))
    nearness = np.exp(-(gaps**2)) / np.exp(-(gaps**2)).sum(axis=1, keepdims=True)
    nearest = gaps.argmin(axis=1)
    return pd.DataFrame(
        {
            "customer_id": whole["customer_id"].to_numpy(),
            "segment_id": np.array(list(names))[nearest],
            "segment": np.array(list(names.values()))[nearest],
            "probability": nearness.max(axis=1),
            "typing_version": f"kmeans-{model.style}-1",
            "placed_at": whole["counted_at"].to_numpy(),
        }
    ).sort_values("customer_id", ignore_index=True)


def _eta(labels: np.ndarray, values: np.ndarray) -> float:
    """The share of the variance of `values` that lies between groups."""
    total = ((values - values.mean()) ** 2).sum()
    between = sum(
        (labels == label).sum() * (values[labels == label].mean() - values.mean()) ** 2 for label in np.unique(labels)
    )
    return float(between / total) if total > 0 else 0.0
