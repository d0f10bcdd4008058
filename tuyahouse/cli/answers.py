"""Answers to the questions of ``tuyahouse init``: typed in a terminal, or read from a file."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import typer

from tuyahouse import logs
from tuyahouse.cli.output import say
from tuyahouse.cli.words import stopped


class Question(NamedTuple):
    """``key`` is its name in a file of answers; a ``secret`` is not shown while it is typed."""

    key: str
    text: str
    default: str | None = None
    secret: bool = False
    also: str = ""
    """Another key under which a file may answer."""


class Answers(Protocol):
    """Where answers come from."""

    def ask(self, question: Question) -> str:
        """The answer, without blanks around it; empty if the default is empty and nothing was given."""

    def refuse(self, questions: Sequence[Question], problem: str) -> None:
        """The answers to these questions cannot be used. Returns if they can be asked again, else ends the command."""


class Typed:
    """A person at a terminal, who is asked again until the answer works."""

    def ask(self, question: Question) -> str:
        try:
            answer: str = typer.prompt(
                question.text,
                default=question.default,
                hide_input=question.secret,
                show_default=bool(question.default),
            )
        except typer.Abort:
            raise KeyboardInterrupt from None
        if question.secret:
            logs.register_secret(answer.strip())
        return answer.strip()

    def refuse(self, questions: Sequence[Question], problem: str) -> None:
        say(logs.redact(problem))


class FromFile:
    """A TOML file with a line for each answer. ``env:NAME`` and ``file:NAME`` stand for secrets kept elsewhere."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._answers: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise stopped(f'{path} cannot be read: {error}. Write one answer a line: region = "eu".') from None

    def require_known(self, keys: Sequence[str]) -> None:
        """End the command if the file has a key that is not asked: a mistyped one would be ignored in silence."""
        if unknown := sorted(set(self._answers) - set(keys)):
            raise stopped(f"{self._path} answers {', '.join(unknown)}, which is not asked. Keys: {', '.join(keys)}.")

    def ask(self, question: Question) -> str:
        if (given := self._answers.get(question.key, self._answers.get(question.also))) is None:
            if question.default is None:
                raise stopped(f"{self._path} does not answer {question.key} ({question.text}).")
            return question.default
        if isinstance(given, list):
            return ",".join(map(str, given))
        answer = str(given).strip()
        if question.secret:
            answer = self._elsewhere(question.key, answer)
            logs.register_secret(answer)
        return answer

    def _elsewhere(self, key: str, answer: str) -> str:
        kind, _, name = answer.partition(":")
        try:
            if kind == "env":
                return os.environ[name].strip()
            if kind == "file":
                return Path(name).read_text(encoding="utf-8").strip()
        except KeyError:
            raise stopped(f"{self._path}: {key} names the variable {name}, which is not set.") from None
        except OSError as error:
            raise stopped(f"{self._path}: {key} names the file {name}: {error.strerror}.") from None
        return answer

    def refuse(self, questions: Sequence[Question], problem: str) -> None:
        keys = ", ".join(question.key for question in questions)
        raise stopped(f"{self._path}: {keys} cannot be used; nothing was written.\n{problem}")
