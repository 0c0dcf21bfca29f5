"""The designed journey and the real one: how long what should follow really takes, and what becomes of those who were let down.

`designed` takes the journeys of `customer_journeys` with their rules, and the answers of customers on loyalty and satisfaction. Those who
met a break are compared with those to whom the same rule applied and was kept; that is association, not effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.data.answers import best_answers
from cxlab.inference import difference_row, mean_row, share_of, share_row, with_readings
from cxlab.journeys.maps import CustomerJourneys, Shown, length_text
from cxlab.journeys.rules import Conformance, parse
from cxlab.wording import (
    capital_text,
    describe,
    difference_text,
    duration_text,
    estimate_text,
    inside_text,
    interval_text,
    list_text,
)

_MEASURES = {"loyalty": "loyalty", "satisfaction": "satisfaction"}


@dataclass(frozen=True)
class Designed:
    """`rules` has one row a rule (what was meant, what is real), `deviants` one row a rule and measure: those who met a break less
    those to whom the rule was kept. `whole` is one row: estimate (percent of the n customers to whom any rule applied and was
    decided) for whom none was broken; without two rules it is empty."""

    rules: pd.DataFrame
    deviants: pd.DataFrame
    whole: pd.DataFrame
    conf_level: float
    min_base: int

    def sentences(self) -> list[str]:
        """What goes with the break that matters most, and for how many customers everything went as it was meant to."""
        said = []
        clear = self.deviants[self.deviants["reading"].isin(["better", "worse"])]
        if len(clear):
            row = max(clear.to_dict("records"), key=lambda r: abs(r["difference"]) / r["std_error"])
            said.append(f"{self._told(row)}.")
        return said + self._whole_words()

    def _whole_words(self) -> list[str]:
        return [
            f"For {estimate_text(row['estimate'], '%')} ({interval_text(row['conf_low'], row['conf_high'], '%')}) of {row['n']:,} "
            "customers every rule of the designed journey that applied to them held."
            for row in self.whole.to_dict("records")
            if row["n"] >= self.min_base
        ]

    def _told(self, row: Any) -> str:
        size = difference_text(abs(row["difference"]), row["unit"], np.nan, np.nan).split(" ")[0].removeprefix("+")
        lower = "lower" if row["difference"] < 0 else "higher"
        points = " points" if row["unit"] == "%" else ""
        return f"Where “{row['plain']}” broke, {row['label_of_measure']} is {size}{points} {lower} than where it held"

    def real_shown(self) -> Iterator[Shown]:
        """What each rule means, and what really happens."""
        if self.rules.empty:
            return
        timed = self.rules[self.rules["usual"] != ""]
        title = "One rule says how the journey is meant to go."
        if len(self.rules) > 1:
            title = f"{len(self.rules)} rules say how the journey is meant to go."
        if len(timed):
            row = timed.sort_values("estimate").iloc[0]
            title = f"After {inside_text(row['first'])}, {inside_text(row['then'])} comes after {row['usual']} for half, and after "
            title += f"more than {row['slow']} for one in ten; meant is {row['meant']}."
        yield {
            "title": title,
            "subtitle": "Each rule of the designed journey: what is meant, how often it holds, and how long it really takes",
            "note": {
                "Base": "Journeys to which the rule applies and whose time is over",
                "Time": "Of those for whom it came at all, whenever; what never came has no time",
            }
            | dict(zip(["All rules"], self._whole_words(), strict=False)),
        }, self.rules  # fmt: skip

    def deviants_shown(self) -> Iterator[Shown]:
        """Loyalty and satisfaction of those who met a break."""
        for unit, part in self.deviants.groupby("unit", sort=False):
            known = part[part["difference"].notna()]
            if known.empty:
                continue
            clear = part[part["reading"].isin(["better", "worse"])]
            asked = list_text(dict.fromkeys(known["label_of_measure"]))
            title = f"No break of the designed journey clearly goes with another answer on {asked}."
            if len(clear):
                title = f"{self._told(max(clear.to_dict('records'), key=lambda r: abs(r['difference'])))}."
            yield {
                "name": f"deviants_{_slug(str(unit))}",
                "title": title,
                "subtitle": f"Newest answer after it, of those who met the break less of those to whom the rule was kept, "
                f"{100 * self.conf_level:g}% interval",
                "alt": describe("Differences by rule and measure", part, label_col="label", unit=str(unit), difference=True,
                                estimate_col="difference", min_base=self.min_base),
                "note": {
                    "Base": "Beside a name: those to whom it was kept, and those who met the break",
                    "Test": f"{len(known)} differences, two groups of customers, Benjamini–Hochberg over all rules and measures",
                },
            }, part.reset_index(drop=True)  # fmt: skip


def designed(
    way: CustomerJourneys, *, ratings: pd.DataFrame | None = None, items: pd.DataFrame | None = None
) -> Designed:
    """The designed against the real journey. Without rules there is nothing to compare, without answers no deviants."""
    return Designed(_real(way), _deviants(way, ratings, items), _whole(way), way.conf_level, way.min_base)


def _whole(way: CustomerJourneys) -> pd.DataFrame:
    """One row: the share of customers for whom no rule was broken, of those to whom one applied and was decided."""
    parts = [part for part in way.checked if len(part)]
    if len(parts) < 2:
        return pd.DataFrame()
    broken = pd.Index(pd.concat([part.deviations for part in parts])["customer_id"].unique())
    kept = pd.Index(pd.concat([part.keepers for part in parts])["customer_id"].unique()).difference(broken)
    return pd.DataFrame([share_of(len(kept), len(kept) + len(broken), conf_level=way.conf_level)])


def _real(way: CustomerJourneys) -> pd.DataFrame:
    rows = []
    names = way.journeys.touchpoints
    occasions = [part.occasions for part in way.checked if len(part)]
    asked = pd.concat(occasions, ignore_index=True) if occasions else pd.DataFrame(columns=["rule"])
    for row in way.rules[way.rules["n"] >= way.min_base].to_dict("records"):
        parts = parse(row["rule"], names)[1]
        mine = asked[asked["rule"] == row["rule"]]
        waits = way.wait_of(row["rule"]) if len(mine) else pd.Series(dtype="timedelta64[us]")
        within = parts.get("within")
        rows.append(
            {
                "rule": row["rule"], "label": capital_text(way.plain(row["rule"])), "first": way.labels.get(str(parts.get("a")), ""),
                "then": way.labels.get(str(parts.get("b")), ""), "meant": duration_text(f"within {within}") if within else "",
                "usual": length_text(pd.Timedelta(waits.median())) if len(waits) >= way.min_base and within else "",
                "slow": length_text(pd.Timedelta(str(waits.quantile(0.9)))) if len(waits) >= way.min_base and within else "",
                "never": int(mine["failed"].notna().sum() - len(waits)) if len(mine) else np.nan,
                "n": row["n"], "broken": row["broken"], "undecided": row["undecided"],
                "estimate": 100 * row["estimate"], "conf_low": 100 * row["conf_low"], "conf_high": 100 * row["conf_high"],
                "conf_level": row["conf_level"], "unit": "%",
            }
        )  # fmt: skip
    return pd.DataFrame(rows).sort_values("estimate", ignore_index=True) if rows else pd.DataFrame()


def _deviants(way: CustomerJourneys, ratings: pd.DataFrame | None, items: pd.DataFrame | None) -> pd.DataFrame:
    columns = ["rule", "plain", "measure", "label_of_measure", "label", "estimate_before", "estimate_after", "difference", "std_error",
               "conf_low", "conf_high", "conf_level", "n_before", "n_after", "unit", "p_value", "reason"]  # fmt: skip
    rows: list[dict[str, Any]] = []
    for measure in _answers(ratings, items, way.conf_level):
        for part in way.checked:
            if not len(part) or not part["broken"].iloc[0]:
                continue
            rule = str(part["rule"].iloc[0])
            answers = measure["answers"]
            own, others = (
                measure["of"](_newest(answers, since)) for since in _since(part, rule, way.journeys.touchpoints)
            )
            gap = difference_row(others, own, min_base=way.min_base)
            if min(own["n"], others["n"]) < way.min_base:
                own, others = own | {"estimate": np.nan}, others | {"estimate": np.nan}
            about = {
                "rule": rule,
                "plain": way.plain(rule),
                "measure": measure["role"],
                "label_of_measure": measure["label"],
            }
            about["label"] = f"{capital_text(way.plain(rule))}: {measure['label']}"
            rows.append(about | gap | {"estimate_before": others["estimate"], "estimate_after": own["estimate"]})
    table = with_readings(pd.DataFrame(rows, columns=columns), way.conf_level)
    way_it_went = np.where(table["difference"] > 0, "better", "worse")
    return table.assign(reading=np.where(table["reading"] == "changed", way_it_went, table["reading"]))


def _since(part: Conformance, rule: str, names: list[str]) -> tuple[pd.Series, pd.Series]:
    """From when on answers count, by customer: of those who met a break, and of those to whom the rule was always kept.

    A break is known when its time is over, or where there is no such time at the event that broke the rule. What should follow was
    kept when it came; of other rules nobody can say when they were, so any answer counts.
    """
    asked = part.occasions.dropna(subset=["failed"])
    broke = part.deviations.groupby("customer_id")["timestamp"].min()
    if parse(rule, names)[1].get("within"):
        broke = asked[asked["failed"].astype(bool)].groupby("customer_id")["known_at"].min()
    kept = pd.Index(part.keepers["customer_id"].unique()).difference(broke.index)
    always = pd.Series(pd.Timestamp(0, tz="UTC"), index=kept)
    return broke, asked.groupby("customer_id")["known_at"].min().reindex(kept) if len(asked) else always


def _answers(ratings: pd.DataFrame | None, items: pd.DataFrame | None, conf_level: float) -> Iterator[dict[str, Any]]:
    """The answers of customers on loyalty (a mean) and on satisfaction as a whole (the two best, percent)."""
    if ratings is None or items is None or ratings.empty:
        return
    for role, label in _MEASURES.items():
        asked = items[(items["role"] == role) & items["touchpoint"].isna() & items["low"].notna()]
        for item in asked.head(1).to_dict("records"):
            mine = ratings[
                (ratings["item"] == item["item"])
                & (ratings["perspective"] == "customer")
                & (ratings["survey"] != "event")
            ]
            mine = mine.dropna(subset=["customer_id", "score", "timestamp"])
            if mine.empty:
                continue
            name = inside_text(str(item["label"]))
            if role == "loyalty":
                unit = f"{item['low']:g} to {item['high']:g}"
                yield {
                    "role": role,
                    "label": f"{name} ({unit})",
                    "answers": mine,
                    "of": lambda x, unit=unit: mean_row(x["score"], unit=unit, conf_level=conf_level),
                }
            else:
                mine = mine.assign(top=best_answers(mine["score"], item["low"], item["high"]))
                yield {"role": role, "label": f"{label} ({name}, two best answers)", "answers": mine,
                       "of": lambda x: share_row(x["top"], conf_level=conf_level)}  # fmt: skip


def _newest(answers: pd.DataFrame, since: pd.Series) -> pd.DataFrame:
    """The newest answer of each customer after a moment of its own; of two at once the higher one."""
    own = answers[answers["customer_id"].isin(since.index)]
    own = own[own["timestamp"] > own["customer_id"].map(since)] if len(own) else own
    return own.sort_values(["timestamp", "score"], kind="stable").drop_duplicates("customer_id", keep="last")


def _slug(unit: str) -> str:
    return "percent" if unit == "%" else "".join(c if c.isalnum() else "_" for c in unit)
