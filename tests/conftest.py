"""Fixtures that every test may use: real servers, fresh databases, nothing of the developer's own settings."""

import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.support import skips
from tests.support.factory import Factory
from tests.support.postgres import OwnPostgres, Postgres
from tests.support.pulsar.broker import PulsarBroker
from tests.support.pulsar.build import missing_tools
from tests.support.sandbox import Sandbox, start_sandbox

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.flows.operator import Operator
    from tests.support.prefect import PrefectServer
    from tuyahouse.warehouse.warehouse import Warehouse

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background so, and programs that tests press Ctrl-C on would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
SECRET_KEY = "a-key-of-the-tests-and-of-nothing-else"

hypothesis.settings.register_profile(
    "tests", deadline=None, database=DirectoryBasedExampleDatabase(ROOT / ".cache" / "hypothesis")
)
hypothesis.settings.load_profile("tests")


@pytest.fixture(autouse=True)
def _nothing_of_the_developers_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting and no ``tuyahouse.toml`` or ``tuyahouse.db`` of the developer's reaches a test."""
    for name in os.environ:
        if name.startswith("TUYAHOUSE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _no_secret_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are known to a process for good; those of another test must not be hidden in this one."""
    from tuyahouse.redaction import SECRETS

    for name, empty in (("_kept", {}), ("_passing", {}), ("_forms", None)):
        monkeypatch.setattr(SECRETS, name, empty)


# ---------------------------------------------------------------------------------------------------------- databases


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL shared by the session: ``TUYAHOUSE_TEST_POSTGRES_URL``, else one of our own."""
    if url := _TEST_POSTGRES_URL:
        yield Postgres(url)
        return
    server = OwnPostgres()
    yield server
    server.close()


_TEST_POSTGRES_URL = os.environ.get("TUYAHOUSE_TEST_POSTGRES_URL")


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    """A PostgreSQL that this test alone uses, to stop and start as it likes."""
    server = OwnPostgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """URL of the shared server, to administer it; tests use ``fresh_postgres_url``."""
    return postgres.url


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres: Postgres) -> Iterator[str]:
    """URL of a database with tuyahouse's tables that nobody uses: copying it is five times faster than migrating."""
    from tuyahouse.warehouse.warehouse import Warehouse

    url = postgres.create_database()
    Warehouse.open(url, SECRET_KEY).close()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def fresh_postgres_url(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[str]:
    """URL of a PostgreSQL database, dropped after the test: empty, unless the test has it opened as a ``warehouse``."""
    opened = "warehouse" in request.fixturenames
    url = postgres.create_database(request.getfixturevalue("migrated_postgres_url") if opened else None)
    yield url
    postgres.drop_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'warehouse.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def warehouse_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database, once on SQLite and once on PostgreSQL."""
    name = "sqlite_url" if request.param == "sqlite" else "fresh_postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def secret_key() -> str:
    """A ``TUYAHOUSE_SECRET_KEY``."""
    return SECRET_KEY


@pytest.fixture
def warehouse(warehouse_url: str, secret_key: str) -> "Iterator[Warehouse]":
    """An open, empty warehouse, once on SQLite and once on PostgreSQL."""
    from tuyahouse.warehouse.warehouse import Warehouse

    opened = Warehouse.open(warehouse_url, secret_key)
    yield opened
    opened.close()


# ------------------------------------------------------------------------------------------------------------ servers


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with its defaults, shared by the tests of a module: do not change its faults and its day."""
    running = start_sandbox()
    yield running
    running.stop()


@pytest.fixture
def sandboxes() -> Iterator[Callable[..., Sandbox]]:
    """Start a sandbox with command line options, e.g. ``sandboxes("--seed", "7", "--serial-numbers", "500")``."""
    running: list[Sandbox] = []

    def start(*options: str) -> Sandbox:
        running.append(start_sandbox(*options))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope="session")
def factory() -> Iterator[Factory]:
    """A sandbox factory that many tests share; take ``tuya``, which puts it back to how it began."""
    running = Factory()
    yield running
    running.close()


@pytest.fixture
def tuya(factory: Factory) -> Sandbox:
    """The factory on day 3, with no faults and no memory of other tests."""
    return factory.reset(day=3)


@pytest.fixture(scope="session")
def prefect_server() -> "Iterator[PrefectServer]":
    """One real server for all flows that tests run."""
    from tests.support.prefect import PrefectServer

    server = PrefectServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def operator(prefect_server: "PrefectServer") -> "Iterator[Operator]":
    """A process that runs flows one after the other."""
    from tests.flows.operator import Operator

    started = Operator({**os.environ, **prefect_server.env})
    yield started
    started.close()


@pytest.fixture(scope="session")
def pulsar_broker() -> Iterator[PulsarBroker]:
    """A real Pulsar broker that speaks Tuya's ``auth1``; each test adds accounts of its own by ``add_account``."""
    missing = missing_tools()
    if missing:
        pytest.skip(f"a real Pulsar broker needs {', '.join(missing)}, not on this machine")
    broker = PulsarBroker()
    yield broker
    broker.close()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A real browser, without a window."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("pages are looked at in chromium, not on this machine")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


# -------------------------------------------------------------------------------------------------------------- skips


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if skips.skips_are_failures():
        skips.fail_if_skipped(report)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = skips.summary(terminalreporter.getreports("skipped"))
    if lines:
        terminalreporter.section("not tested", yellow=True)
        for line in lines:
            terminalreporter.write_line(line)
