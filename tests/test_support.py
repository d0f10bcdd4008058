"""What other tests rely on to find mistakes finds them."""

import base64
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import zstandard

from tests.support import skips
from tests.support.sandbox import Sandbox
from tests.support.secrets import leaks_in_files, leaks_in_postgres, leaks_in_text, secrets_of

SECRET = "s3cret/with+signs=0123"


@pytest.mark.parametrize(
    "text",
    [
        "password is s3cret/with+signs=0123.",
        "GET /v1.0/token/s3cret%2Fwith%2Bsigns%3D0123 HTTP/1.1",
        "x" + SECRET.encode().hex(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.b64encode(f"a:{SECRET}:b".encode()).decode(),
        base64.b64encode(f"{SECRET}".encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_spelling(text: str) -> None:
    assert leaks_in_text([SECRET], text) == [SECRET]


def test_a_text_without_the_secret_is_clean() -> None:
    assert leaks_in_text([SECRET], "s3cret/with+signs=0124 and czNjcmV0") == []


def test_a_secret_is_found_in_a_log_and_in_a_compressed_value_of_sqlite(tmp_path: Path) -> None:
    (tmp_path / "run.log").write_text(f"token {SECRET}")
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE raw (body blob)")
    connection.execute("INSERT INTO raw VALUES (?)", [zstandard.compress(f"{SECRET * 9}".encode())])
    connection.commit()
    connection.close()
    found = {line.removeprefix(f"{tmp_path}/") for line in leaks_in_files([SECRET], tmp_path)}
    assert found >= {f"a.db raw.body: {SECRET}", f"run.log: {SECRET}"}


def test_a_secret_is_found_in_a_json_column_of_postgresql(fresh_postgres_url: str) -> None:
    with psycopg.connect(fresh_postgres_url) as connection:
        connection.execute("CREATE TABLE runs (parameters jsonb)")
        connection.execute("INSERT INTO runs VALUES (jsonb_build_object('login', %s::text))", [SECRET])
    assert leaks_in_postgres([SECRET], fresh_postgres_url) == [f"runs.parameters: {SECRET}"]


def test_the_sandbox_tells_its_secrets(sandbox: Sandbox) -> None:
    assert {"sandboxsecret00000000000000000001", "factory-night"} <= set(secrets_of(sandbox))


def skipped(reason: str) -> SimpleNamespace:
    return SimpleNamespace(skipped=True, outcome="skipped", longrepr=("file.py", 7, f"Skipped: {reason}"))


@pytest.mark.parametrize(
    ("environment", "strict"),
    [({}, False), ({"CI": "true"}, True), ({"CI": "false"}, False), ({"TUYAHOUSE_NO_SKIP": "1"}, True)],
)
def test_ci_accepts_no_skip(environment: dict[str, str], strict: bool) -> None:
    assert skips.skips_are_failures(environment) is strict


def test_a_skip_that_is_not_accepted_fails_with_its_reason() -> None:
    report = skipped("no java")
    skips.fail_if_skipped(report)
    assert (report.outcome, report.longrepr) == ("failed", "Skipped, and this run accepts no skip: no java")


def test_the_end_of_a_run_says_what_was_not_tested_and_how_to_get_it() -> None:
    assert skips.summary([skipped("no java"), skipped("no chromium"), skipped("no java")]) == [
        "1 test: no chromium",
        "2 tests: no java",
        "What is missing is listed and, where you may, installed by: make system",
    ]


def test_nothing_is_said_when_nothing_was_skipped() -> None:
    assert skips.summary([]) == []
