"""A small project to run things in: two tracking waves of 120 answers, customers, and the committed notebooks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from cxlab.report.notebook_format import nbformat

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA = REPOSITORY.parent / "shared" / "data"
LONG_FILES = (  # the simulated company is made for the first, while other processes do what needs none
    "tests/test_planted_truth.py",
    "tests/report/test_run.py",
    "tests/test_sfo.py",
    "tests/test_real_studies.py",
    "tests/journeys/test_engines.py",
    "tests/segments/test_latent_class.py",
    "tests/segments/test_typing_tool.py",
    "tests/test_cli.py",
    "tests/report/test_notebooks.py",
    "tests/journeys/test_tempo.py",
    "tests/journeys/test_moments.py",
    "tests/journeys/test_onward.py",
    "tests/journeys/test_real_logs.py",
    "tests/test_demo.py",
    "tests/segments/test_cross_check.py",
    "tests/segments/test_kmeans.py",
    "tests/segments/test_needs.py",
)
"""What takes longest, in the order in which several processes begin with it: none is left alone with a long one at the end."""

STUDY = """
[study]
name = "Acme"
timezone = "Europe/Paris"
currency = "EUR"
language = "en"

[sources.responses]
path = "survey_*.csv"
survey = "tracking"
perspective = "customer"
columns = {response_id = "ID", customer_id = "CUSTOMER", submitted_at = "DATE", wave = "WAVE"}
missing = [99]

[sources.customers]
path = "customers.csv"
columns = {customer_id = "CUSTOMER"}

[touchpoints.app]
label = "App"
owner = "Head of Digital"

[items.recommend]
question = "How likely are you to recommend us?"
role = "loyalty"
scale = [0, 10]

[items.satisfied]
question = "How satisfied are you overall?"
role = "satisfaction"
scale = [1, 5]

[items.app_good]
question = "How satisfied are you with the app?"
role = "satisfaction"
scale = [1, 5]
touchpoint = "app"

[run]
every = "quarter"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run in several processes the long files come first (with `--no-loadscope-reorder`, else by their number)."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        places = {name: number for number, name in enumerate(LONG_FILES)}
        items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def write_survey(folder: Path, n: int = 120) -> None:
    """Two quarterly waves; recommendation is about a point lower in the second."""
    rng = np.random.default_rng(5)
    for quarter, month, shift in (("2026-Q2", "05", 0), ("2026-Q3", "08", 2)):
        pd.DataFrame(
            {
                "ID": [f"{quarter[-1]}{i:03d}" for i in range(n)],
                "CUSTOMER": [f"C{i:03d}" for i in range(n)],
                "DATE": [f"2026-{month}-{1 + i % 28:02d}" for i in range(n)],
                "WAVE": quarter,
                "recommend": np.clip(rng.integers(5, 11, n) - shift, 0, 10),
                "satisfied": rng.integers(2, 6, n),
                "app_good": np.where(rng.random(n) < 0.1, 99, rng.integers(1, 6, n)),
            }
        ).to_csv(folder / f"survey_{quarter}.csv", index=False)
    pd.DataFrame({"CUSTOMER": [f"C{i:03d}" for i in range(n + 30)], "plan": ["basic", "plus"] * (n // 2 + 15)}).to_csv(
        folder / "customers.csv", index=False
    )


@pytest.fixture(scope="session")
def company_size() -> int:
    """How many customers the simulated company of the tests has."""
    return 9_000


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory, company_size: int) -> Path:
    """A small simulated company as `cxlab demo` leaves it: every notebook run for its last two periods. Not to be changed.

    Where tests run in several processes the first to need it makes it, and the others wait.
    """
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    shared = tmp_path_factory.getbasetemp() if alone else tmp_path_factory.getbasetemp().parent
    root = shared / "company"
    with FileLock(shared / "company.lock"):
        if not (root / "made").exists():
            _make_company(root, company_size)
            (root / "made").touch()
    return root


def _make_company(root: Path, customers: int) -> None:
    shutil.copytree(REPOSITORY / "notebooks", root / "notebooks")
    (root / "data/raw").mkdir(parents=True)
    made = subprocess.run(
        [sys.executable, "-m", "cxlab", "demo", "--customers", str(customers)],
        cwd=root, env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    assert made.stdout.rstrip().endswith("reports/demo/2026-Q3/index.html")


@pytest.fixture
def own_company(company: Path, tmp_path: Path) -> Path:
    """A copy of the small simulated company that a test may change."""
    return Path(shutil.copytree(company, tmp_path / "company", symlinks=True))


@pytest.fixture(scope="session")
def make_project() -> Callable[[Path], Path]:
    """Write a project root with the committed notebooks and the study `acme`."""

    def make(root: Path) -> Path:
        folder = root / "data" / "raw" / "acme"
        folder.mkdir(parents=True)
        shutil.copytree(REPOSITORY / "notebooks", root / "notebooks")
        (folder / "study.toml").write_text(STUDY, "utf-8")
        write_survey(folder)
        return root

    return make


@pytest.fixture
def project(make_project: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A project root with the committed notebooks and the study `acme`."""
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def add_notebook() -> Callable[..., Path]:
    """Write a small notebook: sources of code cells (the first is the parameters cell) and its cxlab metadata."""

    def add(root: Path, name: str, *cells: str, title: str = "A question", **cxlab: object) -> Path:
        book = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}, "cxlab": cxlab}
        )
        book.cells = [nbformat.v4.new_markdown_cell(f"# {title}")] + [nbformat.v4.new_code_cell(cell) for cell in cells]
        book.cells[1].metadata["tags"] = ["parameters"]
        path = root / "notebooks" / f"{name}.ipynb"
        nbformat.write(book, path)
        return path

    return add


@pytest.fixture
def sfo_raw() -> Path:
    """The nine raw files of the airport survey; skips where they are absent."""
    folder = REAL_DATA / "survey" / "sfo_raw"
    if not folder.is_dir():
        pytest.skip("the real passenger survey is not on this machine")
    return folder


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    """Every file under a folder with its bytes: to show that nothing changed."""
    return lambda folder: {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
