"""What changed since another period: the same findings, then and now.

A difference is tested only where the finding says that its samples are independent; all tests of one comparison are one
family (Benjamini–Hochberg, at one minus the confidence level of the later finding). Everything else is listed with the
reason why it was not tested.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cxlab.period import Period
from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.report.publish import published_periods, read_findings, report_dir

_ABOUT = ("name", "notebook", "level", "target", "label", "unit", "key", "comparable")
_TESTED = ("difference", "std_error", "conf_low", "conf_high", "conf_level", "p_value")


def compare_findings(before: Iterable[dict[str, Any]], after: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a finding of `after`, and one for each that is gone.

    Fields: name, notebook, level, target, label, unit, key, comparable, before, after (the two estimates), difference,
    std_error, conf_low, conf_high, conf_level, p_value, q_value, tests (size of the family), reading, reason and caution.
    `reading` is "better", "worse", "changed" (no direction is good), "no clear change", "not tested", "new" or "gone";
    what is not tested has None in place of the numbers and says why in `reason`.
    """
    from cxlab.inference import benjamini_hochberg

    earlier = {_key(finding): finding for finding in before}
    now = {_key(finding): finding for finding in after}
    entries = [
        _entry(finding, earlier.get(key), finding) | _test(earlier.get(key), finding) for key, finding in now.items()
    ]
    tested = [entry for entry in entries if entry["p_value"] is not None]
    for entry, q_value in zip(tested, benjamini_hochberg([e["p_value"] for e in tested]), strict=True):
        entry |= {"q_value": float(q_value), "tests": len(tested)}
    for entry in entries:
        entry["reading"] = _reading(entry, now[_key(entry)], known=_key(entry) in earlier)
    gone = [_entry(finding, finding, None) | {"reading": "gone"} for key, finding in earlier.items() if key not in now]
    return entries + gone


def _key(finding: dict[str, Any]) -> tuple[Any, ...]:
    return finding["name"], finding["level"], finding["target"]


def _entry(finding: dict[str, Any], before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
    """What is known of a finding before anything is tested."""
    return {
        **{field: finding[field] for field in _ABOUT},
        "caution": (after or {}).get("caution") or "",
        "before": before["estimate"] if before else None,
        "after": after["estimate"] if after else None,
        **dict.fromkeys((*_TESTED, "q_value", "tests", "reason")),
    }


def _test(before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    """The difference of two findings with its interval, or the reason why there is none."""
    from cxlab.inference import difference

    reason = _why_not(before, after)
    if before is None or reason is not None:
        return {"reason": reason}
    change = difference(_estimate(before), _estimate(after), conf_level=after["conf_level"])
    if math.isnan(change.p_value):
        return {"reason": change.reason}
    return {"difference": change.estimate} | {field: float(getattr(change, field)) for field in _TESTED[1:]}


def _estimate(finding: dict[str, Any]) -> Any:
    return SimpleNamespace(estimate=finding["estimate"], std_error=finding["std_error"], n=finding["n"] or 0)


def _why_not(before: dict[str, Any] | None, after: dict[str, Any]) -> str | None:
    """Why a difference is not tested; None where it can be."""
    if before is None:
        return "no earlier figure"
    if after["estimate"] is None:
        return str(after["reason"])
    for finding in (after, before):
        if finding["comparable"] != "independent":
            return f"the samples are {finding['comparable']}"
    if before["unit"] != after["unit"] or before["definition"] != after["definition"]:
        return "the definition has changed"
    for finding in (before, after):
        if any(finding[field] is None for field in ("estimate", "std_error", "conf_level")):
            return str(finding["reason"])
    return None


def _reading(entry: dict[str, Any], finding: dict[str, Any], *, known: bool) -> str:
    if not known:
        return "new"
    if entry["q_value"] is None:
        return "not tested"
    if entry["q_value"] >= 1 - entry["conf_level"]:
        return "no clear change"
    if finding["better"] is None:
        return "changed"
    return "better" if (entry["difference"] > 0) == (finding["better"] == "higher") else "worse"


def diff_lines(root: Path, study: str, a: str, b: str) -> list[str]:
    """Two published periods compared, one line a finding: what `cxlab diff` prints."""
    known = [period.label for period in published_periods(root, study)]
    for period in (a, b):
        if period not in known:
            raise StudyError(Problem("cxlab diff", f"{study} has no report for {period}", did_you_mean(period, known)))
    first, second = Period.parse(a), Period.parse(b)
    if first.first < second.after and second.first < first.after:
        what = "is one period" if a == b else "overlap: some customers would count on both sides"
        raise StudyError(Problem("cxlab diff", f"{a} and {b} {what}", "name two periods that lie apart"))
    before, after = (read_findings(report_dir(root, study, period)) for period in (a, b))
    lines = [f"{study}: {a} → {b}"]
    for entry in compare_findings(before, after):
        name = f"{entry['label']}" + (f" ({entry['target']})" if entry["target"] else "")
        values = f"{_plain(entry['before'])} → {_plain(entry['after'])} {entry['unit'] or ''}".rstrip()
        interval = ""
        if entry["difference"] is not None:
            interval = f"  {entry['difference']:+.1f} ({entry['conf_low']:.1f} to {entry['conf_high']:.1f})"
        reason = f" ({entry['reason']})" if entry["reason"] and entry["reading"] == "not tested" else ""
        caution = f", {entry['caution']}" if entry["caution"] and entry["difference"] is not None else ""
        lines.append(f"  {name:44} {values:28}{interval:28} {entry['reading']}{reason}{caution}")
    return lines


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
