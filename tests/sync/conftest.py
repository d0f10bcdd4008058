"""A sandbox factory for the tests of a night."""

from collections.abc import Iterator

import pytest

from tests.support.factory import Factory
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="session")
def factory() -> Iterator[Factory]:
    running = Factory()
    yield running
    running.close()


@pytest.fixture
def tuya(factory: Factory) -> Sandbox:
    """The factory on day 3, with no faults and no memory of other tests."""
    return factory.reset(day=3)
