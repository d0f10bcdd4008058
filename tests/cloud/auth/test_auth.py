"""The auth flow alone: requests go out of it and answers into it, nothing is sent."""

import pytest

from tuyahouse.cloud.auth.auth import TuyaAuth
from tuyahouse.cloud.auth.signing import Signer
from tuyahouse.cloud.clock import ServerClock
from tuyahouse.cloud.codes import Action
from tuyahouse.cloud.endpoint import Endpoint
from tuyahouse.cloud.http.answer import Received
from tuyahouse.cloud.http.requests import Request
from tuyahouse.stores import Token

OLD, NEW = Token("old", "r1", 0), Token("new", "r2", 0)
NOW = 1_700_000_000.0


class Tokens:
    def __init__(self, granting=True):
        self.replaced = []
        self.granting = granting
        self.grants = 0

    async def current(self):
        return OLD

    async def replace(self, failed):
        self.replaced.append(failed)
        self.grants += self.granting
        return NEW


def auth(tokens, *, turns=None):
    async def turn(request):
        turns.append(request.headers.get("t"))

    def judge(response):
        return response.outcome, response.t_ms

    clock = ServerClock(lambda: NOW)
    return TuyaAuth(Signer("id", "secret"), clock, tokens, judge, turn if turns is not None else None), clock


def request():
    return Request(Endpoint("POST", "/x"), "https://tuya.invalid/x", "/x", b"{}", {})


def answered(action, t_ms=None, **headers):
    return Received(200, headers, b"", action, t_ms)


async def run(auth, *answers):
    """Feed answers to the flow; the access token and time of each request it wanted sent."""
    flow, wanted, left = auth.async_auth_flow(request()), [], list(answers)
    try:
        asked = await anext(flow)
        while True:
            wanted.append((asked.headers.get("access_token"), asked.headers["t"], asked.headers["sign"]))
            asked = await flow.asend(left.pop(0))
    except StopAsyncIteration:
        assert not left
        return wanted


async def test_an_answer_without_complaint_ends_the_flow():
    wanted = await run(auth(Tokens())[0], answered(None))
    assert [token for token, _, _ in wanted] == ["old"]


async def test_a_refused_token_is_replaced_and_the_request_signed_again():
    tokens = Tokens()
    wanted = await run(auth(tokens)[0], answered(Action.REAUTHENTICATE), answered(None))
    assert [token for token, _, _ in wanted] == ["old", "new"]
    assert tokens.replaced == [OLD]
    assert wanted[0][2] != wanted[1][2]


async def test_tokens_that_other_processes_obtained_are_taken_over_a_few_times():
    tokens = Tokens(granting=False)
    wanted = await run(auth(tokens)[0], *[answered(Action.REAUTHENTICATE)] * 6)
    assert [token for token, _, _ in wanted] == ["old", *["new"] * 5]


async def test_a_call_authenticates_again_at_most_once():
    tokens = Tokens()
    wanted = await run(auth(tokens)[0], answered(Action.REAUTHENTICATE), answered(Action.REAUTHENTICATE))
    assert len(wanted) == 2 and tokens.replaced == [OLD]


async def test_a_refused_time_corrects_the_clock_from_the_answer():
    flow, clock = auth(Tokens())
    wanted = await run(flow, answered(Action.FIX_CLOCK, 1_700_000_600_000), answered(None))
    assert [t for _, t, _ in wanted] == ["1700000000000", "1700000600000"]
    assert clock.offset_seconds == 600


async def test_a_refused_time_without_t_corrects_the_clock_from_the_http_date():
    flow, clock = auth(Tokens())
    await run(flow, answered(Action.FIX_CLOCK, date="Tue, 14 Nov 2023 22:23:20 GMT"), answered(None))
    assert clock.offset_seconds == 600


async def test_a_refused_time_is_corrected_at_most_once():
    answers = answered(Action.FIX_CLOCK, 1_700_000_600_000), answered(Action.FIX_CLOCK, 1_700_001_200_000)
    assert len(await run(auth(Tokens())[0], *answers)) == 2


async def test_a_refused_time_that_was_right_is_not_repeated():
    assert len(await run(auth(Tokens())[0], answered(Action.FIX_CLOCK, 1_700_000_000_000))) == 1


async def test_clock_and_token_may_both_be_put_right_in_one_call():
    answers = answered(Action.FIX_CLOCK, 1_700_000_600_000), answered(Action.REAUTHENTICATE), answered(None)
    wanted = await run(auth(Tokens())[0], *answers)
    assert [(token, t) for token, t, _ in wanted] == [
        ("old", "1700000000000"),
        ("old", "1700000600000"),
        ("new", "1700000600000"),
    ]


@pytest.mark.parametrize("action", [a for a in Action if a not in (Action.FIX_CLOCK, Action.REAUTHENTICATE)])
async def test_other_refusals_are_not_the_flows_business(action):
    assert len(await run(auth(Tokens())[0], answered(action))) == 1


async def test_token_calls_are_signed_without_a_token_and_not_authenticated_again():
    assert [token for token, _, _ in await run(auth(None)[0], answered(Action.REAUTHENTICATE))] == [None]


async def test_each_signing_waits_for_its_turn():
    turns = []
    await run(auth(Tokens(), turns=turns)[0], answered(Action.REAUTHENTICATE), answered(None))
    assert turns == [None, "1700000000000"]
