"""The doors to the house: locks, conda environment, Makefile, and what must not stand in a committed file."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONDA_NAMES = {  # conda-forge's name for the same thing
    "python-duckdb": "duckdb",
    "matplotlib-base": "matplotlib",
    "python-tzdata": "tzdata",
    "ibis-duckdb": "ibis-framework",
}


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return {canonicalize_name(n): v for n, v in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.M)}


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_environment_yml_holds_the_dependencies_of_pyproject_with_the_same_versions() -> None:
    wanted = {canonicalize_name(r.name): r.specifier for r in map(Requirement, PROJECT["project"]["dependencies"])}
    listed = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    found = {canonicalize_name(CONDA_NAMES.get(r.name, r.name)): r.specifier for r in map(Requirement, listed)}
    assert found.pop("python") == SpecifierSet(PROJECT["project"]["requires-python"])
    assert found == wanted


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_dependency_is_pinned_inside_its_declared_range(lock: str) -> None:
    pinned = _locked(lock)
    for requirement in map(Requirement, PROJECT["project"]["dependencies"]):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, requirement.name


def test_the_development_lock_pins_what_the_report_lock_pins_and_adds_the_extras() -> None:
    report, development = _locked("requirements.lock"), _locked("requirements-dev.lock")
    assert {name: development.get(name) for name in report} == report
    assert {"pyspark", "psycopg", "dask"} <= set(development) - set(report)


def test_no_committed_file_names_a_package_registry() -> None:
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("deb", "debian"), ("anaconda", "org")]
    pattern = re.compile("|".join(re.escape(".".join(parts)) for parts in hosts))  # joined here, so not named here
    assert [str(path) for path in _tracked() if pattern.search(path.read_text("utf-8", errors="replace"))] == []


def test_notebooks_are_committed_without_outputs_and_with_one_parameters_cell() -> None:
    import nbformat

    for path in _tracked():
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, 4).cells
            code = [cell for cell in cells if cell.cell_type == "code"]
            assert not any(cell.outputs or cell.execution_count for cell in code), path
            assert sum("parameters" in cell.metadata.get("tags", []) for cell in code) == 1, path


def test_the_first_shell_block_of_the_readme_is_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"```(?:sh|bash|shell|console)\n(.*?)```", readme, re.S)
    assert block is not None
    assert block[1].split("\n") == ["make report", "make test", ""]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_says_what_to_install_when_no_usable_python_is_found(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    ended = subprocess.run(
        ["make", "report", "PYTHON=/nonexistent/python3"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "needs Python 3.11" in ended.stdout
    assert "PYTHON=/nonexistent/python3" in ended.stdout
    assert not (tmp_path / ".venv").exists()
