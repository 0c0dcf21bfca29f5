"""What are comments about, with what feeling about each theme, and what goes with it in loyalty: for all, by segment, by touchpoint?

One row of `themes` is one theme of the codebook that is mentioned, the headings above it included. `negative` is the share of the
comments about it in which what is said of the theme itself (its clause) is negative. `impact` is the score of all less that of those
who do not mention it; `adjusted` the same with all other themes held equal. Both are association: who mentions a theme may be
unhappy for another reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference import benjamini_hochberg, difference_row, share_row
from cxlab.voice.comments import Comments
from cxlab.voice.impact import adjusted_impact, theme_impact
from cxlab.voice.sentiment import NEUTRAL
from cxlab.wording import capital_text, describe, inside_text, list_text, number_text

Shown = tuple[dict[str, Any], pd.DataFrame]
_GROUPS_SHOWN = 8
_THEMES_OF_GROUPS = 8
_COLUMNS = ["theme", "label", "parent", "touchpoint", "share", "std_error", "conf_low", "conf_high", "conf_level", "n", "negative",
            "reason", "was", "rise", "rise_p"]  # fmt: skip
_IMPACT = {
    "estimate": "impact", "conf_low": "impact_low", "conf_high": "impact_high", "q_value": "impact_q", "n": "impact_n",
    "score_with": "score_with", "reason": "impact_reason",
}  # fmt: skip
_ADJUSTED = {"estimate": "adjusted", "conf_low": "adjusted_low", "conf_high": "adjusted_high", "q_value": "adjusted_q"}


@dataclass(frozen=True)
class Subjects:
    """The themes of the comments of a period; see the module. `by_group` has one row a theme and group of a `kind` (segment or
    touchpoint)."""

    comments: Comments
    themes: pd.DataFrame
    by_group: pd.DataFrame
    coverage: float

    # ------------------------------------------------------------------------------------------------------- in words

    @property
    def costly(self) -> pd.DataFrame:
        """The themes of the top level that clearly go with a lower score, the costliest first."""
        rows = self.themes
        clear = rows[(rows["impact_q"] < 1 - self.comments.conf_level) & (rows["impact"] < 0) & rows["parent"].isna()]
        return clear.sort_values("impact", kind="stable")

    @property
    def rising(self) -> pd.DataFrame:
        rows = self.themes
        return rows[(rows["rise_q"] < 1 - self.comments.conf_level) & (rows["rise"] > 0)].sort_values(
            "rise", ascending=False
        )

    @property
    def metric(self) -> str:
        return self.comments.loyalty.label if self.comments.loyalty else "NPS"

    @property
    def unit(self) -> str:
        return self.comments.loyalty.unit if self.comments.loyalty else "points"

    @property
    def the_metric(self) -> str:
        return {"NPS": "NPS", "net feeling": "the net feeling"}.get(self.metric, f"the {self.metric} ({self.unit})")

    @property
    def decimals(self) -> int:
        return 0 if self.unit == "points" else 1

    def lost(self, row: Mapping[Any, Any], column: str = "impact") -> str:
        return number_text(abs(row[column]), self.decimals) + (" points" if self.decimals == 0 else " of a point")

    def ends(self, row: Mapping[Any, Any], column: str = "impact") -> str:
        low, high = sorted((abs(row[f"{column}_high"]), abs(row[f"{column}_low"])))
        return f"{number_text(low, self.decimals)} to {number_text(high, self.decimals)}"

    def headline(self, negative: float) -> str:
        """The theme that goes with the largest loss, else the one that adds most negative comments to what is usual."""
        costly = self.costly
        if len(costly):
            row = costly.to_dict("records")[0]
            return (
                f"{row['label']} goes with the largest loss of loyalty: without those who mention it, {self.the_metric} would be "
                f"{self.lost(row)} higher ({self.ends(row)})."
            )
        worst = self._most_negative(negative)
        if worst is not None and worst["negative"] > negative:
            return (
                f"{negative:.0f}% of comments are negative; what adds most to that is {inside_text(worst['label'])} "
                f"({worst['negative']:.0f}% of {worst['n']:,.0f} comments)."
            )
        return f"{negative:.0f}% of comments are negative."

    def sentences(self) -> list[str]:
        said = []
        up = [row for row in self.rising.to_dict("records") if row["parent"] is None or not self._rises(row["parent"])]
        if up:
            rises = (f"{inside_text(row['label'])} ({row['was']:.0f}% to {row['share']:.0f}%)" for row in up[:3])
            said.append(f"More often than in {self.comments.before}: {list_text(rises)}.")
        elif self.comments.before:
            said.append(f"No theme is clearly more frequent than in {self.comments.before}.")
        said.append(f"The codebook covers {self.coverage:.0%} of comments.")
        return said

    def _rises(self, theme: str) -> bool:
        return theme in set(self.rising["theme"])

    def _most_negative(self, usual: float) -> dict[Any, Any] | None:
        """The theme with most negative comments more than as many comments usually hold: `usual` percent."""
        known = self.themes[self.themes["negative"].notna() & (self.themes["n"] >= self.comments.min_base)]
        more = (known["n"] * (known["negative"] - usual)).sort_values(ascending=False, kind="stable")
        return known.loc[more.index[0]].to_dict() if len(more) else None

    # ------------------------------------------------------------------------------------------------------- exhibits

    def themes_shown(self) -> pd.DataFrame:
        """Themes under their headings, the most frequent first; a theme below another is listed from the smallest base on."""
        size: dict[str, float] = dict(zip(self.themes["theme"], self.themes["share"], strict=True))
        above = {name: [*reversed(self.comments.codebook.ancestors(name)), name] for name in size}
        order = sorted(size, key=lambda name: [(-size.get(step, 0.0), step) for step in above[name]])
        rows = self.themes.set_index("theme", drop=False).loc[order].reset_index(drop=True)
        rows = rows[(rows["n"] >= self.comments.min_base) | rows["parent"].isna()]
        shown = [
            f"{'– ' * (len(above[name]) - 1)}{label}" for name, label in zip(rows["theme"], rows["label"], strict=True)
        ]
        return rows.assign(estimate=rows["share"], unit="%", shown=shown).reset_index(drop=True)

    def themes_words(self) -> dict[str, Any]:
        tops = (
            self.themes[self.themes["parent"].isna()]
            .sort_values("share", ascending=False, kind="stable")
            .to_dict("records")
        )
        title = "No theme of the codebook is mentioned."
        if tops:
            title = f"{tops[0]['label']} is mentioned most ({tops[0]['share']:.0f}%)."
            known = [row for row in tops if np.isfinite(row["negative"])]
            if known:
                worst = max(known, key=lambda row: row["negative"])
                name = "and" if worst["theme"] == tops[0]["theme"] else f"{inside_text(worst['label'])}"
                title = f"{title[:-1]}, {name} most negatively ({worst['negative']:.0f}% of its comments)."
        before = self.comments.before
        small = len(self.themes) - len(self.themes_shown())
        return {
            "title": title,
            "subtitle": f"Themes of the codebook: share of comments, share of those in which the clause about it is negative, "
            f"{100 * self.comments.conf_level:g}% interval",
            "note": {
                "Base": f"{self.comments.n:,} comments; one may have several themes, and counts for the headings above them",
                "Coverage": f"{self.coverage:.0%} of comments mention at least one theme",
                "Negative": "What is said of the theme itself: its clause, or its sentence where the clause says nothing; by the lexicon",
                "Not listed": f"{small} themes below others, mentioned fewer than {self.comments.min_base} times; the data file has them"
                if small
                else "Nothing",
                "Rising": f"Against {before}, {int(self.themes['rise_p'].notna().sum())} tests, Benjamini–Hochberg"
                if before
                else "No earlier period to compare with",
            },
        }

    def impact_shown(self) -> Iterator[Shown]:
        """Themes of the top level, by what the score of all would gain without them, and beside it with the others held equal."""
        rows = self.themes[self.themes["impact"].notna() & self.themes["parent"].isna()].sort_values(
            "impact", kind="stable"
        )
        if len(rows):
            level = 1 - self.comments.conf_level
            way = np.where(rows["impact"] > 0, "better", "worse")
            table = rows.assign(
                estimate=rows["impact"], conf_low=rows["impact_low"], conf_high=rows["impact_high"], n=rows["impact_n"],
                unit=self.unit,
                reading=np.where(rows["impact_q"].isna(), "not tested", np.where(rows["impact_q"] >= level, "no clear change", way)),
            )  # fmt: skip
            title = f"No theme clearly goes with a lower {self.metric}."
            if len(self.costly):
                row = self.costly.to_dict("records")[0]
                title = f"{row['label']} goes with {self.lost(row)} of {self.the_metric} lost: the largest of {len(table)} themes."
            yield {
                "name": "impact",
                "title": title,
                "subtitle": f"{capital_text(self.metric)} of all who commented less {self.metric} of those who do not mention the theme"
                f"{'' if self.unit == 'points' else f', {self.unit}'}, {100 * self.comments.conf_level:g}% interval",
                "alt": describe("Dot plot of the impact of each theme", table, label_col="label", unit=self.unit, difference=True),
                "note": {
                    "Base": f"Respondents with a comment and an answer; {int(table['n'].min()):,} to {int(table['n'].max()):,} "
                    "mention a theme",
                    "Test": f"{int(self.themes['impact_q'].notna().sum())} themes at all levels: mentions shuffled between respondents, "
                    "Benjamini–Hochberg",
                    "Read": "Below zero: those who mention it are less loyal. Association, not cause",
                },
            }, table.reset_index(drop=True)  # fmt: skip

    def adjusted_shown(self) -> Iterator[Shown]:
        """The two ways of counting side by side, because themes travel together."""
        rows = self.themes[self.themes["adjusted"].notna()].sort_values("adjusted", kind="stable")
        if len(rows):
            level = 1 - self.comments.conf_level
            held = rows[(rows["adjusted_q"] < level) & (rows["adjusted"] < 0)].to_dict("records")
            title = f"With the other themes held equal, no theme clearly goes with a lower {self.metric}."
            if held:
                title = (
                    f"With the other themes held equal, {inside_text(held[0]['label'])} goes with {self.lost(held[0], 'adjusted')} of "
                    f"{self.the_metric} lost ({self.ends(held[0], 'adjusted')})."
                )
            yield {
                "name": "adjusted",
                "title": title,
                "subtitle": f"{capital_text(self.metric)} that goes with each theme, alone and with all other themes in one model",
                "note": {
                    "Model": "Least squares of the score on all themes of the top level, robust errors by customer; the effect of a "
                    "mention × the share that mentions it",
                    "Test": f"{len(rows)} themes, Benjamini–Hochberg",
                    "Read": "A theme whose figure shrinks is mostly mentioned together with a costlier one",
                },
                "folded": True,
            }, rows.reset_index(drop=True)  # fmt: skip

    def groups_shown(self) -> Iterator[Shown]:
        """For each kind of group one field of themes by groups."""
        labels = self.comments.codebook.labels
        for kind, part in self.by_group.groupby("kind", sort=False):
            known = part[part["estimate"].notna()]
            if known.empty or known["group"].nunique() < 2:
                continue
            apart = sorted(set(part.loc[part["differs_q"] < 1 - self.comments.conf_level, "theme"]))
            title = f"What a theme goes with does not clearly differ between {kind}s."
            if apart:
                own = known[known["theme"].isin(apart)].sort_values("estimate", kind="stable").to_dict("records")
                title = (
                    f"{labels[own[0]['theme']]} costs {kind}s differently: most for {own[0]['group']} "
                    f"({number_text(own[0]['estimate'], self.decimals, signed=True)})."
                    if own
                    else title
                )
            rows = part.assign(label=part["theme"].map(labels), clear=part["q_value"] < 1 - self.comments.conf_level)
            yield {
                "name": f"impact_by_{kind}",
                "title": title,
                "subtitle": f"{capital_text(self.metric)} that goes with each theme, by {kind}; framed where it is clear of chance",
                "alt": f"Field of numbers, one row a theme and one column a {kind}: "
                + "; ".join(
                    f"{row['label']} {row['group']} {number_text(row['estimate'], self.decimals, signed=True)}"
                    for row in rows[rows["estimate"].notna()].to_dict("records")[:16]
                ),
                "note": {
                    "Base": f"Respondents with an answer; a cell needs {self.comments.min_base} who mention the theme and as "
                    "many who do not",
                    "Test": f"{int(part['q_value'].notna().sum())} cells, and for each theme whether {kind}s differ, Benjamini–Hochberg",
                },
            }, rows.reset_index(drop=True)  # fmt: skip

    def findings(self) -> list[dict[str, Any]]:
        made = []
        rising, costly = set(self.rising["theme"]), set(self.costly["theme"])
        for row in self.themes[self.themes["parent"].isna()].to_dict("records"):
            said = f"{row['label']}: {row['share']:.0f}% of comments"
            said += f", in {row['negative']:.0f}% of them negative" if np.isfinite(row["negative"]) else ""
            if row["theme"] in costly:
                said += f"; goes with {self.lost(row)} of {self.the_metric} lost ({self.ends(row)})"
            if row["theme"] in rising:
                said += f"; rising from {row['was']:.0f}%"
            made.append(
                {
                    "name": f"theme_{row['theme']}",
                    "result": {
                        "estimate": row["share"], "std_error": row["std_error"], "conf_low": row["conf_low"],
                        "conf_high": row["conf_high"], "conf_level": self.comments.conf_level, "n": row["n"], "headline": said + ".",
                    },
                    "level": "all",
                    "target": row["touchpoint"],
                    "unit": "%",
                    "definition": f"share of comments, codebook {self.comments.codebook.name}",
                    "comparable": "independent",
                    "label": f"Theme: {row['label']}",
                    "attention": row["theme"] in rising or row["theme"] in costly,
                }
            )  # fmt: skip
        return made


def subjects(comments: Comments, *, n_boot: int = 1000) -> Subjects:
    """The themes of the comments of a period, and what goes with them. `n_boot` shuffles give the intervals of the impact."""
    own = comments.own(comments.mentions)
    return Subjects(
        comments=comments,
        themes=_with_impact(comments, _themes(comments), own, n_boot),
        by_group=_by_group(comments, own, n_boot),
        coverage=float(comments.rows.index[comments.inside].isin(own["text_id"]).mean()),
    )


def _themes(comments: Comments) -> pd.DataFrame:
    """One row a theme that is mentioned in the period: its share, how negative, and its share before."""
    said = comments.mentions.groupby(["theme", "text_id"], sort=False)["score"].mean()
    groups, earlier_groups = comments.clusters(comments.inside), comments.clusters(comments.earlier)
    rows = []
    for theme in comments.codebook.themes:
        mention = comments.has[theme.name]
        here = mention & comments.inside
        if not here.any():
            continue
        row = share_row(mention[comments.inside], clusters=groups, conf_level=comments.conf_level)
        felt = said[theme.name].reindex(comments.rows.index[here])
        change: dict[str, Any] = {"was": np.nan, "rise": np.nan, "rise_p": np.nan}
        if comments.earlier.any():
            was = share_row(mention[comments.earlier], clusters=earlier_groups, conf_level=comments.conf_level)
            gap = difference_row(was, row)
            change = {"was": was["estimate"], "rise": gap["difference"], "rise_p": gap["p_value"]}
        rows.append(
            {
                "theme": theme.name, "label": theme.label, "parent": theme.parent, "touchpoint": theme.touchpoint,
                "share": row["estimate"], "std_error": row["std_error"], "conf_low": row["conf_low"], "conf_high": row["conf_high"],
                "conf_level": comments.conf_level, "n": int(here.sum()),
                "negative": 100 * float((felt <= -NEUTRAL).mean()) if here.sum() >= comments.min_base else np.nan, "reason": "",
            }
            | change
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=_COLUMNS).astype({"parent": object, "touchpoint": object})
    table[["parent", "touchpoint"]] = table[["parent", "touchpoint"]].where(
        table[["parent", "touchpoint"]].notna(), None
    )
    return table.assign(rise_q=benjamini_hochberg(table["rise_p"]))


def _with_impact(comments: Comments, themes: pd.DataFrame, own: pd.DataFrame, n_boot: int) -> pd.DataFrame:
    named = [*_IMPACT.values(), *_ADJUSTED.values()]
    if comments.loyalty is None or themes.empty:
        return themes.reindex(columns=[*themes.columns, *named])
    loyalty = comments.loyalty
    said = loyalty.of(own)
    options: dict[str, Any] = {
        "metric": loyalty.metric, "clusters": loyalty.customers, "min_base": comments.min_base, "conf_level": comments.conf_level,
    }  # fmt: skip
    alone = theme_impact(said, loyalty.scores, n_boot=n_boot, random_state=comments.random_state, **options)
    parents = {theme.name: theme.parent for theme in comments.codebook.themes}
    controls = loyalty.by(comments.rows["segment"]) if comments.segments else None
    held = adjusted_impact(said, loyalty.scores, controls=controls, parents=parents, **options)
    made = themes
    for found, names in ((alone, _IMPACT), (held, _ADJUSTED)):
        more = found.rename(columns=names).reindex(columns=["theme", *names.values()])
        made = made.merge(more, on="theme", how="left", validate="one_to_one")
    return made


def _by_group(comments: Comments, own: pd.DataFrame, n_boot: int) -> pd.DataFrame:
    """One row a kind of group, theme (top level, the most mentioned) and group."""
    loyalty = comments.loyalty
    kinds = {"segment": comments.segments, "touchpoint": comments.rows.loc[comments.inside, "touchpoint"].nunique() > 1}
    parts = []
    for kind, there in kinds.items():
        if loyalty is None or not there:
            continue
        tops = {theme.name for theme in comments.codebook.themes if theme.parent is None}
        said = loyalty.of(own[own["theme"].isin(tops)])
        most = said["theme"].value_counts().index[:_THEMES_OF_GROUPS]
        group = loyalty.by(comments.rows[kind])
        large = group.value_counts().index[:_GROUPS_SHOWN]
        found = theme_impact(
            said[said["theme"].isin(most)], loyalty.scores, metric=loyalty.metric, by=group.where(group.isin(large)),
            clusters=loyalty.customers, min_base=comments.min_base, n_boot=n_boot, conf_level=comments.conf_level,
            random_state=comments.random_state,
        )  # fmt: skip
        parts.append(found.assign(kind=kind))
    columns = ["kind", "group", "theme", "estimate", "n", "q_value", "differs_q"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
