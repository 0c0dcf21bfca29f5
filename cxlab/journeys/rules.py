"""Rules of the desired journey in plain words, and how often they hold.

    starts with A · ends with A · A happens at least N times · A happens at most N times · A never happens
    A is followed by B · A is directly followed by B · … within 3d · A happens before B · A never happens after B
    A and B never happen together

One row of the result is one rule: n journeys that it applies to (*followed by*: A occurs; *before*, *never after*: B occurs; the
others: all), how many broke it, how many are undecided (a `within` that is still open when the log ends), and the share that kept
it with Wilson's interval. A touchpoint that is not in the log is refused with the nearest name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from cxlab.inference import wilson
from cxlab.problems import did_you_mean

_FORMS = (
    ("starts", re.compile(r"starts with (?P<a>.+)")),
    ("ends", re.compile(r"ends with (?P<a>.+)")),
    ("least", re.compile(r"(?P<a>.+) happens at least (?P<n>\d+) times?")),
    ("most", re.compile(r"(?P<a>.+) happens at most (?P<n>\d+) times?")),
    ("never_after", re.compile(r"(?P<a>.+) never happens after (?P<b>.+)")),
    ("never", re.compile(r"(?P<a>.+) never happens")),
    ("directly", re.compile(r"(?P<a>.+?) is directly followed by (?P<b>.+?)(?: within (?P<within>\S+))?")),
    ("followed", re.compile(r"(?P<a>.+?) is followed by (?P<b>.+?)(?: within (?P<within>\S+))?")),
    ("before", re.compile(r"(?P<a>.+) happens before (?P<b>.+)")),
    ("together", re.compile(r"(?P<a>.+) and (?P<b>.+) never happen together")),
)


def check_rules(
    table: pd.DataFrame,
    rules: list[str],
    touchpoints: list[str],
    until: pd.Timestamp,
    duration: Callable[[str], pd.Timedelta],
    conf_level: float,
) -> pd.DataFrame:
    """One row a rule: rule, n, broken, undecided, estimate, conf_low, conf_high, conf_level."""
    rows = []
    for rule in rules:
        kind, parts = parse(rule, touchpoints)
        kept, undecided = _holds(kind, parts, table, until, duration)
        n, broken = len(kept), int((~kept).sum())
        share = float(kept.mean()) if n else np.nan
        low, high = wilson(share, n, conf_level) if n else (np.nan, np.nan)
        rows.append(
            {"rule": rule, "n": n, "broken": broken, "undecided": undecided, "estimate": share, "conf_low": low,
             "conf_high": high, "conf_level": conf_level}
        )  # fmt: skip
    columns = ["rule", "n", "broken", "undecided", "estimate", "conf_low", "conf_high", "conf_level"]
    return pd.DataFrame(rows, columns=columns)


def parse(rule: str, touchpoints: list[str]) -> tuple[str, dict[str, Any]]:
    """The form of a rule and its parts. Raises ValueError for a sentence that is none, and for an unknown touchpoint."""
    sentence = " ".join(str(rule).split()).removesuffix(".")
    for kind, form in _FORMS:
        found = form.fullmatch(sentence)
        if found is None:
            continue
        parts = found.groupdict()
        for name in filter(None, (parts.get("a"), parts.get("b"))):
            if name not in touchpoints:
                raise ValueError(f"rule “{rule}”: there is no touchpoint `{name}`; {did_you_mean(name, touchpoints)}")
        return kind, parts
    raise ValueError(
        f"rule “{rule}” is not understood; write for example “complaint is followed by resolution within 3d”"
    )


def _holds(
    kind: str, parts: dict[str, Any], table: pd.DataFrame, until: pd.Timestamp, duration: Callable[[str], pd.Timedelta]
) -> tuple[pd.Series, int]:
    """For each journey that the rule applies to and decides on, whether it is kept; and how many are undecided."""
    keys = ["code", "journey"]
    journey = pd.MultiIndex.from_frame(table[keys].drop_duplicates())
    a = table[table["touchpoint"] == parts["a"]]
    b = table[table["touchpoint"] == parts["b"]] if parts.get("b") else table.iloc[:0]
    if kind in ("starts", "ends"):
        grouped = table.groupby(keys, sort=False)["touchpoint"]
        edge = grouped.first() if kind == "starts" else grouped.last()
        return edge == parts["a"], 0
    if kind in ("least", "most", "never"):
        count = a.groupby(keys).size().reindex(journey, fill_value=0)
        wanted = int(parts.get("n") or 0)
        return (count >= wanted) if kind == "least" else (count <= wanted), 0
    if kind == "together":
        first, second = (pd.MultiIndex.from_frame(x[keys].drop_duplicates()) for x in (a, b))
        return pd.Series(~(journey.isin(first) & journey.isin(second)), index=journey), 0
    if kind in ("before", "never_after"):
        applies = b.groupby(keys)["position"].min()
        if kind == "before":  # every B has an earlier A
            earliest = a.groupby(keys)["position"].min().reindex(applies.index)
            return earliest < applies, 0
        latest = a.groupby(keys)["position"].max().reindex(applies.index)
        return ~(latest > applies), 0
    return _followed(kind, parts, a, b, until, duration)


def _followed(
    kind: str,
    parts: dict[str, Any],
    a: pd.DataFrame,
    b: pd.DataFrame,
    until: pd.Timestamp,
    duration: Callable[[str], pd.Timedelta],
) -> tuple[pd.Series, int]:
    """Every A of a journey has a later B (in time, where a window is given); an open window is undecided."""
    keys = ["code", "journey"]
    window = duration(parts["within"]) if parts.get("within") else None
    if kind == "directly":
        good = (a["next"] == parts["b"]) & (True if window is None else a["wait"] <= window)
        came = pd.Series(good.to_numpy(), index=a.index)
    else:
        later = b.sort_values([*keys, "position"])
        left = a[[*keys, "position", "timestamp"]].reset_index()
        merged = pd.merge_asof(
            left.sort_values("position", kind="stable"),
            later[[*keys, "position", "timestamp"]].rename(columns={"timestamp": "came"}).sort_values("position", kind="stable"),
            on="position", by=keys, direction="forward", allow_exact_matches=False,
        ).set_index("index")  # fmt: skip
        gap = merged["came"] - merged["timestamp"]
        found = merged["came"].notna() & (True if window is None else gap <= window)
        came = found.reindex(a.index).fillna(False).astype(bool)
    pending = pd.Series(False, index=a.index) if window is None else ~came & (a["timestamp"] + window > until)
    frame = a[keys].assign(came=came, pending=pending)
    whole = frame.groupby(keys).agg(broken=("came", lambda x: False), came=("came", "all"), pending=("pending", "any"))
    failed = frame[~frame["came"] & ~frame["pending"]].groupby(keys).size()
    whole["broken"] = whole.index.isin(failed.index)
    undecided = ~whole["broken"] & whole["pending"]
    decided = whole[~undecided]
    return ~decided["broken"].astype(bool), int(undecided.sum())
