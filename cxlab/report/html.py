"""One executed notebook as one page that people read: answer first, evidence, limits, and method and code folded at the end.

A notebook speaks to its page through the structured part of its outputs (`cxlab.exhibits`): an answer, key numbers, exhibits,
limits, notes and facts. Everything else is shown in its place as cleaned text, tables and pictures, so any notebook makes a
page. The page is a single file without scripts or outside resources, and the same notebook is always the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from cxlab.report import markup
from cxlab.report.journey_map import Map, journey_map
from cxlab.report.markup import Headings, Picture, plain, rich
from cxlab.report.notebook_format import nbformat
from cxlab.report.whiskers import whisker
from cxlab.wording import reading_text

EXHIBIT = "application/vnd.cxlab.v1+json"
"""The MIME type of the structured outputs that `cxlab.exhibits` writes."""

_TEMPLATES = Path(__file__).parent / "templates"
_NO_ALT = re.compile(r"\s*$|no description has been provided|(image|figure|chart|plot|png|picture)\W*\d*$", re.I)
_WHOLE_HEADING = re.compile(r"\s*<h([2-6])[^>]*>(.*?)</h\1>\s*", re.S)
_DIRECTIONS = {"up": 1.0, "down": -1.0}
_SAID = re.compile(r"[▲▼]|(better|worse|changed|no clear change|not tested|new)\b", re.I)


@dataclass(frozen=True)
class PageFacts:
    """What a page says about the report that it belongs to. Without a report (any notebook) all of it may be empty."""

    notebook: str = ""  # stem; empty outside a report
    title: str = ""  # for a notebook without a heading
    study_name: str = ""
    period: str = ""
    period_words: str = ""
    data_until: str = ""  # a day, 2026-09-29
    simulated: bool = False
    source_note: str = ""
    draft: str | None = None
    failed: str | None = None  # why the notebook failed
    version: str = ""
    commit: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any], entry: Mapping[str, Any]) -> PageFacts:
        """The facts of one notebook of a report: `entry` is its part of the manifest."""
        return cls(
            notebook=entry["name"],
            title=entry.get("title") or entry["name"],
            study_name=manifest["study_name"],
            period=manifest["period"],
            period_words=manifest["period_words"],
            data_until=manifest.get("data_until") or "",
            simulated=bool(manifest.get("simulated")),
            source_note=manifest.get("source_note") or "",
            draft=manifest.get("draft"),
            failed=(entry.get("reason") or "no reason was given") if entry["status"] == "failed" else None,
            version=manifest.get("versions", {}).get("cxlab", ""),
            commit=manifest.get("git_commit"),
            parameters=entry.get("parameters") or {},
        )


def render(notebook_path: Path | str) -> str:
    """Any executed notebook as a page. What an output holds that cannot be shown becomes a note on the page.

    Raises what nbformat raises for a file that is no notebook.
    """
    path = Path(notebook_path)
    book = nbformat.read(path, as_version=4)
    parameters = book.metadata.get("papermill", {}).get("parameters", {})
    return render_page(book, PageFacts(title=path.stem.replace("_", " "), parameters=parameters))


def render_page(book: Any, page: PageFacts) -> str:
    """An executed notebook as its page of a report."""
    content = _Content(book)
    facts = {"Period": page.period_words, "Data until": day_words(page.data_until), **content.facts}
    settings = {name: value for name, value in sorted(page.parameters.items()) if name not in ("study", "period")}
    return template("notebook.html.j2").render(
        page=page,
        content=content,
        title=content.headings.title or page.title or "Notebook",
        facts={name: value for name, value in facts.items() if value},
        failed=markup.reason_words(page.failed) if page.failed is not None else None,
        parameters=", ".join(f"{name} {_setting(value)}" for name, value in settings.items()),
    )


def figures_without_alt(book: Any) -> list[tuple[int, str]]:
    """Pictures that say nothing to whoever does not see them: number of the cell (from 0) and MIME type, in order.

    A description that a tool puts there by itself ("No description has been provided", "figure 1") counts as none.
    """
    missing = []
    for number, cell in enumerate(book.cells):
        for output in cell.get("outputs", []):
            kinds = [kind for kind in output.get("data", {}) if kind.startswith("image/")]
            missing += [(number, kind) for kind in kinds if _NO_ALT.match(_alt(cell, output, kind))]
    return missing


def day_words(day: str) -> str:
    """A day for a reader; what is none stays as it is.

    >>> day_words("2026-09-29")
    '29 September 2026'
    """
    try:
        known = date.fromisoformat(day)
    except ValueError:
        return day
    return f"{known.day} {known:%B %Y}"


@cache
def template(name: str) -> jinja2.Template:
    """One of the pages' templates: everything that is put into it is escaped unless it is markup of our own making."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals["css"] = Markup((_TEMPLATES / "report.css").read_text("utf-8"))
    return environment.get_template(name)


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)


def _alt(cell: Any, output: Any, kind: str) -> str:
    """The description of a picture, wherever it stands; empty for none."""
    own = output.get("metadata", {}).get(kind) or {}
    structured = output.get("data", {}).get(EXHIBIT) or {}
    for where in (own, structured, cell.get("metadata", {})):
        if isinstance(where, Mapping) and isinstance(where.get("alt"), str):
            return plain(where["alt"])
    return ""


@dataclass(frozen=True)
class _Prose:
    """Text between the exhibits. `entries` are its headings for the contents: id and words."""

    body: Markup
    entries: tuple[tuple[str, str], ...] = ()
    kind: str = "prose"


@dataclass(frozen=True)
class _Note:
    body: Markup
    bad: bool = False
    log: str = ""
    kind: str = "note"


@dataclass(frozen=True)
class _Cell:
    body: Markup
    whisker: Markup
    strong: bool
    tone: str


@dataclass(frozen=True)
class _Table:
    caption: Markup
    columns: tuple[tuple[str, bool], ...]  # name, whether it is flush left
    rows: tuple[tuple[_Cell, ...], ...]


@dataclass(frozen=True)
class _Exhibit:
    number: int
    title: Markup
    short: str
    subtitle: Markup
    picture: Picture | None
    alt: str
    lost: bool  # it was to have a picture, which cannot be shown
    table: _Table | None
    note: tuple[tuple[str, Markup], ...]
    csv: str
    folded: bool
    kind: str = "exhibit"


@dataclass(frozen=True)
class _Journey:
    """A journey map: an exhibit that has the whole width, and paper turned."""

    number: int
    title: Markup
    short: str
    subtitle: Markup
    map: Map
    note: tuple[tuple[str, Markup], ...]
    files: tuple[str, ...]
    folded: bool
    kind: str = "map"


@dataclass(frozen=True)
class _Code:
    summary: str
    body: Markup


@dataclass(frozen=True)
class _Folded:
    summary: str
    body: Markup


@dataclass(frozen=True)
class _Number:
    name: Markup
    value: Markup
    interval: Markup
    tone: str
    word: str
    rest: Markup


class _Content:
    """The parts of a page, sorted out of the cells of a notebook in one pass."""

    def __init__(self, book: Any) -> None:
        self.headings = Headings()
        self.question = Markup("")
        self.lead = Markup("")
        self.sentences: list[Markup] = []
        self.numbers: list[_Number] = []
        self.facts: dict[str, Markup] = {}
        self.flow: list[_Prose | _Note | _Exhibit | _Journey] = []
        self.limits: list[tuple[Markup, Markup]] = []
        self.method: list[_Folded] = []
        self.code: list[_Code] = []
        self.logs: list[str] = []
        self._exhibits = 0
        self._shown_nothing: set[int] = set()
        self._section = ""
        self._language = str(book.metadata.get("language_info", {}).get("name", "python"))
        for number, cell in enumerate(book.cells, 1):
            tags = cell.get("metadata", {}).get("tags", [])
            if any(str(tag).startswith("papermill-error-cell") for tag in tags):
                continue
            if cell.cell_type == "markdown":
                self._add_markdown(cell, tags)
            elif cell.cell_type == "code":
                self._add_code(cell, number, tags)
        self._drop_empty_sections()

    @property
    def has_answer(self) -> bool:
        return bool(self.lead or self.sentences or self.numbers)

    @property
    def is_wide(self) -> bool:
        """Whether the page holds a journey map, which needs the room of the contents."""
        return any(isinstance(item, _Journey) for item in self.flow)

    @property
    def contents(self) -> list[tuple[str, str]]:
        """The contents: id and words. Where a map takes the room beside the text they stand above it, and name sections alone."""
        entries = [("main", "The answer")] if self.has_answer and not self.is_wide else []
        for item in self.flow:
            if isinstance(item, _Prose):
                entries += item.entries
            elif isinstance(item, _Exhibit | _Journey) and not self.is_wide:
                entries.append((f"x{item.number}", f"{item.number}. {item.short}"))
        entries += [("not", "What this does not say")] if self.limits else []
        entries += [("method", "Method and code")] if self.code or self.method else []
        return entries if len(entries) > 2 else []

    def _add_markdown(self, cell: Any, tags: Iterable[str]) -> None:
        untitled = not self.headings.title
        listed = len(self.headings.contents)
        body = markup.from_markdown(cell.source, self.headings, listed=True)
        entries = tuple(self.headings.contents[listed:])
        heading = _WHOLE_HEADING.match(body)
        if heading:
            self._section = Markup(heading[2]).striptags()
        if heading and ("method" in tags or self._section.lower().startswith("method")):
            self.method.append(_Folded(str(self._section), Markup(body[heading.end() :])))
            return
        if untitled and self.headings.title and not self.question:
            self.question, body = _first_paragraph(body)
        if not markup.is_empty(body) or "<math" in body:
            self.flow.append(_Prose(body, entries))

    def _add_code(self, cell: Any, number: int, tags: Iterable[str]) -> None:
        if cell.source.strip():
            label = {"parameters": "Parameters", "injected-parameters": "Parameters of this run"}
            words = next((label[tag] for tag in tags if tag in label), str(self._section))
            ran = cell.get("execution_count")
            summary = " ".join(filter(None, ("Code", f"[{ran}]" if ran else "", words)))
            self.code.append(_Code(summary, markup.code(cell.source, self._language)))
        before = len(self.flow)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                self._add_stream(output)
            elif output.output_type == "error":
                self._add_error(output, number)
            else:
                self._add_data(cell, output, number)
        if len(self.flow) == before and before:
            self._shown_nothing.add(id(self.flow[-1]))

    def _add_stream(self, output: Any) -> None:
        text = markup.printed(output.get("text", "")).strip("\n")
        if not text.strip():
            return
        if output.get("name") == "stderr":
            self.logs.append(text)
        else:
            self.flow.append(_Prose(Markup('<pre class="out" tabindex="0">{}</pre>').format(text)))

    def _add_error(self, output: Any, number: int) -> None:
        what = markup.printed(f"{output.get('ename', '')}: {output.get('evalue', '')}")
        traceback = markup.printed("\n".join(plain(line) for line in output.get("traceback", [])))
        self.flow.append(_Note(Markup("<b>Cell {} failed.</b> {}").format(number, what), bad=True, log=traceback))

    def _add_data(self, cell: Any, output: Any, number: int) -> None:
        data = output.get("data", {})
        structured = data.get(EXHIBIT)
        if isinstance(structured, Mapping) and self._add_structured(structured, cell, output):
            return
        body = self._generic(data, cell, output, number)
        if body is None:
            kinds = ", ".join(sorted(map(str, data))) or "nothing"
            self.flow.append(_Note(Markup("Cell {} shows something that a page cannot: {}.").format(number, kinds)))
        elif body:
            self.flow.append(_Prose(body))

    def _generic(self, data: Mapping[str, Any], cell: Any, output: Any, number: int) -> Markup | None:
        """The richest form of an output that a page can show; None where there is none."""
        if isinstance(data.get("text/html"), str):
            table = markup.from_html(data["text/html"], self.headings)
            if not markup.is_empty(table):
                wrapped = Markup(
                    '<div class="scroll" tabindex="0" role="group" aria-label="Output of cell {}">{}</div>'
                )
                return wrapped.format(number, table)
        if isinstance(data.get("text/markdown"), str):
            return markup.from_markdown(data["text/markdown"], self.headings)
        for kind in ("image/png", "image/jpeg", "image/gif", "image/webp"):
            if kind in data and (shown := markup.picture(data[kind])):
                return self._figure(shown, _alt(cell, output, kind), number)
        if source := markup.drawing(data.get("image/svg+xml")):
            alt = _alt(cell, output, "image/svg+xml") or _described(number)
            return Markup('<figure><img alt="{}" src="{}"></figure>').format(alt, source)
        if isinstance(data.get("text/latex"), str):
            return Markup("<p>{}</p>").format(markup.with_formulas(plain(data["text/latex"])))
        if isinstance(data.get("text/plain"), str) and not any(kind.startswith("image/") for kind in data):
            text = markup.printed(data["text/plain"])
            return Markup('<pre class="out" tabindex="0">{}</pre>').format(text) if text else Markup("")
        return None

    def _figure(self, shown: Picture, alt: str, number: int) -> Markup:
        image = Markup('<figure><img alt="{}" width="{}" height="{}" src="{}"></figure>')
        return image.format(alt or _described(number), shown.width, shown.height, Markup(shown.source))

    def _add_structured(self, part: Mapping[str, Any], cell: Any, output: Any) -> bool:
        """Show one structured output. False where its kind is unknown: its readable form is shown then."""
        kind = part.get("kind")
        if kind == "answer":
            sentences = [rich(part.get("lead")), *map(rich, _list(part.get("sentences")))]
            if not self.lead:
                self.lead = sentences.pop(0)
            self.sentences += [sentence for sentence in sentences if sentence]
        elif kind == "numbers":
            self.numbers += [_number(entry) for entry in _list(part.get("numbers")) if isinstance(entry, Mapping)]
        elif kind == "exhibit":
            self._add_exhibit(part, cell, output)
        elif kind == "journey_map":
            return self._add_journey(part)
        elif kind == "limits":
            entries = [entry for entry in _list(part.get("items")) if isinstance(entry, Mapping)]
            self.limits += [(rich(entry.get("lead")), rich(entry.get("text"))) for entry in entries]
        elif kind == "note":
            self.flow.append(_Note(rich(part.get("text")), bad=part.get("bad") is True))
        elif kind == "facts":
            facts = part.get("facts")
            self.facts |= {plain(name): rich(value) for name, value in _items(facts)}
        else:
            return False
        return True

    def _add_exhibit(self, part: Mapping[str, Any], cell: Any, output: Any) -> None:
        self._exhibits += 1
        self.headings.level = 2
        title = plain(part.get("title")).strip() or f"Exhibit {self._exhibits}"
        image = output.data.get("image/png")
        shown = markup.picture(image)
        table = _table(part["table"]) if isinstance(part.get("table"), Mapping) else None
        self.flow.append(
            _Exhibit(
                number=self._exhibits,
                title=rich(title),
                short=_short(title),
                subtitle=rich(part.get("subtitle")),
                picture=shown,
                alt=_alt(cell, output, "image/png") or _described(self._exhibits),
                lost=shown is None and (image is not None or bool(part.get("alt"))),
                table=table,
                note=_note(part),
                csv=_file(part.get("csv")),
                folded=part.get("folded") is True,
            )
        )

    def _add_journey(self, part: Mapping[str, Any]) -> bool:
        """Show a journey map. False where it is none that can be shown."""
        drawn = journey_map(part)
        if drawn is None:
            return False
        self._exhibits += 1
        self.headings.level = 3  # that of its stages
        title = plain(part.get("title")).strip() or f"Exhibit {self._exhibits}"
        files = (_file(place) for place in _list(part.get("csv")))
        self.flow.append(
            _Journey(
                number=self._exhibits,
                title=rich(title),
                short=_short(title),
                subtitle=rich(part.get("subtitle")),
                map=drawn,
                note=_note(part),
                files=tuple(place for place in files if place),
                folded=part.get("folded") is True,
            )
        )
        return True

    def _drop_empty_sections(self) -> None:
        """A heading over code that shows nothing is the name of that code, not a section of the page.

        So is a heading with its lead-in, where the code below had nothing to show: this study lacks what it would show.
        """
        kept: list[_Prose | _Note | _Exhibit | _Journey] = []
        for item in reversed(self.flow):
            found, alone = None, False
            if isinstance(item, _Prose) and (found := _WHOLE_HEADING.match(item.body)):
                alone = found.end() == len(item.body) or id(item) in self._shown_nothing
            after = kept[-1] if kept else None
            follows = _WHOLE_HEADING.match(after.body) if isinstance(after, _Prose) else None
            if alone and found and (after is None or (follows and follows[1] <= found[1])):
                continue
            kept.append(item)
        self.flow = kept[::-1]


def _first_paragraph(body: Markup) -> tuple[Markup, Markup]:
    """The paragraph that opens a text, and the rest; an empty first part where something else opens it."""
    text = body.lstrip()
    if not text.startswith("<p>"):
        return Markup(""), body
    first, _, rest = text.partition("</p>")
    return Markup(first.removeprefix("<p>")), Markup(rest)


def _described(number: int) -> str:
    return f"Picture {number} of this page, without a description"


def _short(title: str) -> str:
    """A title for the contents: up to the colon or semicolon where that leaves enough to know it by.

    >>> _short("The first bill counts most and scores lowest: 57 of 100.")
    'The first bill counts most and scores lowest'
    """
    text = title.replace("**", "").rstrip(".")
    first = re.split(r"[:;]\s", text, maxsplit=1)[0]
    return first if len(first.split()) >= 3 else text


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _items(value: object) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, Mapping) else []


def _note(part: Mapping[str, Any]) -> tuple[tuple[str, Markup], ...]:
    return tuple((plain(name), rich(value)) for name, value in _items(part.get("note")) if plain(value))


def _file(place: object) -> str:
    """The CSV of an exhibit; what leads elsewhere is none."""
    return plain(place) if re.fullmatch(r"tables/[\w.-]+\.csv", plain(place)) else ""


def _number(entry: Mapping[str, Any]) -> _Number:
    change = entry.get("change")
    change = change if isinstance(change, Mapping) else {}
    reading, text = change.get("reading"), plain(change.get("text")).strip()
    word = ""
    if reading in ("better", "worse", "changed", "none"):
        word = reading_text(reading, _DIRECTIONS.get(plain(change.get("arrow"))))
    if not word or _SAID.match(text):  # the text says the reading itself
        word, text = text, ""
    return _Number(
        name=rich(entry.get("name")),
        value=rich(entry.get("value")),
        interval=rich(entry.get("interval")),
        tone=reading if reading in ("better", "worse") else "none",
        word=word,
        rest=rich(text),
    )


def _table(part: Mapping[str, Any]) -> _Table:
    columns = [entry if isinstance(entry, Mapping) else {"name": entry} for entry in _list(part.get("columns"))]
    names = tuple((plain(entry.get("name")), entry.get("align") == "l") for entry in columns)
    known = [row for row in _list(part.get("rows")) if isinstance(row, list)]
    parted = any(
        entry.get("strong") is True and entry.get("whisker") for entry in chain(*known) if isinstance(entry, Mapping)
    )
    rows = [tuple(_cell(entry, parted) for entry in row) for row in known]
    empty = _Cell(Markup(""), Markup(""), False, "")
    filled = tuple((row + (empty,) * len(names))[: len(names)] for row in rows)
    return _Table(rich(part.get("caption")), names, filled)


def _cell(value: object, parted: bool) -> _Cell:
    """One cell. Where a table parts what is meant from its context (`parted`), drawings that are not strong are grey."""
    if not isinstance(value, Mapping):
        return _Cell(rich(value), Markup(""), False, "")
    tone = value.get("tone")
    strong = value.get("strong") is True
    drawn = _drawn(value["whisker"], strong or not parted) if isinstance(value.get("whisker"), Mapping) else Markup("")
    return _Cell(rich(value.get("text")), drawn, strong, str(tone) if tone in ("better", "worse") else "")


def _drawn(part: Mapping[str, Any], strong: bool) -> Markup:
    numbers = {name: _float(part.get(name)) for name in ("estimate", "low", "high", "axis_low", "axis_high", "before")}
    estimate, first, last = numbers["estimate"], numbers["axis_low"], numbers["axis_high"]
    if estimate is None or first is None or last is None:
        return Markup("")
    return whisker(
        estimate,
        numbers["low"],
        numbers["high"],
        axis_low=first,
        axis_high=last,
        before=numbers["before"],
        label=plain(part.get("label")) or f"{estimate:g}",
        width=180,
        strong=strong,
    )


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or abs(value) == float("inf"):
        return None
    return float(value)
