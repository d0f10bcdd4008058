"""One live token: replaced only if it is still the one that failed, by one caller for all."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from tests.cloud.fake_tuya import Clock
from tuyahouse.cloud.auth.tokens import MemoryTokenStore, TokenKeeper
from tuyahouse.cloud.clock import ServerClock
from tuyahouse.cloud.errors import ConfigurationWrong, PassingFault
from tuyahouse.stores import Token

KEY = ("factory", "platform")


class Granting:
    """Grants numbered tokens; waits for ``gate`` first, fails with ``errors`` first."""

    def __init__(self, clock, life=7200.0, errors=()):
        self.clock = clock
        self.life = life
        self.errors = list(errors)
        self.gate = None
        self.before = []

    async def __call__(self, before):
        self.before.append(before)
        if self.gate:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        return Token(f"token{len(self.before)}", "refresh", self.clock() + self.life)


def keeper(store, grant, clock, early=60.0):
    return TokenKeeper("factory", "platform", store, grant, clock=ServerClock(clock), early=early)


async def test_the_first_caller_gets_a_granted_token_and_it_is_stored(clock, tokens):
    grant = Granting(clock)
    token = await keeper(tokens, grant, clock).current()
    assert token.access == "token1" and tokens.read(*KEY) == token


async def test_a_live_token_costs_no_grant(clock, tokens):
    grant = Granting(clock)
    ours = keeper(tokens, grant, clock)
    assert [(await ours.current()).access for _ in range(5)] == ["token1"] * 5
    assert len(grant.before) == 1


async def test_a_token_another_process_stored_is_used(clock, tokens):
    with tokens.exclusive(*KEY) as slot:
        slot.replace(Token("theirs", "r", clock() + 7200, generation=4))
    grant = Granting(clock)
    assert (await keeper(tokens, grant, clock).current()).access == "theirs"
    assert grant.before == []


async def test_a_hundred_callers_at_once_cost_one_grant(clock, tokens):
    grant = Granting(clock)
    ours = keeper(tokens, grant, clock)
    got = await asyncio.gather(*(ours.current() for _ in range(100)))
    assert {token.access for token in got} == {"token1"} and len(grant.before) == 1


async def test_a_hundred_refusals_of_one_token_cost_one_grant(clock, tokens):
    grant = Granting(clock)
    ours = keeper(tokens, grant, clock)
    failed = await ours.current()
    got = await asyncio.gather(*(ours.replace(failed) for _ in range(100)))
    assert {token.access for token in got} == {"token2"} and len(grant.before) == 2


async def test_a_late_refusal_of_an_older_token_costs_nothing(clock, tokens):
    grant = Granting(clock)
    ours = keeper(tokens, grant, clock)
    failed = await ours.current()
    await ours.replace(failed)
    assert (await ours.replace(failed)).access == "token2" and len(grant.before) == 2


async def test_a_token_that_another_process_replaced_meanwhile_is_taken_over(clock, tokens):
    grant, theirs = Granting(clock), Granting(clock)
    ours, other = keeper(tokens, grant, clock), keeper(tokens, theirs, clock)
    failed = await ours.current()
    theirs.before.append("so that its tokens have other names")
    replaced = await other.replace(failed)
    assert (await ours.replace(failed)).access == replaced.access == "token2"
    assert len(grant.before) == 1


async def test_a_refused_token_is_believed_dead_though_its_date_is_good(clock, tokens):
    ours = keeper(tokens, Granting(clock), clock)
    failed = await ours.current()
    assert failed.expires_at > clock() + 7000
    assert (await ours.replace(failed)).access == "token2"


async def test_generations_are_counted(clock, tokens):
    ours = keeper(tokens, Granting(clock), clock)
    failed = await ours.current()
    assert (failed.generation, (await ours.replace(failed)).generation) == (1, 2)


async def test_a_token_is_replaced_a_minute_before_its_end(clock, tokens):
    ours = keeper(tokens, Granting(clock), clock)
    await ours.current()
    clock.time += 7139
    assert (await ours.current()).access == "token1"
    clock.time += 2
    assert (await ours.current()).access == "token2"


async def test_a_token_granted_with_less_than_that_is_used_to_its_end(clock, tokens):
    grant = Granting(clock, life=30.0)
    ours = keeper(tokens, grant, clock)
    await ours.current()
    clock.time += 28
    await ours.current()
    assert len(grant.before) == 1


async def test_the_grant_gets_the_token_before_it(clock, tokens):
    grant = Granting(clock)
    ours = keeper(tokens, grant, clock)
    first = await ours.current()
    await ours.replace(first)
    assert grant.before == [None, first]


async def test_a_passing_fault_of_a_grant_is_tried_again(clock, tokens):
    grant = Granting(clock, errors=[PassingFault("busy")])
    assert (await keeper(tokens, grant, clock).current()).access == "token2"


async def test_an_error_of_a_grant_reaches_every_waiter_and_costs_one_call(clock, tokens):
    grant = Granting(clock, errors=[ConfigurationWrong("wrong secret")])
    ours = keeper(tokens, grant, clock)
    got = await asyncio.gather(*(ours.current() for _ in range(10)), return_exceptions=True)
    assert {type(error) for error in got} == {ConfigurationWrong} and len(grant.before) == 1


async def test_after_a_failed_grant_the_old_token_is_still_stored(clock, tokens):
    grant = Granting(clock)
    ours = keeper(tokens, grant, clock)
    first = await ours.current()
    grant.errors = [ConfigurationWrong("wrong secret")]
    with pytest.raises(ConfigurationWrong):
        await ours.replace(first)
    assert tokens.read(*KEY) == first


async def test_a_caller_that_is_cancelled_does_not_stop_the_others(clock, tokens):
    grant = Granting(clock)
    grant.gate = asyncio.Event()
    ours = keeper(tokens, grant, clock)
    first, second = (asyncio.create_task(ours.current()) for _ in range(2))
    while not grant.before:
        await asyncio.sleep(0)
    first.cancel()
    grant.gate.set()
    assert (await second).access == "token1"


async def test_closing_in_the_middle_of_a_grant_gives_the_lock_back(clock):
    store = MemoryTokenStore()
    grant = Granting(clock)
    grant.gate = asyncio.Event()
    ours = keeper(store, grant, clock)
    waiting = asyncio.create_task(ours.current())
    while not grant.before:
        await asyncio.sleep(0)
    await ours.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(_enters, store)


def test_ctrl_c_in_the_middle_of_a_grant_gives_the_lock_back():
    clock, store = Clock(), MemoryTokenStore()

    async def interrupted():
        async def grant(before):
            raise KeyboardInterrupt

        await keeper(store, grant, clock).current()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(interrupted())
    for thread in threading.enumerate():
        if thread.name.startswith("token-"):
            thread.join(5)
    assert _enters(store)


def _enters(store):
    entered = threading.Event()

    def enter():
        with store.exclusive(*KEY):
            entered.set()

    threading.Thread(target=enter, daemon=True).start()
    return entered.wait(5)


async def test_the_store_is_never_called_on_the_loops_thread(clock):
    class Watching(MemoryTokenStore):
        threads = set()

        def read(self, account, kind):
            self.threads.add(threading.current_thread().name)
            return super().read(account, kind)

        @contextmanager
        def exclusive(self, account, kind):
            self.threads.add(threading.current_thread().name)
            with super().exclusive(account, kind) as slot:
                yield slot
            self.threads.add(threading.current_thread().name)

    store = Watching()
    await keeper(store, Granting(clock), clock).current()
    assert len(store.threads) == 1 and threading.current_thread().name not in store.threads


async def test_a_token_shows_neither_of_its_secrets(clock, tokens):
    token = Token("s3cret", "s3cret", 0.0)
    assert "s3cret" not in repr(token) and "s3cret" not in str(token)
