"""What a notebook concludes, so that the index, next period's comparison and other notebooks can use it.

One finding is one number about all customers, a segment or an account, with interval and base, or the reason why there is
none. Inside a run `record` adds it to the run; anywhere else it shows it and writes nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from cxlab import context

FIELDS = ("estimate", "std_error", "conf_low", "conf_high", "conf_level", "n")
Level = Literal["account", "segment", "all"]


def record(
    name: str,
    result: Any,
    *,
    level: Level,
    target: str | None = None,
    owner: str | None = None,
    unit: str | None = None,
    better: Literal["higher", "lower"] | None = None,
    definition: str | None = None,
    comparable: Literal["independent", "overlapping", "cumulative"] = "independent",
    label: str | None = None,
    key: bool = False,
    attention: bool = False,
    caution: str = "",
) -> None:
    """Record one finding. `result` has the fields of an estimate (attributes or keys) and may have a `headline`.

    `name`, `level` and `target` together find the same finding in another period. `target` is the segment, account or
    touchpoint; `better` says which direction is good; `comparable` whether this sample is independent of another
    period's; `label` is the name for a reader; `key` asks for a place among the four numbers of the index; `attention` says
    that it asks for an action, so that 10_actions lists it until somebody has taken one; `caution` says in a few words what
    a reader must know of its change, such as "mostly who answered".

    Raises ValueError for a level or direction that is none, and for a field that is neither a number nor missing.
    """
    _check_choice("level", level, ("account", "segment", "all"))
    _check_choice("better", better, ("higher", "lower", None))
    _check_choice("comparable", comparable, ("independent", "overlapping", "cumulative"))
    run = context.current()
    if not _has(result, "estimate"):
        raise ValueError(
            f"finding `{name}`: `estimate` is missing in {type(result).__name__}; NaN says that it is undefined"
        )
    numbers = {field: _number(name, field, _get(result, field)) for field in FIELDS}
    finding = {
        "name": name,
        "notebook": run.notebook if run else None,
        "level": level,
        "target": target,
        "owner": owner,
        "unit": unit,
        "better": better,
        "definition": definition,
        "comparable": comparable,
        "label": label or name.replace("_", " "),
        "key": key,
        "attention": attention,
        "caution": caution,
        **numbers,
        "reason": _reason(result, numbers),
        "headline": _headline(result),
    }
    if run is None:
        shown = finding["reason"] if numbers["estimate"] is None else numbers["estimate"]
        print(finding["headline"] or f"{finding['label']}: {shown}")
        return
    with Path(run.stage, "findings.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(finding, ensure_ascii=False) + "\n")


def recorded(study: str | None = None, *, period: str | None = None, root: Path | str | None = None) -> pd.DataFrame:
    """The findings of all other notebooks: one row a finding, with the fields that `record` writes.

    Inside a run only the notebook that runs last has them; outside, those of the published report of `period` (none: the
    newest) of `study`. Empty where there are none.
    """
    run = context.current()
    if run is not None and run.findings is not None:
        return _as_frame(json.loads(Path(run.findings).read_text("utf-8")))
    if run is not None or study is None:
        return _as_frame([])
    folder = Path(root or ".").resolve() / "reports" / study
    if not period:
        latest = folder / "latest.json"
        period = json.loads(latest.read_text("utf-8"))["period"] if latest.is_file() else ""
    path = folder / period / "findings.json"
    return _as_frame(json.loads(path.read_text("utf-8")) if path.is_file() else [])


def _as_frame(entries: list[dict[str, Any]]) -> pd.DataFrame:
    columns = [
        "name",
        "notebook",
        "level",
        "target",
        "owner",
        "unit",
        "better",
        "label",
        "attention",
        *FIELDS,
        "reason",
        "headline",
    ]
    return pd.DataFrame(entries).reindex(columns=columns)


def _check_choice(name: str, value: object, known: tuple[str | None, ...]) -> None:
    if value not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(map(str, known))}, got {value!r}")


def _has(result: Any, field: str) -> bool:
    return field in result if isinstance(result, Mapping) else hasattr(result, field)


def _get(result: Any, field: str) -> Any:
    return result.get(field) if isinstance(result, Mapping) else getattr(result, field, None)


def _number(name: str, field: str, value: Any) -> float | int | None:
    """A finite number, or None: NaN is no JSON."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"finding `{name}`: `{field}` must be a number, got {value!r}") from None
    if not math.isfinite(number):
        return None
    return int(number) if field == "n" else number


def _reason(result: Any, numbers: Mapping[str, float | int | None]) -> str | None:
    """Why a field is missing; None where nothing is."""
    if all(value is not None for value in numbers.values()):
        return None
    missing = ", ".join(field for field, value in numbers.items() if value is None)
    return str(_get(result, "reason") or f"not defined: {missing}")


def _headline(result: Any) -> str:
    headline = _get(result, "headline")
    return str(headline() if callable(headline) else headline or "")
