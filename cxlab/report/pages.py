"""The pages around the notebooks: a period's executive summary, and the overview of all studies and periods.

Both say what manifests, findings and compared findings already hold. Nothing is computed here but how it is written, and the
summary holds no clock: the same report is the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from markupsafe import Markup

from cxlab.report.html import day_words, template
from cxlab.report.markup import figure_text, plain, reason_words, rich
from cxlab.report.whiskers import axis, whisker
from cxlab.wording import CAUTION_BASE, MIN_BASE, base_text, decimals_of, number_text, reading_text

_FINDINGS_SHOWN = 10
_CHANGES_SHOWN = 12
_SENTENCES = 6
_NUMBERS = 4
_LEVELS = (
    ("all", "All customers", "for the board and process owners"),
    ("segment", "Segments", "for segment owners"),
    ("account", "Accounts", "for account managers; lists of single customers are kept apart"),
)
_CLEAR = ("better", "worse", "changed")
_TESTED = (*_CLEAR, "no clear change")
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_STATES = (("ok", "answered"), ("failed", "failed"), ("skipped", "not run"))


@dataclass(frozen=True)
class _Finding:
    """One finding as the summary shows it."""

    say: Markup
    link: tuple[str, str] | None
    whisker: Markup
    caption: str
    missing: str
    tone: str
    word: str
    detail: str
    base: str
    owner: str


@dataclass(frozen=True)
class _Group:
    title: str
    readers: str
    shown: tuple[_Finding, ...]
    more: tuple[_Finding, ...]


@dataclass(frozen=True)
class _Number:
    name: str
    value: str
    interval: str
    tone: str
    word: str
    rest: str


@dataclass(frozen=True)
class _Change:
    measure: str
    before: str
    after: str
    difference: str
    tone: str
    reading: str
    caution: str


@dataclass(frozen=True)
class _Card:
    number: str
    title: str
    question: str
    href: str
    text: Markup
    css: str
    status: str
    detail: Markup


def render_index(
    manifest: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    changes: Sequence[Mapping[str, Any]],
    *,
    previous: str | None = None,
) -> str:
    """A period's executive summary.

    `findings` are those of the report, `changes` what `cxlab.report.changes.compare_findings` says about them against the
    report of the period `previous` (None: there is none). Whatever is missing (answers, findings, an earlier report) is said.
    """
    books = sorted(manifest["notebooks"], key=lambda book: (book.get("summary_rank", 50), book["name"]))
    rank = {book["name"]: place for place, book in enumerate(books)}
    ordered = sorted(findings, key=lambda finding: rank.get(finding["notebook"], len(rank)))
    writer = _Writer(manifest, ordered, changes, previous)
    answers = [book for book in books if book.get("answer") and book["page"] == "good"]
    rows = [writer.change(entry) for entry in sorted(changes, key=_by_weight)]
    return template("index.html.j2").render(
        manifest=manifest,
        previous=previous,
        home="../../../index.html" if manifest.get("draft") else "../../index.html",
        facts=_facts(manifest),
        sources=_sources(manifest),
        answers=[_answer(book) for book in answers[: 1 + _SENTENCES]],
        no_answer=_no_answer(manifest["notebooks"]),
        numbers=writer.numbers(),
        groups=writer.groups(),
        interval=_interval_name(findings),
        false_discoveries=_false_discoveries(changes),
        changes=rows[:_CHANGES_SHOWN],
        more_changes=rows[_CHANGES_SHOWN:],
        tests=max((entry.get("tests") or 0 for entry in changes), default=0),
        cards=[_card(book) for book in sorted(books, key=lambda book: book["name"])],
        questions=_questions(len(books)),
        tally=_tally(books),
        min_base=writer.min_base,
        caution_base=writer.caution_base,
    )


def render_overview(rows: Iterable[Mapping[str, Any]]) -> str:
    """All studies and periods. One row a published period, by study and newest first (`publish.overview_rows`)."""
    studies = []
    for _, of_study in groupby(rows, key=lambda row: row["study"]):
        periods = [
            {**row, "href": f"{row['study']}/{row['period']}/index.html", "published": moment_words(row["published"])}
            for row in of_study
        ]
        studies.append({"name": periods[0]["study_name"], "simulated": periods[0]["simulated"], "periods": periods})
    return template("overview.html.j2").render(studies=studies, words=_count)


def moment_words(moment: str) -> str:
    """A moment in UTC for a reader; what is none stays as it is.

    >>> moment_words("2026-10-03T06:12:00Z")
    '3 October 2026, 06:12 UTC'
    """
    try:
        known = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return f"{known.day} {known:%B %Y}, {known:%H:%M} UTC"


def _facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    facts = {"Period": manifest["period_words"], "Data until": day_words(manifest.get("data_until") or "")}
    return {name: value for name, value in facts.items() if value}


def _sources(manifest: Mapping[str, Any]) -> str:
    """How many files and rows the report is made from."""
    files = [name for name in manifest.get("inputs", {}) if name != "study.toml" and not name.startswith("decisions/")]
    rows = manifest.get("rows") or {}
    if not files or "rows" not in rows:
        return ""
    noun = "one source file" if len(files) == 1 else f"{_count(len(files))} source files"
    if not rows["rejected"]:
        return f"From {noun}: {rows['rows']:,} rows, all kept."
    counts = f"{rows['rows']:,} rows, {rows['kept']:,} kept, {rows['rejected']:,} rejected"
    return f"From {noun}: {counts}, each with a reason."


def _interval_name(findings: Iterable[Mapping[str, Any]]) -> str:
    """95% interval; plain where the findings differ in their level."""
    levels = {finding["conf_level"] for finding in findings if finding.get("conf_level")}
    return f"{100 * levels.pop():g}% interval" if len(levels) == 1 else "interval"


def _false_discoveries(changes: Iterable[Mapping[str, Any]]) -> str:
    """5%: what the correction of the tests holds false discoveries at."""
    levels = {entry["conf_level"] for entry in changes if entry.get("conf_level")}
    return f"{100 * (1 - levels.pop()):.3g}%" if len(levels) == 1 else "one minus the level of each interval"


def _count(number: int) -> str:
    """Small numbers in words.

    >>> _count(11), _count(41)
    ('eleven', '41')
    """
    return _COUNTS[number] if number < len(_COUNTS) else str(number)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _questions(number: int) -> str:
    return "One question, one page" if number == 1 else f"{_capital(_count(number))} questions, one page each"


def _tally(books: Sequence[Mapping[str, Any]]) -> str:
    counted = [(sum(book["status"] == state for book in books), words) for state, words in _STATES]
    return _capital(", ".join(f"{_count(number)} {words}" for number, words in counted if number)) + "."


def _no_answer(books: Sequence[Mapping[str, Any]]) -> str:
    """What the page says where there is no answer to lead with."""
    failed, skipped = (sum(book["status"] == state for book in books) for state in ("failed", "skipped"))
    if failed + skipped < len(books) or not books:
        return "No notebook of this report states an answer."
    if len(books) == 1:
        return "There is no answer: the only notebook " + ("failed." if failed else "could not run.")
    parts = [f"{_count(failed)} failed"] * bool(failed) + [f"{_count(skipped)} could not run"] * bool(skipped)
    return f"There is no answer: of {_count(len(books))} notebooks, {' and '.join(parts)}."


def _answer(book: Mapping[str, Any]) -> dict[str, Any]:
    """One notebook's answer. A page that stayed because the newest run failed says so wherever it is quoted."""
    origin = "from an earlier run" if book["status"] != "ok" else ""
    return {"text": rich(book["answer"]), "origin": origin, "href": f"{book['name']}.html", "link": _short(book)}


def _title(book: Mapping[str, Any]) -> tuple[str, str]:
    """A notebook's title and its question.

    >>> _title({"name": "07_loyalty_drivers", "title": "Loyalty drivers: what moves loyalty?"})
    ('Loyalty drivers', 'What moves loyalty?')
    """
    title = plain(book.get("title")) or re.sub(r"^\d+_", "", book["name"]).replace("_", " ")
    first, _, rest = title.partition(": ")
    return first, _capital(rest or plain(book.get("question")))


def _number_of(book: Mapping[str, Any]) -> str:
    found = re.match(r"\d+", book["name"])
    return found[0] if found else ""


def _short(book: Mapping[str, Any]) -> str:
    """A notebook in a link: 07 Loyalty drivers."""
    return f"{_number_of(book)} {_title(book)[0]}".strip()


def _card(book: Mapping[str, Any]) -> _Card:
    reason = reason_words(book.get("reason") or "no reason was given")
    css, status = {"ok": ("", "✓ Ok"), "failed": ("fail", "✕ Failed:"), "skipped": ("skip0", "– Not run:")}[
        book["status"]
    ]
    if book["status"] == "ok":
        text, detail = rich(book.get("answer")) or Markup("States no answer of its own."), Markup("")
    elif book["page"] == "good":
        text, detail = rich(book.get("answer")), reason + "; the page is that of an earlier run"
    else:
        text, detail = Markup("No answer this period."), reason
    href = f"{book['name']}.html" if book["page"] != "none" else ""
    return _Card(_number_of(book), *_title(book), href, text, css, status, detail)


def _by_weight(entry: Mapping[str, Any]) -> tuple[int, float]:
    """Clear changes first, the surest before the others; then no clear change, not tested, new, gone."""
    order = [*_TESTED, "not tested", "new", "gone"]
    place = order.index(entry["reading"])
    q_value = entry.get("q_value")
    return (0 if place < len(_CLEAR) else place, 1.0 if q_value is None else q_value)


def _key(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry["name"], entry["level"], entry.get("target")


def _whom(finding: Mapping[str, Any]) -> str:
    """The segment or account; for what is about all customers the finding's label says enough."""
    return "" if finding["level"] == "all" else plain(finding.get("target"))


def _label(entry: Mapping[str, Any]) -> str:
    return _capital(plain(entry.get("label")) or str(entry["name"]).replace("_", " "))


def _reason(entry: Mapping[str, Any]) -> str:
    """Why there was no test, as a sentence begins; n<30 stays as it is."""
    reason = plain(entry.get("reason"))
    return reason if reason.startswith("n<") else _capital(reason)


def _decimals(entry: Mapping[str, Any]) -> int:
    """How many decimals the figures of one finding or change have: one more where its interval would vanish in the rounding.

    >>> _decimals({"unit": "%", "estimate": 61.2, "conf_low": 58.0, "conf_high": 64.4})
    0
    >>> _decimals({"unit": "%", "estimate": 4.1, "conf_low": 3.7, "conf_high": 4.5})
    1
    """
    names = ("estimate", "before", "after", "difference", "conf_low", "conf_high")
    values = [entry[name] for name in names if entry.get(name) is not None]
    decimals = decimals_of(_unit(entry), *values) if values else 0
    low, high = entry.get("conf_low"), entry.get("conf_high")
    if low is None or high is None or not low < high:
        return decimals
    if decimals == 0 and high - low < 1.5:
        decimals = 1
    while round(low, decimals) == round(high, decimals) and decimals < 4:
        decimals += 1
    return decimals


def _figure(value: float, unit: str, decimals: int, *, signed: bool = False) -> str:
    return number_text(value, decimals, signed=signed) + ("%" if unit == "%" else "")


def _unit_words(unit: str, number: str = "") -> str:
    """What follows a number of this unit; the percent sign belongs to the number itself.

    >>> _unit_words("points", "+1"), _unit_words("points", "24"), _unit_words("1 to 7"), _unit_words("%")
    (' point', ' points', '', '')
    """
    if not unit or unit == "%" or " to " in unit:
        return ""
    return f" {unit.removesuffix('s') if number.lstrip('+−') == '1' else unit}"


def _interval(finding: Mapping[str, Any]) -> str:
    """21 to 27, 58 to 64%; empty where there is none."""
    low, high = finding.get("conf_low"), finding.get("conf_high")
    if low is None or high is None:
        return ""
    decimals = _decimals(finding)
    return f"{number_text(low, decimals)} to {_figure(high, _unit(finding), decimals)}"


def _unit(entry: Mapping[str, Any]) -> str:
    return entry.get("unit") or ""


def _tone(entry: Mapping[str, Any]) -> tuple[str, str]:
    """Tone and words of a tested change; the arrow says where the number went."""
    reading = entry["reading"]
    return (reading if reading in ("better", "worse") else "none"), reading_text(reading, entry["difference"])


def _difference(entry: Mapping[str, Any], *, with_unit: bool) -> str:
    """−6 points (−10 to −1); an interval on both sides of zero has both signs. Shares differ by points."""
    low, high, decimals = entry["conf_low"], entry["conf_high"], _decimals(entry)
    text = number_text(entry["difference"], decimals, signed=True)
    interval = f"({number_text(low, decimals)} to {number_text(high, decimals, signed=low < 0 < high)})"
    if not with_unit:
        return f"{text} {interval}"
    return text + _unit_words("points" if _unit(entry) == "%" else _unit(entry), text) + f" {interval}"


class _Writer:
    """Writes the numbers of one report: each with interval, base and what changed."""

    def __init__(
        self,
        manifest: Mapping[str, Any],
        findings: Sequence[Mapping[str, Any]],
        changes: Sequence[Mapping[str, Any]],
        previous: str | None,
    ) -> None:
        settings = manifest.get("report", {})
        self.min_base = settings.get("min_base", MIN_BASE)
        self.caution_base = settings.get("caution_base", CAUTION_BASE)
        self.findings = findings
        self.previous = previous
        self.changes = {_key(entry): entry for entry in changes}
        self.books = {book["name"]: book for book in manifest["notebooks"]}

    def numbers(self) -> list[_Number]:
        """The key numbers: findings that asked for the place, in the order of their notebooks, at most four."""
        return [self._key_number(finding) for finding in self.findings if finding.get("key")][:_NUMBERS]

    def _key_number(self, finding: Mapping[str, Any]) -> _Number:
        tone, word, _ = self._reading(finding)
        unit = _unit(finding)
        if finding.get("estimate") is None:
            value = self._missing(finding)
        else:
            value = _figure(finding["estimate"], unit, _decimals(finding))
            value += "" if unit == "points" else _unit_words(unit, value)
        name = ", ".join(filter(None, (_label(finding), _whom(finding), unit if " to " in unit else "")))
        return _Number(name, value, _interval(finding), tone, word, self._compared_with(finding))

    def _compared_with(self, finding: Mapping[str, Any]) -> str:
        """What follows the reading of a key number: the earlier figure, or why there is no test."""
        entry = self.changes.get(_key(finding), {})
        reading = entry.get("reading")
        if reading == "not tested":
            return f"({plain(entry.get('reason')) or 'no reason was given'})"
        if reading not in _TESTED:
            return ""
        than = "than" if reading in ("better", "worse") else "from"
        return f"{than} {_figure(entry['before'], _unit(finding), _decimals(finding))}"

    def groups(self) -> list[_Group]:
        """The findings by who can act on them; levels without findings are left out."""
        groups = []
        for level, title, readers in _LEVELS:
            entries = [finding for finding in self.findings if finding["level"] == level]
            axes = self._axes(entries)
            rows = tuple(self._finding(entry, axes) for entry in sorted(entries, key=self._place))
            if rows:
                groups.append(_Group(title, readers, rows[:_FINDINGS_SHOWN], rows[_FINDINGS_SHOWN:]))
        return groups

    def _place(self, finding: Mapping[str, Any]) -> int:
        """Key numbers first, then what asks for an action, what clearly changed, and the rest."""
        change = self.changes.get(_key(finding), {})
        if finding.get("key"):
            return 0
        return 1 if finding.get("attention") else 2 if change.get("reading") in _CLEAR else 3

    def _before(self, finding: Mapping[str, Any]) -> float | None:
        return self.changes.get(_key(finding), {}).get("before")

    def _axes(self, entries: Iterable[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
        """The axis of each unit: estimates of one group and unit can be compared by eye."""
        values: dict[str, list[float]] = {}
        for entry in entries:
            numbers = (entry.get("estimate"), entry.get("conf_low"), entry.get("conf_high"), self._before(entry))
            values.setdefault(_unit(entry), []).extend(number for number in numbers if number is not None)
        return {unit: axis(numbers, unit) for unit, numbers in values.items()}

    def _finding(self, finding: Mapping[str, Any], axes: Mapping[str, tuple[float, float]]) -> _Finding:
        drawn, caption = self._drawn(finding, axes)
        tone, word, detail = self._reading(finding)
        book = self.books.get(finding["notebook"])
        return _Finding(
            say=self._sentence(finding),
            link=(f"{book['name']}.html", _short(book)) if book and book["page"] != "none" else None,
            whisker=drawn,
            caption=caption,
            missing="" if drawn else self._missing(finding),
            tone=tone,
            word=word,
            detail=detail,
            base=self._base(finding),
            owner=plain(finding.get("owner"))
            or ("no owner" if finding.get("target") and finding["level"] == "all" else ""),
        )

    def _drawn(self, finding: Mapping[str, Any], axes: Mapping[str, tuple[float, float]]) -> tuple[Markup, str]:
        """The estimate as a drawing, and its caption; both empty where there is no estimate."""
        estimate, unit, decimals = finding.get("estimate"), _unit(finding), _decimals(finding)
        if estimate is None:
            return Markup(""), ""
        before = self._before(finding)
        first, last = axes[unit]
        percent = "%" if unit == "%" else ""
        interval = _interval(finding)
        value = _figure(estimate, unit, decimals)
        was = _figure(before, unit, decimals) if before is not None else ""
        label = [value + _unit_words(unit, value), f"interval {interval}" if interval else "no interval"]
        label += [f"last period {was}"] * bool(was)
        label += [f"axis from {figure_text(first)}{percent} to {figure_text(last)}{percent}"]
        drawn = whisker(
            estimate,
            finding.get("conf_low"),
            finding.get("conf_high"),
            axis_low=first,
            axis_high=last,
            before=before,
            label="; ".join(label),
            unit=percent,
            small_base=self._is_small(finding),
        )
        caption = interval + _unit_words(unit) if interval else "No interval"
        return drawn, caption + (f"; ◇ {was} last period" if was else "")

    def _sentence(self, finding: Mapping[str, Any]) -> Markup:
        """The finding's own sentence; it names the segment or the account that it is about."""
        target = _whom(finding)
        said = plain(finding.get("headline"))
        if not said and finding.get("estimate") is None:
            said = f"{_label(finding)} is not shown."
        elif not said:
            value = _figure(finding["estimate"], _unit(finding), _decimals(finding))
            said = f"{_label(finding)}: **{value}**{_unit_words(_unit(finding), value)}."
        if target and target.lower() not in said.lower():
            said = f"**{target}:** {said}"
        return rich(said)

    def _missing(self, finding: Mapping[str, Any]) -> str:
        """Why there is no number: in words, never blank, 0 or a dash."""
        return plain(finding.get("reason")) or "not defined"

    def _is_small(self, finding: Mapping[str, Any]) -> bool:
        return finding.get("n") is not None and finding["n"] < self.caution_base

    def _base(self, finding: Mapping[str, Any]) -> str:
        n = finding.get("n")
        if n is None:
            return "no base"
        if finding.get("estimate") is None and n < self.min_base:
            return f"n<{self.min_base}" if n else "no base"
        return f"n {base_text(n, 0, self.caution_base)}"

    def _reading(self, finding: Mapping[str, Any]) -> tuple[str, str, str]:
        """Tone, words and detail of what changed."""
        entry = self.changes.get(_key(finding))
        if self.previous is None:
            return "none", "First report", ""
        if entry is None or entry["reading"] == "new":
            return "none", reading_text("new"), ""
        if entry["reading"] == "not tested":
            return "none", reading_text("not tested"), _reason(entry)
        caution = plain(entry.get("caution"))
        return (*_tone(entry), _difference(entry, with_unit=True) + (f", {caution}" if caution else ""))

    def change(self, entry: Mapping[str, Any]) -> _Change:
        """One row of what changed since the last report."""
        target = _whom(entry)
        label = _label(entry)
        measure = f"{label}, {target}" if target and target not in label else label
        if entry["reading"] in _TESTED:
            tone, words = _tone(entry)
            difference = _difference(entry, with_unit=False)
        else:
            alone = {"new": reading_text("new"), "gone": "Not in this report"}
            tone, words = "none", alone.get(entry["reading"]) or _reason(entry) or "Not tested"
            difference = "not tested"
        before = self._value(entry, "before", "none" if entry["reading"] == "new" else "")
        after = self._value(entry, "after", "none" if entry["reading"] == "gone" else "")
        caution = plain(entry.get("caution")) if entry["reading"] in _TESTED else ""
        return _Change(measure, before, after, difference, tone, words, caution)

    def _value(self, entry: Mapping[str, Any], which: str, absent: str) -> str:
        """A figure of one period; without one, n<30 where that is why."""
        if entry[which] is not None:
            return _figure(entry[which], _unit(entry), _decimals(entry))
        reason = plain(entry.get("reason"))
        return absent or (reason if reason.startswith("n<") else "not known")
