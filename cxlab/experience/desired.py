"""The desired experience: actual against expected, against what staff believe, and how easy and pleasant it was.

`desired_experience` puts the two gaps, the cards (effective, efficient, enjoyable, painless) and the company's own
assumptions side by side, with the sentences that may be quoted. One row of every table is one question or one assumption.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.config import Assumption
from cxlab.experience.gaps import gap_table
from cxlab.inference import share_row
from cxlab.problems import NotApplicableError
from cxlab.wording import describe, inside_text, list_text

Shown = tuple[dict[str, Any], pd.DataFrame]
_MANY = {
    "blind spot": "blind spots", "known weakness": "known weaknesses", "hidden strength": "hidden strengths",
    "shared strength": "shared strengths", "shared view": "shared views",
}  # fmt: skip
_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five"}
_CARDS = {  # role → what the card is called, and the question it answers
    "goal": ("Effective", "reached the goal"),
    "effort": ("Easy", "found it easy (one of the two best answers)"),
    "enjoyment": ("Enjoyable", "found it pleasant (one of the two best answers)"),
    "problem": ("Painless", "had no problem"),
}


@dataclass(frozen=True)
class DesiredExperience:
    """`staff` and `expected` are gap tables with `label`, `touchpoint` and `owner`; empty where nobody was asked. `cards`
    has one row a touchpoint and card, `assumptions` one row an assumption of study.toml with its status."""

    wave: str
    staff: pd.DataFrame
    expected: pd.DataFrame
    cards: pd.DataFrame
    assumptions: pd.DataFrame
    rank_correlation: float
    unit: str
    conf_level: float
    weighted: bool

    @property
    def blind_spots(self) -> pd.DataFrame:
        return self.staff[self.staff["blind_spot"]] if len(self.staff) else self.staff

    def headline(self) -> str:
        """The answer: where staff believe customers content who are not, else the widest gap to expectations."""
        if len(self.staff):
            blind = self.blind_spots
            if len(blind):
                names = list_text(inside_text(label) for label in blind["label"])
                few = "a blind spot" if len(blind) == 1 else f"{_COUNTS.get(len(blind), len(blind))} blind spots"
                return f"Staff have {few}: they believe customers more content than they are with {names}."
            said = "Staff and customers see no question clearly otherwise where customers are least content."
            return said if self.expected.empty else f"{said} {self._expected_sentence()}"
        return self._expected_sentence()

    def _expected_sentence(self) -> str:
        clear = self._clear(self.expected)
        if clear.empty:
            return "No question clearly falls short of what customers expect."
        worst = min(clear.to_dict("records"), key=lambda row: row["estimate"])
        return (
            f"The experience falls short of expectations in {len(clear)} of {len(self.expected)} questions, most with "
            f"{inside_text(worst['label'])}: {_number(worst['estimate'])} ({_number(worst['conf_low'])} to "
            f"{_number(worst['conf_high'])}) on {self.unit}."
        )

    def _clear(self, table: pd.DataFrame) -> pd.DataFrame:
        if table.empty:
            return table
        return table[(table["q_value"] < 1 - self.conf_level) & (table["estimate"] < 0)]

    def sentences(self) -> list[str]:
        said = [
            f"{row['label']}: staff believe {row['reference']:.1f}, customers say {row['actual']:.1f}, a gap of "
            f"{_number(row['estimate'])} ({_number(row['conf_low'])} to {_number(row['conf_high'])}) on {self.unit}."
            for row in sorted(self.blind_spots.to_dict("records"), key=lambda row: row["estimate"])[:3]
        ]
        if len(self.staff) and len(self.expected):
            said.append(self._expected_sentence())
        if np.isfinite(self.rank_correlation):
            alike = "much" if self.rank_correlation > 0.6 else "somewhat" if self.rank_correlation > 0.2 else "hardly"
            said.append(
                f"Staff order the questions {alike} as customers do (rank correlation {_number(self.rank_correlation)} over "
                f"{len(self.staff)} questions)."
            )
        worst = self.cards[self.cards["estimate"].notna()].sort_values("estimate").head(1).to_dict("records")
        if worst:
            row = worst[0]
            said.append(
                f"The weakest card: {row['estimate']:.0f}% {row['what']} ({inside_text(row['touchpoint_label'])})."
            )
        lines = self.assumptions["status"].value_counts() if len(self.assumptions) else pd.Series(dtype=int)
        if len(lines):
            counted = list_text(f"{n} {status}" for status, n in lines.items())
            said.append(f"Of {len(self.assumptions)} things the company takes for granted: {counted}.")
        return said

    def base_sentence(self) -> str:
        table = self.expected if len(self.expected) else self.staff
        sides = f"up to {int(table['n'].max()):,} customers"
        if len(self.staff):
            sides += f" and {int(self.staff['n_reference'].max()):,} staff"
        return f"Wave {self.wave}: {sides}, {'weighted' if self.weighted else 'not weighted'}."

    def key_numbers(self) -> pd.DataFrame:
        """The widest shortfalls."""
        table = self.staff if len(self.staff) else self.expected
        rows = table[table["estimate"].notna()].sort_values("estimate").head(4)
        return rows.assign(label="Gap, " + rows["label"].map(inside_text) + f", on {self.unit}", unit="scale points")

    def gaps_shown(self) -> Iterator[Shown]:
        """The gaps against staff, then against expectations, each widest first."""
        for table, name, whose, reference in (
            (self.staff, "staff", "staff believe", "Staff"),
            (self.expected, "expected", "customers expect", "Expected"),
        ):
            if table.empty:
                continue
            rows = table.sort_values("estimate", kind="stable", na_position="last", ignore_index=True)
            rows = rows.assign(unit=self.unit, words=[_gap_words(row) for row in rows.to_dict("records")])
            clear = self._clear(rows)
            title = f"No question clearly falls short of what {whose}."
            if len(clear):
                worst = clear.to_dict("records")[0]
                title = (
                    f"{len(clear)} of {len(rows)} questions fall short of what {whose}, most {inside_text(worst['label'])}: "
                    f"{worst['actual']:.1f} against {worst['reference']:.1f}."
                )
            note = {
                "Base": f"{int(rows['n'].min()):,} to {int(rows['n'].max()):,} customers"
                + (f", {int(rows['n_reference'].max()):,} staff" if name == "staff" else ", pairs within a person"),
                "Test": f"{int(rows['p_value'].notna().sum())} gaps, Benjamini–Hochberg; "
                + ("Welch's test" if name == "staff" else "paired"),
                "Interval": f"{100 * self.conf_level:g}%, in the table below the picture",
            }
            if rows["suppressed"].any():
                note["Not shown"] = list_text(rows.loc[rows["suppressed"], "label"]) + ": too few answers"
            yield {
                "name": f"gap_{name}",
                "names": (reference, "Actual"),
                "title": title,
                "subtitle": f"Mean answer on {self.unit}: square what {whose}, dot what customers say; gap at the right",
                "alt": describe(
                    f"Dumbbell chart of the gap between actual and what {whose}", rows, label_col="label", unit=self.unit,
                    difference=True,
                ),
                "note": note,
            }, rows  # fmt: skip

    def quadrants_shown(self) -> Iterator[Shown]:
        """Each question by what customers say and staff believe."""
        if len(self.staff):
            kinds = self.staff["quadrant"].value_counts()
            counted = list_text(f"{n} {kind if n == 1 else _MANY.get(str(kind), kind)}" for kind, n in kinds.items())
            title = f"Of {len(self.staff)} questions asked of both sides there are {counted}."
            note = {
                "Blind spot": "Customers below the mean of all questions, staff at or above it, and the gap is clear",
                "Base": f"{len(self.staff)} questions asked of both",
            }
            yield {"title": title, "subtitle": "Questions by quadrant, with the gap", "note": note}, self.staff

    def cards_shown(self) -> Iterator[Shown]:
        """Effective, easy, enjoyable, painless, for each touchpoint that was asked about it."""
        for card, rows in self.cards.groupby("card", sort=False):
            if rows["estimate"].notna().any():
                worst = min(rows[rows["estimate"].notna()].to_dict("records"), key=lambda row: row["estimate"])
                where = inside_text(worst["touchpoint_label"])
                yield {
                    "name": f"card_{str(card).lower()}",
                    "title": f"{card}: {worst['estimate']:.0f}% {worst['what']} with {where}, the lowest share.",
                    "subtitle": f"Customers who {worst['what']}, percent, {100 * self.conf_level:g}% interval",
                    "alt": describe(f"Dot plot of {card} by touchpoint", rows, label_col="touchpoint_label", unit="%"),
                    "note": {"Base": f"{int(rows['n'].max()):,} answers a question"},
                }, rows.reset_index(drop=True)  # fmt: skip

    def assumptions_shown(self) -> Iterator[Shown]:
        if len(self.assumptions):
            untested = int((self.assumptions["status"] == "untested").sum())
            title = f"{len(self.assumptions) - untested} of {len(self.assumptions)} assumptions are tested by a finding here."
            yield (
                {"title": title, "subtitle": "What the company takes for granted, and what the data say"},
                self.assumptions,
            )

    def findings(self) -> list[dict[str, Any]]:
        """Every gap, as `cxlab.findings.record` takes it."""
        made = []
        for table, name, words in (
            (self.staff, "staff", "what staff believe"),
            (self.expected, "expected", "expectation"),
        ):
            alone = _alone(table)
            for row in table.to_dict("records"):
                gap = _number(row["estimate"]) if np.isfinite(row["estimate"]) else ""
                said = f"{row['label']}: {gap} against {words} ({_number(row['conf_low'])} to {_number(row['conf_high'])})."
                made.append(
                    {
                        "name": f"gap_{name}_{row['touchpoint'] if row['touchpoint'] in alone else row['item']}",
                        "result": {**row, "headline": said if gap else f"{row['label']}: not shown ({row['reason']})."},
                        "level": "all",
                        "target": row["touchpoint"],
                        "owner": row["owner"],
                        "unit": "scale points",
                        "better": "higher",
                        "definition": f"actual less {words}",
                        "comparable": "cumulative",
                        "label": f"Gap to {words}: {row['label']}",
                        "attention": bool(row["blind_spot"]),
                    }
                )
        return made


def _alone(table: pd.DataFrame) -> set[str]:
    """The touchpoints that only one question is about: a finding may be called after them."""
    counts = table["touchpoint"].value_counts() if len(table) else pd.Series(dtype=int)
    return set(map(str, counts.index[counts == 1]))


def _number(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _gap_words(row: Mapping[Any, Any]) -> str:
    if not np.isfinite(row["estimate"]):
        return ""
    return f"{_number(row['estimate'])}\n{_number(row['conf_low'])} to {_number(row['conf_high'])}"


def desired_experience(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    touchpoints: pd.DataFrame,
    *,
    assumptions: Mapping[str, Assumption] | None = None,
    importance: pd.DataFrame | None = None,
    min_base: int = 30,
    conf_level: float = 0.95,
) -> DesiredExperience:
    """The gaps, cards and assumptions of the newest wave that asked about expectations or of staff.

    Satisfaction and expectation belong together by touchpoint, or by the end of their names (`s1` and `e1`,
    `satisfaction_app` and `expectation_app`). `importance` is the product of 07 (driver, touchpoint, share, clear), for
    assumptions about drivers. Raises `NotApplicableError` where a study asked neither staff nor for
    expectations.
    """
    satisfaction = _asked(responses, items, "satisfaction")
    pairs = _expectations(satisfaction, _asked(responses, items, "expectation"))
    staff_rows = responses[responses["perspective"] == "staff"]
    shared = [item for item in satisfaction["item"] if len(staff_rows) and staff_rows[item].notna().any()]
    if not pairs and not shared:
        raise NotApplicableError(
            "needs questions about expectation, or a survey of staff that asks what customers feel"
        )
    wanted = list(pairs) or shared
    customers = responses[(responses["perspective"] == "customer") & responses[wanted].notna().any(axis=1)]
    if pairs:
        customers = customers[customers[list(pairs.values())].notna().any(axis=1)]
    if shared and "deep_dive" in set(customers["survey"]):
        customers = customers[customers["survey"] == "deep_dive"]
    wave = str(customers.groupby("wave")["counted_at"].max().idxmax())
    customers = customers[customers["wave"] == wave]
    about = {row["item"]: row for row in satisfaction.to_dict("records")}
    scale = about[wanted[0]]
    design: dict[str, Any] = {
        "weights_col": "weight" if "weight" in customers and customers["weight"].notna().all() else None,
        "cluster_col": "cluster" if "cluster" in customers and customers["cluster"].notna().any() else None,
        "min_base": min_base,
        "conf_level": conf_level,
    }
    owners = dict(zip(touchpoints["touchpoint"], touchpoints["owner"], strict=True))
    labels = dict(zip(touchpoints["touchpoint"], touchpoints["label"], strict=True))
    staff_table, correlation = pd.DataFrame(), float("nan")
    if shared:
        newest = staff_rows[staff_rows["wave"] == staff_rows.groupby("wave")["counted_at"].max().idxmax()]
        staff_table = _labelled(
            gap_table(pd.concat([customers, newest]), shared, against="staff", **design), about, owners
        )
        both = staff_table.dropna(subset=["actual", "reference"])
        correlation = (
            float(both["actual"].corr(both["reference"], method="spearman")) if len(both) > 3 else float("nan")
        )
    expected = pd.DataFrame()
    if pairs:
        expected = _labelled(gap_table(customers, list(pairs), against=pairs, **design), about, owners)
    return DesiredExperience(
        wave=wave,
        staff=staff_table,
        expected=expected,
        cards=_cards(customers, items, labels, design),
        assumptions=_assumed(assumptions or {}, staff_table, expected, importance, conf_level),
        rank_correlation=correlation,
        unit=f"{scale['low']:g} to {scale['high']:g}",
        conf_level=conf_level,
        weighted=design["weights_col"] is not None,
    )


def _asked(responses: pd.DataFrame, items: pd.DataFrame, role: str) -> pd.DataFrame:
    known = items[(items["role"] == role) & items["low"].notna()]
    return known.loc[[item in responses and bool(responses[item].notna().any()) for item in known["item"]]]


def _expectations(satisfaction: pd.DataFrame, expectation: pd.DataFrame) -> dict[str, str]:
    """Satisfaction item → the expectation item of the same touchpoint, or of the same ending."""
    by_touchpoint = {
        row["touchpoint"]: row["item"] for row in expectation.to_dict("records") if isinstance(row["touchpoint"], str)
    }
    by_ending = {_ending(row["item"]): row["item"] for row in expectation.to_dict("records")}
    pairs = {}
    for row in satisfaction.to_dict("records"):
        found = by_ending.get(_ending(row["item"]))
        if found is None and isinstance(row["touchpoint"], str):
            found = by_touchpoint.get(row["touchpoint"])
        if found is not None:
            pairs[row["item"]] = found
    return pairs


def _ending(item: str) -> str:
    """What is left of a name without its first word or letter: s12 → 12, satisfaction_app → app."""
    _, mark, tail = item.partition("_")
    return tail if mark else item.lstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _labelled(table: pd.DataFrame, about: Mapping[str, Any], owners: Mapping[str, Any]) -> pd.DataFrame:
    places = [about[item]["touchpoint"] for item in table["item"]]
    named = [place if isinstance(place, str) else None for place in places]
    theirs = [owners.get(str(place)) for place in named]
    more = pd.DataFrame(
        {
            "label": [about[item]["label"] for item in table["item"]],
            "touchpoint": pd.Series(named, dtype=object),
            "owner": pd.Series([owner if isinstance(owner, str) else None for owner in theirs], dtype=object),
        }
    )
    return pd.concat([table, more], axis=1)


def _cards(
    customers: pd.DataFrame, items: pd.DataFrame, labels: Mapping[str, str], design: Mapping[str, Any]
) -> pd.DataFrame:
    rows = []
    for item in items.to_dict("records"):
        if item["role"] not in _CARDS or not isinstance(item["touchpoint"], str) or item["item"] not in customers:
            continue
        scores = customers[item["item"]]
        if not pd.api.types.is_numeric_dtype(scores) or scores.notna().sum() == 0:
            continue
        card, what = _CARDS[item["role"]]
        top = item["high"] if item["high"] - item["low"] <= 1 else item["high"] - 1
        good = scores == item["low"] if item["role"] == "problem" else scores >= top
        if item["role"] == "effort" and item["high_is_easy"] is False:
            good = scores <= item["low"] + 1
        flags = good.astype(float).where(scores.notna())
        weights = customers[design["weights_col"]] if design["weights_col"] else None
        row = share_row(flags, weights=weights, conf_level=design["conf_level"])
        label = labels.get(item["touchpoint"], item["touchpoint"])
        rows.append({"card": card, "what": what, "touchpoint": item["touchpoint"], "touchpoint_label": label} | row)
    columns = ["card", "what", "touchpoint", "touchpoint_label", "estimate", "std_error", "conf_low", "conf_high",
               "conf_level", "n", "unit", "reason"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).sort_values("card", kind="stable", ignore_index=True)


def _assumed(
    assumptions: Mapping[str, Assumption],
    staff: pd.DataFrame,
    expected: pd.DataFrame,
    importance: pd.DataFrame | None,
    conf_level: float,
) -> pd.DataFrame:
    """Each assumption against the gap or driver that it names.

    Contradicted by a clear shortfall, supported by a clear gap the other way or a driver that is clear of chance. What is
    not clear settles nothing: a gap that chance could explain is no proof that there is none.
    """
    rows = []
    for name, assumption in assumptions.items():
        finding = assumption.finding or ""
        status, evidence = "untested", f"see finding {finding}" if finding else "no finding named"
        for table, kind in ((staff, "staff"), (expected, "expected")):
            if table.empty or not finding.startswith(f"gap_{kind}_"):
                continue
            key = finding.removeprefix(f"gap_{kind}_")
            for row in table[(table["touchpoint"] == key) | (table["item"] == key)].head(1).to_dict("records"):
                clear = row["q_value"] < 1 - conf_level
                status = "not settled" if not clear else "contradicted" if row["estimate"] < 0 else "supported"
                evidence = f"gap {_gap_words(row)} ({row['label']})".replace("\n", ", ")
        if importance is not None and finding.startswith("driver_"):
            key = finding.removeprefix("driver_")
            for row in (
                importance[(importance["touchpoint"] == key) | (importance["driver"] == key)].head(1).to_dict("records")
            ):
                status = "supported" if row["clear"] else "not settled"
                told = "clear of chance" if row["clear"] else "not clear of chance"
                evidence = f"{100 * row['share']:.0f}% of what the drivers explain, {told}"
        rows.append(
            {"assumption": name, "belief": assumption.belief, "owner": assumption.owner or "no owner", "status": status,
             "evidence": evidence}
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["assumption", "belief", "owner", "status", "evidence"])
