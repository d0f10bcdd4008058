"""The program as a user runs it: arguments and environment in, text and exit code out."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.sandbox import Sandbox
from tuyahouse.cli.program import app

PROGRAM = Path(sys.executable).with_name("tuyahouse")


@pytest.fixture
def environment(sandbox: Sandbox, sqlite_url: str) -> dict[str, str]:
    """Settings that reach the sandbox and an empty SQLite warehouse."""
    return {**sandbox.env, "TUYAHOUSE_WAREHOUSE_URL": sqlite_url, "COLUMNS": "200"}


@pytest.fixture
def cli(environment: dict[str, str]) -> Callable:
    """Run a command in this process; settings without their account's prefix, e.g. ``CLIENT_ID``, are the demo
    account's."""

    def run(*arguments: str, **changed: str):
        given = {
            name if name.startswith("TUYAHOUSE_") else f"TUYAHOUSE_ACCOUNTS__DEMO__{name}": value
            for name, value in changed.items()
        }
        return CliRunner().invoke(app, list(arguments), env={**environment, **given}, catch_exceptions=False)

    return run


@pytest.fixture
def program(environment: dict[str, str], sandbox: Sandbox) -> Callable:
    """Start the program as a process of its own."""
    started: list[subprocess.Popen] = []

    def start(*arguments: str, **changed: str) -> subprocess.Popen:
        env = sandbox.environment(**{**environment, **changed})
        started.append(
            subprocess.Popen([PROGRAM, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()
