"""study.toml: one file that says what a company's exports mean.

`load_config` reads and validates the whole file and refuses with every mistake at once: key, value, what was expected,
and for a near miss the likely intended name. Nothing here opens a data file.
"""

from __future__ import annotations

import re
import tomllib
import typing
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from cxlab.period import Period
from cxlab.problems import Problem, StudyError, did_you_mean

TABLES = ("customers", "accounts", "events", "responses", "invitations", "comments", "transactions", "agents")
STAGES = ("awareness", "purchase", "onboarding", "usage", "support", "renewal", "termination")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

Role = Literal[
    "satisfaction", "expectation", "importance", "need", "effort", "goal", "enjoyment", "problem", "emotion",
    "image", "attitude", "loyalty", "wallet_rank",
]  # fmt: skip
Window = Literal["period", "to_date", "latest_wave"]
Perspective = Literal["customer", "staff"]
Survey = Literal["deep_dive", "event", "tracking"]


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text)]  # `wave = 2018` is read as "2018"
Code = str | int | float


class Section(BaseModel):
    """A part of study.toml: unknown keys are refused, values are not converted behind the author's back."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudySection(Section):
    """[study]: who is studied, and how times and money are read."""

    name: str
    timezone: str = "UTC"
    currency: str = "EUR"
    language: str = "en"
    simulated: bool = False
    source_note: str = ""
    regions: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = ["US", "GB"]  # whose telephone numbers are masked

    @model_validator(mode="after")
    def _zone_exists(self) -> StudySection:
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"timezone `{self.timezone}` is unknown; write for example Europe/Paris or UTC") from error
        return self


class EngineSection(Section):
    """[engine]: where events are computed. Passwords come from the environment, never from this file."""

    url: str = "duckdb://"


class FileOptions(Section):
    """What may differ from file to file, or from wave to wave, of one source."""

    columns: dict[str, str] = {}
    missing: list[Code] | None = None
    missing_by_item: dict[str, list[Code]] = {}
    recode: dict[str, dict[str, Code]] = {}
    wave: Text | None = None
    period: Text | None = None
    survey: Survey | None = None
    perspective: Perspective | None = None
    touchpoint: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    date_formats: list[str] | None = None
    timezone: str | None = None
    sheet: str | int | None = None
    source: str | None = None


_OF_FILES = ("format", "labels", "lifecycle", "header_rows", "encoding", "delimiter", "sheet", "files")
_OF_DATABASES = ("query", "table_name", "refresh")


class Source(FileOptions):
    """[sources.NAME]: one kind of export. `columns` maps canonical names (left) to those in the file (right).

    It is read from files (`path`) or from a database (`url`, with `query` or `table_name`).
    """

    path: str | None = None
    url: str | None = None
    query: str | None = None
    table_name: str | None = None
    refresh: Literal["always", "never"] = "always"  # never: the rows that were kept when the database was last asked
    table: str | None = None
    format: Literal["auto", "csv", "excel", "parquet", "spss", "xes"] = "auto"
    labels: list[str] | None = None  # columns of an SPSS file that are read as their value labels
    lifecycle: list[str] | None = Field(default=None, min_length=1)  # transitions of an XES log that are kept as rows
    layout: Literal["wide", "long"] = "wide"
    item_col: str = "item"
    score_col: str = "score"
    header_rows: Literal["auto", "one", "qualtrics"] = "auto"
    window: Window | None = None
    id_prefix: str = ""
    id_from_row: bool = False
    keep: list[str] | None = None
    drop: list[str] = []
    mask: list[str] = []
    files: dict[str, FileOptions] = {}
    waves: dict[str, FileOptions] = {}

    @model_validator(mode="after")
    def _is_files_or_a_database(self) -> Source:
        if self.path is None and self.url is None:
            raise ValueError("says neither `path` nor `url`; add `path` for files, or `url` and `query` for a database")
        if self.path is not None and self.url is not None:
            raise ValueError("says both `path` and `url`; a source is files or a database: make it two sources")
        strangers = [key for key in (_OF_DATABASES if self.url is None else _OF_FILES) if key in self.model_fields_set]
        if strangers:
            kind, own = ("a database", "url") if self.url is None else ("files", "path")
            raise ValueError(f"`{strangers[0]}` is said of {kind} (`{own}`); leave it out")
        if self.url is not None and (self.query is None) == (self.table_name is None):
            said = "neither `query` nor `table_name`" if self.query is None else "both `query` and `table_name`"
            raise ValueError(f'with `url` it says {said}; say one: query = "SELECT …" or table_name = "schema.table"')
        return self


class Item(Section):
    """[items.NAME]: one question. `column` is its column in the exports where that is not the item's own name."""

    question: str
    role: Role
    scale: tuple[float, float] | None = None
    touchpoint: str | None = None
    column: str | None = None
    reversed: bool = False
    high_is_easy: bool = True
    label: str = ""
    kind: Literal["functional", "emotional"] | None = None

    @model_validator(mode="after")
    def _scale_rises(self) -> Item:
        if self.scale is not None and not self.scale[0] < self.scale[1]:
            raise ValueError(
                f"scale must rise, got {list(self.scale)}; write the lowest answer first, `reversed` turns it"
            )
        if self.scale is None and self.role not in ("problem", "emotion", "wallet_rank", "goal"):
            raise ValueError(f"an item with role {self.role} needs a scale, for example scale = [1, 5]")
        return self


class Touchpoint(Section):
    """[touchpoints.NAME]: a place where customer and company meet."""

    label: str = ""
    owner: str | list[str] | None = None
    channel: str | None = None
    cost: float | None = None


class Promise(Section):
    """[promises.NAME]: what the brand promises, and the measure that says whether it is kept."""

    statement: str
    touchpoint: str | None = None
    metric: str | None = None
    threshold: float | None = None
    better: Literal["lower", "higher"] = "higher"
    target: float | None = Field(default=None, gt=0, le=1)
    emotion: str | None = None


class Emotions(Section):
    """[emotions.TOUCHPOINT]: what customers are meant to feel there."""

    intended: list[str]


class JourneyRule(Section):
    """[[journey_rules]]: one plain sentence of the desired journey."""

    rule: str
    owner: str | None = None


class Assumption(Section):
    """[assumptions.NAME]: what the company believes about its customers, and the finding that tests it."""

    belief: str
    owner: str | None = None
    finding: str | None = None


class Economics(Section):
    """[economics]: what experience is worth."""

    margin: float | dict[str, float] | None = None
    touchpoint_cost: dict[str, float] = {}
    horizon: str | None = None
    discount: float | None = Field(default=None, ge=0, lt=1)


class SatisfactionIndexModel(Section):
    """[satisfaction_index]: constructs with their items, and the arrows between them, as the satisfaction indices draw them.

    `measured` is the construct whose index is told, `target` the one that effects are about (empty: the last that an arrow reaches).
    """

    constructs: dict[str, list[str]] = {}
    paths: list[tuple[str, str]] = []
    measured: str = "satisfaction"
    target: str = ""


class ServiceLevels(Section):
    """[service_levels]: how fast an unhappy customer is called, and the matter settled."""

    call_back_within: str | None = None
    resolve_within: str | None = None


class Weights(Section):
    """[weights]: population margins (counts or shares) to rake to; `trim` caps weights at a multiple of the mean.

    `surveys` are those whose waves are weighted. An event survey stands for contacts and not for customers, and is not among
    them unless a study says so.
    """

    margins: dict[str, dict[str, float]] = {}
    trim: float | None = Field(default=None, gt=1)
    surveys: list[Literal["deep_dive", "event", "tracking"]] = ["deep_dive", "tracking"]

    def margins_of(self, survey: str) -> dict[str, dict[str, float]]:
        """The margins that the waves of a survey are weighted to; none where it is not weighted."""
        return self.margins if survey in self.surveys else {}


class Careless(Section):
    """[careless]: answers that cannot both be true, as sentences: "recommend >= 9 and overall == 1", "nights > days".

    A condition compares an item with a number or another item (< <= > >= == !=), or says that it was `answered`; conditions
    joined by `and` cannot all be true at once.
    """

    impossible: list[str] = []

    @field_validator("impossible")
    @classmethod
    def _are_conditions(cls, sentences: list[str]) -> list[str]:
        for sentence in sentences:
            _conditions(sentence)
        return sentences

    @property
    def pairs(self) -> list[tuple[tuple[str | float, ...], ...]]:
        """Each sentence as the conditions that cannot all be true: (item, relation, item or number) or (item, "answered")."""
        return [_conditions(sentence) for sentence in self.impossible]


_CONDITION = re.compile(r"(\w+)\s*(?:(<=|>=|==|!=|<|>)\s*(-?\d+(?:\.\d+)?|\w+)|\s+(answered))")


def _conditions(sentence: str) -> tuple[tuple[str | float, ...], ...]:
    found: list[tuple[str | float, ...]] = []
    for part in re.split(r"\s+and\s+", sentence.strip()):
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise ValueError(
                f'"{part}" is no condition; write "recommend >= 9 and overall == 1", or "problem answered"'
            )
        item, relation, other, answered = match.groups()
        number = other is not None and re.fullmatch(r"-?\d+(?:\.\d+)?", other)
        found.append((item, "answered") if answered else (item, relation, float(other) if number else other))
    return tuple(found)


class Run(Section):
    """[run]: how often the study runs, and where its notebooks are computed."""

    every: Literal["year", "quarter", "month", "week"] | None = None
    backend: Literal["loky", "dask"] = "loky"
    address: str | None = None


class Report(Section):
    """[report]: confidence level, smallest bases shown and marked, and the notebooks of this study (empty: all)."""

    conf_level: float = Field(default=0.95, gt=0, lt=1)
    min_base: int = Field(default=30, ge=1)
    caution_base: int = Field(default=100, ge=1)
    notebooks: list[str] = []


class StudyConfig(Section):
    """The whole of study.toml."""

    study: StudySection
    engine: EngineSection = EngineSection()
    sources: dict[str, Source] = Field(min_length=1)
    items: dict[str, Item] = {}
    stages: dict[str, list[str]] = {}
    touchpoints: dict[str, Touchpoint] = {}
    promises: dict[str, Promise] = {}
    emotions: dict[str, Emotions] = {}
    journey_rules: list[JourneyRule] = []
    assumptions: dict[str, Assumption] = {}
    economics: Economics = Economics()
    satisfaction_index: SatisfactionIndexModel = SatisfactionIndexModel()
    service_levels: ServiceLevels = ServiceLevels()
    weights: Weights = Weights()
    careless: Careless = Careless()
    notebooks: dict[str, dict[str, Any]] = {}
    run: Run = Run()
    report: Report = Report()

    def table_of(self, source: str) -> str:
        """The canonical table that a source feeds: its `table`, or its own name."""
        return self.sources[source].table or source

    def owner_of(self, touchpoint: str | None) -> str | None:
        """Who owns a touchpoint, several owners joined; None where nobody does."""
        owner = self.touchpoints[touchpoint].owner if touchpoint in self.touchpoints else None
        return ", ".join(owner) if isinstance(owner, list) else owner


def load_config(path: Path) -> StudyConfig:
    """Read a study.toml. Raises `StudyError` with every mistake in the file."""
    config, problems = examine_config(path)
    if config is None or problems:
        raise StudyError(problems)
    return config


def examine_config(path: Path) -> tuple[StudyConfig | None, list[Problem]]:
    """A study.toml as far as it can be understood, and every mistake in it.

    What is wrong is left out of the configuration that is returned, so that the rest can be looked at, too. It is None
    where nothing can be understood.
    """
    shown = _shown(path)
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None, [Problem(shown, "there is no such file", "write one, or draft it with `cxlab init STUDY FILE…`")]
    except UnicodeDecodeError as error:
        return None, [Problem(shown, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8")]
    except tomllib.TOMLDecodeError as error:
        way_out = "text needs quotes; a section is written [like.this]"
        return None, [Problem(shown, f"is not valid TOML: {error}", way_out)]
    touchpoints = list(raw["touchpoints"]) if isinstance(raw.get("touchpoints"), dict) else []
    config, problems = _understood(shown, raw)
    if config is not None:
        wrong = {problem.where.rpartition("]")[0] for problem in problems}  # a section taken apart proves nothing
        crossed = _cross_check(shown, config, touchpoints)
        problems += [problem for problem in crossed if problem.where.rpartition("]")[0] not in wrong]
    return config, list(dict.fromkeys(problems))


def _understood(shown: str, raw: dict[str, Any]) -> tuple[StudyConfig | None, list[Problem]]:
    """The part of a file that is right, and what is wrong with the rest. Takes what is wrong out of `raw`."""
    problems: list[Problem] = []
    while True:
        try:
            return StudyConfig.model_validate(raw), problems
        except ValidationError as error:
            details = error.errors()
        known = {problem.where for problem in problems}
        # taking out a wrong value may leave a section without what it needs: that is no second mistake
        problems += [p for p in (_problem(shown, detail) for detail in details) if p.where not in known]
        places = dict.fromkeys(_place(raw, detail) for detail in details)
        faulty = [place for place in places if not any(place[:n] in places for n in range(len(place)))]
        if any(place in ((), ("study",), ("sources",)) for place in faulty):
            return None, problems
        for place in reversed(faulty):  # the later entries of a list first
            holder: Any = raw
            for part in place[:-1]:
                holder = holder[part]
            del holder[place[-1]]


def _place(raw: dict[str, Any], detail: Any) -> tuple[Any, ...]:
    """The keys of what an error of validation speaks of; where something is missing, of the section that lacks it."""
    location = detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]
    place: list[Any] = []
    value: Any = raw
    for part in location:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):  # the name of a type
            break
        place.append(part)
    return tuple(place)


def study_config(root: Path, study: str) -> StudyConfig:
    """The study.toml of a study by its name. Raises `StudyError` also where there is no such study."""
    return load_config(config_path(root, study))


def config_path(root: Path, study: str) -> Path:
    """Where the study.toml of a study is. Raises `StudyError` where there is none, naming those that are there."""
    folder = root / "data" / "raw"
    if Path(study).name != study or not (folder / study / "study.toml").is_file():
        known = [path.parent.name for path in folder.glob("*/study.toml")]
        raise StudyError(
            Problem(f"study `{study}`", f"there is no data/raw/{study}/study.toml", did_you_mean(study, known))
        )
    return folder / study / "study.toml"


def _shown(path: Path) -> str:
    parts = path.parts
    return "/".join(parts[parts.index("data") :]) if "data" in parts else path.name


def _key(location: tuple[int | str, ...]) -> str:
    """('items', 'a', 'scale') → [items.a] scale; the last part is the key, the rest the section."""
    names = [str(part) for part in location if not str(part).startswith(("function-", "str", "int", "float", "list["))]
    if not names:
        return "the file"
    return f"[{names[0]}]" if len(names) == 1 else f"[{'.'.join(names[:-1])}] {names[-1]}"


def _problem(shown: str, detail: Any) -> Problem:
    location = detail["loc"]
    where = f"{shown} {_key(location)}"
    if detail["type"] == "extra_forbidden":
        return Problem(where, f"unknown key `{location[-1]}`", did_you_mean(str(location[-1]), _keys_at(location[:-1])))
    if detail["type"] == "missing":
        return Problem(where, "is missing", f"add `{location[-1]}`")
    if detail["type"] == "literal_error":
        expected = detail["ctx"]["expected"]
        near = did_you_mean(str(detail["input"]), re.findall(r"'([^']*)'", expected))
        hint = f"; {near}" if near.startswith("did") else ""
        return Problem(where, f"got {detail['input']!r}", f"expected {expected}{hint}")
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":  # raised by a section as a whole
        return Problem(f"{shown} [{'.'.join(map(str, location))}]", message)
    return Problem(where, f"got {detail['input']!r}", f"expected: {message[0].lower()}{message[1:]}")


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the model knows at this place."""
    model: Any = StudyConfig
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[str(part)].annotation
        else:
            arguments = [a for a in typing.get_args(model) if isinstance(a, type) and issubclass(a, BaseModel)]
            model = arguments[0] if arguments else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        return list(model.model_fields)
    return []


def _check_index(
    shown: str, config: StudyConfig, unknown: typing.Callable[..., typing.Iterator[Problem]]
) -> typing.Iterator[Problem]:
    """The names of [satisfaction_index], and that its arrows can be followed."""
    model, section = config.satisfaction_index, "[satisfaction_index]"
    for construct, items in model.constructs.items():
        for item in items:
            yield from unknown(f"{section} constructs.{construct}", item, config.items, "item")
    if not model.constructs:
        return
    for name in [*(end for path in model.paths for end in path), model.measured, *filter(None, [model.target])]:
        yield from unknown(f"{section}", name, model.constructs, "construct")
    if not model.paths:
        yield Problem(f"{shown} {section}", "has constructs and no paths", 'say paths = [["quality", "satisfaction"]]')


def _cross_check(shown: str, config: StudyConfig, touchpoints: list[str]) -> typing.Iterator[Problem]:
    """What pydantic cannot see: names that have to exist elsewhere in the file. `touchpoints`: all, also faulty ones."""

    def unknown(key: str, value: str, known: typing.Iterable[str], kind: str) -> typing.Iterator[Problem]:
        if value not in known:
            way_out = did_you_mean(value, known) if known else f"the file has no [{kind}s.…] section"
            yield Problem(f"{shown} {key}", f"unknown {kind} `{value}`", way_out)

    for name, source in config.sources.items():
        yield from unknown(f"[sources.{name}] table", config.table_of(name), TABLES, "table")
        for key, options in {"": source, **source.files, **source.waves}.items():
            if options.period is not None:
                try:
                    Period.parse(options.period)
                except StudyError as error:
                    section = f"[sources.{name}{'.files.' + key if key else ''}] period"
                    yield Problem(f"{shown} {section}", str(error.problems[0].what), error.problems[0].way_out)
    for name, item in config.items.items():
        if not NAME.fullmatch(name):
            yield Problem(
                f"{shown} [items.{name}]", "is no name", "use letters, digits, _ and -, starting with a letter"
            )
        if item.touchpoint is not None:
            yield from unknown(f"[items.{name}] touchpoint", item.touchpoint, touchpoints, "touchpoint")
    for stage, of_stage in config.stages.items():
        for touchpoint in of_stage:
            yield from unknown(f"[stages] {stage}", touchpoint, touchpoints, "touchpoint")
    for name, promise in config.promises.items():
        if promise.touchpoint is not None:
            yield from unknown(f"[promises.{name}] touchpoint", promise.touchpoint, touchpoints, "touchpoint")
    for touchpoint in config.emotions:
        yield from unknown(f"[emotions.{touchpoint}]", touchpoint, touchpoints, "touchpoint")
    for touchpoint in config.economics.touchpoint_cost:
        yield from unknown("[economics.touchpoint_cost]", touchpoint, touchpoints, "touchpoint")
    yield from _check_index(shown, config, unknown)
    for sentence, conditions in zip(config.careless.impossible, config.careless.pairs, strict=True):
        for part in (part for condition in conditions for part in (condition[0], condition[-1])):
            if isinstance(part, str) and part != "answered":
                yield from unknown(f'[careless] impossible "{sentence}"', part, config.items, "item")
    if config.report.caution_base < config.report.min_base:
        yield Problem(
            f"{shown} [report] caution_base",
            f"{config.report.caution_base} is below min_base {config.report.min_base}",
            "a base is hidden below min_base and marked below caution_base",
        )
