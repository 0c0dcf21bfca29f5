"""The designed journey and the real one: how often each rule holds, how long what should follow really takes, where the breaks come
from, and what becomes of those who were let down.

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
from cxlab.journeys.origins import break_origins
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

_MOST_ORIGINS = 5  # of a rule
_WHEN = {"before": "came before", "next": "comes next"}
_MEASURES = {"loyalty": "loyalty", "satisfaction": "satisfaction"}


@dataclass(frozen=True)
class Designed:
    """`rules` has one row a rule (what was meant, what is real), `origins` one row a rule and group of customers (see
    `cxlab.journeys.origins`) with its words, `deviants` one row a rule and measure: those who met a break less
    those to whom the rule was kept. `whole` is one row: estimate (percent of the n customers to whom any rule applied and was
    decided) for whom none was broken; without two rules it is empty."""

    rules: pd.DataFrame
    origins: pd.DataFrame
    deviants: pd.DataFrame
    whole: pd.DataFrame
    conf_level: float
    min_base: int

    def leads(self) -> list[str]:
        """Where the break that matters most comes from, and what goes with a break."""
        return [said for said in self.sentences() if said not in self._whole_words()]

    def sentences(self) -> list[str]:
        """Where the rule that breaks most breaks, what goes with the break that matters most, and for how many customers everything
        went as it was meant to."""
        said = []
        worst = self.rules[self.rules["n"] >= self.min_base].head(1) if len(self.rules) else self.rules
        if len(worst) and len(row := _main_origin(self.origins, str(worst["rule"].iloc[0]))):
            said.append(
                f"{row['where']}, it holds in {_share(row)} of {row['n']:,} cases, elsewhere in {_percent(row['others'])}."
            )
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
        """How often each rule holds, and how long what it means really takes."""
        if self.rules.empty:
            return
        row = self.rules.to_dict("records")[0]
        title = f"{row['broken']:,} of {row['n']:,} cases break the rule “{row['plain']}”"
        if row["n"] < self.min_base:
            title = f"No rule of the designed journey can be judged yet: none applies to {self.min_base} customers"
        elif row["usual"]:
            title += f"; half wait more than {row['usual']}, one in ten more than {row['slow']}"
        undecided = int(self.rules["undecided"].sum())
        yield {
            "name": "rules",
            "title": f"{title}.",
            "subtitle": f"Each rule of the designed journey: how often it holds, percent, {100 * self.conf_level:g}% interval, and how "
            "long it really takes",
            "note": {
                "Base": "Journeys to which the rule applies and whose time is over",
                "Undecided": f"{undecided:,} case{'' if undecided == 1 else 's'} whose time was not over when the log ended",
                "Time": "Of those for whom it came at all, whenever; what never came has no time",
            }
            | dict(zip(["All rules"], self._whole_words(), strict=False)),
        }, self.rules  # fmt: skip

    def origins_shown(self) -> Iterator[Shown]:
        """After which touchpoint, on which step and in which segment the rules break."""
        tested = self.origins[self.origins["p_value"].notna()] if len(self.origins) else self.origins
        if tested.empty:
            return
        rows = pd.concat([_weighty(part).head(_MOST_ORIGINS) for _, part in tested.groupby("rule", sort=False)])
        row = _main_origin(tested, str(tested["rule"].iloc[0]))  # the rule that breaks most stands first
        title = f"No touchpoint before, next step or segment clearly goes with a break of “{tested['plain'].iloc[0]}”."
        if row:
            title = f"{row['where']}, “{row['plain']}” holds in {_share(row)}, elsewhere in {_percent(row['others'])}."
        shown = rows if len(rows) else _weighty(tested, clear=False).head(_MOST_ORIGINS)
        if shown["rule"].nunique() > 1:
            shown = shown.assign(
                label=[f"{capital_text(row['plain'])}: {inside_text(row['label'])}" for row in shown.to_dict("records")]
            )
        yield {
            "name": "origins",
            "title": title,
            "subtitle": f"Where a rule clearly holds less often than elsewhere: share that keeps it, percent; difference with "
            f"{100 * self.conf_level:g}% interval",
            "note": {
                "Base": "The first case of each customer that is decided",
                "Test": f"{len(tested)} groups against all other cases, by customer, Benjamini–Hochberg; "
                f"{int((tested['reading'] == 'changed').sum())} are clear",
                "Next": "A step in between takes time of its own: it shows where time goes, not why",
            },
            "folded": not row,
        }, shown.reset_index(drop=True)  # fmt: skip

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
                "folded": clear.empty,
            }, part.reset_index(drop=True)  # fmt: skip


def designed(
    way: CustomerJourneys, *, ratings: pd.DataFrame | None = None, items: pd.DataFrame | None = None
) -> Designed:
    """The designed against the real journey. Without rules there is nothing to compare, without answers no deviants."""
    return Designed(
        _real(way), _origins(way), _deviants(way, ratings, items), _whole(way), way.conf_level, way.min_base
    )


def _origins(way: CustomerJourneys) -> pd.DataFrame:
    """Where the breaks come from, worst rule first, in words."""
    order = way.rules[way.rules["broken"] > 0].sort_values("estimate", kind="stable")
    table = break_origins(
        way.journeys, list(order["rule"]), observed_until=way.watched_until, segment_col=way.segment_col, crowd=way.crowd,
        conf_level=way.conf_level, min_base=way.min_base,
    )  # fmt: skip
    labels = [
        f"Segment “{row['place']}”" if row["kind"] == "segment" else
        f"{capital_text(inside_text(way.labels[row['place']]))} {_WHEN[row['kind']]}"
        for row in table.to_dict("records")
    ]  # fmt: skip
    where = [
        f"In the segment “{row['place']}”" if row["kind"] == "segment" else
        f"Where {inside_text(way.labels[row['place']])} {_WHEN[row['kind']]}"
        for row in table.to_dict("records")
    ]  # fmt: skip
    return table.assign(plain=[way.plain(rule) for rule in table["rule"]], label=labels, where=where)


def _weighty(rows: pd.DataFrame, *, clear: bool = True) -> pd.DataFrame:
    """Groups for which a rule holds less often than elsewhere, those that hold most of the breaks first."""
    worse = rows[rows["difference"] < 0]
    worse = worse[worse["reading"] == "changed"] if clear else worse
    weight = (worse["difference"] * worse["n"]).rename("weight")
    return worse.loc[weight.sort_values(kind="stable").index]


def _main_origin(origins: pd.DataFrame, rule: str) -> Any:
    """The group that holds most of the clear breaks of a rule: what came before or who it is; else the next step. Empty for none."""
    own = _weighty(origins[origins["rule"] == rule]) if len(origins) else origins
    for kinds in (("before", "segment"), ("next",)):
        found = own[own["kind"].isin(kinds)] if len(own) else own
        if len(found):
            return found.to_dict("records")[0]
    return {}


def _share(row: Any) -> str:
    return f"{_percent(row['estimate'])} ({interval_text(row['share_low'], row['share_high'], '%')})"


def _percent(share: float) -> str:
    return estimate_text(share, "%")


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
    for row in way.rules[way.rules["n"] > 0].to_dict("records"):
        parts = parse(row["rule"], names)[1]
        mine = asked[asked["rule"] == row["rule"]]
        waits = way.wait_of(row["rule"]) if len(mine) else pd.Series(dtype="timedelta64[us]")
        within = parts.get("within")
        rows.append(
            {
                "rule": row["rule"], "plain": way.plain(row["rule"]), "label": capital_text(way.plain(row["rule"])),
                "first": way.labels.get(str(parts.get("a")), ""),
                "then": way.labels.get(str(parts.get("b")), ""), "meant": duration_text(f"within {within}") if within else "",
                "usual": length_text(pd.Timedelta(waits.median())) if len(waits) >= way.min_base and within else "",
                "slow": length_text(pd.Timedelta(str(waits.quantile(0.9)))) if len(waits) >= way.min_base and within else "",
                "never": int(mine["failed"].notna().sum() - len(waits)) if len(mine) else np.nan,
                "n": row["n"], "broken": row["broken"], "undecided": row["undecided"],
                "estimate": 100 * row["estimate"], "conf_low": 100 * row["conf_low"], "conf_high": 100 * row["conf_high"],
                "conf_level": row["conf_level"], "unit": "%",
            }
        )  # fmt: skip
    table = pd.DataFrame(rows)
    if not rows:
        return table
    return (
        table.assign(small=table["n"] < way.min_base)
        .sort_values(["small", "estimate"], ignore_index=True)
        .drop(columns="small")
    )


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
