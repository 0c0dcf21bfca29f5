"""The journey map: stages from awareness to termination, and in each what customers do, need, feel and rate, who owns it, what was
promised, and how it is measured. One map for all customers and one for each large segment, on one scale, and where segments differ.

`stage_maps` takes the journeys of `customer_journeys` and what the other notebooks made. A lane without data is unknown and names what
would fill it; nothing is taken from one lane into another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import ibis
import numpy as np
import pandas as pd

from cxlab.data.answers import best_answers
from cxlab.inference import difference_row, share_of, share_row, with_readings
from cxlab.journeys.feelings import Feelings, feelings
from cxlab.journeys.maps import CustomerJourneys, Shown, largest_segments, stage_label
from cxlab.journeys.rules import parse
from cxlab.wording import (
    capital_text,
    describe,
    difference_text,
    estimate_text,
    inside_text,
    interval_text,
    list_text,
)

_MOST_MAPS = 4  # segments with a map of their own on the page
_IN_A_LANE = 3
_MOST_EVENTS = 2**32  # of one journey
_NO_OWNER, _NO_TOUCHPOINT = "no owner", "No touchpoint"
_GAP_WORDS = {"changed": "clear", "no clear change": "no clear gap", "not tested": ""}
_FILLED_BY = {
    "Do": "Events of this stage would show it",
    "Need": "A question on needs or expectations here would show it",
    "Feel": "A question on emotions, or comments, would show it",
    "Rate": "A satisfaction question here would show it",
    "Promise": "No promise made",
    "Metric": "A journey rule, or events of the next stage, would show it",
}


@dataclass(frozen=True)
class StageMap:
    """One map. `stages` and `lanes` are what `exhibits.journey_map` draws; `segment` is "" for all customers; `unknown` are the lanes
    of which no stage is known: the page names them and does not draw them."""

    segment: str
    stages: pd.DataFrame
    lanes: pd.DataFrame
    n_customers: int
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageMaps:
    """The maps of all customers and of the largest segments. `differences` has one row a measure, stage and segment: the segment
    less all others, tested by customer, Benjamini–Hochberg over all of them. `layers` has one row a stage that customers and staff
    have rated: actual and believed (percent satisfied, of the touchpoints that both rated), difference (believed less actual) with
    its interval, p_value, q_value and reading."""

    maps: tuple[StageMap, ...]
    differences: pd.DataFrame
    layers: pd.DataFrame
    curve_label: str
    curve_unit: str
    curve_words: str
    axis: tuple[float, float] | None
    unread: tuple[str, ...]
    conf_level: float
    min_base: int

    @property
    def is_net(self) -> bool:
        """Whether the curve is a net feeling, and not satisfaction."""
        return self.curve_unit == "points"

    def sentences(self) -> list[str]:
        """Where customers feel worst."""
        said = []
        if self.maps and (low := _lowest(self.maps[0].stages, self.min_base)) is not None:
            said.append(f"{self._worst(low)}.")
        return said

    def _worst(self, low: Mapping[Any, Any]) -> str:
        figure = estimate_text(low["estimate"], low["unit"])
        ends = interval_text(low["conf_low"], low["conf_high"], low["unit"])
        if self.is_net:
            figure = difference_text(low["estimate"], "points", np.nan, np.nan).split(" ")[0]
        return (
            f"Customers feel worst in {inside_text(low['label'])}: {figure} ({ends})"
            if self.is_net
            else (f"Customers are least satisfied in {inside_text(low['label'])}: {figure} ({ends})")
        )

    def maps_shown(self) -> Iterator[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]:
        """The words, stages and lanes of each map: all customers first."""
        for number, one in enumerate(self.maps):
            if len(one.stages) < 2:
                continue
            low = _lowest(one.stages, self.min_base)
            title = _lost(one)
            if low is not None:
                title = f"{self._worst(low)}."
                if one.segment:
                    title = f"“{one.segment}”: {title[0].lower()}{title[1:]}"
            yield {
                "name": f"map_{number or 'all'}",
                "title": title,
                "subtitle": f"{one.n_customers:,} customers whose journey begins in the log. "
                + (f"Curve: {self.curve_words}" if self.curve_words else "Nobody was asked how they feel"),
                "curve_label": self.curve_label,
                "curve_unit": self.curve_unit,
                "axis": self.axis,
                "folded": bool(one.segment),
                "note": {
                    "Base": "What customers do and how many come: those whose journey begins in the log. Answers: all customers"
                    + (" of the segment" if one.segment else ""),
                }
                | ({"Unknown": _unknown_words(one)} if one.unknown else {})
                | ({"Promise": "Measured for all customers"} if one.segment else {})
                | ({"Not read": f"Emotions of unknown sign: {list_text(self.unread)}"} if self.unread else {}),
            }, one.stages, one.lanes[~one.lanes["lane"].isin(one.unknown)].reset_index(drop=True)  # fmt: skip

    def layers_shown(self) -> Iterator[Shown]:
        """What customers say of each stage, and what staff believe they say."""
        known = self.layers[self.layers["reading"] != "not tested"] if len(self.layers) else self.layers
        if len(known):
            clear = known[known["reading"] == "changed"]
            title = f"In none of {len(known)} stages staff clearly believe something else than customers say."
            if len(clear):
                row = max(clear.to_dict("records"), key=lambda x: abs(x["difference"]))
                size = difference_text(row["difference"], "%", row["conf_low"], row["conf_high"])
                title = (
                    f"Staff see {inside_text(row['label'])} {'better' if row['difference'] > 0 else 'worse'} than customers do: "
                    f"{estimate_text(row['believed'], '%')} satisfied, they believe; {estimate_text(row['actual'], '%')} are ({size})."
                )
            yield {
                "name": "map_layers",
                "title": title,
                "subtitle": "Satisfied customers (two best answers), percent: as customers say it, and as staff believe it",
                "alt": describe("Pairs of what customers say and what staff believe, the difference", self.layers, label_col="label",
                                unit="%", difference=True, estimate_col="difference", min_base=self.min_base),
                "note": {
                    "Base": "Touchpoints of the stage that both have rated, newest wave; beside a name customers and staff",
                    "Test": f"{len(known)} stages, two groups of people, Benjamini–Hochberg",
                },
            }, self.layers  # fmt: skip

    def differences_shown(self) -> Iterator[Shown]:
        """Where segments differ from the others, stage by stage."""
        tested = self.differences[self.differences["p_value"].notna()]
        if tested.empty:
            return
        clear = tested[tested["reading"] == "changed"]
        title = f"None of {len(tested)} differences between segments along the stages is clear."
        if len(clear):
            far = max(clear.to_dict("records"), key=lambda row: abs(row["difference"]))
            up, points = far["difference"] > 0, f"{abs(far['difference']):.0f}"
            what = {
                "reach": f"of “{far['segment']}” {points} in 100 {'more' if up else 'fewer'} come to it than of the others",
                "satisfaction": f"of “{far['segment']}” {points} in 100 {'more' if up else 'fewer'} are satisfied than of the others",
                "net feeling": f"“{far['segment']}” feel {points} points {'better' if up else 'worse'} than the others",
            }
            title = f"Segments differ most in {inside_text(far['stage'])}: {what[far['measure']]}."
        rows = self.differences.assign(row=self.differences["stage"] + ": " + self.differences["measure"])
        rows = rows[rows["row"].isin(rows.loc[rows["p_value"].notna(), "row"])].assign(
            clear=rows["reading"] == "changed"
        )
        yield {
            "name": "map_differences",
            "title": title,
            "subtitle": "Each segment less all others, points; a frame marks a clear difference",
            "alt": describe(
                "Field of differences by stage, measure and segment", rows, label_col="segment", series_col="row", unit="points",
                difference=True, estimate_col="difference",
            ),
            "note": {
                "Test": f"{len(tested)} differences, by customer, Benjamini–Hochberg; {len(clear)} are clear",
                "Not tested": f"{len(self.differences) - len(tested)} that rest on fewer than {self.min_base} on one side, or in "
                "which nobody differs",
            },
            "folded": clear.empty,
        }, rows.reset_index(drop=True)  # fmt: skip


def stage_maps(
    way: CustomerJourneys,
    touchpoints: pd.DataFrame,
    *,
    items: pd.DataFrame | None = None,
    ratings: pd.DataFrame | None = None,
    responses: pd.DataFrame | None = None,
    comments: pd.DataFrame | None = None,
    comment_scores: pd.DataFrame | None = None,
    promises: pd.DataFrame | None = None,
) -> StageMaps:
    """The journey maps of a study. `touchpoints`, `items`, `ratings`, `responses`, `comments` are those of an open study (what it
    lacks is None), `comment_scores` the product of 06 and `promises` that of 04 (touchpoint, statement, status, estimate 0 to 1 with
    its interval)."""
    made = _Maker(
        way,
        touchpoints,
        items,
        ratings,
        feelings(responses, items, comments, comment_scores, min_base=way.min_base),
        promises,
    )
    segments = largest_segments(way.journeys, way.segment_col)[:_MOST_MAPS] if way.segment_col and made.order else []
    maps = tuple(made.map_of(segment) for segment in ["", *segments]) if made.order else ()
    return StageMaps(
        maps=maps,
        differences=made.differences(segments),
        layers=made.layers(),
        curve_label=made.curve_label,
        curve_unit=made.curve_unit,
        curve_words=made.curve_words,
        axis=_axis(maps, made.curve_unit, way.min_base),
        unread=made.felt.unread,
        conf_level=way.conf_level,
        min_base=way.min_base,
    )


class _Maker:
    """Puts the parts of each map together; questions to the log are asked once for all segments."""

    def __init__(
        self,
        way: CustomerJourneys,
        touchpoints: pd.DataFrame,
        items: pd.DataFrame | None,
        ratings: pd.DataFrame | None,
        felt: Feelings,
        promises: pd.DataFrame | None,
    ) -> None:
        self.way, self.felt, self.promises = way, felt, promises
        self.known_of_all: set[tuple[str, str]] = (
            set()
        )  # stage and lane of the map of all customers, which is made first
        self.items = (
            items if items is not None else pd.DataFrame(columns=["item", "role", "touchpoint", "label", "low", "high"])
        )
        self.ratings = _newest_ratings(ratings)
        self.rated = way.rated
        self.believed = _believed(ratings, self.items)
        self.by = way.segment_col
        self.stage_of = way.stage_of
        self.order = list(dict.fromkeys(self.stage_of.values()))
        self.about = touchpoints
        self.in_log = set(way.journeys.touchpoints)
        people = way.journeys.segments
        self.people = people[["customer_id", self.by]] if self.by else people[["customer_id"]]
        self.visits = dict(self._visits())
        self.onward = self._onward()
        self.rules = self._rules()
        enough = [stage for stage in self.order if self._net(stage, None)["n"] >= way.min_base]
        self.net = len(enough) >= 2
        self.curve_label = "Feeling" if self.net else "Satisfied"
        self.curve_unit = "points" if self.net else "%"
        level = f"{100 * way.conf_level:g}% interval"
        words = f"share pleasant less share unpleasant in {felt.source}, {level}"
        self.curve_words = words if self.net else f"{way.score_words}, {level}" if way.score_words else ""

    def places(self, stage: str) -> list[str]:
        return [name for name, own in self.stage_of.items() if own == stage]

    def members(self, segment: str) -> pd.Series | None:
        return self.people.loc[self.people[self.by] == segment, "customer_id"] if segment else None

    def map_of(self, segment: str) -> StageMap:
        way = self.way
        listed = way.segment_stages[way.segment_stages["segment"] == segment] if segment else way.stages
        begun = int(listed["begun"].iloc[0]) if segment and len(listed) else way.n_begun
        customers = self.members(segment)
        stages, lanes = [], []
        for row in listed.to_dict("records"):
            curve = {key: row[key] for key in ("estimate", "conf_low", "conf_high", "n", "reason")} | {"unit": "%"}
            if self.net:
                found = self._net(row["stage"], customers)
                curve = {key: found[key] for key in ("estimate", "conf_low", "conf_high", "n", "reason")} | {
                    "unit": "points"
                }
            known = pd.notna(row["reach"]) or curve["n"] > 0 or row["n"] > 0
            reach = row["reach"] if begun >= way.min_base else np.nan
            stages.append(
                {"label": row["label"], "reach": reach, "known": bool(known), "conf_level": way.conf_level} | curve
            )
            lanes += [
                {"lane": lane, "stage": row["label"], "value": "", "detail": "", "tone": "", "n": np.nan, "fact": False,
                 "unknown": False, "text": ""} | cell
                for lane, cell in self._lanes(row, segment, customers, begun).items()
            ]  # fmt: skip
        table = pd.DataFrame(lanes)
        empty = (
            tuple(str(lane) for lane, own in table.groupby("lane", sort=False) if _is_empty(own)) if len(table) else ()
        )
        return StageMap(segment, pd.DataFrame(stages), table, begun, empty)

    def _lanes(self, row: Mapping[Any, Any], segment: str, customers: Any, begun: int) -> dict[str, dict[str, Any]]:
        stage = row["stage"]
        cells = {
            "Do": self._do(stage, segment, begun), "Need": self._need(stage, customers), "Feel": self._feel(stage, customers),
            "Rate": self._rate(row, segment), "Owner": {"text": row["owners"] or _NO_TOUCHPOINT, "fact": True},
            "Promise": self._promise(stage), "Metric": self._metric(stage, segment),
        }  # fmt: skip
        found = {lane: cell or {"text": _FILLED_BY[lane], "unknown": lane != "Promise", "fact": lane == "Promise"}
                 for lane, cell in cells.items()}  # fmt: skip
        if not segment:
            self.known_of_all.update((stage, lane) for lane, cell in found.items() if not cell.get("unknown"))
            return found
        few = {
            "text": f"n<{self.way.min_base} in this segment",
            "fact": True,
        }  # it was asked: a question would not help
        return {
            lane: few if cell.get("unknown") and (stage, lane) in self.known_of_all else cell
            for lane, cell in found.items()
        }

    # -------------------------------------------------------------------------------------------------------- the lanes

    def _visits(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """For all ("") and each segment: touchpoint, m (customers whose journey begins in the log), n (their events)."""
        log = self.way.journeys
        rows = log.table.semi_join(self.way.begun, "c")
        for by in dict.fromkeys(["", self.by]):
            t = log.with_segment(by or None, rows)
            found = t.group_by([*([by] if by else []), "a"]).agg(m=t.c.nunique(), n=t.count()).to_pandas()
            found["touchpoint"] = log._named(found["a"])
            if by:
                for segment, part in found.groupby(by):
                    yield str(segment), part
            else:
                yield "", found

    def _do(self, stage: str, segment: str, begun: int) -> dict[str, Any]:
        found = self.visits.get(segment)
        if found is None or not begun:
            return {}
        own = found[found["touchpoint"].isin(self.places(stage))].sort_values(
            ["m", "touchpoint"], ascending=[False, True]
        )
        if own.empty:
            return {}
        said = []
        for row in own.head(_IN_A_LANE).to_dict("records"):
            times = row["n"] / row["m"]
            often = f", {times:.0f} times each" if times >= 2.5 else ", twice each" if times >= 1.5 else ""
            said.append(f"{capital_text(self.way.labels[row['touchpoint']])} {_percent(row['m'] / begun)}{often}")
        return {"text": "; ".join(said), "n": begun}

    def _need(self, stage: str, customers: Any) -> dict[str, Any]:
        for role, words in (
            ("need", "need it much"),
            ("importance", "call it important"),
            ("expectation", "expect it much"),
        ):
            asked = self.items[(self.items["role"] == role) & self.items["touchpoint"].isin(self.places(stage))]
            said: list[tuple[float, str, int]] = []
            for item in asked.to_dict("records"):
                found = self._share(item, customers)
                if found["n"] >= self.way.min_base:
                    label = str(item["label"]).split(":")[0]
                    said.append(
                        (
                            found["estimate"],
                            f"{label}: {estimate_text(found['estimate'], '%')} {words}",
                            int(found["n"]),
                        )
                    )
            if said:
                said.sort(reverse=True)
                return {"text": "; ".join(text for _, text, _ in said[:_IN_A_LANE]), "n": min(n for *_, n in said)}
        return {}

    def _share(self, item: Mapping[Any, Any], customers: Any) -> dict[str, Any]:
        own = self.ratings[self.ratings["item"] == item["item"]] if len(self.ratings) else self.ratings
        if len(own) and customers is not None:
            own = own[own["customer_id"].isin(customers)]
        if own.empty:
            return {"n": 0}
        best = best_answers(own["score"], item["low"], item["high"])
        return share_row(best, clusters=own["customer_id"], conf_level=self.way.conf_level)

    def _feel(self, stage: str, customers: Any) -> dict[str, Any]:
        found = self._net(stage, customers)
        if not found["n"]:
            return {}
        low, high = found["conf_low"], found["conf_high"]
        reading = "Pleasant" if low > 0 else "Unpleasant" if high < 0 else "Mixed"
        signed = difference_text(found["estimate"], "points", np.nan, np.nan).split(" ")[0]
        words = self.felt.words(self.places(stage), customers, min_base=self.way.min_base)
        most = (
            f"; most often {list_text(f'{word} {_percent(share)}' for word, share in words.head(2).items())}"
            if len(words)
            else ""
        )
        tone = "worse" if high < 0 else ""
        return {"value": f"{reading} {signed}", "detail": f"{interval_text(low, high, 'points')}", "text": most.removeprefix("; "),
                "tone": tone, "n": found["n"]}  # fmt: skip

    def _net(self, stage: str, customers: Any) -> dict[str, Any]:
        return self.felt.net(self.places(stage), customers, conf_level=self.way.conf_level)

    def _rate(self, row: Mapping[Any, Any], segment: str) -> dict[str, Any]:
        if not row["n"]:
            return {}
        told = self._belief(row["stage"]) if not segment else {"n": 0}
        belief = f"; staff believe {estimate_text(told['estimate'], '%')}" if told["n"] >= self.way.min_base else ""
        ends = interval_text(row["conf_low"], row["conf_high"], "%")
        return {
            "value": estimate_text(row["estimate"], "%"),
            "detail": f"{ends}, n {row['n']:,}",
            "text": f"satisfied{belief}",
            "n": row["n"],
        }

    def _belief(self, stage: str) -> dict[str, Any]:
        """The share satisfied that staff believe in, of the touchpoints that customers have rated as well."""
        both = set(self.places(stage)) & set(self.rated["touchpoint"] if len(self.rated) else [])
        own = self.believed[self.believed["touchpoint"].isin(both)]
        return share_row(own["top"], clusters=own["person"], conf_level=self.way.conf_level) if len(own) else {"n": 0}

    def layers(self) -> pd.DataFrame:
        """One row a stage: what customers say against what staff believe."""
        columns = ["stage", "label", "actual", "believed", "difference", "std_error", "conf_low", "conf_high", "conf_level",
                   "n_before", "n_after", "unit", "p_value", "reason"]  # fmt: skip
        rows = []
        for stage in self.order:
            told = self._belief(stage)
            if not told["n"]:
                continue
            shared = set(self.places(stage)) & set(self.believed["touchpoint"])
            own = self.rated[self.rated["touchpoint"].isin(shared)]
            said = share_row(own["top"], clusters=own["customer_id"], conf_level=self.way.conf_level)
            enough = min(said["n"], told["n"]) >= self.way.min_base
            about = {"stage": stage, "label": stage_label(stage), "actual": said["estimate"] if enough else np.nan,
                     "believed": told["estimate"] if enough else np.nan}  # fmt: skip
            rows.append(about | difference_row(said, told, min_base=self.way.min_base))
        table = with_readings(pd.DataFrame(rows, columns=columns), self.way.conf_level)
        return table.assign(words=table["reading"].map(_GAP_WORDS))

    def _promise(self, stage: str) -> dict[str, Any]:
        if self.promises is None or self.promises.empty:
            return {}
        own = self.promises[self.promises["touchpoint"].isin(self.places(stage))].to_dict("records")
        if not own:
            return {}
        said, tone = [], ""
        for row in own:
            kept = "cannot be measured yet"
            if pd.notna(row["estimate"]) and row["n"] >= self.way.min_base:
                ends = interval_text(100 * row["conf_low"], 100 * row["conf_high"], "%")
                verdict = "**broken**, " if row["status"] == "broken" else ""
                tone = "worse" if verdict else tone
                kept = f"{verdict}kept {estimate_text(100 * row['estimate'], '%')} ({ends})"
            said.append(f"“{row['statement']}”: {kept}")
        return {"text": "; ".join(said), "tone": tone, "fact": True}

    def _onward(self) -> dict[tuple[str, str], tuple[float, float, float, int]]:
        """For each segment and stage, the share of those who came that come to a later stage after it: with its interval and base.
        Of the last stage in the log nothing can be said, because what follows it is not known."""
        known = [stage for stage in self.order if set(self.places(stage)) & self.in_log]
        if len(known) < 2:
            return {}
        log = self.way.journeys.only(customers=self.way.begun)
        code = {stage: place for place, stage in enumerate(known)}
        pairs = [
            (place, code[self.stage_of[name]])
            for place, name in enumerate(log.names)
            if self.stage_of.get(name) in code
        ]
        found: dict[tuple[str, str], tuple[float, float, float, int]] = {}
        for by in dict.fromkeys(["", self.by]):
            t = log.with_segment(by or None)
            at = t.pos.cast("int64") + (t.journey.cast("int64") * _MOST_EVENTS if log.is_split else 0)
            t = t.mutate(stage=t.a.cases(*pairs, else_=None), at=at)
            t = t.filter(t.stage.notnull())
            keys = [*([by] if by else []), "stage"]
            seen = t.group_by([*keys, "c"]).agg(begins=t["at"].min(), ends=t["at"].max())
            later = ibis.window(group_by="c", order_by=seen.stage, rows=(1, None))
            seen = seen.mutate(on=(seen.ends.max().over(later) > seen.begins).fill_null(False))
            counted = seen.group_by(keys).agg(n=seen.count(), on=seen.on.cast("int32").sum()).to_pandas()
            for row in counted[counted["stage"] < len(known) - 1].to_dict("records"):
                share = share_of(int(row["on"]), int(row["n"]), conf_level=self.way.conf_level)
                place = (str(row[by]) if by else "", known[int(row["stage"])])
                found[place] = (share["estimate"], share["conf_low"], share["conf_high"], int(row["n"]))
        return found

    def _rules(self) -> pd.DataFrame:
        """The rules of each stage (that of their first touchpoint) with the share kept, for all ("") and by segment."""
        columns = ["rule", "segment", "stage", "n", "estimate", "conf_low", "conf_high"]
        parts = [self.way.rules.assign(segment="")]
        parts += [
            part.by(self.by).rename(columns={self.by: "segment"}) for part in self.way.checked if self.by and len(part)
        ]
        table = pd.concat(parts, ignore_index=True)
        if table.empty:
            return pd.DataFrame(columns=columns)
        names = self.way.journeys.touchpoints
        table["stage"] = [self.stage_of.get(str(parse(rule, names)[1].get("a")), "") for rule in table["rule"]]
        return table[columns]

    def _metric(self, stage: str, segment: str) -> dict[str, Any]:
        said, bases = [], []
        own = self.rules[
            (self.rules["stage"] == stage) & (self.rules["segment"] == segment) & (self.rules["n"] >= self.way.min_base)
        ]
        for row in own.sort_values("estimate").head(2).to_dict("records"):
            ends = interval_text(100 * row["conf_low"], 100 * row["conf_high"], "%")
            plain = capital_text(self.way.plain(str(row["rule"])))
            said.append(f"{plain}: **{estimate_text(100 * row['estimate'], '%')}** ({ends})")
            bases.append(int(row["n"]))
        if not said and (found := self.onward.get((segment, stage))):
            share, low, high, n = found
            if n >= self.way.min_base:
                said.append(f"Come to a later stage: **{estimate_text(share, '%')}** ({interval_text(low, high, '%')})")
                bases.append(n)
        return {"text": "; ".join(said), "n": min(bases)} if said else {}

    # ----------------------------------------------------------------------------------------------------- differences

    def differences(self, segments: list[str]) -> pd.DataFrame:
        """Each segment less all others: reach, satisfaction and feeling by stage."""
        columns = ["measure", "stage", "segment", "estimate", "difference", "std_error", "conf_low", "conf_high", "conf_level",
                   "n_before", "n_after", "unit", "p_value", "reason"]  # fmt: skip
        rows: list[dict[str, Any]] = []
        begun = self._begun_sizes()
        listed = self.way.segment_stages.set_index(["segment", "stage"]) if len(self.way.segment_stages) else None
        for stage in self.order if segments and listed is not None else []:
            label = stage_label(stage)
            for segment in segments:
                inside = self.members(segment)
                outside = self.people.loc[
                    self.people[self.by].notna() & (self.people[self.by] != segment), "customer_id"
                ]
                pairs = {
                    "reach": self._reach_pair(stage, segment, begun),
                    "satisfaction": self._rated_pair(stage, inside, outside),
                }
                if self.net:
                    pairs["net feeling"] = (self._net(stage, inside), self._net(stage, outside))
                for measure, (own, others) in pairs.items():
                    gap = difference_row(others, own, min_base=self.way.min_base)
                    small = min(own["n"], others["n"]) < self.way.min_base
                    about = {
                        "measure": measure,
                        "stage": label,
                        "segment": segment,
                        "estimate": np.nan if small else own["estimate"],
                    }
                    rows.append(about | gap)
        return with_readings(pd.DataFrame(rows, columns=columns), self.way.conf_level)

    def _begun_sizes(self) -> dict[str, int]:
        log = self.way.journeys
        if not self.by:
            return {}
        people = log.with_segment(self.by, self.way.begun)
        found = people.group_by(self.by).agg(m=people.count()).to_pandas()
        return dict(zip(found[self.by].astype(str), found["m"].astype(int), strict=True))

    def _reach_pair(self, stage: str, segment: str, begun: dict[str, int]) -> tuple[dict[str, Any], dict[str, Any]]:
        counts = self.stage_counts.get(stage, {})
        own, size = counts.get(segment, 0), begun.get(segment, 0)
        if not set(self.places(stage)) & self.in_log:
            size = 0
        everybody, seen = sum(begun.values()) if size else 0, sum(counts.values())
        level = self.way.conf_level
        return share_of(own, size, conf_level=level), share_of(seen - own, max(everybody - size, 0), conf_level=level)

    @property
    def stage_counts(self) -> dict[str, dict[str, int]]:
        """Stage → segment → customers (whose journey begins in the log) seen there."""
        if not hasattr(self, "_counts"):
            found: dict[str, dict[str, int]] = {}
            for segment, part in self.way.seen_by_segment.items():
                for stage, m in part.stages.items():
                    found.setdefault(stage, {})[segment] = m
            self._counts = found
        return self._counts

    def _rated_pair(self, stage: str, inside: Any, outside: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        nothing = {
            "estimate": np.nan,
            "std_error": np.nan,
            "n": 0,
            "conf_level": self.way.conf_level,
            "unit": "%",
            "reason": "not rated",
        }
        if self.rated.empty:
            return nothing, dict(nothing)
        own = self.rated[self.rated["touchpoint"].isin(self.places(stage))]
        if own.empty:
            return nothing, dict(nothing)
        both = [own[own["customer_id"].isin(part)] for part in (inside, outside)]
        first, second = (
            share_row(part["top"], clusters=part["customer_id"], conf_level=self.way.conf_level) for part in both
        )
        return first, second


def _believed(ratings: pd.DataFrame | None, items: pd.DataFrame) -> pd.DataFrame:
    """What staff believe: touchpoint, top (1.0 where they gave one of the two best answers), person; of each survey the newest wave."""
    columns = ["touchpoint", "top", "person"]
    if ratings is None or ratings.empty:
        return pd.DataFrame(columns=columns)
    mine = ratings[
        (ratings["role"] == "satisfaction") & (ratings["perspective"] == "staff") & ratings["touchpoint"].notna()
    ]
    if mine.empty:
        return pd.DataFrame(columns=columns)
    mine = mine.assign(asked=mine["timestamp"].fillna(pd.Timestamp(0, tz="UTC")))
    own, last = (mine.groupby(by)["asked"].transform("max") for by in (["survey", "wave"], "survey"))
    mine = mine[own == last]
    known = items.set_index("item")
    best = best_answers(mine["score"], mine["item"].map(known["low"]), mine["item"].map(known["high"]))
    person = mine["response_id"] if "response_id" in mine else pd.Series(range(len(mine)), index=mine.index)
    return mine.assign(top=best, person=person)[columns]


def _newest_ratings(ratings: pd.DataFrame | None) -> pd.DataFrame:
    """The answers of customers on needs and expectations in the newest wave that asked each question."""
    if ratings is None or ratings.empty:
        return pd.DataFrame()
    mine = ratings[(ratings["perspective"] == "customer") & ratings["role"].isin(["need", "importance", "expectation"])]
    mine = mine[mine["score"].notna()]
    mine = mine.assign(
        asked=mine["timestamp"].fillna(pd.Timestamp(0, tz="UTC"))
    )  # of unknown time: older than the others
    own, last = (mine.groupby(by)["asked"].transform("max") for by in (["item", "survey", "wave"], "item"))
    return mine[own == last]


def _is_empty(lane: pd.DataFrame) -> bool:
    """Whether a lane says nothing of any stage: all is unknown, nobody owns anything, nothing was promised."""
    nothing = lane["text"].isin([_NO_OWNER, _NO_TOUCHPOINT, _FILLED_BY["Promise"]])
    return bool((lane["unknown"].astype(bool) | nothing).all()) and lane["lane"].iloc[0] != "Do"


def _unknown_words(one: StageMap) -> str:
    """The lanes of which nothing is known, and what would fill them."""
    said = []
    for lane in one.unknown:
        what = {"Owner": "no touchpoint has one in study.toml", "Promise": "none is made"}.get(lane)
        said.append(f"{lane} ({what or inside_text(_FILLED_BY[lane])})")
    return f"Of every stage: {list_text(said)}"


def _lowest(stages: pd.DataFrame, min_base: int) -> dict[Any, Any] | None:
    """The stage where the curve is lowest; None where fewer than two have one."""
    rated = [row for row in stages.to_dict("records") if pd.notna(row["estimate"]) and row["n"] >= min_base]
    return min(rated, key=lambda row: row["estimate"]) if len(rated) > 1 else None


def _lost(one: StageMap) -> str:
    """Between which neighbouring stages most are lost: the title of a map without a curve. More may come to a stage than to the one
    before it, because some begin there."""
    whose = f"“{one.segment}”: " if one.segment else ""
    reached = one.stages.dropna(subset=["reach"]).to_dict("records")
    steps = [(first, then) for first, then in pairwise(reached) if first["reach"] > then["reach"]]
    if not steps:
        return f"{whose}{len(one.stages)} stages, {int((~one.stages['known']).sum())} of them unknown."
    first, then = max(steps, key=lambda pair: pair[0]["reach"] - pair[1]["reach"])
    fewest = min(reached, key=lambda row: row["reach"])
    if fewest is not reached[-1] and reached[-1]["reach"] > fewest["reach"]:  # some skip a stage: they are not lost
        return (
            f"{whose}{'fewest' if whose else 'Fewest'} come through {inside_text(fewest['label'])} ({fewest['reach']:.0f}%); "
            f"{reached[-1]['reach']:.0f}% come to {inside_text(reached[-1]['label'])}."
        )
    return (
        f"{whose}{'most' if whose else 'Most'} are lost between {inside_text(first['label'])} (seen by {first['reach']:.0f}%) and "
        f"{inside_text(then['label'])} ({then['reach']:.0f}%)."
    )


def _axis(maps: tuple[StageMap, ...], unit: str, min_base: int) -> tuple[float, float] | None:
    """One scale for all maps."""
    shown = [
        row
        for one in maps
        for row in one.stages.to_dict("records")
        if pd.notna(row["estimate"]) and row["n"] >= min_base
    ]
    ends = [row[key] for row in shown for key in ("estimate", "conf_low", "conf_high") if pd.notna(row[key])]
    if not ends:
        return None
    if unit == "%":
        return (max(0.0, 10 * float(np.floor(min(ends) / 10))), 100.0)
    reach = 20 * float(np.ceil(max(map(abs, ends)) / 20))
    return (-min(max(reach, 20.0), 100.0), min(max(reach, 20.0), 100.0))


def _percent(share: float) -> str:
    return "under 1%" if 0 < share < 0.005 else f"{share:.0%}"
