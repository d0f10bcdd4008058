"""``tuyahouse init``: sets up an account. Each answer is tried at once, so that the file it writes works."""

import asyncio
import json
import os
import re
import secrets
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from tuyahouse import logs
from tuyahouse.cli.account_checks import check_messages, check_tuya
from tuyahouse.cli.answers import Answers, FromFile, Question, Typed
from tuyahouse.cli.findings import Findings
from tuyahouse.cli.output import say
from tuyahouse.cli.words import stopped
from tuyahouse.cloud.auth.tokens import MemoryTokenStore
from tuyahouse.cloud.pace.pacer import MemorySlotStore
from tuyahouse.settings import PREFIX, Account, Region, SettingsError, load_settings
from tuyahouse.warehouse.errors import NoWarehouse, WarehouseError
from tuyahouse.warehouse.shared.locks import require_writable
from tuyahouse.warehouse.warehouse import Warehouse

NAME = Question("account", "Name of the account, for tables and commands", "factory")
WAREHOUSE = Question("warehouse_url", "Database to write to (sqlite:///… or postgresql://…)", "sqlite:///tuyahouse.db")
CLOUD = (
    Question("region", f"Data centre ({', '.join(Region)}), or the base URL of the OpenAPI", also="base_url"),
    Question("client_id", "Access ID of the cloud project"),
    Question("client_secret", "Access secret of the cloud project", secret=True),
)
PMS = (
    Question("pms_username", "User of the production system (PMS); empty: serial numbers are not asked", ""),
    Question("pms_password", "Password of that user", "", secret=True),
)
PROJECTS = Question("project_ids", "Projects whose devices are read, as a,b; empty: no devices", "")
BUDGET = Question("monthly_calls", "Most calls in a month; empty: no limit", "")
MESSAGES = Question("messages", "Try the message endpoint (yes, no)", "yes")
READER = Question(
    "messages_read_by",
    "Who reads the messages: schedule (the deployed drain_messages), service (tuyahouse consume), nobody",
)
QUESTIONS = (NAME, WAREHOUSE, *CLOUD, *PMS, PROJECTS, BUDGET, MESSAGES, READER)


def init(
    answers: Annotated[
        Path | None,
        typer.Option("--answers", metavar="FILE", help="TOML file with the answers, if nobody can type them."),
    ] = None,
) -> None:
    """Set up an account: ask what it needs, try each answer at once, write tuyahouse.toml (readable only for you).

    It makes about ten calls. A second account is added to the existing file, which is changed only once everything
    works.

    \b
    A file of answers; it may take secrets from a variable or another file (tuyahouse.toml will hold them):
      account = "factory"
      region = "eu"
      client_id = "…"
      client_secret = "env:TUYA_SECRET"
      pms_username = "…"
      pms_password = "file:/run/secrets/pms"
      project_ids = ["…"]

    Example:

    \b
      tuyahouse init
      tuyahouse init --answers answers.toml
    """
    file = Path(os.environ.get(f"{PREFIX}CONFIG") or "tuyahouse.toml")
    logs.configure("error", "text")  # each problem is shown as the reply to an answer
    _Setup(_source_of(answers), _read(file)).run(file)


def _source_of(path: Path | None) -> Answers:
    if path is not None:
        given = FromFile(path)
        given.require_known([key for question in QUESTIONS for key in (question.key, question.also) if key])
        return given
    if not sys.stdin.isatty():
        raise stopped("This is not a terminal. Give the answers in a file: tuyahouse init --answers FILE.", 2)
    return Typed()


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise stopped(f"{file} cannot be read: {error}. Fix it or move it away, then start again.") from None


class _Setup:
    """The answers of one run of ``init``, each kept once it has worked."""

    def __init__(self, answers: Answers, there: Mapping[str, Any]) -> None:
        self._answers = answers
        self._there = there
        self._account: dict[str, Any] = {}
        self._stores = MemoryTokenStore(), MemorySlotStore()
        self._lines = _EachOnce()

    def run(self, file: Path) -> None:
        name = self._settled([NAME], self._judge_name)["account"].lower()
        url = self._warehouse()
        self._settled(CLOUD, lambda given: self._judge_cloud(name, given))
        self._settled(PMS, lambda given: self._judge(name, given))
        self._settled([PROJECTS], lambda given: self._judge(name, given))
        self._settled([BUDGET], lambda given: self._judge_settings(name, given))
        reader = READER._replace(default="schedule" if self._messages_come(name) else "nobody")
        self._settled([reader], lambda given: self._judge_settings(name, given))
        _write(file, self._there, name, self._account, url)
        if used := [variable for variable in sorted(os.environ) if variable.startswith(_variables(name))]:
            say(f"\n{', '.join(used)} of the environment were used; the file does not hold them.")
        say(f"\n{file} is written; only you can read it. {self._lines.calls} calls were made. Next:")
        say(f"  tuyahouse sn add --account {name} units.csv      # Tuya lists no serial numbers: they come from files")
        say(f"  tuyahouse plan --account {name}                  # what tonight would cost, before a call is made")
        say(f"  python -m flows nightly_sync -p account={name}   # tonight")
        if self._account.get("messages_read_by", "").lower() == "service":
            say(f"And, kept running beside it: tuyahouse consume --account {name}")

    def _settled(self, questions: Sequence[Question], judge: Callable[[dict[str, str]], str]) -> dict[str, str]:
        """The answers, asked until nothing is wrong with them; ``judge`` says what is, or nothing."""
        while True:
            given = {question.key: self._answers.ask(question) for question in questions}
            problem = judge(given)
            if not problem:
                return given
            self._answers.refuse(questions, problem)

    def _judge_name(self, given: Mapping[str, str]) -> str:
        name = given["account"].lower()
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or "__" in name:
            return "A name has letters, digits and single _, and begins with a letter."
        if name in {one.lower() for one in self._there.get("accounts", {})}:
            return f"There is an account {name} already. Choose another name, or change it in the file."
        return ""

    def _warehouse(self) -> str | None:
        """The URL to write into the file; None where it, or the environment, has one."""
        if (known := os.environ.get(f"{PREFIX}WAREHOUSE_URL") or self._there.get("warehouse_url")) is not None:
            if problem := _warehouse_problem(str(known)):
                raise stopped(problem)
            return None
        return self._settled([WAREHOUSE], lambda given: _warehouse_problem(given["warehouse_url"]))["warehouse_url"]

    def _judge_cloud(self, name: str, given: dict[str, str]) -> str:
        """Try signature v2, which projects have since July 2021, then v1."""
        place = given.pop("region")
        given |= {"base_url": place} if "://" in place else {"region": place.lower()}
        problem = self._judge(name, given)
        if problem and not self._judge(name, {**given, "signature": "v1"}):
            return ""
        return problem

    def _judge(self, name: str, given: Mapping[str, Any]) -> str:
        """Try the account with these answers too; what works is kept."""
        account, problem = self._with(name, given)
        if account is None:
            return problem
        findings = self._lines.fresh()
        asyncio.run(check_tuya(account, *self._stores, None, findings))
        self._lines.calls += findings.calls
        if findings.bad:
            return "\n".join(findings.problems)
        self._keep(given)
        return ""

    def _judge_settings(self, name: str, given: Mapping[str, Any]) -> str:
        account, problem = self._with(name, given)
        if account is not None:
            self._keep(given)
        return problem

    def _with(self, name: str, given: Mapping[str, Any]) -> tuple[Account | None, str]:
        fields = {**self._account, **{key: value for key, value in given.items() if value}}
        try:
            return load_settings(accounts={name: fields}, warehouse_url="sqlite:///unused.db").account(name), ""
        except SettingsError as error:
            return None, _by_key(str(error), name)

    def _keep(self, given: Mapping[str, Any]) -> None:
        self._account |= {key: value for key, value in given.items() if value}

    def _messages_come(self, name: str) -> bool:
        """Whether they do, where that is to be tried. A project may be subscribed to them later."""
        if self._answers.ask(MESSAGES).lower() not in ("yes", "y", "true"):
            return False
        account, _ = self._with(name, {})
        assert account is not None
        findings = self._lines.fresh()
        check_messages(account, findings)
        for problem in findings.problems:
            say(f"No messages arrive yet; everything else works without them. {logs.redact(problem)}")
        return not findings.problems


class _Collected(Findings):
    """Findings that prints what is well, and keeps what is wrong for the next question."""

    def __init__(self, printed: set[str]) -> None:
        super().__init__()
        self._printed = printed
        self.problems: list[str] = []

    def _found(self, kind: str, what: str, said: str) -> None:
        if kind == "wrong":
            self.counts[kind] += 1
            self.problems.append(f"{what}: {said}")
        elif what not in self._printed:
            self._printed.add(what)
            super()._found(kind, what, said)


class _EachOnce:
    """Makes findings that report each thing once, however often it is tried, and counts the calls of all."""

    def __init__(self) -> None:
        self.calls = 0
        self._printed: set[str] = set()

    def fresh(self) -> _Collected:
        return _Collected(self._printed)


def _warehouse_problem(url: str) -> str:
    """Why the warehouse there, or a new one, could not be used; empty if it can. None is made."""
    key = os.environ.get(f"{PREFIX}SECRET_KEY") or secrets.token_urlsafe(32)
    try:
        with closing(Warehouse.open(url, key, create=False)) as warehouse:
            require_writable(warehouse)
    except NoWarehouse:
        try:
            Warehouse.require_possible(url, key)
        except WarehouseError as error:
            return str(error)
    except WarehouseError as error:
        return str(error)
    return ""


def _variables(name: str) -> str:
    """How the names of the account's variables begin."""
    return f"{PREFIX}ACCOUNTS__{name.upper()}__"


def _by_key(problems: str, name: str) -> str:
    """The sentences of the settings, each with the key of its answer instead of the variable."""
    lines = [line.strip() for line in problems.splitlines() if line.startswith("  ")] or [problems]
    prefix = _variables(name)
    return "\n".join(re.sub(rf"^{prefix}([A-Z_]+)", lambda found: found[1].lower(), line) for line in lines)


def _write(file: Path, there: Mapping[str, Any], name: str, account: Mapping[str, Any], url: str | None) -> None:
    """Add the account to the file, in one step and with mode 0600."""
    head = [f"warehouse_url = {_toml(url)}"] if url is not None else []
    if not os.environ.get(f"{PREFIX}SECRET_KEY") and "secret_key" not in there:
        head.append(f"secret_key = {_toml(secrets.token_urlsafe(32))}  # encrypts stored tokens")
    fields = [f"{key} = {_toml(value)}" for key, value in account.items()]
    before = file.read_text(encoding="utf-8").rstrip("\n") if there else ""
    parts = ["\n".join(head), before, "\n".join([f"[accounts.{name}]", *fields])]
    text = "\n\n".join(part for part in parts if part) + "\n"
    try:
        handle, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
            os.replace(draft, file)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        raise stopped(
            f"{file} cannot be written: {error.strerror}. Start again in a folder that you may write to."
        ) from None


def _toml(value: object) -> str:
    """A JSON text is a TOML text."""
    return json.dumps(str(value), ensure_ascii=False)
