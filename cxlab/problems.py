"""What is wrong with a study, said so that its owner can mend it.

One `Problem` is one thing that a person has to change (or should know). `StudyError` carries all of them at once:
the command line prints them in order of severity and ends with exit code 2, and a notebook shows the same text.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
_ORDER: dict[str, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Problem:
    """One thing to mend: where it is (file, row or key), what is wrong (with the value) and the way out."""

    where: str
    what: str
    way_out: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.way_out}" if self.way_out else "")


class StudyError(ValueError):
    """The study, its data or a parameter cannot be used as it is.

    Caught by the command line, which prints `problems` and exits with 2. Anything else that is raised is our mistake
    and keeps its traceback.
    """

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: list[Problem] = by_severity([problems] if isinstance(problems, Problem) else problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ParameterError(StudyError):
    """The value of a notebook's parameter is none that these data allow, for example a wave that was never asked.

    A run refuses a value that somebody gave; a notebook whose own default does not fit the study is not run.
    """

    def __init__(self, name: str, what: str, way_out: str = "") -> None:
        self.name = name
        super().__init__(Problem(f"parameter `{name}`", what, way_out))


class NotApplicableError(StudyError):
    """The study lacks what a notebook is about, for example questions of expectation. The notebook is not run.

    `lack` says what it needs and does not find, as in "needs answers about expectation: no item has this role".
    """

    def __init__(self, lack: str) -> None:
        super().__init__(Problem("this study", lack))

    def __str__(self) -> str:
        return self.problems[0].what


def by_severity(problems: Iterable[Problem]) -> list[Problem]:
    """Errors first, then warnings, then notes; otherwise in the order they were found."""
    return sorted(problems, key=lambda problem: _ORDER[problem.severity])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The way out after an unknown name: the likely intended one, or what there is to choose from.

    >>> did_you_mean("satisfacton", ["satisfaction", "loyalty"])
    'did you mean `satisfaction`?'
    >>> did_you_mean("x", ["satisfaction", "loyalty"])
    'known: loyalty, satisfaction'
    """
    names = sorted({str(name) for name in known})
    near = difflib.get_close_matches(str(word), names, 1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if not names:
        return "there are none"
    shown = ", ".join(names[:12])
    return f"known: {shown}" + (f" and {len(names) - 12} more" if len(names) > 12 else "")
