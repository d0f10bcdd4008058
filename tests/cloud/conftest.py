"""Retries without waiting, and an in-process Tuya with a clock of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
import stamina

from tests.cloud.fake_tuya import Clock, FakeTuya, account
from tuyahouse.cloud.auth.tokens import MemoryTokenStore
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.pace.pacer import MemorySlotStore

Open = Callable[..., AbstractAsyncContextManager[TuyaClient]]


@pytest.fixture(autouse=True)
def _no_waiting_between_repeats() -> Iterator[None]:
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tuya(clock: Clock) -> FakeTuya:
    return FakeTuya(clock)


@pytest.fixture
def tokens() -> MemoryTokenStore:
    return MemoryTokenStore()


@pytest.fixture
def slots(clock: Clock) -> MemorySlotStore:
    return MemorySlotStore(clock)


@pytest.fixture
def open_client(clock: Clock, tuya: FakeTuya, tokens: MemoryTokenStore, slots: MemorySlotStore) -> Open:
    """Open a client of the fake; settings of the account by name."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[TuyaClient]:
        async with TuyaClient.open(
            account(**settings), tokens, slots, clock=clock, sleep=clock.sleep, transport=tuya
        ) as client:
            yield client

    return opened
