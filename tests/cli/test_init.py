"""``tuyahouse init`` as a new user meets it: at a terminal, and with a file of answers."""

import fcntl
import os
import pty
import re
import stat
import subprocess
import termios
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM
from tests.support.sandbox import Sandbox

PLAIN = {"PATH": "/usr/bin:/bin", "TERM": "dumb", "COLUMNS": "200", "HOME": "/nonexistent"}


class Terminal:
    """The program at a terminal: waits for a prompt, types a line."""

    def __init__(self, home: Path, environment: Mapping[str, str] = PLAIN) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [PROGRAM, "init"],
            cwd=home,
            env=dict(environment),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # the terminal that passwords are asked at
        )
        os.close(theirs)
        self.printed, self._answered = "", 0

    def answer(self, prompt: str, line: str) -> None:
        self.type_at(prompt, f"{line}\n".encode())

    def type_at(self, prompt: str, keys: bytes) -> None:
        while not re.search(rf"{re.escape(prompt)}[^\n]*: $", self.printed[self._answered :]):
            self._read()
        self._answered = len(self.printed)
        os.write(self._ours, keys)

    def press_ctrl_c(self, prompt: str) -> None:
        """Press Ctrl-C at a prompt until the program ends, at most ten times.

        One that comes between the prompt and Python's ``read`` of the terminal is noticed at the next key alone.
        """
        self.type_at(prompt, b"\x03")
        for _ in range(10):
            try:
                self.process.wait(2)
                return
            except subprocess.TimeoutExpired:
                os.write(self._ours, b"\x03")
        raise AssertionError(f"it goes on:\n{self.printed}")

    def _read(self) -> None:
        try:
            piece = os.read(self._ours, 65536).decode(errors="replace")
        except OSError:
            piece = ""  # the other end is closed
        assert piece, f"it ended before that:\n{self.printed}"
        self.printed += piece

    def end(self) -> tuple[int, str]:
        while True:
            try:
                if not (piece := os.read(self._ours, 65536)):
                    break
            except OSError:
                break
            self.printed += piece.decode(errors="replace")
        os.close(self._ours)
        return self.process.wait(60), self.printed


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(**environment: str) -> Terminal:
        started.append(Terminal(tmp_path, {**PLAIN, **environment}))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def with_answers(home: Path, text: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    (home / "answers.toml").write_text(text)
    return subprocess.run(
        [PROGRAM, "init", "--answers", "answers.toml"],
        cwd=home,
        env={**PLAIN, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def answers_for(sandbox: Sandbox, **changed: str | None) -> str:
    """A file of answers that works, with some of them changed or left out."""
    account = sandbox.account
    given = {
        "account": "factory",
        "region": sandbox.url,
        "client_id": account.client_id,
        "client_secret": account.client_secret.get_secret_value(),
        "pms_username": account.pms_username,
        "pms_password": account.pms_password.get_secret_value(),
        "project_ids": ",".join(account.project_ids),
        "messages": "no",
        **changed,
    }
    return "".join(f'{key} = "{value}"\n' for key, value in given.items() if value is not None)


def tuyahouse(home: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([PROGRAM, *arguments], cwd=home, env={**PLAIN, **environment}, capture_output=True, text=True)


def test_a_new_user_is_asked_again_until_each_answer_works_and_then_has_a_file_that_works(
    sandbox: Sandbox, tmp_path: Path, terminal
) -> None:
    account, person = sandbox.account, terminal()
    person.answer("Name of the account", "my factory")
    person.answer("Name of the account", "")
    person.answer("Database to write to", "mysql://host/db")
    person.answer("Database to write to", "")
    person.answer("Data centre", sandbox.url)
    person.answer("Access ID", account.client_id)
    person.answer("Access secret", "mistyped-secret-of-mine")
    person.answer("Data centre", sandbox.url)
    person.answer("Access ID", account.client_id)
    person.answer("Access secret", account.client_secret.get_secret_value())
    person.answer("User of the production system", account.pms_username)
    person.answer("Password of that user", "not-the-password")
    person.answer("User of the production system", account.pms_username)
    person.answer("Password of that user", account.pms_password.get_secret_value())
    person.answer("Projects whose devices", ",".join(account.project_ids))
    person.answer("Most calls in a month", "a lot")
    person.answer("Most calls in a month", "50000")
    person.answer("Try the message endpoint", "no")
    person.answer("Who reads the messages", "me")
    person.answer("Who reads the messages", "service")
    code, printed = person.end()
    assert code == 0, printed
    file = tmp_path / "tuyahouse.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = tomllib.loads(file.read_text())
    assert written["warehouse_url"] == "sqlite:///tuyahouse.db"
    assert len(written["secret_key"]) >= 40
    assert written["accounts"]["factory"]["monthly_calls"] == "50000"
    assert written["accounts"]["factory"]["messages_read_by"] == "service"
    assert "tuyahouse consume --account factory" in printed
    assert "signature" not in written["accounts"]["factory"], "the current signature is the default"
    for words in (
        *("letters, digits", "names mysql", "client_secret", "PMS_PASSWORD", "monthly_calls: "),
        "messages_read_by: must be 'nobody', 'schedule' or 'service'",
    ):
        assert words.lower() in printed.lower(), printed
    for secret in ("mistyped-secret-of-mine", "not-the-password", account.client_secret.get_secret_value()):
        assert secret not in printed
    assert "tuyahouse sn add --account factory" in printed
    assert tuyahouse(tmp_path, "doctor", "--no-messages").returncode == 0


def test_a_file_of_answers_sets_up_an_account_and_a_second_one_beside_it(
    sandbox: Sandbox, sandboxes: Callable[..., Sandbox], tmp_path: Path
) -> None:
    (tmp_path / "pms").write_text(sandbox.account.pms_password.get_secret_value() + "\n")
    text = answers_for(sandbox, client_secret="env:SECRET", pms_password=f"file:{tmp_path / 'pms'}")
    done = with_answers(tmp_path, text, SECRET=sandbox.account.client_secret.get_secret_value())
    assert done.returncode == 0, done.stderr
    first = tomllib.loads((tmp_path / "tuyahouse.toml").read_text())
    again = with_answers(tmp_path, answers_for(sandbox, warehouse_url=None))
    assert (again.returncode, "There is an account factory already" in again.stderr) == (1, True)
    same = with_answers(tmp_path, answers_for(sandbox, account="Second", warehouse_url=None))
    assert (same.returncode, "is that of the account 'factory' too" in same.stderr) == (1, True), same.stderr
    other = answers_for(sandboxes(), account="Second", pms_username=None, pms_password=None)
    second = with_answers(tmp_path, other)
    assert second.returncode == 0, second.stderr
    both = tomllib.loads((tmp_path / "tuyahouse.toml").read_text())
    assert list(both["accounts"]) == ["factory", "second"]
    assert both["secret_key"] == first["secret_key"]
    assert both["accounts"]["factory"] == first["accounts"]["factory"]
    checked = tuyahouse(tmp_path, "doctor", "--no-messages")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("messages", "reader"),
    [({}, "nobody"), ({"messages": "yes"}, "schedule"), ({"messages_read_by": "Service"}, "Service")],
)
def test_messages_that_come_are_read_by_schedule_and_others_by_nobody_unless_the_answers_say_who(
    sandbox: Sandbox, tmp_path: Path, messages: dict[str, str], reader: str
) -> None:
    where = {
        name.replace("__DEMO__", "__FACTORY__"): value for name, value in sandbox.env.items() if "__MESSAGES_" in name
    }
    done = with_answers(tmp_path, answers_for(sandbox, **messages), **where)
    assert done.returncode == 0, done.stderr
    written = tomllib.loads((tmp_path / "tuyahouse.toml").read_text())["accounts"]["factory"]
    assert written["messages_read_by"] == reader
    assert ("kept running" in done.stdout) == (reader == "Service")


def test_an_old_project_gets_the_old_signature(sandboxes, tmp_path: Path) -> None:
    old = sandboxes("--set", "signature=v1", "--set", "old_signature_only=true")
    done = with_answers(tmp_path, answers_for(old))
    assert done.returncode == 0, done.stderr
    assert tomllib.loads((tmp_path / "tuyahouse.toml").read_text())["accounts"]["factory"]["signature"] == "v1"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"client_secret": "wrong"}, "region, client_id, client_secret cannot be used; nothing was written."),
        ({"region": "mars"}, "region: "),
        ({"region": "http://127.0.0.1:9"}, "region, client_id, client_secret cannot be used; nothing was written."),
        ({"pms_password": "wrong"}, "pms_username, pms_password cannot be used; nothing was written."),
        ({"pms_password": None}, "pms_password: is missing"),
        ({"monthly_calls": "-1"}, "monthly_calls: must be at least 0"),
        ({"messages_read_by": "me"}, "messages_read_by cannot be used; nothing was written."),
        ({"warehouse_url": "sqlite:////no/such/folder/x.db"}, "warehouse_url cannot be used; nothing was written."),
        ({"client_id": None}, "does not answer client_id (Access ID of the cloud project)."),
        (
            {"client_secret": "env:NO_SUCH_VARIABLE"},
            "names the variable NO_SUCH_VARIABLE, which is not set.",
        ),
        ({"base_url": "http://127.0.0.1:9", "region": None}, "region, client_id, client_secret cannot be used"),
        ({"clientid": "x"}, "answers clientid, which is not asked."),
    ],
)
def test_an_answer_in_a_file_that_does_not_work_is_named_and_nothing_is_written(
    sandbox: Sandbox, tmp_path: Path, changed: dict[str, str | None], words: str
) -> None:
    done = with_answers(tmp_path, answers_for(sandbox, **changed))
    assert done.returncode == 1, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "tuyahouse.toml").exists()


def test_without_a_terminal_and_without_answers_it_says_how(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "init"], cwd=tmp_path, env=PLAIN, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (
        2,
        "This is not a terminal. Give the answers in a file: tuyahouse init --answers FILE.\n",
    )


def test_ctrl_c_at_a_prompt_writes_nothing(tmp_path: Path, terminal) -> None:
    person = terminal()
    person.answer("Name of the account", "")
    person.press_ctrl_c("Database to write to")
    code, printed = person.end()
    assert code == 130, printed
    assert not (tmp_path / "tuyahouse.toml").exists()
