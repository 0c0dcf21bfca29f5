"""Pages to look at: sample notebooks and reports, and a headless Chromium that says what it sees."""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image, ImageDraw

EXHIBIT = "application/vnd.cxlab.v1+json"
REPOSITORY = Path(__file__).resolve().parents[2]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files"),
)


class Browser:
    """Headless Chromium. Every call starts it with a profile of its own and ends it."""

    def __init__(self, command: str, folder: Path) -> None:
        self.command, self.folder, self.calls = command, folder, 0

    def _run(self, *arguments: str) -> str:
        self.calls += 1
        profile = self.folder / f"profile{self.calls}"
        ended = subprocess.run(
            [self.command, *FLAGS, f"--user-data-dir={profile}", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return ended.stdout

    def dom(self, page: str) -> str:
        """The document after its scripts had time to run."""
        path = self.folder / f"page{self.calls}.html"
        path.write_text(page, "utf-8")
        return self._run("--virtual-time-budget=3000", "--dump-dom", path.as_uri())

    def _framed(self, pages: dict[str, str], width: int, script: str) -> dict[str, Any]:
        """Show each page in a frame of this width; `script` is an async function of one frame."""
        folder = self.folder / f"frames{self.calls}"
        folder.mkdir()
        frames = ""
        for number, (name, page) in enumerate(pages.items()):
            (folder / f"{number}.html").write_text(page, "utf-8")
            frames += (
                f'<iframe data-name="{html.escape(name)}" src="{number}.html" width="{width}" height="900"></iframe>'
            )
        wrapper = f"""<!DOCTYPE html><meta charset="utf-8"><style>iframe{{border:0}}</style>
            {frames}<pre id="seen"></pre><script>
            onload = async () => {{
              const look = {script}, seen = {{}};
              for (const frame of document.querySelectorAll("iframe")) seen[frame.dataset.name] = await look(frame);
              document.getElementById("seen").textContent = JSON.stringify(seen);
            }}</script>"""
        (folder / "all.html").write_text(wrapper, "utf-8")
        dumped = self._run("--virtual-time-budget=60000", "--dump-dom", (folder / "all.html").as_uri())
        found = re.search(r'<pre id="seen">(.*?)</pre>', dumped, re.S)
        assert found, "the frames were not looked at"
        assert found[1], "the frames were not looked at"
        return json.loads(html.unescape(found[1]))

    def layout(self, pages: dict[str, str], width: int) -> dict[str, dict[str, Any]]:
        """name → width of the document, what sticks out of it, numbers broken over lines, the largest type, requests."""
        script = """async (frame) => {
            const d = frame.contentDocument, w = d.documentElement.clientWidth;
            const out = [...d.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > w + 1
                && !e.closest(".scroll,pre,svg,math,.skip")).map(e => e.outerHTML.slice(0, 120));
            const texts = [...d.querySelectorAll("h1,h2,h3,p,li,td,th,dd,dt,summary")].filter(e => e.innerText.trim());
            const size = e => parseFloat(frame.contentWindow.getComputedStyle(e).fontSize);
            const most = Math.max(...texts.map(size)), least = Math.min(...texts.map(size));
            return {width: d.documentElement.scrollWidth, out, most, least,
                    broken: [...d.querySelectorAll("td,.big")].filter(e => /^[+−\\d.,%]+$/.test(e.innerText.trim()))
                        .filter(e => {
                            const words = d.createTreeWalker(e, NodeFilter.SHOW_TEXT), part = d.createRange();
                            while (words.nextNode()) {
                                part.selectNodeContents(words.currentNode);
                                if (words.currentNode.data.trim() && part.getClientRects().length > 1) return true;
                            }
                        })
                        .map(e => e.innerText),
                    largest: texts.filter(e => size(e) == most).map(e => e.innerText),
                    requests: frame.contentWindow.performance.getEntriesByType("resource")
                        .map(e => e.name).filter(n => !n.startsWith("data:"))};
        }"""
        return self._framed(pages, width, script)

    def axe(self, pages: dict[str, str], width: int, source: str) -> dict[str, list[str]]:
        """name → what axe-core finds wrong, with everything unfolded. The policy is taken out, so that axe can run."""
        unfolded = {
            name: without_policy(page)
            .replace("<details", "<details open")
            .replace("</body>", f"<script>{source}</script></body>")
            for name, page in pages.items()
        }
        script = """async (frame) => {
            const found = await frame.contentWindow.axe.run(frame.contentDocument, {resultTypes: ["violations"]});
            return found.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html.slice(0, 160)));
        }"""
        return self._framed(unfolded, width, script)


def without_policy(page: str) -> str:
    """The page without its Content-Security-Policy: the other wall has to hold alone."""
    bare, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert count == 1
    return bare


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """Headless Chromium; skips where there is none."""
    command = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if command is None:
        pytest.skip("there is no Chromium on this machine")
    return Browser(command, tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The script of axe-core from AXE_CORE or node_modules; skips where it is not installed."""
    given = os.environ.get("AXE_CORE")
    path = Path(given) if given else REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
    if not path.is_file():
        pytest.skip("axe-core is not installed (npm install --no-save axe-core, or AXE_CORE=…/axe.min.js)")
    return path.read_text("utf-8")


def png(width: int = 749, height: int = 400, *, mode: str = "RGB") -> str:
    """A picture of a dot and its interval, as base64."""
    image = Image.new(mode, (width, height), "white" if mode == "RGB" else (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.line((width * 0.3, height / 2, width * 0.7, height / 2), fill="#064573", width=6)
    draw.ellipse((width / 2 - 12, height / 2 - 12, width / 2 + 12, height / 2 + 12), fill="#064573")
    out = io.BytesIO()
    image.save(out, "png")
    return base64.b64encode(out.getvalue()).decode()


@pytest.fixture(name="png", scope="session")
def _png() -> Callable[..., str]:
    return png


def shown(part: dict[str, Any], picture: str | None = None) -> Any:
    """The output that `cxlab.exhibits` writes for one part."""
    data: dict[str, Any] = {EXHIBIT: part, "text/plain": "readable"}
    metadata = {}
    if picture is not None:
        data["image/png"] = picture
        metadata = {"image/png": {"alt": part.get("alt")}}
    return nbformat.v4.new_output("display_data", data, metadata=metadata)


def book(*cells: Any) -> Any:
    """A notebook of markdown (str), code cells (outputs as list) or finished cells, with fixed ids."""
    made = []
    for number, cell in enumerate(cells):
        if isinstance(cell, str):
            cell = nbformat.v4.new_markdown_cell(cell)
        elif isinstance(cell, list):
            cell = nbformat.v4.new_code_cell(f"show({number})", outputs=cell, execution_count=number)
        cell["id"] = f"cell-{number}"
        made.append(cell)
    return nbformat.v4.new_notebook(cells=made, metadata={"language_info": {"name": "python"}})


@pytest.fixture(name="book", scope="session")
def _book() -> Callable[..., Any]:
    return book


@pytest.fixture(name="shown", scope="session")
def _shown() -> Callable[..., Any]:
    return shown


def whisker_row(name: str, estimate: float, low: float, high: float, *, strong: bool = False) -> list[Any]:
    text = f"{estimate:+.1f}".replace("-", "−")
    drawn = {"estimate": estimate, "low": low, "high": high, "axis_low": -1, "axis_high": 8, "before": None}
    label = f"{estimate}, 95% interval {low} to {high}; axis from −1 to 8"
    interval = {
        "text": f"{low:+.1f} to {high:+.1f}",
        "strong": strong,
        "tone": None,
        "whisker": {**drawn, "label": label},
    }
    return [name, {"text": text, "strong": True, "tone": None, "whisker": None}, interval, "86%"]


def drivers_book() -> Any:
    """A page with everything: answer, numbers, pictures, tables, notes, limits, method, formulas, a log."""
    columns = [
        {"name": "Half a point better on …", "align": "l"},
        {"name": "NPS", "align": "r"},
        {"name": "95% interval", "align": "l"},
        {"name": "Can move", "align": "r"},
    ]
    rows = [
        whisker_row("First bill clear and right", 6.7, 5.4, 7.8, strong=True),
        whisker_row("Problem solved at first contact", 5.6, 4.3, 6.8),
        whisker_row("Range on offer", 0.6, -0.7, 1.9),
    ]
    wide = {
        "caption": "Every wave.",
        "columns": [{"name": "Item", "align": "l"}, *[{"name": f"Wave {i}", "align": "r"} for i in range(2015, 2025)]],
        "rows": [
            ["NPS, all customers", *[{"text": str(20 + i), "tone": "worse" if i == 9 else None} for i in range(10)]],
            ["NPS, public sector", *["n<30"] * 10],
        ],
    }
    answer = {
        "kind": "answer",
        "lead": "The first bill moves loyalty most: it carries 30% of what seven experiences explain.",
        "sentences": [
            "The 95% interval is **25 to 36%**; next is “problem solved at first contact” with 21% (16 to 27).",
            "If the link is causal, half a point better on the first bill would add 6.7 NPS points (5.4 to 7.8).",
        ],
    }
    numbers = {
        "kind": "numbers",
        "numbers": [
            {"name": "Recommend (NPS)", "value": "24", "interval": "21 to 27",
             "change": {"reading": "worse", "arrow": "down", "text": "than 30"}},
            {"name": "Satisfied (CSAT)", "value": "74%", "interval": "72 to 76",
             "change": {"reading": "none", "arrow": "", "text": "from 76%"}},
            {"name": "Easy (CES, 1 to 7)", "value": "5.1", "interval": "5.0 to 5.2", "change": None},
        ],
    }  # fmt: skip
    alt = "Dot plot of importance with 95% intervals: first bill 30% (25 to 36), range on offer 5% (3 to 8)."
    note = {"Base": "2,214 customers who rated all seven", "Test": "LMG shares; 1,000 resamples"}
    parameters = nbformat.v4.new_code_cell('study: str = "demo"\nn_boot: int = 1000', metadata={"tags": ["parameters"]})
    injected = nbformat.v4.new_code_cell("n_boot = 200", metadata={"tags": ["injected-parameters"]}, execution_count=2)
    return book(
        "# Loyalty drivers: what moves loyalty, how surely, and what if it improved?\n\nSeven experiences, one question.",
        parameters,
        injected,
        "## Load and compute",
        [nbformat.v4.new_output("stream", name="stderr", text="a warning from a library\n")],
        "## The answer in figures",
        [shown(answer)],
        [shown(numbers), shown({"kind": "facts", "facts": {"Base": "2,214 answers"}})],
        "## What counts most\n\nLook for intervals that do not touch. Importance is $\\frac{1}{p!}\\sum_{o} \\Delta R^2$:\n\n"
        "$$\\hat\\beta = (X^\\top W X)^{-1} X^\\top W y$$\n\n| word | meaning |\n|---|---|\n| LMG | a mean over orders |",
        [shown({"kind": "exhibit", "title": "A clear first bill carries 30% of explained loyalty; range carries 5%.",
                "subtitle": "Share of explained variance, dot and 95% interval", "note": note, "table": None,
                "csv": "tables/07_loyalty_drivers_importance.csv", "alt": alt}, png())],
        "The table says the same for what could be done.",
        [shown({"kind": "exhibit", "title": "Half a point better on the first bill would go with 6.7 more NPS points.",
                "subtitle": "Change in NPS, points, if the association is causal", "note": note, "csv": None, "alt": None,
                "table": {"caption": "Each row raises one experience.", "columns": columns, "rows": rows}})],
        [shown({"kind": "exhibit", "title": "NPS rose in nine of ten waves.", "subtitle": "", "note": {"Base": "all"},
                "table": wide, "csv": None, "alt": None})],
        [shown({"kind": "note", "text": "Public sector is **not shown**: n<30.", "bad": False})],
        [shown({"kind": "limits", "items": [
            {"lead": "Not proof of cause.", "text": "People who like us rate everything higher."},
            {"lead": "Not those who were silent.", "text": "22% answered."}]})],
        "## Method, weights and missing answers\n\nLikelihood to recommend on seven ratings; `n_boot` resamples of accounts.",
        "## Record",
        [],
    )  # fmt: skip


@pytest.fixture(name="drivers_book")
def _drivers_book() -> Any:
    return drivers_book()


def finding(name: str, estimate: float | None, half: float = 3.0, **fields: Any) -> dict[str, Any]:
    """One finding as `cxlab.findings.record` writes it; `half` is half its interval."""
    known = estimate is not None
    return {
        "name": name, "notebook": "08_experience_tracking", "level": "all", "target": None, "owner": None,
        "unit": "points", "better": "higher", "definition": None, "comparable": "independent",
        "label": name.replace("_", " "), "key": False,
        "estimate": estimate, "std_error": half / 1.96 if known else None,
        "conf_low": estimate - half if estimate is not None else None,
        "conf_high": estimate + half if estimate is not None else None,
        "conf_level": 0.95, "n": 2214 if known else 12, "reason": None if known else "n<30", "headline": "",
    } | fields  # fmt: skip


@pytest.fixture(name="finding", scope="session")
def _finding() -> Callable[..., dict[str, Any]]:
    return finding


def entry(name: str, title: str, **fields: Any) -> dict[str, Any]:
    """One notebook of a manifest."""
    return {
        "name": name, "title": title, "status": "ok", "reason": None, "seconds": 1.0, "page": "good", "answer": "",
        "summary_rank": 50, "carried": False, "parameters": {"conf_level": 0.95}, "products": {}, "key": "k",
    } | fields  # fmt: skip


@pytest.fixture(name="entry", scope="session")
def _entry() -> Callable[..., dict[str, Any]]:
    return entry


def manifest(*entries: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The manifest of a report with these notebooks."""
    return {
        "study": "demo", "study_name": "Demo subscription company", "simulated": True, "source_note": "",
        "period": "2026-Q3", "period_words": "1 July to 30 September 2026", "draft": None,
        "published": "2026-10-03T06:12:00Z", "lead": "", "notebooks": list(entries),
        "inputs": {"study.toml": "0", "survey_a.csv": "1", "survey_b.csv": "2", "decisions/actions.csv": "3"},
        "rows": {"rows": 20_123, "kept": 20_000, "rejected": 123}, "data_until": "2026-09-29",
        "git_commit": "4f2a9c1", "versions": {"cxlab": "0.1.0", "python": "3.12.1"},
    } | fields  # fmt: skip


@pytest.fixture(name="manifest", scope="session")
def _manifest() -> Callable[..., dict[str, Any]]:
    return manifest


def full_report() -> dict[str, Any]:
    """Arguments of `render_index` for a report with everything: three levels, all readings, failures."""
    from cxlab.report.changes import compare_findings

    segment = {"level": "segment", "label": "NPS"}
    after = [
        finding("nps", 24, key=True, label="Recommend (NPS)", owner="Chief Customer Officer",
                headline="Net Promoter Score is **24**, between 21 and 27."),
        finding("csat", 74, 2, unit="%", key=True, label="Satisfied (CSAT)", owner="Head of Service"),
        finding("ces", 5.1, 0.1, unit="1 to 7", key=True, label="Easy (CES)", owner="Head of Customer Care", n=2190),
        finding("promise_bill", 61, 3, unit="%", key=True, label="First bill as promised", owner="Head of Billing", n=1043),
        finding("importance_bill", 30, 5, unit="%", better=None, label="Importance of the first bill",
                notebook="07_loyalty_drivers", headline="A clear first bill is the strongest driver of loyalty: **30%** of "
                "what seven experiences explain."),
        finding("days_to_pay", 34.2, 2.5, unit="days", better="lower", label="Days to pay", comparable="overlapping"),
        finding("calls", 1.4, 0.1, unit="", better=None, label="Calls per customer"),
        finding("churn", 4.1, 0.4, unit="%", better="lower", label="Left within the quarter"),
        finding("nps", 3, 6, target="Value seekers", n=820, owner="Head of Value Plans", **segment),
        finding("nps", 41, 6, target="Frequent users", n=627, owner="Head of Product", **segment),
        finding("nps", 22, 16, target="Newcomers", n=92, owner="Head of Onboarding", **segment),
        finding("nps", None, target="Public sector", owner="Head of Key Accounts", level="account", label="NPS"),
        finding("detractor_accounts", 20, 11, level="account", unit="%", better="lower", n=46, notebook="10_actions",
                headline="**9 of 46** key accounts have a decision maker who would not recommend us."),
    ]  # fmt: skip
    before = [
        finding("nps", 30, label="Recommend (NPS)"),
        finding("csat", 76, 2, unit="%"),
        finding("ces", 4.9, 0.1, unit="1 to 7"),
        finding("promise_bill", 70, 3, unit="%"),
        finding("days_to_pay", 35.0, 2.5, unit="days", better="lower", comparable="overlapping"),
        finding("calls", 1.9, 0.1, unit=""),
        finding("churn", 3.2, 0.3, unit="%", better="lower"),
        finding("nps", 20, 6, target="Value seekers", **segment),
        finding("nps", 40, 6, target="Frequent users", **segment),
        finding("nps", 23, 16, target="Newcomers", **segment),
        finding("nps", None, target="Public sector", level="account"),
        finding("detractor_accounts", 17, 10, level="account", unit="%", better="lower"),
        finding("fax_use", 2, 1, unit="%", label="Customers who fax"),
    ]
    entries = [
        entry("00_data_health", "Data health: are the data fit to be believed?", answer="Fit: 96% of answers match."),
        entry("06_voice_of_customer", "Voice of the customer: what do they say?", status="failed", page="banner",
              reason="KeyError: the comments file has no column `comment_text`"),
        entry("07_loyalty_drivers", "Loyalty drivers: what moves loyalty?", answer="The first bill moves loyalty most: 30%.",
              summary_rank=20),
        entry("08_experience_tracking", "Experience tracking: did NPS, CSAT, CES move, where and why?", summary_rank=10,
              answer="Loyalty fell: NPS is 24, six points lower than last quarter."),
        entry("09_value_retention", "Value and retention: what is loyalty worth?", status="skipped", page="none",
              reason="needs transactions: the study has no such source"),
        entry("10_actions", "Actions: did last period’s actions work?", answer="3 of 5 actions are done.", status="failed",
              reason="kernel died"),
    ]  # fmt: skip
    return {
        "manifest": manifest(*entries),
        "findings": after,
        "changes": compare_findings(before, after),
        "previous": "2026-Q2",
    }


@pytest.fixture(name="full_report")
def _full_report() -> dict[str, Any]:
    return full_report()
