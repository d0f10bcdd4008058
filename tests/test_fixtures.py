"""The fixtures that other tests stand on."""

from collections.abc import Callable

import psycopg

from tests.support.postgres import OwnPostgres
from tests.support.sandbox import Sandbox


def test_every_test_gets_an_empty_postgresql(fresh_postgres_url: str) -> None:
    with psycopg.connect(fresh_postgres_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_a_database_keeps_what_was_committed_when_its_server_is_cut_off(own_postgres: OwnPostgres) -> None:
    url = own_postgres.create_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    own_postgres.stop()
    own_postgres.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_the_sandbox_says_how_to_reach_it(sandbox: Sandbox) -> None:
    assert sandbox.account.url == sandbox.url
    assert sandbox.account.client_id == "sandboxclient0000001"
    assert sandbox.account.pms_username == "operator"
    assert sandbox.account.project_ids


def test_a_sandbox_is_started_with_options_and_moves_on_by_day(sandboxes: Callable[..., Sandbox]) -> None:
    sandbox = sandboxes("--seed", "7", "--day", "3")
    assert sandbox.control("stats")["day"] == 3
    assert sandbox.control("day", {})["day"] == 4
