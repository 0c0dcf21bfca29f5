"""Did the experience move? One survey, wave after wave, and its newest wave against an earlier one.

`movement` takes the answers to one survey and returns what a reader of the tracking page needs: every wave and item
with interval and base, the tested differences, and the sentences that may be quoted. Surveys are never pooled: a deep
dive, an event survey and a tracking survey ask different people at different moments.

What it does not say: why something moved. A difference between waves may be a difference in who answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from cxlab.inference.sentences import base, between, figure
from cxlab.problems import ParameterError, did_you_mean
from cxlab.survey.change_points import LEAST_WAVES, ChangePoints, change_points
from cxlab.survey.mix import mix_rate
from cxlab.survey.representativity import drift
from cxlab.survey.scales import orient
from cxlab.survey.standing import Standing, stand_apart
from cxlab.survey.tracking import Tracked, WaveComparison, as_tracked, compare_waves, label_of, text_or_none, track
from cxlab.survey.weighting import WeightedWaves, rake_waves
from cxlab.survey.where import Where, grouping_columns, where_it_moved
from cxlab.wording import SURVEY_WORDS, describe, difference_text, inside_text, list_text, p_text

_DRIFT = 10.0  # percent of respondents, from which on a wave's profile is said to be another
_MOST_WHERE = 3  # clear changes, for which the page says where
LEADING_ROLES = ("loyalty", "satisfaction", "effort")
MOSTLY_MIX = 0.5  # share of a clear change that comes from who answered, from which on it is said to be mix
MIXES = ["item", "label", "unit", "by", "change", "mix", "rate", "share", "group", "share_before", "share_after"]
SMALL_OVERLAP = 0.2  # more of the same people in two waves than this, and they are not treated as independent


@dataclass(frozen=True)
class Movement:
    """What one survey shows.

    `track` has one row a wave and item (see `cxlab.survey.track`), `change` compares the newest wave with `before`
    (None where there is no other wave), `leads` names the overall items that lead the page, loyalty first. `overlap` is
    the share of the newest wave's customers who also answered the other (NaN where customers are not known), and
    `is_new` says whether the newest wave was asked in the period that is reported.
    """

    survey: str
    waves: list[str]
    track: pd.DataFrame
    change: WaveComparison | None
    leads: list[str]
    labels: dict[str, str]
    questions: dict[str, str]
    touchpoints: dict[str, str | None]
    directions: dict[str, str | None]
    overlap: float
    is_new: bool
    min_base: int
    mixes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=MIXES))
    weighting: WeightedWaves | None = None
    where: list[Where] = field(default_factory=list)
    profile: pd.DataFrame = field(default_factory=pd.DataFrame)
    standing: Standing | None = None
    steps: dict[str, ChangePoints] = field(default_factory=dict)

    @property
    def wave(self) -> str:
        """The newest wave."""
        return self.waves[-1]

    @property
    def before(self) -> str | None:
        """The wave that it is compared with."""
        return str(self.change.before) if self.change else None

    @property
    def current(self) -> pd.DataFrame:
        """The newest wave: one row an item that was asked in it, with its words in `label`, best first."""
        rows = self._labelled(self.track[(self.track["wave"] == self.wave) & (self.track["n"] > 0)])
        return rows.sort_values(["metric", "estimate"], ascending=[True, False], ignore_index=True)

    @property
    def changes(self) -> pd.DataFrame:
        """One row an item that both waves asked, largest difference first; empty where there is no other wave."""
        if self.change is None:
            return pd.DataFrame()
        rows = self._labelled(self.change.frame)
        rows = rows[rows[["n_before", "n_after"]].min(axis=1) > 0].assign(n=rows["n_after"])
        order = rows["difference"].abs().sort_values(ascending=False, na_position="last").index
        return rows.loc[order].reset_index(drop=True)

    def series(self, item: str) -> pd.DataFrame:
        """One item: one row a wave in which it was asked."""
        return self._labelled(self.track[(self.track["item"] == item) & (self.track["n"] > 0)]).reset_index(drop=True)

    @property
    def measures(self) -> pd.DataFrame:
        """One row an item of the newest wave: what it is now, what it was, and whether that is a change.

        The columns of `current`, and estimate_before, n_before, difference, difference_low, difference_high, q_value and
        reading ("new" where there is nothing to compare with).
        """
        rows = self._by_importance()
        columns = [
            "estimate_before",
            "n_before",
            "difference",
            "difference_low",
            "difference_high",
            "detectable",
            "q_value",
            "reading",
        ]
        if self.change is None:
            return rows.assign(**dict.fromkeys(columns[:-1], float("nan")), reading="new")
        ends = {"conf_low": "difference_low", "conf_high": "difference_high"}
        known = self.change.frame.rename(columns=ends)[["item", *columns]]
        rows = rows.merge(known, on="item", how="left", validate="one_to_one")
        return rows.assign(reading=rows["reading"].fillna("new"))

    def changes_by_unit(self) -> dict[str, pd.DataFrame]:
        """`changes` apart by unit, because a picture has one axis: unit → rows, where there are two or more."""
        if self.change is None:
            return {}
        return {str(unit): rows for unit, rows in self.changes.groupby("unit", sort=False) if len(rows) > 1}

    def headline(self) -> str:
        """The one sentence to quote: did the leading measure move?"""
        return self._lead_sentence(self.leads[0]) if self.leads else self._family_sentence()

    def sentences(self) -> list[str]:
        """What follows the headline: the other overall measures, all items together, what could not have been seen."""
        said = [self._lead_sentence(item) for item in self.leads[1:]]
        if self.leads:
            said.append(self._family_sentence())
        said += [line for line in map(self._uneven_sentence, self.where) if line][:1]
        said += [line for line in (self._mix_sentence(), self._power_sentence(), self._stale_sentence()) if line]
        return said

    def key_numbers(self) -> pd.DataFrame:
        """The overall measures of the newest wave, one row each, as `exhibits.key_numbers` takes them.

        Columns: label, unit, estimate, interval, n, estimate_before, difference, reading; `unlike` says why the earlier
        figure is not made as the newest one is.
        """
        rows = self._labelled(self.track[(self.track["wave"] == self.wave) & self.track["item"].isin(self.leads)])
        rows = rows.set_index("item").loc[self.leads].reset_index()
        if self.change is None:
            return rows.assign(estimate_before=float("nan"), reading="no earlier wave")
        known = self.change.frame[["item", "estimate_before", "difference", "reading"]]
        rows = rows.merge(known, on="item", how="left", validate="one_to_one")
        return rows.assign(unlike=["" if self._is_alike(item) else "without weights" for item in rows["item"]])

    def findings(self, touchpoints: pd.DataFrame | None = None) -> list[dict[str, Any]]:
        """What this survey concludes, one entry an item of the newest wave, as `cxlab.findings.record` takes them.

        `touchpoints` are those of an open study; with them each finding names the owner of its touchpoint.
        """
        owners = {} if touchpoints is None else dict(zip(touchpoints["touchpoint"], touchpoints["owner"], strict=True))
        independent = self.is_new and not self.overlap > SMALL_OVERLAP
        return [
            {
                "name": f"{self.survey}_{row['item']}",
                "result": {**row, "headline": _headline(self._name(row["item"]), row)},
                "level": "all",
                "target": self.touchpoints[row["item"]],
                "owner": text_or_none(owners.get(self.touchpoints[row["item"]])),
                "unit": row["unit"],
                "better": self.directions[row["item"]],
                "definition": _DEFINITIONS[row["metric"]] + (", weighted" if row["weighted"] else ""),
                "comparable": "independent" if independent else "overlapping" if self.is_new else "cumulative",
                "label": self._name(row["item"]),
                "key": row["item"] in self.leads,
                "attention": row["item"] in self._worse,
                "caution": "mostly who answered" if row["item"] in set(self.only_mix["item"]) else "",
            }
            for row in self._by_importance().to_dict("records")
        ]

    @property
    def _worse(self) -> set[str]:
        """The items that clearly got worse."""
        if self.change is None:
            return set()
        return set(self.change.frame.loc[self.change.frame["reading"] == "worse", "item"]) - set(self.only_mix["item"])

    @property
    def only_mix(self) -> pd.DataFrame:
        """The clear changes that come mostly from who answered, one row an item."""
        rows = self.mixes[self.mixes["share"] >= MOSTLY_MIX]
        return rows.sort_values("share", ascending=False, kind="stable").drop_duplicates("item")

    def mix_shown(self) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """The clear changes, each split into what changed within groups and who answered."""
        if len(self.mixes):
            rows = (
                self.mixes.sort_values("share", ascending=False, kind="stable")
                .drop_duplicates("item")
                .reset_index(drop=True)
            )
            rows = rows.assign(by=rows["by"].str.replace("_", " "))
            mostly = self.only_mix["label"].tolist()
            title = "No clear change comes mostly from who answered, as far as the groups tell."
            if mostly:
                title = f"{list_text(mostly)}: the change comes mostly from who answered, not from what they felt."
            yield {
                "title": title,
                "subtitle": f"Clear changes from {self.before} to {self.wave}: total, part within groups, part from who answered",
                "note": {
                    "Method": "Kitagawa 1955, symmetric; both parts add up to the change",
                    "Groups": "For each change the grouping of those who answered that explains most of it",
                },
            }, rows  # fmt: skip

    def profile_shown(self) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """Whether other people answered than before; nothing where nothing is known of them."""
        if len(self.profile):
            rows = self.profile.sort_values("drift", ascending=False, kind="stable", ignore_index=True)
            rows = rows.assign(label=rows["variable"].map(_plain), most=rows["category"].astype(str))
            first: Any = rows.iloc[0]
            far = int(rows["warn"].sum())
            title = f"No profile of respondents moved by more than {_DRIFT:g}% since {self.before}."
            if far:
                title = (
                    f"Other people answered than in {self.before}: by {first['label']} {first['drift']:.0f}% would have to be others "
                    "to be like before."
                )
            yield {
                "name": "profile",
                "title": title,
                "subtitle": f"How far the profile of respondents moved from {self.before} to {self.wave}, percent of respondents",
                "note": {
                    "Drift": "Half the sum of changes of shares; by chance: what two such samples show if nothing moved",
                    "Test": f"χ² of {len(rows)} {_groupings(len(rows))}, not weighted, Benjamini–Hochberg",
                },
            }, rows  # fmt: skip

    def where_shown(self) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """For the leading measure and the clearest changes: the grouping whose groups changed most unlike each other."""
        for found in self.where:
            if found.item not in self.leads[:1] and found.uneven.empty:
                continue
            by = found.first
            rows = found.groups[found.groups["by"] == by].assign(label=found.groups["group"], n=found.groups["n_after"])
            test: Any = found.columns.set_index("by").loc[by]
            name = self._name(found.item)
            counted = f"{len(found.columns)} {_groupings(len(found.columns))}"
            title = (
                self._uneven_sentence(found)
                or f"{name}: of {counted} none clearly shows that it moved here and not there."
            )
            yield {
                "name": f"where_{found.item}",
                "title": title,
                "subtitle": f"Difference {self.wave} minus {self.before} by {_plain(by)}, {self._interval_words()}",
                "alt": describe(
                    f"Dot plot of the difference in {inside_text(name)} by {_plain(by)}", rows.assign(estimate=rows["difference"]),
                    label_col="label", unit=str(rows["unit"].iloc[0]), difference=True, min_base=self.min_base,
                ),
                "note": {
                    "Grouping": f"Of {len(found.columns)} the one whose groups differ most: "
                    + list_text(_plain(column) for column in found.columns["by"]),
                    "Test": f"Do the groups differ? Cochran's Q {test['statistic']:.1f} on {test['df']:.0f} degrees of freedom, p "
                    f"{p_text(test['p_value'])}, q {p_text(test['q_value'])} of {len(found.columns)}",
                    "Groups": f"{int(found.groups['p_value'].notna().sum())} changes of groups are one family "
                    "(Benjamini–Hochberg); one group clear and another not is no difference between them",
                },
            }, rows.reset_index(drop=True)  # fmt: skip

    def steps_shown(self) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """The levels of each overall measure that clearly stepped from one to another; nothing where none did."""
        for item, found in self.steps.items():
            if found.points.empty or found.shape == "trend":
                continue
            name, unit = self._name(item), str(self.series(item)["unit"].iloc[0])
            span = (
                found.levels["from_wave"]
                .astype(str)
                .where(
                    found.levels["from_wave"] == found.levels["to_wave"],
                    found.levels["from_wave"].astype(str) + " to " + found.levels["to_wave"].astype(str),
                )
            )
            yield {
                "name": f"steps_{item}",
                "title": found.headline().replace("The level", f"The level of {inside_text(name)}", 1),
                "subtitle": f"Level by stretch of waves, {100 * found.levels['conf_level'].iloc[0]:g}% interval",
                "note": {
                    "Test": f"Largest difference over all places, simulated; at most {100 * found.alpha:g}% of steady series show a step",
                    "Read": "A step says when, not why: a new questionnaire, panel or season steps, too",
                },
            }, found.levels.assign(label=span, unit=unit)  # fmt: skip

    def standing_shown(self) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """The leading measure of the newest wave by group, in the way of grouping whose groups stand furthest apart."""
        found = self.standing
        if found is None or not found.first:
            return
        rows = found.groups[found.groups["by"] == found.first].assign(label=lambda part: part["group"])
        name, unit, by = self._name(found.item), str(rows["unit"].iloc[0]), _plain(found.first)
        ways, tested = found.groups["by"].nunique(), int(found.groups["p_value"].notna().sum())
        title = f"None of {tested} groups clearly stands apart in {inside_text(name)} of {self.wave}."
        if len(found.apart):
            far: Any = found.apart[found.apart["by"] == found.first].iloc[0]
            side = "below" if far["difference"] < 0 else "above"
            size = figure(abs(far["difference"]), "points" if unit == "%" else unit)
            title = (
                f"{name} of {self.wave} is {figure(far['estimate'], unit)} for {far['group']} ({by}), {size} points {side} that of the "
                "others."
            )
        order = rows.sort_values("estimate", ascending=False, kind="stable", na_position="last", ignore_index=True)
        yield {
            "name": f"standing_{found.item}",
            "title": title,
            "subtitle": f"{name} of {self.wave} by {by}, {self._interval_words()}",
            "alt": describe(
                f"Dot plot of {inside_text(name)} by {by}", order, label_col="label", unit=unit, min_base=self.min_base
            ),
            "note": {
                "Grouping": f"Of {ways} {_groupings(ways)} the one with the clearest group; all are in the table",
                "Test": f"Each group against all others; {tested} tests, Benjamini–Hochberg",
                "Could have seen": f"Four times in five, in a test on its own: {_seen(rows, unit)}",
            },
            "table": found.groups.assign(label=found.groups["group"]),
        }, order  # fmt: skip

    def _uneven_sentence(self, found: Where) -> str:
        """Where a measure moved most, if the groups clearly differ; else nothing."""
        if found.uneven.empty:
            return ""
        rows = found.groups[(found.groups["by"] == found.first) & found.groups["difference"].notna()]
        low, high = (rows.sort_values("difference", kind="stable").iloc[place] for place in (0, -1))
        far: Any = low if abs(low["difference"]) >= abs(high["difference"]) else high
        name, by, unit = self._name(found.item), _plain(found.first), str(far["unit"])
        if far["reading"] in ("better", "worse", "changed"):
            verb = "fell" if far["difference"] < 0 else "rose"
            size = figure(abs(far["difference"]), "points" if unit == "%" else unit)
            size += " points" if unit in ("%", "points") else ""
            return f"{name} {verb} most for {far['group']} ({by}), by {size}, and not alike for all."
        ends = " and ".join(f"{difference_text(row['difference'], unit)} for {row['group']}" for row in (low, high))
        return f"{name} did not move alike by {by}: {ends}, neither clear on its own."

    def weights_shown(self) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
        """What weighting to the margins cost, wave by wave; nothing where a study has no margins."""
        if self.weighting is not None:
            rows = self.weighting.waves
            last: Any = rows.set_index("wave").loc[self.wave]
            names = list_text(_plain(name) for name in self.weighting.margins)
            note = {
                "Method": "Raking (Deming & Stephan 1940), each wave on its own; 1 is the mean weight",
                "Effective base": "Equally weighted respondents who would be as informative (Kish); the intervals know the weights",
            }
            if lost := int(rows["unplaced"].sum()):
                who = "respondent without a category keeps" if lost == 1 else "respondents without a category keep"
                note["Not placed"] = f"{lost:,} {who} the mean weight"
            yield {
                "name": "weights",
                "title": f"Weighted to {names}, the {last['n']:,.0f} respondents of {self.wave} count as {last['n_eff']:,.0f}.",
                "subtitle": "Weights by wave: respondents, effective base, design effect, lowest and largest weight",
                "note": note,
            }, rows.assign(n_eff=rows["n_eff"].round(1)).round({"deff": 2, "lowest": 2, "largest": 2})  # fmt: skip

    @property
    def unit_names(self) -> dict[str, str]:
        """unit → the same as part of a file's name: percent, points, scale_1_to_7."""
        names = {"%": "percent", "points": "points"}
        return {unit: names.get(unit, f"scale_{unit.replace(' ', '_')}") for unit in self.track["unit"].unique()}

    def series_words(self, item: str) -> dict[str, Any]:
        """Title, subtitle, alternative text and notes of one item wave by wave."""
        rows = self.series(item)
        unit, name = rows["unit"].iloc[0], self._name(item)
        shown = rows[rows["estimate"].notna()]
        title = f"{name} cannot be shown for any wave: too few answers."
        if len(shown) == 1:
            title = f"{name} is {figure(shown['estimate'].iloc[0], unit)} in {shown['wave'].iloc[0]}."
        elif len(shown) > 1:
            first, last = shown.iloc[0], shown.iloc[-1]
            ends = figure(first["estimate"], unit), figure(last["estimate"], unit)
            was = f"{name} was {ends[0]} in {first['wave']}, the first of {len(shown)} waves"
            title = f"{was}, and is {ends[1]} in {last['wave']}."
        note = {
            "Base": f"{self._bases(rows)} {self._weighted_words(rows)}",
            "Question": f"“{self.questions[item]}”" if self.questions[item] else name,
            "Test": self._test_words(item),
            "Source": f"Answers of customers to the {SURVEY_WORDS[self.survey]}",
        }
        if item in self.steps:
            note["Steps"] = self.steps[item].headline()
        return {
            "title": title,
            "subtitle": f"{_DEFINITIONS[rows['metric'].iloc[0]][:1].upper()}{_DEFINITIONS[rows['metric'].iloc[0]][1:]}, "
            f"by wave, {self._interval_words()}",
            "alt": describe(f"Line chart of {inside_text(name)} by wave", rows, label_col="wave", unit=unit),
            "note": note,
        }

    def change_words(self, unit: str) -> dict[str, Any]:
        """Title, subtitle, alternative text and notes of the differences in one unit."""
        rows = self.changes_by_unit()[unit]
        clear = rows[rows["reading"].isin(["better", "worse", "changed"])]
        tested = int(rows["p_value"].notna().sum())
        measured = {"points": "in points", "%": "in percent"}.get(unit, f"on a scale of {unit}")
        if clear.empty:
            title = f"No clear change in {tested} {_plural('measure', tested)} {measured} since {self.before}."
        else:
            most = clear.to_dict("records")[0]
            rose = "rose" if most["difference"] > 0 else "fell"
            ends = (figure(most[f"estimate_{when}"], unit) for when in ("before", "after"))
            rank = " most" if len(clear) > 1 else ""
            title = (
                f"{len(clear)} of {tested} {_plural('measure', tested)} {measured} moved since {self.before}: "
                f"{inside_text(most['label'])} {rose}{rank}, from {' to '.join(ends)}."
            )
        if not tested:
            title = f"Nothing measured {measured} could be compared with {self.before}."
        drawn = rows.assign(estimate=rows["difference"])
        return {
            "title": title,
            "subtitle": f"Difference {self.wave} minus {self.before}, {self._interval_words()}",
            "alt": describe(
                f"Dot plot of the difference between {self.before} and {self.wave}", drawn, label_col="label", unit=unit,
                difference=True, min_base=self.min_base,
            ),
            "note": self._comparison_note(),
        }  # fmt: skip

    def measures_words(self) -> dict[str, Any]:
        """Title, subtitle and notes of the table of all measures."""
        rows = self.current
        shares = rows[(rows["unit"] == "%") & rows["estimate"].notna()]
        title = f"{len(rows)} {_plural('measure', len(rows))} of the {SURVEY_WORDS[self.survey]} in {self.wave}."
        shares = shares[shares["item"].map(self.directions) == "higher"]
        if len(shares) > 1:
            best, worst = shares.iloc[0], shares.iloc[-1]
            high, low = figure(best["estimate"], "%"), figure(worst["estimate"], "%")
            title = (
                f"Of {len(shares)} measures in percent {inside_text(best['label'])} has the highest figure, {high}, "
                f"and {inside_text(worst['label'])} the lowest, {low}."
            )
        since = f", and the change since {self.before}" if self.change else ""
        return {
            "title": title,
            "subtitle": f"Every measure of {self.wave}, {self._interval_words()}{since}",
            "note": self._comparison_note() if self.change else {"Base": self._bases(rows)},
        }

    def _comparison_note(self) -> dict[str, str]:
        assert self.change is not None
        frame = self.change.frame
        untested = frame.loc[frame["p_value"].isna() & (frame[["n_before", "n_after"]].max(axis=1) > 0)]
        note = {
            "Base": f"Up to {frame['n_before'].max():,} answers in {self.before}, {frame['n_after'].max():,} in {self.wave}",
            "Test": f"{self.change.family_size} tests, Benjamini–Hochberg, {100 * (1 - self._conf_level):.0f}%; "
            f"intervals are those of single measures. {self.change.design}",
        }
        if self.overlap > SMALL_OVERLAP:
            note["Same people"] = (
                f"{self.overlap:.0%} of the customers of {self.wave} also answered {self.before}; the intervals take the "
                "two waves for independent and are, if anything, too wide"
            )
        note["Could have seen"] = (
            "The smallest true change that these bases show four times in five, in a test on its own"
        )
        if len(untested):
            note["Not tested"] = "; ".join(
                f"{self.labels[row['item']]}: {row['reason']}" for _, row in untested.iterrows()
            )
        return note

    @property
    def _conf_level(self) -> float:
        return float(self.track["conf_level"].iloc[0])

    def _interval_words(self) -> str:
        return f"{100 * self._conf_level:g}% interval"

    def _bases(self, rows: pd.DataFrame) -> str:
        low, high = int(rows["n"].min()), int(rows["n"].max())
        return f"{low:,} to {high:,} answers" if low < high else f"{high:,} answers"

    def _weighted_words(self, rows: pd.DataFrame) -> str:
        if rows["weighted"].all():
            return "a wave, weighted"
        if not rows["weighted"].any():
            return "a wave, not weighted"
        return f"a wave, weighted only in {', '.join(rows.loc[rows['weighted'], 'wave'].astype(str))}"

    def _test_words(self, item: str) -> str:
        known = self.change.frame.set_index("item") if self.change else pd.DataFrame()
        if item not in known.index or pd.isna(known["p_value"][item]):
            return "Not tested: no earlier wave asked it alike"
        row: Any = known.loc[item]
        return (
            f"{self.wave} against {self.before}: p {p_text(row['p_value'])}, q {p_text(row['q_value'])} in a family of "
            f"{self.change.family_size if self.change else 0} (Benjamini–Hochberg)"
        )

    def base_sentence(self) -> str:
        """How many answered the newest wave and how they were weighted."""
        asked = self.track[self.track["wave"] == self.wave]
        most = asked.sort_values("n", kind="stable").iloc[-1]
        to = f" to {list_text(_plain(name) for name in self.weighting.margins)}" if self.weighting else ""
        weighted = (
            f"weighted{to}, by the weights alone as informative as {most['n_eff']:,.0f} equally weighted answers"
            if most["weighted"]
            else "not weighted"
        )
        return f"Wave {self.wave}: up to {most['n']:,} answers to a question, {weighted}."

    def _by_importance(self) -> pd.DataFrame:
        """The overall measures first, in their order; then the others, best first."""
        rows = self.current
        leads = rows.set_index("item", drop=False).loc[[item for item in self.leads if item in set(rows["item"])]]
        return pd.concat([leads, rows[~rows["item"].isin(self.leads)]], ignore_index=True)

    def _labelled(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(label=rows["item"].map(self._name))

    def _name(self, item: str) -> str:
        is_nps = (self.track.loc[self.track["item"] == item, "metric"] == "nps").any()
        return "NPS" if is_nps and item in self.leads else self.labels[item]

    def _lead_sentence(self, item: str) -> str:
        row: Any = self.current.set_index("item").loc[item]
        now = f"{_stated(row)} in {self.wave}"
        compared = self.change.frame.set_index("item") if self.change else None
        if compared is None:
            return f"{self._name(item)} is {now}; there is nothing earlier to compare it with."
        if item not in compared.index or compared.loc[item, "reading"] == "not tested":
            return f"{self._name(item)} is {now}; it cannot be compared with {self.before}."
        change: Any = compared.loc[item]
        earlier, plain = (figure(change[f"estimate_{when}"], row["unit"]) for when in ("before", "after"))
        still = change["reading"] == "no clear change"
        if not self._is_alike(item):
            moved = "did not clearly change" if still else "rose" if change["difference"] > 0 else "fell"
            return (
                f"{self._name(item)} is {now}; without weights, which {self.before} has not, it {moved}: {plain} after "
                f"{earlier}."
            )
        if still:
            return f"No clear change in {inside_text(self._name(item))}: {now}, after {earlier} in {self.before}."
        verb = "rose" if change["difference"] > 0 else "fell"
        return f"{self._name(item)} {verb} from {earlier} in {self.before} to {now}."

    def _is_alike(self, item: str) -> bool:
        """Whether the newest wave's figure is the one that was compared: not where only one of the waves has weights."""
        row: Any = self.current.set_index("item").loc[item]
        return self.change is None or bool(row["weighted"]) == self.change.weighted

    def _family_sentence(self) -> str:
        if self.change is None:
            return f"{self.wave} is the first wave of this {SURVEY_WORDS[self.survey]}: nothing can have moved yet."
        clear = self.changes[self.changes["reading"].isin(["better", "worse", "changed"])]
        tested = f"Of {self.change.family_size} measures tested against {self.before}"
        if clear.empty:
            return f"{tested}, none shows a clear change once the number of tests is counted."
        more = f" and {len(clear) - 3} more" if len(clear) > 3 else ""
        kinds = clear["reading"].value_counts()
        ways = {"better": "got better", "worse": "got worse", "changed": "changed"}
        counted = " and ".join(f"{kinds[kind]} {words}" for kind, words in ways.items() if kind in kinds)
        surest = clear.sort_values(["q_value", "p_value"], kind="stable")  # differences in several units have no order
        named = ", ".join(_moved(row) for row in surest.head(3).to_dict("records"))
        return f"{tested}, {counted} once the number of tests is counted: {named}{more}."

    def _mix_sentence(self) -> str:
        rows = self.only_mix.to_dict("records")
        if not rows:
            return ""
        row = rows[0]
        more = "more" if row["share_after"] > row["share_before"] else "fewer"
        return (
            f"{list_text(row['label'] for row in rows)}: {rows[0]['share']:.0%} of the change comes from who answered, with {more} "
            f"{row['group']} ({row['by'].replace('_', ' ')}): {row['share_after']:.0%} of answers after {row['share_before']:.0%}."
        )

    def _power_sentence(self) -> str:
        if self.change is None or not self.leads:
            return ""
        compared = self.change.frame.set_index("item")
        item = self.leads[0]
        if item not in compared.index or compared.loc[item, "reading"] != "no clear change":
            return ""
        row: Any = compared.loc[item]
        unit = row["unit"]
        seen = figure(row["detectable"], "points" if unit == "%" else unit)
        return (
            f"In a test on its own these bases would have shown, four times in five, a true change of "
            f"{inside_text(self._name(item))} of about {seen} points or more."
        )

    def _stale_sentence(self) -> str:
        return "" if self.is_new else f"No new wave was asked in this period: {self.wave} is the newest there is."


_DIRECTIONS = dict.fromkeys(("satisfaction", "loyalty", "effort", "enjoyment", "image", "attitude"), "higher") | {
    "problem": "lower"
}
_DEFINITIONS = {
    "nps": "share answering 9 or 10 minus share answering 0 to 6, in points",
    "top_box": "share giving one of the two best answers, in percent",
    "ces": "mean answer, high means easy",
    "mean": "mean answer",
}


def _stated(row: Any) -> str:
    """A number with interval: 31, between 27 and 35 (n 2,650); or why there is none."""
    if row["suppressed"]:
        return f"not shown ({row['reason']})"
    interval = between(row["conf_low"], row["conf_high"], row["unit"])
    return f"{figure(row['estimate'], row['unit'])}, {interval} ({base(int(row['n']))})"


def _headline(name: str, row: Any) -> str:
    """One measure as a sentence that says what the share is a share of."""
    if row["metric"] == "top_box" and not row["suppressed"]:
        return f"{name}: {_stated(row).replace(',', ' gave one of the two best answers,', 1)}."
    return f"{name} is {_stated(row)}."


def _moved(row: Any) -> str:
    """A clear change in a few words: clean restrooms (71% to 76%)."""
    earlier, now = (figure(row[f"estimate_{when}"], row["unit"]) for when in ("before", "after"))
    return f"{inside_text(row['label'])} ({earlier} to {now})"


def _groupings(n: int) -> str:
    return "grouping" if n == 1 else "groupings"


def _plain(name: str) -> str:
    """A column as a reader sees it."""
    return name.replace("_", " ")


def _seen(rows: pd.DataFrame, unit: str) -> str:
    """The smallest true differences that the groups could have shown: from 4 points (Web) to 11 (Mobile)."""
    known = rows.dropna(subset=["detectable"]).sort_values("detectable", kind="stable")
    if known.empty:
        return "nothing, the bases are too small"
    first, last = known.to_dict("records")[0], known.to_dict("records")[-1]
    ends = [figure(row["detectable"], "points" if unit == "%" else unit) for row in (first, last)]
    if len(known) == 1:
        return f"{ends[0]} points ({first['group']})"
    return f"from {ends[0]} points ({first['group']}) to {ends[1]} ({last['group']})"


def _plural(noun: str, n: int) -> str:
    return noun if n == 1 else f"{noun}s"


def movement(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    *,
    survey: str = "tracking",
    before: str = "",
    customers: pd.DataFrame | None = None,
    margins: Mapping[str, Mapping[str, float]] | None = None,
    trim: float | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
) -> Movement:
    """What one survey of customers shows: every wave, and the newest against `before` (empty: the wave before it).

    `responses` and `items` are those of an open study: one row a respondent, one row an item. Weights and clusters are
    used where the answers have them, strata for whole waves (groups cut through them). `margins` weights every wave to the
    population (`rake_waves`), no weight above `trim` times the mean; `customers` tells how much of a clear change comes from
    who answered.

    Raises `ParameterError` where there are no such answers, or no such wave.
    """
    is_customer = responses["perspective"] == "customer" if "perspective" in responses else responses["survey"].notna()
    rows = responses[is_customer & (responses["survey"] == survey)].astype({"wave": str})
    if rows.empty:
        there = sorted(responses.loc[is_customer, "survey"].dropna().unique())
        what = f"`{survey}`: no customer has answered the {SURVEY_WORDS.get(survey, survey)} up to this period"
        raise ParameterError("survey", what, f"surveys with answers: {', '.join(there) or 'none'}")
    weighting = rake_waves(rows, margins, customers=customers, trim=trim) if margins else None
    if weighting is not None:
        rows = weighting.responses
    design: dict[str, Any] = {
        "weights_col": "weight" if "weight" in rows and rows["weight"].notna().any() else None,
        "cluster_col": "cluster" if "cluster" in rows and rows["cluster"].notna().any() else None,
        "conf_level": conf_level,
        "min_base": min_base,
    }
    drawn = design | {"strata_col": "stratum" if "stratum" in rows and rows["stratum"].notna().any() else None}
    tracked = track(rows, items, **drawn)
    waves = [str(wave) for wave in tracked["wave"].drop_duplicates()]
    if before and before not in waves[:-1]:
        what = f"`{before}` is no wave before {waves[-1]}"
        raise ParameterError("before", what, did_you_mean(before, waves[:-1]))
    earlier = before or (waves[-2] if len(waves) > 1 else None)
    newest = rows[rows["wave"] == waves[-1]]
    known = items.set_index("item")
    change = compare_waves(rows, items, before=earlier, after=waves[-1], **drawn) if earlier else None
    known_of = _with_customers(rows, customers)
    groups = grouping_columns(known_of, items["item"])
    leads = _leading(tracked, known, waves[-1])
    return Movement(
        survey=survey,
        waves=waves,
        track=tracked,
        change=change,
        mixes=_mixes(known_of, change, known, groups),
        where=_where(known_of, change, known, leads, groups, design),
        profile=_profile(known_of, change, groups),
        steps=_steps(tracked, leads, conf_level),
        standing=_standing(known_of, known, leads, groups, waves[-1], design),
        leads=leads,
        labels={item: label_of(item, known.loc[item]) for item in tracked["item"].unique()},
        questions={item: text_or_none(known.loc[item].get("question")) or "" for item in tracked["item"].unique()},
        touchpoints={item: text_or_none(known.loc[item, "touchpoint"]) for item in tracked["item"].unique()},
        directions={item: _DIRECTIONS.get(str(known.loc[item, "role"])) for item in tracked["item"].unique()},
        overlap=_overlap(rows, earlier, newest),
        is_new=bool(newest["in_period"].mean() > 0.5)
        if "in_period" in newest
        else True,  # late answers are no new wave
        min_base=min_base,
        weighting=weighting,
    )


def _with_customers(rows: pd.DataFrame, customers: pd.DataFrame | None) -> pd.DataFrame:
    """The answers with what the customers table knows of those who gave them; what the answers bring themselves stays."""
    if customers is None or "customer_id" not in rows:
        return rows
    about = customers.drop_duplicates("customer_id").set_index("customer_id")
    return rows.join(about[[name for name in about if name not in rows]], on="customer_id")


def _where(
    rows: pd.DataFrame,
    change: WaveComparison | None,
    items: pd.DataFrame,
    leads: list[str],
    groups: list[str],
    design: dict[str, Any],
) -> list[Where]:
    """Where the leading measure and the clearest changes moved."""
    if change is None or not groups:
        return []
    clear = change.frame[change.frame["reading"].isin(["better", "worse", "changed"])].sort_values(
        "q_value", kind="stable"
    )
    chosen = dict.fromkeys([*leads[:1], *clear["item"].head(_MOST_WHERE)])
    before, after = (rows[rows["wave"] == str(wave)] for wave in (change.before, change.after))
    used: dict[str, Any] = {
        "weights_col": design["weights_col"] if change.weighted else None,
        "cluster_col": design["cluster_col"] if change.clustered else None,
        "conf_level": design["conf_level"],
        "min_base": design["min_base"],
    }
    found = [
        where_it_moved(before, after, as_tracked({"item": item, **items.loc[item].to_dict()}), groups, **used)
        for item in chosen
    ]
    return [where for where in found if len(where.columns)]


def _steps(tracked: pd.DataFrame, leads: list[str], conf_level: float) -> dict[str, ChangePoints]:
    """The change points of each overall measure that enough waves asked."""
    found = {}
    for item in leads:
        own = tracked[(tracked["item"] == item) & tracked["estimate"].notna() & (tracked["std_error"] > 0)]
        if len(own) >= LEAST_WAVES:
            found[item] = change_points(
                own["estimate"],
                own["std_error"],
                labels=own["wave"].astype(str).tolist(),
                alpha=1 - conf_level,
                random_state=0,
            )
    return found


def _standing(
    rows: pd.DataFrame, items: pd.DataFrame, leads: list[str], groups: list[str], wave: str, design: dict[str, Any]
) -> Standing | None:
    """The leading measure of the newest wave by group."""
    if not leads or not groups:
        return None
    newest = rows[rows["wave"] == wave]
    weights = design["weights_col"] if design["weights_col"] and newest[design["weights_col"]].notna().any() else None
    tracked = as_tracked({"item": leads[0], **items.loc[leads[0]].to_dict()})
    return stand_apart(newest, tracked, groups, **design | {"weights_col": weights})


def _profile(rows: pd.DataFrame, change: WaveComparison | None, groups: list[str]) -> pd.DataFrame:
    """How far the respondents of the two waves differ in what is known of them, one row a grouping (`drift`)."""
    if change is None or not groups:
        return pd.DataFrame()
    before, after = (rows[rows["wave"] == str(wave)] for wave in (change.before, change.after))
    known = [name for name in groups if before[name].notna().any() and after[name].notna().any()]
    return drift(before, after, known) if known else pd.DataFrame()


def _mixes(rows: pd.DataFrame, change: WaveComparison | None, items: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """One row a clear change and way of grouping: how much of it is mix."""
    if change is None or not groups:
        return pd.DataFrame(columns=MIXES)
    clear = change.frame[change.frame["reading"].isin(["better", "worse", "changed"])]
    both = rows[rows["wave"].isin([str(change.before), str(change.after)])]
    both = both.assign(_order=(both["wave"] == str(change.after)).astype(int))
    made = []
    for entry in clear.to_dict("records"):
        item = items.loc[entry["item"]]
        tracked = as_tracked({"item": entry["item"], **item.to_dict()})
        scored = both.assign(_value=_counted(both[entry["item"]], tracked))
        weights = "weight" if change.weighted else None
        for column in groups:
            if scored.dropna(subset=["_value", column])["_order"].nunique() < 2:
                continue
            table = mix_rate(scored, value="_value", by=column, period="_order", weights_col=weights)
            total, mix = float((table["mix"] + table["rate"]).sum()), float(table["mix"].sum())
            moved = max(table.to_dict("records"), key=lambda row: abs(row["share_after"] - row["share_before"]))
            made.append(
                {
                    "item": entry["item"], "label": label_of(entry["item"], item), "unit": entry["unit"], "by": column, "change": total,
                    "mix": mix, "rate": total - mix, "share": mix / total if total else 0.0, "group": moved[column],
                    "share_before": moved["share_before"], "share_after": moved["share_after"],
                }
            )  # fmt: skip
    return pd.DataFrame(made, columns=MIXES)


def _counted(scores: pd.Series, tracked: Tracked) -> pd.Series:
    """What each answer counts in the metric, turned as it is there: points of NPS, percent of a share, else the answer itself."""
    scores = orient(scores, tracked.scale, reversed=tracked.turned)
    if tracked.metric == "nps":
        return (100.0 * (scores >= 9) - 100.0 * (scores <= 6)).where(scores.notna())
    if tracked.metric == "top_box":
        return (100.0 * (scores > tracked.scale[1] - tracked.top)).where(scores.notna())
    return scores.astype(float)


def _leading(tracked: pd.DataFrame, items: pd.DataFrame, wave: str) -> list[str]:
    """The first overall item (without a touchpoint) of each leading role that was asked in this wave."""
    asked = tracked.loc[(tracked["wave"] == wave) & (tracked["n"] > 0), "item"]
    overall = [item for item in asked if text_or_none(items.loc[item, "touchpoint"]) is None]
    roles = {item: items.loc[item, "role"] for item in overall}
    firsts = [next((item for item in overall if roles[item] == role), None) for role in LEADING_ROLES]
    return [item for item in firsts if item is not None]


def _overlap(rows: pd.DataFrame, earlier: str | None, newest: pd.DataFrame) -> float:
    """Share of the newest wave's customers who answered the earlier wave, too; NaN where customers are not known."""
    if earlier is None or "customer_id" not in rows or newest["customer_id"].isna().all():
        return float("nan")
    known = newest["customer_id"].dropna()
    return float(known.isin(rows.loc[rows["wave"] == earlier, "customer_id"]).mean())
