"""A Prefect server and a sandbox factory that the tests of flows share."""

import os
from collections.abc import Iterator

import pytest

from tests.flows.operator import Operator
from tests.support.prefect import PrefectServer


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
