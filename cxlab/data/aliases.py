"""What other tools call the columns of an event log, so that their exports are read without a mapping.

Names are compared without case and without what stands between letters and digits: `Case ID`, `case_id` and `CASEID` are one.
They are those of PM4Py and XES (`case:concept:name`), bupaR (`resource_id`), Celonis (`_CASE_KEY`, `ACTIVITY_EN`, `EVENTTIME`),
Disco (`Complete Timestamp`), retentioneering and product analytics (`user_id`, `event`), Adobe and Google exports
(`mcvisid`, `user_pseudo_id`, `event_name`). Only names that mean one thing in an event log are here; `date`, `id` and `type`
are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_ALIASES = {
    "customer_id": "customer_id case:concept:name case_id case_key user_id visitor_id client_id user_pseudo_id "
    "full_visitor_id mcvisid",
    "touchpoint": "touchpoint concept:name activity activity_name activity_en event event_name step",
    "timestamp": "timestamp time:timestamp complete_timestamp event_time event_timestamp date_time occurred_at",
    "end_timestamp": "end_timestamp",
    "agent_id": "agent_id org:resource resource resource_id",
    "event_id": "event_id",
}
_START = "start_timestamp"
_TRANSITION = ("lifecycle:transition", "lifecycle_id", "lifecycle")


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


_MEANS = {_plain(alias): canonical for canonical, names in _ALIASES.items() for alias in names.split()}
_TRANSITIONS = frozenset(map(_plain, _TRANSITION))


def event_aliases(columns: Iterable[str], *, known: Iterable[str] = ()) -> dict[str, list[str]]:
    """Canonical name of an event log → the columns that mean it, in their order; more than one cannot be told apart.

    `known` are canonical names that need no alias. Where a log gives both the start of a step and its completion, `timestamp`
    is the start and `end_timestamp` the completion.

    >>> event_aliases(["Case ID", "Activity", "Complete Timestamp", "cost"])
    {'customer_id': ['Case ID'], 'touchpoint': ['Activity'], 'timestamp': ['Complete Timestamp']}
    >>> event_aliases(["case_id", "start_timestamp", "time:timestamp"])
    {'customer_id': ['case_id'], 'end_timestamp': ['time:timestamp'], 'timestamp': ['start_timestamp']}
    """
    columns, known = list(columns), set(known)
    found: dict[str, list[str]] = {}
    for column in columns:
        canonical = _MEANS.get(_plain(column))
        if canonical is not None and canonical not in known:
            found.setdefault(canonical, []).append(column)
    starts = [column for column in columns if _plain(column) == _plain(_START)]
    if starts and "timestamp" not in known:
        completed = found.pop("timestamp", [])
        if completed and "end_timestamp" not in known:
            found["end_timestamp"] = [*found.get("end_timestamp", []), *completed]
        found["timestamp"] = starts
    return found


def transition_columns(columns: Iterable[str]) -> list[str]:
    """The columns that say whether an event starts, suspends or completes a step."""
    return [column for column in columns if _plain(column) in _TRANSITIONS]
