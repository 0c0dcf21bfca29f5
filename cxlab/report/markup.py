"""What a notebook, and through it a customer's comment, may put into a page.

Everything that is shown comes from outside: cells, outputs, the words of customers in tables. Each function here takes one
kind of it and returns markup that cannot run, load or restyle anything. The Content-Security-Policy of the pages is a second
wall; neither relies on the other. What cannot be read is answered with None, and the page says so: nothing here raises for
the content it is given.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.etree import ElementTree

import latex2mathml.exceptions
import nh3
from latex2mathml.converter import convert as tex_to_mathml
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image, UnidentifiedImageError
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

PICTURE_WIDTH = 620
"""The widest a picture is shown, in CSS pixels; those of `cxlab.charts` have 749 for sharp screens."""

_TAGS = {
    *(
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "div",
    ),
    *(
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
    ),
    *("s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead"),
    *("tr", "u", "ul", "var"),
}
_SPAN = {"colspan", "rowspan"}
_ATTRIBUTES = {
    **{tag: {"id"} for tag in ("table", "caption", "tr")},
    **{tag: {"id", "style", *_SPAN} for tag in ("td", "th")},
    "a": {"href"},
    "ol": {"start"},
}
_LINK = re.compile(r"https://|mailto:|(?!/)[\w./-]+\.(?:html|csv|json|ipynb)$")
_STYLER_ID = re.compile(r"T_\w{1,80}$")
_STYLER = re.compile(r"\s*<style type=[\"']text/css[\"']>([^<]*)</style>")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SELECTOR = re.compile(r"#T_\w+(?:[ .:]+[\w-]+)*$")
_DECLARATION = re.compile(
    r"(?:(?:background-)?color|background|width|font-(?:weight|style|size)|text-(?:align|decoration)|white-space"
    r"|(?:border|padding)(?:-\w+)*)\s*:\s*(?:[\w\s#%.,-]|(?:rgba?|hsla?|linear-gradient)\(|\))+$"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_PATH = re.compile(r"(?<![\w:/.<])(?:[A-Za-z]:\\(?:[^\s\\:\"'<>|]+\\)+|/(?:[^\s/:\"'<>]+/)+)")
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_DISPLAY_MATH = re.compile(r"\$\$(.+?)\$\$", re.S)
_INLINE_MATH = re.compile(r"(?<![\\$\w])\$(?=\S)([^$\n]+?)(?<=\S)\$(?![\w$])")
_MATH_TAGS = {
    *(
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "mtext",
        "mspace",
        "mfrac",
        "msqrt",
        "mroot",
        "msub",
        "msup",
        "msubsup",
        "mover",
    ),
    *("munder", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose"),
}
_MATH_ATTRIBUTES = {"display", "stretchy", "accent", "fence", "form", "linethickness", "columnalign", "mathvariant"}
_MATH_ATTRIBUTES |= {
    "width",
    "displaystyle",
    "scriptlevel",
    "minsize",
    "maxsize",
    "notation",
    "separator",
    "movablelimits",
}
_TEX_ERRORS: tuple[type[Exception], ...] = (
    *(error for error in vars(latex2mathml.exceptions).values() if isinstance(error, type)),
    ElementTree.ParseError, ValueError, LookupError, AttributeError, RecursionError, StopIteration, TypeError,
)  # fmt: skip
_MATH_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"


def plain(value: object) -> str:
    """Text as it is shown: no terminal colours, no control characters; anything but text and numbers is empty.

    >>> plain("a\\x1b[31mb"), plain(3), plain(None), plain(["x"])
    ('ab', '3', '', '')
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _CONTROL.sub("", _ANSI.sub("", str(value)))


_UNBROKEN = re.compile(r"\b(?:\d{4}-(?:Q[1-4]|W\d\d|\d\d(?:-\d\d)?)|n \d[\d,]*)\b|&lt; 0\.\d+")


def rich(value: object) -> Markup:
    """Text in which `**…**` is bold, and nothing else means anything. Periods and bases are not broken over lines.

    >>> rich("**NPS** <b>24</b>")
    Markup('<b>NPS</b> &lt;b&gt;24&lt;/b&gt;')
    >>> rich("in 2026-Q3")
    Markup('in <span class="nw">2026-Q3</span>')
    """
    text = _UNBROKEN.sub(r'<span class="nw">\g<0></span>', html.escape(plain(value), quote=True))
    return Markup(re.sub(r"\*\*(?=\S)(.+?)(?<=\S)\*\*", r"<b>\1</b>", text))


def printed(value: object) -> str:
    """What a cell printed, without what differs from machine to machine: directories and addresses in memory.

    >>> printed("File /home/ana/work/a.py, <Axes at 0x7f2a>")
    'File …/a.py, <Axes>'
    """
    return _ADDRESS.sub("", _PATH.sub(lambda found: "…" + found[0][-1], plain(value)))


def reason_words(value: object) -> Markup:
    """Why something failed, for a reader: no directories, and names in backticks as code.

    >>> reason_words("no column `comment_text`")
    Markup('no column <code>comment_text</code>')
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(printed(value))))


def code(source: str, language: str = "python") -> Markup:
    """Source text with its keywords, strings and comments marked."""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        lexer = get_lexer_by_name("text")
    return Markup(highlight(plain(source), lexer, HtmlFormatter(nowrap=True)).rstrip("\n"))


def figure_text(value: float) -> str:
    """A number on an axis.

    >>> figure_text(-20.0), figure_text(0.25)
    ('−20', '0.25')
    """
    return f"{value:g}".replace("-", "−")


@dataclass
class Headings:
    """The headings of a page: one h1, no skipped level, ids of our own making, and the contents that follow from them."""

    title: str = ""
    contents: list[tuple[str, str]] = field(default_factory=list)
    level: int = 1
    count: int = 0
    taken: set[str] = field(default_factory=set)  # ids of styled tables

    def opened(self, level: int) -> int:
        """The level that a heading gets: h1 is taken, and none is skipped on the way down."""
        self.level = max(2, min(level, self.level + 1))
        return self.level

    def anchor(self, text: str) -> str:
        """A new id; it begins with a number, so it equals no other."""
        self.count += 1
        words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50].strip("-")
        return f"s{self.count}-{words}" if words else f"s{self.count}"


class _Renderer(IPythonRenderer):
    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Neither fetched nor looked for among the attachments: it is counted when the text is cleaned."""
        return "<img>"


def from_markdown(source: object, headings: Headings, *, listed: bool = False) -> Markup:
    """Markdown as markup. The page's title is taken from the first h1 of a `listed` text, its h2 enter the contents."""
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    markup = str(MarkdownWithMath(renderer=renderer).render(source if isinstance(source, str) else ""))
    return _finished(markup, headings, {}, listed=listed, math=True)


def from_html(source: object, headings: Headings) -> Markup:
    """HTML of an output, cleaned. The rules of a pandas Styler are kept where they only colour and align."""
    markup = source if isinstance(source, str) else ""
    found = _STYLER.match(markup)
    rules = _styler_rules(found[1]) if found else ""
    names: dict[str, str] = {}
    for name in re.findall(r"#(T_[0-9A-Za-z]+)", rules):  # drawn at random by pandas: the same table is the same bytes
        if name not in names:
            headings.count += 1
            names[name] = f"T_{headings.count}"
    rules = re.sub(r"#(T_[0-9A-Za-z]+)", lambda name: f"#{names[name[1]]}", rules)
    body = _finished(markup[found.end() :] if found else markup, headings, names, listed=False, math=False)
    return Markup(f"<style>{rules}</style>" if rules else "") + body


def is_empty(markup: str) -> bool:
    """Whether nothing is left to be read."""
    return not re.sub(r"<style>.*?</style>|<[^>]*>|&nbsp;|\s", "", markup, flags=re.S)


def _styler_rules(css: str) -> str:
    """Those rules that speak about their own table and can neither load nor move anything."""
    kept = []
    for selectors, body in _RULE.findall(css):
        declarations = [part.strip() for part in body.split(";") if part.strip()]
        own = all(_SELECTOR.match(selector.strip()) for selector in selectors.split(","))
        safe = [part for part in declarations if _DECLARATION.match(part) and "url" not in part.lower()]
        if own and safe:
            kept.append(f"{' '.join(selectors.split())}{{{';'.join(safe)}}}")
    return "\n".join(kept)


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "id":
        return value if _STYLER_ID.match(value) else None
    if name in ("start", *_SPAN):
        return value if value.isdecimal() and len(value) < 4 else None
    return value


def _finished(markup: str, headings: Headings, names: dict[str, str], *, listed: bool, math: bool) -> Markup:
    pictures = len(re.findall(r"<img\b", markup))
    cleaned = nh3.clean(
        _CONTROL.sub("", markup),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        filter_style_properties={"text-align"},
        clean_content_tags={"script", "style", "title", "textarea", "iframe", "noscript", "template"},
        url_schemes={"https", "mailto"},
        link_rel="noopener noreferrer",
    )
    finish = _Finish(headings, names, listed=listed, math=math)
    finish.feed(cleaned)
    finish.close()
    note = ""
    if pictures:
        noun = "One picture in this text is" if pictures == 1 else f"{pictures} pictures in this text are"
        note = f'<p class="small muted">{noun} not shown: a page holds pictures that a cell draws, no others.</p>'
    return Markup("".join(finish.parts) + note)


class _Finish(HTMLParser):
    """Write clean markup again with what a page needs: heading levels and ids, scopes of table headers, formulas.

    Text and attributes are escaped anew on the way, so this pass cannot undo the cleaning.
    """

    def __init__(self, headings: Headings, names: dict[str, str], *, listed: bool, math: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.headings, self.names, self.listed, self.math = headings, names, listed, math
        self.framed = math  # tables in text may be wider than a phone; those of outputs are framed with their output
        self.open: list[str] = []
        self.heading: tuple[int, int, list[str]] | None = None  # original level, where it starts in parts, its text
        self.header_cell: tuple[int, str] | None = (
            None  # an open <th> without text so far: where it starts, its attributes
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = [(name, self._own_id(value or "") if name == "id" else value) for name, value in attrs]
        written = "".join(f' {name}="{html.escape(value)}"' for name, value in own if value)
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self.heading = (int(tag[1]), len(self.parts), [])
        elif tag == "th":
            self.header_cell = (len(self.parts), written)
            scope = "col" if "thead" in self.open else "row"
            self.parts.append(f'<th scope="{scope}"{written}>')
        elif tag == "pre":
            self.parts.append('<pre tabindex="0">')
        elif tag == "table" and self.framed:
            self.parts.append(
                f'<div class="scroll words" tabindex="0" role="group" aria-label="Table"><table{written}>'
            )
        else:
            self.parts.append(f"<{tag}{written}>")
        if tag not in ("br", "hr", "col"):
            self.open.append(tag)

    def _own_id(self, value: str) -> str:
        """The id that a rule of this output speaks about, under its new name; every other id goes, and one that is taken."""
        first, _, rest = value.removeprefix("T_").partition("_")
        name = self.names.get(f"T_{first}")
        new = f"{name}_{rest}" if name and rest else name or ""
        if new in self.headings.taken:
            return ""
        self.headings.taken.add(new)
        return new

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self._close_heading()
        elif tag == "th" and self.header_cell is not None:  # an empty header heads nothing
            self.parts[self.header_cell[0]] = f"<td{self.header_cell[1]}>"
            self.parts.append("</td>")
            self.header_cell = None
        else:
            self.parts.append("</table></div>" if tag == "table" and self.framed else f"</{tag}>")

    def _close_heading(self) -> None:
        if self.heading is None:
            return
        level, start, words = self.heading
        self.heading = None
        text = " ".join("".join(words).split())
        inner = "".join(self.parts[start:])
        del self.parts[start:]
        if not text:
            return
        if self.listed and level == 1 and not self.headings.title:
            self.headings.title = text
            return
        level = self.headings.opened(level)
        anchor = self.headings.anchor(text)
        if self.listed and level == 2:
            self.headings.contents.append((anchor, text))
        self.parts.append(f'<h{level} id="{anchor}">{inner}</h{level}>')

    def handle_data(self, data: str) -> None:
        if self.heading is not None:
            self.heading[2].append(data)
        if data.strip():
            self.header_cell = None
        if self.math and "$" in data and not {"code", "pre", "a"} & set(self.open):
            self.parts.append(with_formulas(data))
        else:
            self.parts.append(html.escape(data, quote=False))


def with_formulas(text: str) -> Markup:
    """Plain text whose `$…$` and `$$…$$` are formulas; what is no readable TeX stays as it was typed.

    >>> with_formulas("between $5 and $6")
    Markup('between $5 and $6')
    """
    return Markup(_between(text, _DISPLAY_MATH, "block", lambda rest: _between(rest, _INLINE_MATH, "inline", _escaped)))


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _between(text: str, pattern: re.Pattern[str], display: str, otherwise: Callable[[str], str]) -> str:
    parts, at = [], 0
    for found in pattern.finditer(text):
        formula = _mathml(found[1].strip(), display)
        parts += [otherwise(text[at : found.start()]), _escaped(found[0]) if formula is None else formula]
        at = found.end()
    return "".join(parts) + otherwise(text[at:])


def _mathml(tex: str, display: str) -> str | None:
    """One formula, or None where it is no TeX that can be shown. Built anew from the few tags and attributes of formulas."""
    if len(tex) > 2000:
        return None
    try:
        return _rewritten(ElementTree.fromstring(tex_to_mathml(tex, display=display)))
    except _TEX_ERRORS:
        return None


def _rewritten(element: ElementTree.Element) -> str:
    tag = element.tag.removeprefix(_MATH_NAMESPACE)
    if tag not in _MATH_TAGS:
        raise ValueError(f"{tag} has no place in a formula")
    written = "".join(
        f' {name}="{html.escape(value)}"' for name, value in sorted(element.attrib.items()) if name in _MATH_ATTRIBUTES
    )
    inside = _escaped(element.text or "") + "".join(_rewritten(child) + _escaped(child.tail or "") for child in element)
    return f"<{tag}{written}>{inside}</{tag}>"


@dataclass(frozen=True)
class Picture:
    """A picture that was decoded and encoded again: `source` for src, `width` and `height` as shown (CSS pixels)."""

    source: str
    width: int
    height: int


def picture(data: object) -> Picture | None:
    """PNG, JPEG, GIF or WebP data (base64) as a PNG of at most 256 colours; None where it is no picture."""
    if not isinstance(data, str):
        return None
    try:
        with Image.open(io.BytesIO(base64.b64decode(data)), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            flat = _on_white(image)
    except (binascii.Error, UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return None
    out = io.BytesIO()
    flat.quantize(256).save(out, "png", optimize=True)
    width = min(PICTURE_WIDTH, flat.width)
    height = max(1, round(flat.height * width / flat.width))
    return Picture("data:image/png;base64," + base64.b64encode(out.getvalue()).decode(), width, height)


def _on_white(image: Image.Image) -> Image.Image:
    """What is transparent is paper, not black."""
    layered = image.convert("RGBA")
    paper = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(paper, layered).convert("RGB")


def drawing(data: object) -> str | None:
    """An SVG for the src of an img element, in which browsers neither run scripts nor load anything; None for no SVG."""
    text = data if isinstance(data, str) else ""
    if "<svg" not in text:
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode("utf-8", "replace")).decode()
