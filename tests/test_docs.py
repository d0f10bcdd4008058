"""What the documentation says is so."""

import inspect
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
import typer
import yaml
from typer.core import TyperGroup

from flows.catalogue import FLOWS
from tests.support.settings_page import PAGE, page, variables
from tuyahouse.cli.program import app
from tuyahouse.cloud.codes import BY_CODE
from tuyahouse.dead_letter_reasons import Reason
from tuyahouse.settings import MESSAGE_HOSTS, OPENAPI_URLS, PREFIX, Account, CommandPolicy, PlanPolicy, Settings
from tuyahouse.sync.commands.rules import Age, Word, verdict
from tuyahouse.warehouse.tables import metadata

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
TEXT = {path.relative_to(ROOT).as_posix(): path.read_text() for path in PAGES}
BESIDE_THE_SETTINGS = {f"{PREFIX}{name}" for name in ("CONFIG", "SECRETS_DIR", "DEPLOY_ACCOUNT", "DEPLOY_DIRECTORY")}


def known_variables() -> set[str]:
    models = {PREFIX: Settings, f"{PREFIX}PLAN__": PlanPolicy, f"{PREFIX}COMMANDS__": CommandPolicy}
    return BESIDE_THE_SETTINGS | {name for prefix, model in models.items() for name, _ in variables(prefix, model)}


def test_the_settings_page_is_that_of_the_settings() -> None:
    assert PAGE.read_text() == page(), "write it anew: make docs"


def test_every_setting_says_what_it_means() -> None:
    silent = [
        name
        for model in (Settings, Account, PlanPolicy, CommandPolicy)
        for name, field in variables("", model)
        if not field.description
    ]
    assert silent == []


@pytest.mark.parametrize("name", TEXT)
def test_every_variable_that_a_page_names_exists(name: str) -> None:
    named = set(re.findall(rf"{PREFIX}[A-Z][A-Z_]*[A-Z](?![A-Z_])", TEXT[name]))
    fields = {f"{PREFIX}ACCOUNTS__{field.upper()}" for field in Account.model_fields}
    accounts = {re.sub(r"ACCOUNTS__[A-Z]+__", "ACCOUNTS__", variable) for variable in named if "ACCOUNTS__" in variable}
    assert accounts - fields == set()
    assert {variable for variable in named if "ACCOUNTS" not in variable} - known_variables() == set()


@pytest.mark.parametrize("name", TEXT)
def test_every_file_that_a_page_links_to_is_there(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT[name])
    here = (ROOT / name).parent
    assert [link for link in links if not (here / link).exists()] == []


def rooms_of(root: Path) -> set[str]:
    """The folders of our packages below ``root``, two levels deep, as the architecture page draws them."""
    folders = [init.parent.relative_to(root) for init in root.rglob("__init__.py") if ".venv" not in init.parts]
    return {folder.as_posix() for folder in folders if folder.parts and folder.parts[0] != "tests"}


def drawn_rooms() -> set[str]:
    """The folders in the tree of the architecture page; the indentation says what lies in what."""
    tree = re.search(r"## The grid.*?```\n(.*?)```", TEXT["docs/architecture.md"], re.DOTALL)
    assert tree is not None
    drawn, above = set(), [""]
    for line in tree[1].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        for name in re.findall(r"([a-z_]+)/(?=\s|\)|$)", line.split("   ")[0] if depth == 0 else line):
            path = "/".join([*above[1 : depth + 1], name])
            nested = re.search(rf"([a-z_]+)/ \(with {name}/\)", line)
            drawn.add("/".join([*above[1 : depth + 1], nested[1], name]) if nested else path)
        above = [*above[: depth + 1], line.split("/")[0].strip()]
    return drawn


def test_the_tree_of_the_architecture_page_is_that_of_the_repository() -> None:
    in_code = {room for room in rooms_of(ROOT) if not room.startswith("tuyahouse/warehouse/migrations/")}
    assert drawn_rooms() - {"tests"} == in_code


def test_every_path_that_a_page_names_is_there() -> None:
    named = re.compile(
        r"`((?:tuyahouse|tasks|flows|tests|deployments|benchmarks)/[a-z0-9_/]*|[a-z0-9_/]+/[a-z0-9_]+\.py)`"
    )
    modules = [f"/{path.relative_to(ROOT)}" for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    missing = {
        f"{name}: {path}"
        for name, text in TEXT.items()
        for path in named.findall(text)
        if not ((ROOT / path).exists() or any(module.endswith(f"/{path}") for module in modules))
    }
    assert missing == set()


def test_every_module_on_the_two_ways_is_there() -> None:
    drawings = "".join(re.findall(r"## The way of.*?```(.*?)```", TEXT["docs/architecture.md"], re.DOTALL))
    modules = set(re.findall(r"\b(?:warehouse|sync|cloud|messages|tasks)/[a-z_/]+[a-z]", drawings))
    there = [
        any((ROOT / base / f"{path}{end}").exists() for base in ("", "tuyahouse") for end in (".py", ""))
        for path in modules
    ]
    assert len(modules) > 15 and all(there), [path for path, found in zip(modules, there, strict=True) if not found]


@pytest.mark.parametrize("name", TEXT)
def test_every_heading_that_a_page_links_to_is_there(name: str) -> None:
    missing = []
    for page_name, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", TEXT[name]):
        target = ROOT / name if not page_name else (ROOT / name).parent / page_name
        headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
        if anchor not in [heading.lower().replace(" ", "-") for heading in headings]:
            missing.append(f"{page_name}#{anchor}")
    assert missing == []


@pytest.mark.parametrize("name", TEXT)
def test_every_make_target_that_a_page_names_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", TEXT[name], re.MULTILINE)) - targets == set()


def test_the_table_of_errors_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| `(\w+)` \|$", TEXT["docs/tuya.md"], re.MULTILINE)
    documented = {code: (meaning, does) for codes, meaning, does in rows for code in re.findall(r"`(-?\w+)`", codes)}
    assert documented == {code: (ruling.meaning, ruling.action.value) for code, ruling in BY_CODE.items()}


def test_the_data_centres_are_those_of_the_settings() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| [^|]+ \| `(https[^`]+)` \| `([^`]+)` \|$", TEXT["docs/tuya.md"], re.MULTILINE
    )
    assert {region: (url, host) for region, url, host in rows} == {
        region.value: (url, MESSAGE_HOSTS[region]) for region, url in OPENAPI_URLS.items()
    }


def test_the_warehouse_page_names_every_table_that_analysts_read_and_no_other() -> None:
    named = set(
        re.findall(r"`([a-z]+(?:_[a-z]+)*)`", re.search(r"\| Tables.*?\n\n", TEXT["docs/warehouse.md"], re.DOTALL)[0])
    )
    assert named == {table for table in metadata.tables if not table.startswith("ops_")}


def places_named_in_code() -> list[tuple[str, str, str]]:
    """``(file, page, section)`` for each ``docs/page.md, "Section"`` in the code; section may be empty."""
    named = re.compile(r'(docs/[a-z]+\.md)(?:,\s+(?:"([A-Z][^"]+)"|([A-Z][A-Za-z]+)))?')
    files = [file for folder in ("flows", "tasks", "tuyahouse") for file in (ROOT / folder).rglob("*.py")]
    return [
        (file.relative_to(ROOT).as_posix(), page_name, " ".join((quoted or plain).split()))
        for file in files
        for page_name, quoted, plain in named.findall(file.read_text())
    ]


def test_every_page_and_section_that_the_code_refers_to_is_there() -> None:
    missing = []
    for file, page_name, section in places_named_in_code():
        text = TEXT.get(page_name)
        if text is None or (section and not re.search(rf"^#+ {re.escape(section)}", text, re.MULTILINE)):
            missing.append(f'{file}: {page_name}, "{section}"')
    assert missing == []


def told_verdicts(age: str) -> list[list[str]]:
    """The cells of one table of docs/commands.md, a list for each word of the API."""
    table = TEXT["docs/commands.md"].split(f"{age}:\n\n")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.split("|")[2:-1]] for line in table.splitlines()[2:]]


@pytest.mark.parametrize(
    ("title", "age"), [("Before the deadline", Age.YOUNG), ("After it", Age.OVERDUE), ("After it", Age.GIVEN_UP)]
)
def test_the_tables_of_verdicts_are_those_of_the_code(title: str, age: Age) -> None:
    assert told_verdicts(title) == [[verdict(api, message, age).value for message in Word] for api in Word]


def told_commands(program: str) -> list[str]:
    """Every ``program …`` of all pages, from code blocks and code spans, without comments."""
    spans = [span for text in TEXT.values() for span in re.findall(r"`([^`\n]+)`", text)]
    lines = [line for text in TEXT.values() for line in text.splitlines()]
    return [text.split(" #")[0].strip() for text in [*spans, *lines] if text.strip().startswith(f"{program} ")]


@pytest.mark.parametrize("command", sorted(set(told_commands("tuyahouse"))))
def test_every_command_that_a_page_shows_is_one(command: str) -> None:
    group = typer.main.get_command(app)
    words = shlex.split(command)[1:]
    while isinstance(group, TyperGroup):
        assert words and words[0] in group.commands, f"{command}: there is only {', '.join(group.commands)}"
        group = group.commands[words.pop(0)]
    options = {option for parameter in group.params for option in parameter.opts}
    assert {word.split("=")[0] for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize("command", sorted(set(told_commands("python -m flows"))))
def test_every_flow_that_a_page_starts_is_one_and_has_these_parameters(command: str) -> None:
    name, *words = shlex.split(command.replace("python -m flows", ""))
    if name in ("--list", "NAME"):
        return
    given = {word.split("=")[0] for before, word in pairwise(words) if before == "-p"}
    assert given <= set(inspect.signature(FLOWS[name].fn).parameters)


def test_the_readme_lists_every_flow_and_every_command() -> None:
    flows = re.findall(r"^\| `([a-z_]+)` \|", TEXT["README.md"], re.MULTILINE)
    commands = re.findall(r"`tuyahouse ([a-z-]+(?: [a-z]+)?)`", TEXT["README.md"])
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    there = {
        f"{name} {inner}" if inner else name
        for name, command in group.commands.items()
        for inner in (command.commands if isinstance(command, TyperGroup) else [""])
    }
    assert set(flows) == set(FLOWS)
    assert set(commands) >= there


def test_every_deployment_that_a_page_starts_is_one() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    there = {
        f"{item['entrypoint'].split(':')[1]}/{item['name'].replace('{{ account.name }}', 'factory')}"
        for item in deployments
    }
    named = {name for text in TEXT.values() for name in re.findall(r"prefect deployment run ([a-z_]+/[a-z-]+)", text)}
    assert named and named <= there


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    rows = re.findall(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|", TEXT["docs/runs.md"], re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)}
    assert set(get_args(Reason)) - explained == set()
