"""What a notebook shows its readers: the answer, key numbers, exhibits, limits, notes and facts.

Each call is one output. Its structured part (`MIME`) is what the report is made of; beside it stands what JupyterLab shows.
Every text is plain text in which `**…**` is bold. Inside a run the table behind an exhibit is also written as CSV.

What rests on fewer than `min_base` answers is not shown, here and in the CSV: its figures are empty, its base reads `n<30`.
Nothing here computes a statistic.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from matplotlib.figure import Figure

from cxlab import context
from cxlab.charts import png
from cxlab.problems import did_you_mean
from cxlab.wording import (
    CAUTION_BASE,
    MIN_BASE,
    base_text,
    decimals_of,
    difference_text,
    estimate_text,
    finer,
    interval_text,
    is_missing,
    number_text,
    p_text,
    reading_text,
    why_hidden,
)

MIME = "application/vnd.cxlab.v1+json"
_IN_A_ROW = 4
_STAGES_MIN, _STAGES_MAX = 2, 9

Reading = Literal["better", "worse", "changed", "none"]
Cell = str | dict[str, Any]
"""A cell of a shown table: text, or text with `strong`, `tone` (better, worse, none) or `whisker`."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_OWN_FIGURES = {
    "n": (
        "estimate",
        "difference",
        "std_error",
        "conf_low",
        "conf_high",
        "p_value",
        "q_value",
        "n_eff",
        "deff",
        "n_missing",
    ),
    "n_before": (
        "estimate_before",
        "difference",
        "difference_low",
        "difference_high",
        "std_error",
        "conf_low",
        "conf_high",
        "p_value",
        "q_value",
        "detectable",
    ),
    "n_after": (
        "estimate_after",
        "difference",
        "std_error",
        "conf_low",
        "conf_high",
        "p_value",
        "q_value",
        "detectable",
    ),
}
"""For each base the figures that rest on it."""


@dataclass(frozen=True)
class Change:
    """How a number moved: whether that is good, where it went, and what it is compared with ("than 30", "from 76%")."""

    reading: Reading
    arrow: Literal["up", "down", ""]
    text: str


@dataclass(frozen=True)
class Number:
    """One key number, written as it is read: its name, value, interval ("21 to 27") and, where tested, its change."""

    name: str
    value: str
    interval: str = ""
    change: Change | None = None


@dataclass(frozen=True)
class Column:
    """A column of a shown table: its heading, its cells as made from the whole table, and the side they lean to."""

    heading: str
    cells: Callable[[pd.DataFrame], list[Cell]]
    align: Literal["l", "r"] = "r"


def answer(lead: str, *sentences: str) -> None:
    """The answer to the notebook's question, in one sentence, and a few more on how sure it is and for whom it holds."""
    _check_text("lead", lead)
    part = {"kind": "answer", "lead": lead, "sentences": list(sentences)}
    _show(part, markdown="\n\n".join([f"## {lead}", *sentences]))


def numbers(entries: Sequence[Number]) -> None:
    """The key numbers (four at most fit in a row), each with its interval and its change in words."""
    if not entries:
        raise ValueError("`numbers` needs at least one Number; where none can be shown, say why in a note")
    lines = [
        " ".join(filter(None, (f"**{e.name}** {e.value}", e.interval and f"({e.interval})", _change_words(e))))
        for e in entries
    ]
    _show(
        {"kind": "numbers", "numbers": [asdict(entry) for entry in entries]},
        markdown="\n".join(f"- {x}" for x in lines),
    )


def key_numbers(frame: pd.DataFrame, before: str = "") -> None:
    """The first four rows of a table of estimates as key numbers.

    Columns: label, unit, estimate, conf_low, conf_high; where known `reason`, and for what became of the number since
    `before`: estimate_before, reading, difference, and `unlike`, which says how the earlier figure was made otherwise.
    """
    if frame.empty:
        return  # a survey without overall measures has none
    numbers([_number_of(row, before) for row in frame.head(_IN_A_ROW).to_dict("records")])


def _number_of(row: Mapping[Any, Any], before: str) -> Number:
    unit = _unit_of(row, None)
    more = finer(unit, row["conf_low"], row["conf_high"])
    interval = "" if is_missing(row["conf_low"]) else interval_text(row["conf_low"], row["conf_high"], unit, more=more)
    change, reading = None, row.get("reading")
    if reading in ("better", "worse", "changed", "no clear change"):
        rise = row.get("difference", row["estimate"] - row["estimate_before"])
        moved = reading != "no clear change"
        arrow: Literal["up", "down", ""] = ("up" if rise > 0 else "down") if moved else ""
        earlier = estimate_text(row["estimate_before"], unit)
        said = f"from {earlier}" if moved else f"was {earlier}"
        said += f" in {before}" if before else ""
        unlike = row.get("unlike")
        change = Change(reading if moved else "none", arrow, f"{said} ({unlike})" if unlike else said)
    return Number(
        str(row["label"]), estimate_text(row["estimate"], unit, reason=_reason(row), more=more), interval, change
    )


def exhibit(
    content: Figure | pd.DataFrame | None,
    *,
    title: str,
    name: str,
    subtitle: str = "",
    alt: str | None = None,
    note: Mapping[str, str] | None = None,
    table: pd.DataFrame | None = None,
    columns: Sequence[Column] | Mapping[str, str] | None = None,
    caption: str = "",
    min_base: int = MIN_BASE,
    folded: bool = False,
) -> None:
    """A picture or a table with all that belongs to it.

    `title` is a full sentence with the figure in it; `subtitle` says what is drawn, its unit, and "95% interval"; `note` is
    the side note by its labels (Base, Question, Test, Not shown, Source). A picture needs `alt`, which says what it shows to
    whoever does not see it (`wording.describe`), and `table`, the rows behind it, which the run writes as CSV; a DataFrame as
    `content` is shown, and is its own table. `columns` chooses what is shown of it: columns made by the functions below, or
    names of columns with their headings. `name` names the CSV. `folded` is for what only some readers need: the page shows the
    title, and the rest to whoever opens it (paper shows all).

    Raises ValueError for a title that is no sentence, a picture without a description, and a name that cannot be a file's.
    """
    _check_title(title)
    _check_name(name)
    picture = content if isinstance(content, Figure) else None
    if picture is not None and len((alt or "").split()) < 8:
        raise ValueError(f"a picture needs `alt` of eight words or more that say what it shows, got {alt!r}")
    shown = content if isinstance(content, pd.DataFrame) else None
    behind = table if table is not None else shown
    part = {
        "kind": "exhibit",
        "title": title,
        "subtitle": subtitle,
        "note": {str(label): str(text) for label, text in (note or {}).items()},
        "table": None if shown is None else _table(without_small_bases(shown, min_base), columns, caption),
        "csv": None if behind is None else _write_csv(name, without_small_bases(behind, min_base)),
        "alt": alt,
        "folded": folded,
    }
    _show(part, body=_exhibit_html, picture=None if picture is None else png(picture))


def journey_map(
    stages: pd.DataFrame,
    lanes: pd.DataFrame,
    *,
    title: str,
    name: str,
    subtitle: str = "",
    curve_label: str = "Feeling",
    curve_unit: str = "points",
    note: Mapping[str, str] | None = None,
    table: pd.DataFrame | None = None,
    min_base: int = MIN_BASE,
    caution_base: int = CAUTION_BASE,
    focus: str = "",
    axis: tuple[float, float] | None = None,
    folded: bool = False,
) -> None:
    """The journey as stages from left to right: a curve of how customers feel, and below it lanes of what is known.

    One row of `stages` is one stage, in order: label, reach (percent of customers; missing: unknown), estimate, conf_low,
    conf_high and n of the curve, known (False: no source covers the stage), and where the study has them unit, reason and
    conf_level. One row of `lanes` is one lane in one stage: lane ("Do", "Need", "Owner"), stage, text, and where wanted value
    and detail ("41%", "36 to 46, n 391"), tone ("worse", "better", ""), n (its base), fact (True: it rests on no answers, as
    Owner by default), and unknown, whose text says which data would fill the place. A lane that a stage lacks, or that is
    empty, is unknown there.

    `curve_unit`, where `stages` has no unit, is "points" (net feeling), "%" or the ends of a scale. A net feeling whose whole
    interval is below 0 is clearly unpleasant. `axis` gives several maps one scale. The lowest stage is marked, or `focus`.
    `folded` is as in `exhibit`.

    A stage that rests on fewer than `min_base` answers is not drawn, no line crosses it, and whatever in its lanes is no fact
    and gives no base of its own reads `n<30`. A run writes two tables: the stages (or `table`) as `name`, the lanes as
    `name`_lanes, both without what is hidden.

    Raises ValueError for a title that is no sentence, fewer than two or more than nine stages, a stage or a cell that is there
    twice, a lane of a stage that is not there, an estimate without base, and values outside the `axis`.
    """
    _check_title(title)
    _check_name(name)
    _check_text("curve_label", curve_label)
    rows = _stage_rows(stages, focus)
    unit = _curve_unit(rows, curve_unit)
    low, high = _curve_axis(rows, unit, axis, min_base)
    level = _heading(stages, "{level} interval")
    drawn = [_stage_part(row, unit, level, (low, high), min_base, caution_base) for row in rows]
    _mark_stages(drawn, focus)
    safe = _safe_lanes(lanes, drawn, min_base)
    names = list(dict.fromkeys(lanes["lane"].astype(str)))
    cells = {(row["stage"], row["lane"]): row for row in safe.to_dict("records")}
    for stage in drawn:
        stage["cells"] = [_cell_part(cells.get((stage["label"], lane))) for lane in names]
    said = "; ".join(f"{stage['label']} {stage['spoken']}" for stage in drawn)
    words = {"points": "points", "%": "percent"}.get(unit, f"scale {unit}" if unit else "")
    curve = {"label": curve_label, "unit": words, "level": level, "low": low, "high": high}
    curve |= {"ends": [_curve_text(low, unit), _curve_text(high, unit)]}
    part = {
        "kind": "journey_map",
        "title": title,
        "subtitle": subtitle,
        "note": {str(label): str(text) for label, text in (note or {}).items()},
        "curve": curve,
        "lanes": names,
        "stages": drawn,
        "key": _map_key(drawn, unit, min_base, caution_base),
        "alt": f"{curve_label} by stage, {', '.join(filter(None, (words, level.lower())))}: {said}.",
        "csv": [
            _write_csv(name, without_small_bases(stages if table is None else table, min_base)),
            _write_csv(f"{name}_lanes", safe),
        ],
        "folded": folded,
    }
    _show(part, body=_map_html)


def limits(items: Mapping[str, str]) -> None:
    """What the notebook does not say: each limit in a few words, and what follows from it."""
    parts = [{"lead": str(lead), "text": str(text)} for lead, text in items.items()]
    lines = [f"- **{part['lead']}** {part['text']}" for part in parts]
    _show({"kind": "limits", "items": parts}, markdown="\n".join(["### What this does not say", "", *lines]))


def note(text: str, bad: bool = False) -> None:
    """A remark between the exhibits; `bad` for what went wrong."""
    _check_text("text", text)
    _show({"kind": "note", "text": text, "bad": bad}, markdown=f"> {text}")


def facts(entries: Mapping[str, str]) -> None:
    """What stands in the header of the page, by its label: Base."""
    known = {str(label): str(text) for label, text in entries.items()}
    _show(
        {"kind": "facts", "facts": known}, markdown="  \n".join(f"**{label}** {text}" for label, text in known.items())
    )


def text_column(column: str, heading: str, *, strong: bool = False) -> Column:
    """Text as it is."""

    def cells(frame: pd.DataFrame) -> list[Cell]:
        texts = [_plain_cell(value) for value in _values(frame, column)]
        return [{"text": text, "strong": True} for text in texts] if strong else list(texts)

    return Column(heading, cells, "l")


def number_column(column: str, heading: str, unit: str = "") -> Column:
    """Plain numbers, such as counts, in one unit."""

    def cells(frame: pd.DataFrame) -> list[Cell]:
        values = _values(frame, column)
        decimals = decimals_of(unit, *(float(value) for value in values if _is_number(value)))
        sign = "%" if unit == "%" else ""
        return [number_text(value, decimals) + sign if _is_number(value) else _plain_cell(value) for value in values]

    return Column(heading, cells)


def estimate_column(heading: str, unit: str | None = None, *, column: str = "estimate", strong: bool = True) -> Column:
    """Estimates in `unit` (else that of the row); where there is none, why."""

    def cell(row: dict[Any, Any]) -> Cell:
        text = estimate_text(row[column], _unit_of(row, unit), reason=_reason(row))
        return {"text": text, "strong": True} if strong and not is_missing(row[column]) else text

    return Column(heading, _by_row(cell, column))


def interval_column(heading: str = "{level} interval", unit: str | None = None) -> Column:
    """From `conf_low` to `conf_high`. `{level}` in a heading is the table's `conf_level` in percent."""

    def cell(row: dict[Any, Any]) -> Cell:
        if is_missing(row["conf_low"]) and _reason(row):
            return _reason(row)
        return interval_text(row["conf_low"], row["conf_high"], _unit_of(row, unit))

    return Column(heading, _by_row(cell, "conf_low", "conf_high"))


def difference_column(
    heading: str = "Difference ({level} interval)",
    unit: str | None = None,
    *,
    column: str = "difference",
    end_cols: tuple[str, str] = ("conf_low", "conf_high"),
) -> Column:
    """A difference with its sign and interval, or why there is none."""

    def cell(row: dict[Any, Any]) -> Cell:
        ends = row[end_cols[0]], row[end_cols[1]]
        return difference_text(row[column], _unit_of(row, unit), *ends, reason=_reason(row))

    return Column(heading, _by_row(cell, column, *end_cols))


def reading_column(heading: str = "Reading", *, column: str = "reading", difference_col: str = "difference") -> Column:
    """What a tested change means, with an arrow for where it went."""

    def cell(row: dict[Any, Any]) -> Cell:
        tone = row[column] if row[column] in ("better", "worse") else "none"
        return {"text": reading_text(row[column], row[difference_col]), "tone": tone}

    return Column(heading, _by_row(cell, column, difference_col), "l")


def base_column(
    heading: str = "Base", *, column: str = "n", min_base: int = MIN_BASE, caution_base: int = CAUTION_BASE
) -> Column:
    """How many answers an estimate rests on."""

    def cell(row: dict[Any, Any]) -> Cell:
        n = row[column]
        return n if isinstance(n, str) else base_text(n, min_base, caution_base)

    return Column(heading, _by_row(cell, column))


def p_column(heading: str = "p", *, column: str = "p_value") -> Column:
    """p-values, or q-values where `column` says so."""
    return Column(heading, _by_row(lambda row: p_text(row[column]), column))


def whisker_column(
    axis: tuple[float, float],
    heading: str = "Estimate and {level} interval",
    unit: str | None = None,
    *,
    before_col: str = "",
) -> Column:
    """A small drawing of each estimate on an axis that all rows share, and its interval; a diamond where `before_col` was."""
    if not axis[0] < axis[1]:
        raise ValueError(f"the axis must rise, got {list(axis)}")

    def cell(row: dict[Any, Any]) -> Cell:
        if is_missing(row["estimate"]):
            return _reason(row) or "not defined"
        own = _unit_of(row, unit)
        ends = estimate_text(axis[0], own), estimate_text(axis[1], own)
        interval = interval_text(row["conf_low"], row["conf_high"], own)
        before = row.get(before_col)
        label = f"{estimate_text(row['estimate'], own)}, {interval}; axis from {ends[0]} to {ends[1]}"
        drawn = {
            "estimate": float(row["estimate"]),
            "low": None if is_missing(row["conf_low"]) else float(row["conf_low"]),
            "high": None if is_missing(row["conf_high"]) else float(row["conf_high"]),
            "axis_low": float(axis[0]),
            "axis_high": float(axis[1]),
            "before": None if before is None or is_missing(before) else float(before),
            "label": label if is_missing(before) else f"{label}; before {estimate_text(before, own)}",
        }
        return {"text": interval, "whisker": drawn}

    return Column(
        heading, _by_row(cell, "estimate", "conf_low", "conf_high", *([before_col] if before_col else [])), "l"
    )


def without_small_bases(frame: pd.DataFrame, min_base: int = MIN_BASE) -> pd.DataFrame:
    """A table of estimates or differences in which nothing rests on fewer than `min_base` answers.

    Bases below it (but not 0) become the text `n<30`, the figures that rest on them empty, with that reason. A table that
    has neither `estimate` nor `difference` is left as it is: its `n` counts something else.
    """
    if not {"estimate", "difference"} & set(frame.columns):
        return frame
    safe = frame.copy()
    for base_col, figures in _OWN_FIGURES.items():
        if base_col not in frame.columns:
            continue
        small = pd.to_numeric(frame[base_col], errors="coerce").between(0, min_base, inclusive="neither")
        if not small.any():
            continue
        for figure in figures:
            if figure in safe.columns:
                safe[figure] = safe[figure].astype(float).mask(small)
        safe[base_col] = safe[base_col].astype(object).mask(small, f"n<{min_base}")
        reasons = (
            safe["reason"].astype(object) if "reason" in safe.columns else pd.Series("", index=safe.index, dtype=object)
        )
        safe["reason"] = reasons.mask(small, f"n<{min_base}")
        if "reading" in safe.columns:
            safe["reading"] = safe["reading"].astype(object).mask(small, "not tested")
    return safe


def _show(
    part: dict[str, Any],
    *,
    markdown: str = "",
    body: Callable[[Mapping[str, Any], str | None], str] | None = None,
    picture: bytes | None = None,
) -> None:
    """Publish one output; in a plain Python session, where nothing can show it, print its text."""
    data: dict[str, Any] = {MIME: json.loads(json.dumps(part, allow_nan=False))}
    metadata: dict[str, Any] = {}
    encoded = None if picture is None else base64.b64encode(picture).decode()
    if encoded is not None:
        data["image/png"] = encoded
        metadata["image/png"] = {"alt": part["alt"]}
    if body is None:
        data["text/markdown"] = markdown
        data["text/plain"] = markdown.replace("**", "")
    else:
        data["text/html"] = body(part, encoded)
        data["text/plain"] = "\n".join(filter(None, (part["title"], part["subtitle"], part["alt"]))).replace("**", "")
    if InteractiveShell.initialized():
        display(data, metadata=metadata, raw=True)
    else:
        print(data["text/plain"])


def _exhibit_html(part: Mapping[str, Any], encoded: str | None) -> str:
    """An exhibit as JupyterLab shows it."""
    pieces = [f"<p><b>{_rich(part['title'])}</b></p>"]
    pieces += [f"<p>{_rich(part['subtitle'])}</p>"] if part["subtitle"] else []
    if encoded is not None:
        pieces.append(f'<img alt="{html.escape(part["alt"])}" width="620" src="data:image/png;base64,{encoded}">')
    if part["table"] is not None:
        pieces.append(_table_html(part["table"]))
    pieces += [f"<p><small><b>{_rich(label)}</b> {_rich(text)}</small></p>" for label, text in part["note"].items()]
    return "\n".join(pieces)


def _stage_rows(stages: pd.DataFrame, focus: str) -> list[dict[Any, Any]]:
    """The stages of a map, checked."""
    for column in ("label", "reach", "estimate", "conf_low", "conf_high", "n", "known"):
        _values(stages, column)
    rows = [{**row, "label": str(row["label"])} for row in stages.to_dict("records")]
    if not _STAGES_MIN <= len(rows) <= _STAGES_MAX:
        raise ValueError(f"a journey map has two to nine stages, got {len(rows)}; join stages or draw two maps")
    labels = [row["label"] for row in rows]
    for row in rows:
        if labels.count(row["label"]) > 1:
            raise ValueError(f"`stages` has the stage `{row['label']}` twice; give each stage one row")
        if not is_missing(row["estimate"]) and is_missing(row["n"]):
            raise ValueError(
                f"stage `{row['label']}` has an estimate but no base `n`; a figure is never shown without its base"
            )
        if not is_missing(row["reach"]) and not 0 <= row["reach"] <= 100:
            raise ValueError(
                f"`reach` of stage `{row['label']}` is {row['reach']}; it is a percentage between 0 and 100"
            )
    if focus and focus not in labels:
        raise ValueError(f"`focus` names no stage; {did_you_mean(focus, labels)}")
    return rows


def _curve_unit(rows: list[dict[Any, Any]], curve_unit: str) -> str:
    units = list(dict.fromkeys(row["unit"] for row in rows if isinstance(row.get("unit"), str) and row["unit"]))
    if len(units) > 1:
        raise ValueError(f"the stages have several units ({', '.join(units)}); one curve has one unit")
    return units[0] if units else curve_unit


def _curve_axis(
    rows: list[dict[Any, Any]], unit: str, axis: tuple[float, float] | None, min_base: int
) -> tuple[float, float]:
    """The ends of the curve's scale: given, else those of the unit. Net feeling has ±60 where that holds everything."""
    scale = re.fullmatch(r"(-?[\d.]+) to (-?[\d.]+)", unit)
    shown = [row for row in rows if _is_shown(row, min_base)]
    values = {
        (row["label"], end): float(row[end])
        for row in shown
        for end in ("estimate", "conf_low", "conf_high")
        if not is_missing(row[end])
    }
    if axis is not None:
        low, high = float(axis[0]), float(axis[1])
    elif unit == "points":
        high = 60.0 if all(abs(value) <= 60 for value in values.values()) else 100.0
        low = -high
    elif unit == "%":
        low, high = 0.0, 100.0
    elif scale:
        low, high = float(scale[1]), float(scale[2])
    else:
        raise ValueError(
            f'`curve_unit` is "points", "%" or the ends of a scale such as "1 to 7", got {unit!r}; or give the `axis`'
        )
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"the axis must rise, got {[low, high]}")
    for (label, end), value in values.items():
        if not low <= value <= high:
            raise ValueError(f"`{end}` of stage `{label}` is {value:g}, outside the axis from {low:g} to {high:g}")
    return low, high


def _is_shown(row: Mapping[Any, Any], min_base: int) -> bool:
    return bool(row["known"]) and not why_hidden(row, min_base=min_base)


def _curve_text(value: float, unit: str) -> str:
    """A value of the curve: net feelings carry their sign."""
    return number_text(value, signed=True) if unit == "points" else estimate_text(value, unit)


def _stage_part(
    row: Mapping[Any, Any], unit: str, level: str, axis: tuple[float, float], min_base: int, caution_base: int
) -> dict[str, Any]:
    """One stage as it is shown: its state is known, unrated, hidden (a small base) or unknown (no source)."""
    known, why = bool(row["known"]), why_hidden(row, min_base=min_base)
    state = "unknown" if not known else "known" if not why else "hidden" if why.startswith("n<") else "unrated"
    reach = "" if is_missing(row["reach"]) else _reach_text(float(row["reach"]))
    missing = "" if state == "known" else (_reason(row) or "unknown") if state == "unknown" else why
    part: dict[str, Any] = {"label": row["label"], "state": state, "reach": reach, "mark": "", "missing": missing}
    part |= {"worse": False, "small": False, "estimate": None, "low": None, "high": None}
    part |= {"value": "", "interval": "", "base": ""}
    spoken = [f"unknown ({missing})" if state == "unknown" and missing != "unknown" else missing]
    if state == "known":
        bounded = not (is_missing(row["conf_low"]) or is_missing(row["conf_high"]))
        more = finer(unit, row["conf_low"], row["conf_high"])
        value = number_text(row["estimate"], more, signed=True) if unit == "points" else ""
        part |= {
            "worse": unit == "points" and bounded and float(row["conf_high"]) < 0,
            "small": float(row["n"]) < caution_base,
            "estimate": float(row["estimate"]),
            "low": float(row["conf_low"]) if bounded else None,
            "high": float(row["conf_high"]) if bounded else None,
            "value": value or estimate_text(row["estimate"], unit, more=more),
            "interval": interval_text(row["conf_low"], row["conf_high"], unit, more=more),
            "base": f"n {base_text(row['n'], min_base, caution_base)}",
        }
        spoken = [f"{part['value']} ({part['interval']})", part["base"]]
    ends = f"axis from {_curve_text(axis[0], unit)} to {_curve_text(axis[1], unit)}"
    part["label_drawn"] = (
        f"{part['value']}, {level.lower()} {part['interval']}, {part['base']}; {ends}" if state == "known" else ""
    )
    part["spoken"] = ", ".join([*spoken, reach] if reach else spoken)
    return part


def _reach_text(reach: float) -> str:
    return "reached by under 1%" if 0 < reach < 1 else f"reached by {estimate_text(reach, '%')}"


def _mark_stages(stages: list[dict[str, Any]], focus: str) -> None:
    """Mark the lowest of at least two stages of the curve; or the stage that is named."""
    values = [stage["estimate"] for stage in stages if stage["state"] == "known"]
    for stage in stages:
        lowest = len(values) > 1 and stage["state"] == "known" and stage["estimate"] == min(values) < max(values)
        if focus:
            stage["mark"] = ("lowest" if lowest else "focus") if stage["label"] == focus else ""
        elif lowest:
            stage["mark"] = "lowest"


def _safe_lanes(lanes: pd.DataFrame, stages: list[dict[str, Any]], min_base: int) -> pd.DataFrame:
    """The lanes, checked, in the order of the stages, without figures on small bases: those read `n<30`."""
    known = {stage["label"]: stage for stage in stages}
    places: set[tuple[str, str]] = set()
    rows: list[dict[str, Any]] = []
    for column in ("lane", "stage", "text"):
        _values(lanes, column)
    for row in lanes.to_dict("records"):
        lane, stage, tone = str(row["lane"]), str(row["stage"]), _words(row.get("tone"))
        if stage not in known:
            raise ValueError(
                f"lane `{lane}` has the stage `{stage}`, which `stages` has not; {did_you_mean(stage, known)}"
            )
        if (lane, stage) in places:
            raise ValueError(f"`lanes` has `{lane}` of stage `{stage}` twice; join their texts in one row")
        if tone not in ("", "worse", "better"):
            raise ValueError(f'`tone` of `{lane}` in stage `{stage}` is "worse", "better" or empty, got {tone!r}')
        places.add((lane, stage))
        texts: dict[str, str] = {column: _words(row.get(column)) for column in ("text", "value", "detail")}
        is_unknown = _flag(row, "unknown", False) or not (texts["text"] or texts["value"])
        if is_unknown and (texts["value"] or texts["detail"]):
            raise ValueError(f"`{lane}` of stage `{stage}` is unknown and has a figure; give one of them")
        is_fact = _flag(row, "fact", lane == "Owner")
        own = row.get("n")
        has_base = not is_missing(own)
        small = has_base and 0 < float(own or 0) < min_base
        if small or (known[stage]["state"] == "hidden" and not (has_base or is_fact or is_unknown)):
            texts, tone, is_unknown = {"text": f"n<{min_base}", "value": "", "detail": ""}, "", False
        safe = {"lane": lane, "stage": stage, **texts, "tone": tone, "unknown": is_unknown}
        rows.append(safe | ({"n": f"n<{min_base}" if small else own} if "n" in lanes.columns else {}))
    if not rows:
        raise ValueError(
            "`lanes` has no rows; a map without lanes says nothing; give each stage what customers do there"
        )
    order = {label: number for number, label in enumerate(known)}
    first = {lane: number for number, lane in enumerate(dict.fromkeys(row["lane"] for row in rows))}
    rows.sort(key=lambda row: (order[row["stage"]], first[row["lane"]]))
    return pd.DataFrame(rows)


def _flag(row: Mapping[Any, Any], column: str, otherwise: bool) -> bool:
    return otherwise if is_missing(row.get(column)) else bool(row[column])


def _words(value: Any) -> str:
    return "" if value is None or (not isinstance(value, str) and is_missing(value)) else str(value).strip()


def _cell_part(row: Mapping[Any, Any] | None) -> dict[str, Any]:
    if row is None:
        return {"text": "", "value": "", "detail": "", "tone": "", "unknown": True}
    return {column: row[column] for column in ("text", "value", "detail", "tone")} | {"unknown": bool(row["unknown"])}


def _map_key(stages: list[dict[str, Any]], unit: str, min_base: int, caution_base: int) -> str:
    """What the signs of this map mean; those that it does not have are not explained."""
    states = {stage["state"] for stage in stages}
    signs = {
        "Square: clearly unpleasant, the whole interval is below 0.": any(stage["worse"] for stage in stages),
        f"Hollow: fewer than {caution_base} answers.": any(stage["small"] for stage in stages),
        f"n<{min_base}: fewer than {min_base} answers, not shown.": "hidden" in states,
        "Hatched: unknown or not shown.": bool(states & {"hidden", "unknown"})
        or any(cell["unknown"] for stage in stages for cell in stage["cells"]),
    }
    return " ".join(sign for sign, there in signs.items() if there)


def _map_html(part: Mapping[str, Any], encoded: str | None) -> str:
    """A journey map as JupyterLab shows it: the curve, and a plain table of stages and lanes."""
    stages, curve = part["stages"], part["curve"]
    heads = "".join(f'<th style="text-align:left">{_rich(stage["label"])}</th>' for stage in stages)
    values = {
        "Reach": [stage["reach"].removeprefix("reached by ") or "unknown" for stage in stages],
        curve["label"]: [
            stage["missing"] or ", ".join((f"**{stage['value']}**", stage["interval"], stage["base"]))
            for stage in stages
        ],
    }
    values |= {
        lane: [_cell_words(stage["cells"][number]) for stage in stages] for number, lane in enumerate(part["lanes"])
    }
    rows = "".join(
        f'<tr><th style="text-align:left">{_rich(lane)}</th>'
        + "".join(f'<td style="text-align:left;vertical-align:top">{_rich(text)}</td>' for text in texts)
        + "</tr>"
        for lane, texts in values.items()
    )
    pieces = [f"<p><b>{_rich(part['title'])}</b></p>"]
    pieces += [f"<p>{_rich(part['subtitle'])}</p>"] if part["subtitle"] else []
    pieces.append(_curve_svg(part))
    pieces.append(f"<table><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>")
    pieces += [f"<p><small>{_rich(part['key'])}</small></p>"] if part["key"] else []
    pieces += [f"<p><small><b>{_rich(label)}</b> {_rich(text)}</small></p>" for label, text in part["note"].items()]
    return "\n".join(pieces)


def _cell_words(cell: Mapping[str, Any]) -> str:
    figures = " ".join(filter(None, (f"**{cell['value']}**" if cell["value"] else "", cell["detail"])))
    text = " ".join(filter(None, (figures, cell["text"])))
    return ": ".join(filter(None, ("Unknown", text))) if cell["unknown"] else text


def _curve_svg(part: Mapping[str, Any]) -> str:
    """The curve of a map for JupyterLab: intervals, marks, values, and a line that crosses no gap."""
    stages, low, high = part["stages"], part["curve"]["low"], part["curve"]["high"]
    step, top, tall = 700 / len(stages), 30, 100

    def y(value: float) -> float:
        return round(top + tall * (high - value) / (high - low), 1)

    def text(x: float, at: float, words: str, look: str = 'fill="#4d5966"') -> str:
        return f'<text x="{x:g}" y="{at:g}" text-anchor="middle" font-size="13" {look}>{html.escape(words)}</text>'

    parts, line, after_gap = [], "", True
    for number, stage in enumerate(stages):
        x, name = round((number + 0.5) * step, 1), stage["label"]
        most = int(step / 8)
        parts.append(text(x, top + tall + 45, name if len(name) <= most else name[: most - 1] + "…"))
        if stage["estimate"] is None:
            parts.append(text(x, top + tall / 2, stage["missing"] if stage["state"] == "hidden" else "no figure"))
            after_gap = True
            continue
        at, colour = y(stage["estimate"]), "#bf3a0a" if stage["worse"] else "#064573"
        line += f"{'M' if after_gap else 'L'}{x:g} {at:g}"
        after_gap = False
        if stage["low"] is not None:
            parts.append(
                f'<path d="M{x:g} {y(stage["low"]):g}V{y(stage["high"]):g}" stroke="{colour}" stroke-width="3"/>'
            )
        look = f'fill="{"#fff" if stage["small"] else colour}" stroke="{colour}" stroke-width="2"'
        square, circle = (
            f'<rect x="{x - 5:g}" y="{at - 5:g}" width="10" height="10"',
            f'<circle cx="{x:g}" cy="{at:g}" r="5"',
        )
        parts.append(f"{square if stage['worse'] else circle} {look}/>")
        above = at if stage["high"] is None else y(stage["high"])
        parts.append(text(x, above - 9, stage["value"], f'font-weight="bold" fill="{colour}"'))
    if line:
        parts.insert(0, f'<path d="{line}" fill="none" stroke="#064573" stroke-width="2"/>')
    if low < 0 < high:
        parts.insert(0, f'<path d="M0 {y(0):g}H700" stroke="#77838f"/>')
    size = f'viewBox="0 0 700 {top + tall + 55}" width="700" height="{top + tall + 55}"'
    return f'<svg role="img" aria-label="{html.escape(part["alt"])}" {size}>{"".join(parts)}</svg>'


def _table_html(table: Mapping[str, Any]) -> str:
    sides = ["left" if column["align"] == "l" else "right" for column in table["columns"]]
    caption = f"<caption>{_rich(table['caption'])}</caption>" if table["caption"] else ""
    heads = "".join(f"<th>{_rich(column['name'])}</th>" for column in table["columns"])
    rows = [
        "".join(
            f'<td style="text-align:{side}">{_rich(_cell_text(cell))}</td>'
            for side, cell in zip(sides, row, strict=True)
        )
        for row in table["rows"]
    ]
    return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody><tr>{'</tr><tr>'.join(rows)}</tr></tbody></table>"


def _cell_text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if cell.get("whisker"):
        return f"{cell['whisker']['label']}"
    return str(cell["text"])


def _rich(text: str) -> str:
    return _BOLD.sub(r"<b>\1</b>", html.escape(text))


def _change_words(entry: Number) -> str:
    if entry.change is None:
        return ""
    arrow = {"up": 1.0, "down": -1.0}.get(entry.change.arrow)
    return f"{reading_text(entry.change.reading, arrow)} {entry.change.text}".strip()


def _check_text(what: str, text: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"`{what}` must be text, got {text!r}")


def _check_name(name: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"`name` names a file: small letters, digits, _ and -, got {name!r}")


def _check_title(title: str) -> None:
    if not isinstance(title, str) or not title.rstrip("*").endswith(".") or len(title.split()) < 3:
        raise ValueError(f"a title is a full sentence that ends in a full stop, with the figure in it, got {title!r}")


def _values(frame: pd.DataFrame, column: str) -> list[Any]:
    if column not in frame.columns:
        raise ValueError(f"the table has no column `{column}`; {did_you_mean(column, map(str, frame.columns))}")
    return frame[column].tolist()


def _by_row(cell: Callable[[dict[Any, Any]], Cell], *needed: str) -> Callable[[pd.DataFrame], list[Cell]]:
    def cells(frame: pd.DataFrame) -> list[Cell]:
        for column in needed:
            _values(frame, column)
        return [cell(row) for row in frame.to_dict("records")]

    return cells


def _unit_of(row: Mapping[Any, Any], unit: str | None) -> str:
    own = row.get("unit")
    return unit if unit is not None else own if isinstance(own, str) else ""


def _reason(row: Mapping[Any, Any]) -> str:
    reason = row.get("reason")
    return reason if isinstance(reason, str) else ""


def _table(frame: pd.DataFrame, columns: Sequence[Column] | Mapping[str, str] | None, caption: str) -> dict[str, Any]:
    """A table as the report shows it; the first column names the row."""
    frame = _flat(frame)
    if columns is None:
        columns = {str(column): str(column).replace("_", " ").capitalize() for column in frame.columns}
    if isinstance(columns, Mapping):
        columns = [_default_column(frame, column, heading) for column, heading in columns.items()]
    if not columns:
        raise ValueError("a table needs at least one column; `columns` is empty")
    made = [column.cells(frame) for column in columns]
    return {
        "caption": caption,
        "columns": [{"name": _heading(frame, column.heading), "align": column.align} for column in columns],
        "rows": [list(row) for row in zip(*made, strict=True)],
    }


def _heading(frame: pd.DataFrame, heading: str) -> str:
    """A heading with the confidence level of the table's intervals; without it where they differ or do not say."""
    levels = frame["conf_level"].dropna().unique().tolist() if "conf_level" in frame.columns else []
    said = heading.replace("{level} interval", f"{100 * levels[0]:g}% interval" if len(levels) == 1 else "interval")
    return said[:1].upper() + said[1:] if heading.startswith("{level}") else said


def _default_column(frame: pd.DataFrame, column: str, heading: str) -> Column:
    values = _values(frame, column)
    if column in ("p_value", "q_value"):
        return p_column(heading, column=column)
    return number_column(column, heading) if any(map(_is_number, values)) else text_column(column, heading)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and not is_missing(value)


def _plain_cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | set | dict):
        return ", ".join(map(str, value))
    if value is None or (isinstance(value, float) and not math.isfinite(value)) or pd.isna(value):
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its row names as columns and plain names of columns."""
    flat = frame if isinstance(frame.index, pd.RangeIndex) and frame.index.name is None else frame.reset_index()
    flat = flat.copy()
    flat.columns = [" ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name) for name in flat.columns]
    return flat


def _write_csv(name: str, frame: pd.DataFrame) -> str | None:
    """Write the table of an exhibit and return its place in the report; None outside a run, where nothing is written."""
    run = context.current()
    if run is None:
        return None
    place = f"tables/{run.notebook}_{name}.csv"
    path = Path(run.stage, place)
    if path.exists():
        raise ValueError(f"this notebook has an exhibit named {name!r} already; give this one another `name`")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(frame), encoding="utf-8", newline="")
    return place


def csv_text(frame: pd.DataFrame) -> str:
    """The table as CSV that spreadsheets open as data: text that would be taken for a formula gets an apostrophe in front."""
    flat = _flat(frame)
    flat.columns = [_harmless(name) for name in flat.columns]
    for position in range(flat.shape[1]):
        column = flat.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_datetime64_any_dtype(column):
            flat.isetitem(position, [_harmless(value) for value in column])
    return flat.to_csv(index=False, lineterminator="\r\n")  # RFC 4180; quotes a lone \r in a text


def _harmless(value: Any) -> Any:
    if isinstance(value, list | tuple | set | dict):
        value = _plain_cell(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
