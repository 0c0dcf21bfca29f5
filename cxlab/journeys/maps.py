"""The journey that customers really take, from first awareness to termination, and where it breaks.

`customer_journeys` takes the log of an open study, its stages, its rules and who belongs to which segment, and returns what a
journey map is drawn from, with the sentences that may be quoted. Stages without data are unknown, not good.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from cxlab.data.answers import best_answers
from cxlab.data.portable import keep, upload
from cxlab.inference import difference_row, share_of, share_row, with_readings
from cxlab.journeys.log import Journeys, moment_of
from cxlab.journeys.reconstruct import reconstruct
from cxlab.journeys.rules import Conformance, parse
from cxlab.problems import NotApplicableError
from cxlab.wording import capital_text, describe, duration_text, inside_text, interval_text, list_text, number_text

Shown = tuple[dict[str, Any], pd.DataFrame]
LEAST_CUSTOMERS = 50
_TOP = 12
_MOST_SENTENCES = 6
_MOST_SEGMENTS = 6
_MOST_STOPS, _MOST_PATHS, _TOP_PATHS = 12, 50, 8
_STAGE_COLUMNS = [
    "stage", "label", "reach", "customers", "touchpoints", "owners", "estimate", "conf_low", "conf_high", "n", "unit", "reason",
]  # fmt: skip
_CROWD = 0.5  # share of all events, from which on a touchpoint hides the steps between the others


@dataclass(frozen=True)
class Seen:
    """How many customers of a part of the log were seen: in all, at each touchpoint, in each stage."""

    begun: int
    touchpoints: dict[str, int]
    stages: dict[str, int]


@dataclass(frozen=True)
class CustomerJourneys:
    """`stages` has one row a stage (reach in percent of the customers whose journey begins in the log, satisfaction),
    `handovers` one row a step from one touchpoint to another with its wait, `rules` one row a rule, `variants` one row a path of stages
    (journeys that took it, estimate: percent of the n journeys, covered: with all more frequent ones), `segments` one row a segment
    and touchpoint, `segment_stages` the columns of `stages` for each segment and how many of its customers begin in the log
    (`begun`), `lengths` one row a journey."""

    journeys: Journeys
    stages: pd.DataFrame
    handovers: pd.DataFrame
    rules: pd.DataFrame
    deviations: pd.DataFrame
    variants: pd.DataFrame
    reach: pd.DataFrame
    segments: pd.DataFrame
    segment_stages: pd.DataFrame
    lengths: pd.DataFrame
    crowd: str
    checked: tuple[Conformance, ...]
    begun: ibis.Table
    seen_by_segment: dict[str, Seen]
    rated: pd.DataFrame
    stage_of: dict[str, str]
    segment_col: str
    labels: dict[str, str]
    owners: dict[str, str]
    score_words: str
    n_begun: int
    n_paths: int
    n_open: int
    since: str
    until: str
    watched_until: pd.Timestamp
    conf_level: float
    min_base: int

    def wait_of(self, rule: str) -> pd.Series:
        """How long it took until what should follow came, for those for whom it came at all, whenever."""
        for part in self.checked:
            if len(part) and part["rule"].iloc[0] == rule:
                return part.waits
        return pd.Series(dtype="timedelta64[us]")

    def headline(self) -> str:
        judged = self.rules[self.rules["n"] >= self.min_base].sort_values("estimate")
        if len(judged):
            worst = judged.to_dict("records")[0]
            if worst["estimate"] < 1:
                span = interval_text(100 * worst["conf_low"], 100 * worst["conf_high"], "%")
                return (
                    f"The journey breaks most where “{self.plain(worst['rule'])}” should hold: it does in {worst['estimate']:.0%} "
                    f"({span}) of {worst['n']:,} cases."
                )
            if (self.rules["broken"] > 0).any() or len(judged) < len(self.rules):
                return f"{len(judged)} of {len(self.rules)} rules of the desired journey can be judged, and they hold."
            return "Every rule of the desired journey holds."
        path = self.variants.to_dict("records")
        if path:
            return f"The most frequent of {self.journeys.n_variants:,} paths is taken by {path[0]['estimate']:.0f}% of journeys."
        return f"{self.journeys.n_customers:,} customers, {self.journeys.n_events:,} events."

    def plain(self, rule: str) -> str:
        """A rule as a reader sees it: "order is followed by onboarding within 5 days". A touchpoint that is named in plain words
        keeps its name, any other (O_SENT) gets its label."""
        parts = parse(rule, self.journeys.touchpoints)[1]
        said = " ".join(rule.split())
        names = [str(parts[key]) for key in ("a", "b") if parts.get(key)]
        for place, name in enumerate(names):
            said = said.replace(name, f"\0{place}", 1)
        for place, name in enumerate(names):
            words = name.replace("_", " ") if _PLAIN_NAME.fullmatch(name) else inside_text(self.labels[name])
            said = said.replace(f"\0{place}", words, 1)
        return duration_text(said)

    def sentences(self) -> list[str]:
        """Where segments go different ways, what is unknown, and how many journeys are open; the rules are the key numbers."""
        return [*self._segment_words(), *self._open_words()]

    def _segment_words(self) -> list[str]:
        said = []
        apart = self.segments[self.segments["reading"] == "changed"] if len(self.segments) else self.segments
        if len(apart):
            far = max(apart.to_dict("records"), key=lambda row: abs(row["difference"]))
            more = "more" if far["difference"] > 0 else "less"
            said.append(
                f"Segments go different ways: of “{far['segment']}” {far['estimate']:.0f}% are seen at {inside_text(far['label'])}, "
                f"{abs(far['difference']):.0f} points {more} than of the others."
            )
        elif len(self.segments):
            said.append("No segment clearly goes another way than the others.")
        return said

    def _open_words(self) -> list[str]:
        said = []
        unknown = list(self.stages.loc[self.stages["reach"].isna(), "label"])
        if unknown:
            said.append(f"Nothing is known of {list_text(map(inside_text, unknown))}.")
        if self.n_open:
            said.append(f"{self.n_open:,} of {len(self.lengths):,} journeys were still going on when the log ended.")
        return said

    def all_sentences(self, first: Iterable[Any] = (), then: Iterable[Any] = ()) -> list[str]:
        """What the page says up front: the sentences of other parts of it before and after those of the journeys, six at most.

        A part has the sentences by which it is known (`leads`, where it has them), or all of its sentences."""
        said = [sentence for part in first for sentence in _leads(part)]
        said += [*self._segment_words(), *(sentence for part in then for sentence in _leads(part)), *self._open_words()]
        return list(dict.fromkeys(said))[:_MOST_SENTENCES]

    @property
    def ends(self) -> list[str]:
        """The touchpoints of the last stage that are in the log: they end a journey."""
        last = list(self.stage_of.values())[-1:]
        known = set(self.journeys.touchpoints)
        return [name for name, stage in self.stage_of.items() if stage in last and name in known]

    @property
    def ends_in_leaving(self) -> bool:
        """Whether the last stage is that customers leave (termination), and not merely that all is done (a decision, closing)."""
        return bool(_LEAVING.search(list(self.stage_of.values())[-1])) if self.stage_of else False

    def base_sentence(self) -> str:
        return (
            f"{self.journeys.n_events:,} events of {self.journeys.n_customers:,} customers, {self.since} to {self.until}; "
            f"{self.n_begun:,} journeys begin in the log."
        )

    def key_numbers(self, whole: pd.DataFrame | None = None) -> pd.DataFrame:
        """The rules that break, most first (all, where none does); behind them, of several (`whole`, of `designed`), the share for whom
        all held."""
        judged = self.rules[self.rules["n"] >= self.min_base].sort_values("estimate")
        everything = whole[whole["n"] >= self.min_base] if whole is not None and len(whole) else None
        broken = judged[judged["broken"] > 0]
        rows = (broken if len(broken) else judged).head(4 if everything is None else 3)
        table = rows.assign(label=[capital_text(self.plain(rule)) for rule in rows["rule"]], unit="%")
        for column in ("estimate", "conf_low", "conf_high"):
            table[column] = 100 * table[column]
        return table if everything is None else pd.concat([table, everything.assign(label="Every rule held", unit="%")])

    def handovers_shown(self) -> Iterator[Shown]:
        rows = self.handovers.head(_TOP)
        if len(rows):
            first = rows.to_dict("records")[0]
            waits = {"usual": "median_wait", "long": "slow_wait"}
            yield {
                "title": f"After {inside_text(first['from_label'])} {first['share']:.0f}% go on to {inside_text(first['to_label'])}, the "
                "most frequent step.",
                "subtitle": "Steps from one touchpoint to another: customers, share of all exits, usual and long wait",
                "note": {
                    "Base": f"{number_text(int(self.handovers['n'].sum()))} steps; those back to the same touchpoint are left out"
                    + (f", and so is {inside_text(self.labels[self.crowd])}, which holds most events" if self.crowd else ""),
                    "Wait": "Median, and what one in ten exceeds",
                },
            }, rows.assign(**{name: [length_text(wait) for wait in rows[own]] for name, own in waits.items()})  # fmt: skip

    def variants_shown(self) -> Iterator[Shown]:
        """The most frequent paths that enough journeys take, with the share that they cover."""
        enough = self.variants[self.variants["journeys"] >= self.min_base] if len(self.variants) else self.variants
        if len(enough):
            rows = enough.head(_TOP_PATHS)
            last = rows.to_dict("records")[-1]
            what = "stages" if self.stage_of else "touchpoints"
            merged = ", neighbours that are the same merged" if self.stage_of else ""
            rarer = self.n_paths - len(enough)
            title = f"The {len(rows)} most frequent paths cover {last['covered']:.0f}% of journeys."
            if len(rows) == 1:
                title = f"The most frequent path is that of {last['covered']:.0f}% of journeys."
            yield {
                "name": "paths",
                "title": title,
                "subtitle": f"Paths of {what}{merged}: share of journeys, and of all rows so far (the line)",
                "alt": describe("Paths and their share of journeys", rows, label_col="path", unit="%", min_base=self.min_base),
                "note": {
                    "Base": f"{last['n']:,} journeys that begin in the log, which take {self.n_paths:,} paths"
                    + (f"; {rarer:,} of fewer than {self.min_base} journeys each" if rarer and len(self.variants) < _MOST_PATHS else ""),
                    "Open": "A journey that still goes on counts with the steps it has so far",
                },
            }, rows  # fmt: skip

    @property
    def stage_labels(self) -> list[str]:
        """The names of the stages in a path, in order; without stages none."""
        return [stage.replace("_", " ") for stage in dict.fromkeys(self.stage_of.values())]

    def segments_shown(self) -> Iterator[Shown]:
        if len(self.segments):
            order = (
                self.segments.groupby("label")["difference"].apply(lambda x: x.abs().max()).sort_values(ascending=False)
            )
            rows = self.segments[self.segments["label"].isin(order.index[:8])]
            tested = int(self.segments["p_value"].notna().sum())
            clear = int((self.segments["reading"] == "changed").sum())
            yield {
                "name": "segments",
                "title": self._segments_title(clear, tested),
                "subtitle": "Customers seen at a touchpoint, percent, by segment; a frame marks a clear difference from the others",
                "alt": describe(
                    "Field of reach by touchpoint and segment", rows, label_col="segment", series_col="label", unit="%"
                ),
                "note": {
                    "Base": list_text(
                        f"{segment} {int(part['n'].iloc[0]):,}" for segment, part in rows.groupby("segment", sort=False)
                    )
                    + " customers",
                    "Test": f"{tested} shares against all other segments, by customer, Benjamini–Hochberg",
                },
            }, rows.assign(clear=rows["reading"] == "changed").reset_index(drop=True)  # fmt: skip

    def _segments_title(self, clear: int, tested: int) -> str:
        if not clear:
            return f"None of {tested} differences between the segments’ journeys is clear."
        said = self._segment_words()[0].removeprefix("Segments go different ways: of").removesuffix(".")
        are = "is" if clear == 1 else "are"
        return f"Of{said}; {clear} of {tested} differences between segments {are} clear."

    def quality_shown(self) -> pd.DataFrame:
        words = {
            "rows": "Rows of the log", "kept": "Kept", "null_customer": "Without a customer", "null_timestamp": "Without a time",
            "null_touchpoint": "Without a touchpoint", "ties": "Neighbours at the same moment", "unsorted": "Out of order in the file",
            "segment_conflicts": "Customers with two segments",
        }  # fmt: skip
        table = self.journeys.quality()
        return table.assign(check=[words.get(name, name) for name in table["check"]])

    def quality_words(self) -> dict[str, Any]:
        counts = self.journeys.counts
        return {
            "title": f"{number_text(counts['kept'])} of {number_text(counts['rows'])} rows are in the journeys.",
            "subtitle": "What the log holds; ties are put in order by event_id",
        }

    def findings(self) -> list[dict[str, Any]]:
        made = []
        for row in self.rules.to_dict("records"):
            share = row["estimate"]
            result = dict(row)
            result |= {key: 100 * row[key] for key in ("estimate", "conf_low", "conf_high")}
            error = 100 * float(np.sqrt(share * (1 - share) / row["n"])) if row["n"] else np.nan
            said = (
                f"“{capital_text(self.plain(row['rule']))}” holds in {share:.0%} of {row['n']:,} cases."
                if row["n"]
                else "applies to nobody"
            )
            small = row["n"] < self.min_base
            made.append(
                {
                    "name": f"rule_{_slug(row['rule'])}",
                    "result": result | {"std_error": error, "headline": said, "reason": ""}
                    if not small
                    else {"estimate": None, "n": row["n"], "reason": f"n<{self.min_base}", "headline": ""},
                    "level": "all",
                    "owner": self.owners.get(row["rule"]),
                    "unit": "%",
                    "better": "higher",
                    "definition": f"share of journeys that keep: {row['rule']}",
                    "comparable": "cumulative",
                    "label": f"Rule: {self.plain(row['rule'])}",
                    "attention": bool(not small and row["conf_high"] < _GOAL),
                }
            )
        made += [
            {
                "name": f"journey_{row['touchpoint']}_{row['segment_id']}",
                "result": {
                    **row,
                    "headline": f"{row['estimate']:.0f}% of “{row['segment']}” are seen at {inside_text(row['label'])}.",
                },
                "level": "segment",
                "target": row["segment"],
                "unit": "%",
                "definition": "share of the segment's customers seen at the touchpoint",
                "comparable": "cumulative",
                "label": f"Seen at {inside_text(row['label'])}: {row['segment']}",
            }
            for row in self.segments.to_dict("records")
            if row["reading"] == "changed"
        ]
        return made


_LEAVING = re.compile(r"terminat|leav|left|cancel|churn|exit|goodbye|attrition", re.I)  # in the name of a last stage
_GOAL = 0.9  # share of journeys that should keep a rule, below which the whole interval asks for an action


_PLAIN_NAME = re.compile(r"[a-z]+(_[a-z]+)*")


def _leads(part: Any) -> list[str]:
    """The sentences of a part of the page that stand up front."""
    return list(part.leads() if hasattr(part, "leads") else part.sentences())


def _slug(rule: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in rule.lower()).split())


def length_text(wait: pd.Timedelta) -> str:
    """A wait for a reader: 3.2 days, 5 hours, 20 minutes."""
    seconds = wait.total_seconds()
    if seconds >= 2 * 86_400:
        return f"{seconds / 86_400:.1f} days"
    if seconds >= 2 * 3_600:
        return f"{seconds / 3_600:.0f} hours"
    return f"{seconds / 60:.0f} minutes"


def customer_journeys(
    events: Any,
    touchpoints: pd.DataFrame | None = None,
    *,
    rules: Sequence[str] = (),
    rule_owners: Mapping[str, str] | None = None,
    ratings: pd.DataFrame | None = None,
    items: pd.DataFrame | None = None,
    membership: pd.DataFrame | None = None,
    segment_col: str = "",
    gap: str = "",
    observed_until: pd.Timestamp | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
) -> CustomerJourneys:
    """The journeys of a log, its stages, rules and segments.

    `touchpoints` are those of an open study (touchpoint, label, owner, stage), `ratings` its answers and `items`
    their scales (without both nothing is rated), `membership` the product of 01; or `segment_col`, a column of the events.
    `gap` ("30d") cuts a customer's events into journeys at a silence; without it a customer is one journey. Raises
    `NotApplicableError` for a log of fewer than fifty customers.
    """
    if membership is not None and len(membership):
        events, segment_col = _with_membership(events, membership), "_segment"
    log = reconstruct(events, segment=segment_col or None)
    if log.n_customers < LEAST_CUSTOMERS:
        raise NotApplicableError(f"needs events of {LEAST_CUSTOMERS} customers; there are {log.n_customers}")
    log = log.split(gap) if gap else log
    about = touchpoints if touchpoints is not None else pd.DataFrame(columns=["touchpoint", "label", "owner", "stage"])
    labels = {str(row["touchpoint"]): str(row["label"]) for row in about.to_dict("records")}
    labels |= {name: name.replace("_", " ") for name in log.touchpoints if name not in labels}
    owners = {str(row["touchpoint"]): row["owner"] for row in about.to_dict("records") if isinstance(row["owner"], str)}
    stage_of = {
        str(row["touchpoint"]): str(row["stage"]) for row in about.to_dict("records") if isinstance(row["stage"], str)
    }
    order = list(dict.fromkeys(stage_of.values()))
    usable = [rule for rule in rules if _applies(rule, log)]
    begun = _begun(log, stage_of, order)
    rated, words = _rated(ratings, items)
    stages = _stages(_seen(log, begun, stage_of)[""], set(log.touchpoints), about, stage_of, rated, conf_level)
    checked = _checked(log, begun, usable, observed_until, conf_level)
    by_segment = _seen(log, begun, stage_of, segment_col) if segment_col else {}
    ends = [name for name, stage in stage_of.items() if order and stage == order[-1] and name in set(log.touchpoints)]
    lengths = log.durations(ends=ends or None, observed_until=observed_until, anywhere=True)
    staged = log.stages({k: v.replace("_", " ") for k, v in stage_of.items()}) if stage_of else log
    paths = staged.only(customers=begun).variants()
    often = log.often()
    crowd = str(often["touchpoint"].iloc[0]) if often["share"].iloc[0] > _CROWD and len(often) > 4 else ""
    return CustomerJourneys(
        journeys=log,
        stages=stages,
        handovers=_handovers(log, crowd, labels, owners),
        rules=pd.concat(map(pd.DataFrame, checked), ignore_index=True),
        deviations=pd.concat([part.deviations for part in checked], ignore_index=True),
        checked=checked,
        begun=begun,
        seen_by_segment=by_segment,
        rated=rated,
        stage_of=stage_of,
        segment_col=segment_col,
        crowd=crowd,
        variants=_variants(paths),
        n_paths=len(paths),
        reach=log.reach(),
        segments=_by_segment(log, segment_col, labels, conf_level, membership) if segment_col else pd.DataFrame(),
        segment_stages=_stages_by_segment(log, by_segment, about, stage_of, rated, segment_col, conf_level),
        lengths=lengths,
        labels=labels,
        owners={**{rule: owner for rule, owner in (rule_owners or {}).items() if owner}},
        score_words=words,
        n_begun=int(begun.count().to_pandas()),
        n_open=int(lengths["censored"].fillna(False).sum()) if lengths["censored"].notna().any() else 0,
        since=str(log.first_moment.date()),
        until=str(log.last_moment.date()),
        watched_until=moment_of(log.until(observed_until)),
        conf_level=conf_level,
        min_base=min_base,
    )  # fmt: skip


def _variants(paths: pd.DataFrame) -> pd.DataFrame:
    """The fifty most frequent paths as text, cut after twelve stops."""
    said = [" → ".join([*path[:_MOST_STOPS], *(["…"] if len(path) > _MOST_STOPS else [])]) for path in paths["variant"]]
    return pd.DataFrame(
        {"path": said, "journeys": paths["n"], "estimate": 100 * paths["share"], "covered": 100 * paths["coverage"],
         "n": int(paths["n"].sum()), "unit": "%"}
    ).head(_MOST_PATHS)  # fmt: skip


def _applies(rule: str, log: Journeys) -> bool:
    """Whether the log knows the touchpoints of a rule; an unknown one is refused by `conform` with its name."""
    parse(rule, log.touchpoints)
    return True


def _with_membership(events: Any, membership: pd.DataFrame) -> Any:
    """The events with the segment of 01 beside each; an Ibis table stays in its engine."""
    known = membership.drop_duplicates("customer_id")[["customer_id", "segment"]].dropna()
    if isinstance(events, pd.DataFrame):
        return events.assign(_segment=events["customer_id"].map(known.set_index("customer_id")["segment"]))
    uploaded = upload(
        events.get_backend(), known.rename(columns={"customer_id": "_member", "segment": "_segment"}).astype("str")
    )
    return events.left_join(uploaded, events.customer_id == uploaded["_member"]).drop("_member")


def _begun(log: Journeys, stage_of: Mapping[str, str], order: list[str]) -> ibis.Table:
    """The customers (`c`) whose first event lies in one of the first two stages: all where there are no stages."""
    first = log.table.filter(log.table.pos == 0)
    if log.is_split:
        first = first.filter(first.journey == 0)
    if len(order) >= 2:
        first = first.filter(first.a.isin(_codes_of(log, stage_of, order[:2]) or [-1]))
    return keep(log.backend, first.select("c"))


def _codes_of(log: Journeys, stage_of: Mapping[str, str], stages: list[str]) -> list[int]:
    return [place for place, name in enumerate(log.names) if stage_of.get(name) in stages]


def _seen(log: Journeys, begun: ibis.Table, stage_of: Mapping[str, str], by: str = "") -> dict[str, Seen]:
    """What was seen of the customers whose journey begins in the log, by segment (in all: the key "")."""
    keys = [by] if by else []
    people = log.with_segment(by or None, begun)
    t = log.with_segment(by or None, log.table.semi_join(begun, "c"))
    order = list(dict.fromkeys(stage_of.values()))
    pairs = [(place, order.index(stage_of[name])) for place, name in enumerate(log.names) if name in stage_of]
    counted = {
        "m": people.group_by(keys).agg(m=people.count()) if by else people.agg(m=people.count()),
        "a": t.group_by([*keys, "a"]).agg(m=t.c.nunique()),
    }
    if pairs:
        staged = t.mutate(stage=t.a.cases(*pairs, else_=None))
        counted["stage"] = staged.filter(staged.stage.notnull()).group_by([*keys, "stage"]).agg(m=staged.c.nunique())
    found: dict[str, Any] = {name: table.to_pandas() for name, table in counted.items()}
    parts = {}
    for row in found["m"].to_dict("records"):
        own = {name: rows[rows[by] == row[by]] if by else rows for name, rows in found.items()}
        named = zip(log._named(own["a"]["a"]), own["a"]["m"].astype(int), strict=True)
        staged = own.get("stage", pd.DataFrame({"stage": [], "m": []}))
        in_stages = zip(staged["stage"].astype(int), staged["m"].astype(int), strict=True)
        parts[str(row[by]) if by else ""] = Seen(
            int(row["m"]), dict(named), {order[place]: m for place, m in in_stages}
        )
    return parts


def _stages(
    seen: Seen,
    in_log: set[str],
    about: pd.DataFrame,
    stage_of: Mapping[str, str],
    rated: pd.DataFrame,
    conf_level: float,
) -> pd.DataFrame:
    """One row a stage; without stages none."""
    rows = []
    for stage in dict.fromkeys(stage_of.values()):
        names = [name for name, own in stage_of.items() if own == stage]
        listed = about[about["touchpoint"].isin(names)].to_dict("records")
        own = rated[rated["touchpoint"].isin(names)] if len(rated) else rated
        row: dict[str, Any] = {
            "estimate": np.nan,
            "conf_low": np.nan,
            "conf_high": np.nan,
            "n": 0,
            "reason": "not rated",
        }
        if len(own):
            found = share_row(own["top"], clusters=own["customer_id"], conf_level=conf_level)
            row = {key: found[key] for key in ("estimate", "conf_low", "conf_high", "n", "reason")}
        customers = seen.stages.get(stage, 0)
        rows.append(
            {
                "stage": stage, "label": stage_label(stage),
                "reach": 100 * customers / seen.begun if in_log & set(names) and seen.begun else np.nan, "customers": customers,
                "touchpoints": ", ".join(
                    f"{inside_text(str(t['label']))} {_reach_text(seen.touchpoints.get(t['touchpoint'], 0), seen.begun)}"
                    if t["touchpoint"] in in_log
                    else f"{inside_text(str(t['label']))} (not in the log)"
                    for t in listed
                ),
                "owners": ", ".join(dict.fromkeys(owner for t in listed for owner in _owners(t["owner"]))),
                "unit": "%",
            }
            | row
        )  # fmt: skip
    return pd.DataFrame(rows, columns=_STAGE_COLUMNS)


def _stages_by_segment(
    log: Journeys,
    found: dict[str, Seen],
    about: pd.DataFrame,
    stage_of: Mapping[str, str],
    rated: pd.DataFrame,
    segment_col: str,
    conf_level: float,
) -> pd.DataFrame:
    """`_stages` of the largest segments, with the segment and how many of its customers begin in the log."""
    columns = ["segment", "begun", *_STAGE_COLUMNS]
    if not segment_col or not stage_of:
        return pd.DataFrame(columns=columns)
    parts = []
    in_log = set(log.touchpoints)
    segment = log.segments[segment_col]
    for name in largest_segments(log, segment_col):
        own = found.get(name, Seen(0, {}, {}))
        answers = rated
        if len(rated):
            answers = rated[rated["customer_id"].isin(log.segments.loc[segment == name, "customer_id"])]
        part = _stages(own, in_log, about, stage_of, answers, conf_level)
        parts.append(part.assign(segment=name, begun=own.begun))
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def largest_segments(log: Journeys, segment_col: str) -> list[str]:
    """The segments with most customers, the largest first."""
    sizes = log.segments[segment_col].value_counts().reset_index()
    sizes = sizes.sort_values(["count", segment_col], ascending=[False, True])
    return [str(name) for name in sizes[segment_col].head(_MOST_SEGMENTS)]


def stage_label(stage: str) -> str:
    """A stage as a reader sees it.

    >>> stage_label("first_use")
    'First use'
    """
    return stage.replace("_", " ").capitalize()


def _reach_text(customers: int, of: int) -> str:
    """The share of customers who are seen at a touchpoint; a few of many are not called none.

    >>> _reach_text(3, 4_578), _reach_text(0, 4_578), _reach_text(50, 4_578)
    ('under 1%', '0%', '1%')
    """
    percent = 100 * customers / max(of, 1)
    return "under 1%" if 0 < percent < 0.5 else f"{percent:.0f}%"


def _owners(owner: Any) -> list[str]:
    return owner.split(", ") if isinstance(owner, str) else ["no owner"]


def _rated(ratings: pd.DataFrame | None, items: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
    """Satisfaction with touchpoints in the newest wave of one survey, and what it is in words."""
    if ratings is None or items is None or ratings.empty:
        return pd.DataFrame(), ""
    mine = ratings[
        (ratings["role"] == "satisfaction") & (ratings["perspective"] == "customer") & ratings["touchpoint"].notna()
    ]
    if mine.empty:
        return pd.DataFrame(), ""
    newest = mine.groupby(["survey", "wave"])["timestamp"].transform("max") == mine.groupby("survey")[
        "timestamp"
    ].transform("max")
    mine = mine[newest]
    rank = mine["survey"].map({"tracking": 0, "event": 1, "deep_dive": 2})
    mine = mine[rank == rank.groupby(mine["touchpoint"]).transform("min")]
    known = items.set_index("item")
    best = best_answers(mine["score"], mine["item"].map(known["low"]), mine["item"].map(known["high"]))
    return mine.assign(top=best), "satisfied customers (two best answers), percent"


def _checked(
    log: Journeys, begun: ibis.Table, rules: list[str], until: pd.Timestamp | None, conf_level: float
) -> tuple[Conformance, ...]:
    """Rules in their order. What has to come first can only be seen in journeys whose beginning is in the log."""
    fresh = log.only(customers=begun)
    last = until if until is not None else log.last_moment
    return tuple(
        (fresh if " happens before " in rule or rule.startswith("starts with") else log).conform(
            [rule], observed_until=last, conf_level=conf_level
        )
        for rule in rules
    ) or (log.conform([], conf_level=conf_level),)


def _handovers(log: Journeys, crowd: str, labels: Mapping[str, str], owners: Mapping[str, str]) -> pd.DataFrame:
    if crowd:
        log = log.only([name for name in log.touchpoints if name != crowd])
    table = log.transitions()
    table = table[table["from_touchpoint"] != table["to_touchpoint"]].reset_index(drop=True)
    pairs = list(zip(table["from_touchpoint"], table["to_touchpoint"], strict=True))
    return table.assign(
        from_label=[labels[name] for name in table["from_touchpoint"]],
        to_label=[labels[name] for name in table["to_touchpoint"]],
        step=[f"{labels[a]} → {inside_text(labels[b])}" for a, b in pairs],
        share=100 * table["share"],
        crosses=[owners.get(a) != owners.get(b) for a, b in pairs],
    )


def _by_segment(
    log: Journeys, segment_col: str, labels: Mapping[str, str], conf_level: float, membership: pd.DataFrame | None
) -> pd.DataFrame:
    """Share of each segment's customers seen at each touchpoint, against all other segments; tested by customer."""
    sizes = log.segments[segment_col].value_counts().to_dict()
    known = sum(sizes.values())
    counts = log.reach(segment_col).set_index(["touchpoint", segment_col])["customers"]
    ids = {}
    if membership is not None:
        ids = dict(zip(membership["segment"], membership["segment_id"], strict=True))
    rows = []
    for touchpoint, at in counts.groupby(level="touchpoint"):
        own_counts = at.droplevel("touchpoint")
        everywhere = int(own_counts.sum())
        for name in largest_segments(log, segment_col):
            here, size = int(own_counts.get(name, 0)), int(sizes[name])
            own = share_of(here, size, conf_level=conf_level)
            others = share_of(everywhere - here, known - size, conf_level=conf_level)
            gap = difference_row(others, own)
            enough = size >= 30 and everywhere >= 10
            about = {"segment": str(name), "segment_id": ids.get(name, _slug(str(name)))}
            about |= {"touchpoint": str(touchpoint), "label": labels[str(touchpoint)]}
            p_value = gap["p_value"] if enough else np.nan
            rows.append(about | own | {"difference": gap["difference"], "p_value": p_value})
    return with_readings(pd.DataFrame(rows), conf_level)
