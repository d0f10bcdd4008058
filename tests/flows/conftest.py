"""A Prefect server and a sandbox factory that the tests of flows share."""

import os
from collections.abc import Iterator

import pytest

from tests.flows.operator import Operator
from tests.support.factory import Factory
from tests.support.prefect import PrefectServer
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[PrefectServer]:
    """One real server for all flows that tests run."""
    server = PrefectServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def operator(prefect_server: PrefectServer) -> Iterator[Operator]:
    """A process that runs flows one after the other."""
    started = Operator({**os.environ, **prefect_server.env})
    yield started
    started.close()


@pytest.fixture(scope="session")
def factory() -> Iterator[Factory]:
    running = Factory()
    yield running
    running.close()


@pytest.fixture
def tuya(factory: Factory) -> Sandbox:
    """The factory on day 3, with no faults and no memory of other tests."""
    return factory.reset(day=3)
