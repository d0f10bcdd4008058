"""Endpoints under /sandbox/, without signature or token: they control the sandbox and show its ground truth."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tuyahouse.sandbox.control import truth
from tuyahouse.sandbox.days import day_at, instant
from tuyahouse.sandbox.messages.publishing import Publisher
from tuyahouse.sandbox.messages.websocket import MessageService
from tuyahouse.sandbox.world.faults import FAULTS, FaultError
from tuyahouse.sandbox.world.world import World

NDJSON = "application/x-ndjson"


class Control:
    """One method per endpoint."""

    def __init__(self, world: World, service: MessageService, publisher: Publisher | None) -> None:
        self._world = world
        self._publisher = publisher
        self._service = service

    async def stats(self, request: Request) -> Response:
        world = self._world
        return JSONResponse(
            {
                "calls": world.log.total,
                "endpoints": world.log.calls,
                "refusals": world.log.refusals,
                "tokens": world.tokens.counts,
                "signatures": world.signatures,
                "faults": world.faults.hits,
                "quota_used": world.log.quota_used,
                "day": world.options.day,
            }
        )

    async def day(self, request: Request) -> Response:
        """GET returns the day and its end, which runs take for the present (``now``); POST {"day": n} or {"now": time}
        sets it, POST {} moves on by one."""
        if request.method == "POST":
            body = await _json(request)
            try:
                day = day_at(body["now"]) if "now" in body else body.get("day", self._world.options.day + 1)
            except (TypeError, ValueError):
                return JSONResponse({"error": f"{body['now']!r} is no time, such as 2026-11-03T00:00Z"}, 400)
            answer = self._changed({"day": day}, ["day"])
            if self._publisher and answer.status_code == 200:
                await asyncio.to_thread(self._publisher.catch_up)
            if answer.status_code != 200:
                return answer
        return JSONResponse({"day": self._world.options.day, "now": instant(self._world.options.day).isoformat()})

    async def options(self, request: Request) -> Response:
        """GET shows all options, POST {name: value} changes some."""
        changes = await _json(request) if request.method == "POST" else {}
        return self._changed(changes, list(msgspec.to_builtins(self._world.options)))

    def _changed(self, changes: dict[str, Any], shown: list[str]) -> Response:
        try:
            self._world.change(changes)
        except msgspec.ValidationError as error:
            return JSONResponse({"error": str(error)}, 400)
        options = msgspec.to_builtins(self._world.options)
        return JSONResponse({name: options[name] for name in shown})

    async def faults(self, request: Request) -> Response:
        """GET shows rates and hits, POST {name: rate} replaces all of them."""
        if request.method == "POST":
            try:
                self._world.set_faults(await _json(request))
            except FaultError as error:
                return JSONResponse({"error": str(error)}, 400)
        faults = self._world.faults
        return JSONResponse({"rates": faults.rates, "hits": faults.hits, "known": FAULTS})

    async def clock(self, request: Request) -> Response:
        """POST {"offset_seconds": x} sets the clock relative to the machine's, {"advance_seconds": x} moves it on."""
        options = self._world.options
        if request.method == "POST":
            body = await _json(request)
            options.clock_offset = float(body.get("offset_seconds", options.clock_offset)) + float(
                body.get("advance_seconds", 0)
            )
        return JSONResponse({"offset_seconds": options.clock_offset, "now_ms": self._world.now_ms()})

    async def kill_tokens(self, request: Request) -> Response:
        """POST {"kind": "platform"|"pms"}, or {} for both: the live token dies, its refresh token does not."""
        kind = (await _json(request)).get("kind")
        for each in ("platform", "pms"):
            if kind in (None, each):
                self._world.tokens.kill(each)
        return JSONResponse(self._world.tokens.counts)

    async def secrets(self, request: Request) -> Response:
        """Every secret of the account and every token issued so far, for tests that search for leaks."""
        options = self._world.options
        passwords = [options.client_secret, options.pms_password, options.visual_password]
        return JSONResponse([*passwords, *self._world.tokens.issued, *self._world.access.secrets()])

    async def access(self, request: Request) -> Response:
        """GET shows what third parties were given; POST changes it behind everybody's back.

        {"remove_account": login name} lets an account vanish, {"add_person": [device, person]} adds a person.
        """
        access, wanted = self._world.access, await _json(request) if request.method == "POST" else {}
        access.accounts.remove(str(wanted.get("remove_account", "")))
        if added := wanted.get("add_person"):
            access.persons.add(*added)
        return JSONResponse(access.shown())

    async def quota(self, request: Request) -> Response:
        """POST {"used": n} sets how much of the quota is used; 0 is a new month."""
        if request.method == "POST":
            self._world.log.quota_used = int((await _json(request)).get("used", 0))
        return JSONResponse({"quota": self._world.options.quota, "used": self._world.log.quota_used})

    async def asked(self, request: Request) -> Response:
        """How often each key was asked for: ?endpoint=, ?sn= for one; DELETE clears all counts and start times."""
        if request.method == "DELETE":
            self._world.log.forget()
            return JSONResponse({})
        endpoint = request.query_params.get("endpoint", "POST /v1.0/pms/station/sn/flows/get")
        counts = self._world.log.asked.get(endpoint, {})
        if (sn := request.query_params.get("sn")) is not None:
            return JSONResponse({sn: counts.get(sn, 0)})
        return JSONResponse(counts)

    async def starts(self, request: Request) -> Response:
        """Unix seconds at which calls of ?endpoint= arrived."""
        endpoint = request.query_params.get("endpoint", "POST /v1.0/pms/station/sn/flows/get")
        return JSONResponse(list(self._world.log.starts.get(endpoint, ())))

    async def true_steps(self, request: Request) -> Response:
        return _lines(truth.steps(self._world, self._day(request)))

    async def true_serial_numbers(self, request: Request) -> Response:
        return _lines(truth.serial_number_states(self._world, self._day(request)))

    async def true_devices(self, request: Request) -> Response:
        return _lines(truth.devices(self._world, self._day(request)))

    async def true_commands(self, request: Request) -> Response:
        return _lines(truth.commands(self._world, self._day(request)))

    async def true_messages(self, request: Request) -> Response:
        """The messages of one whole day, with what is in them."""
        return _lines(truth.messages(self._world, int(self._day(request))))

    async def messages(self, request: Request) -> Response:
        """GET shows counts by subscription, POST {"cut": true} cuts connections, {"notice": true} sends a notice."""
        wanted = await _json(request) if request.method == "POST" else {}
        cut = self._service.cut() if wanted.get("cut") else 0
        if wanted.get("notice"):
            self._service.warn()
        return JSONResponse({"subscriptions": self._service.statistics(), "cut": cut})

    async def csv(self, request: Request) -> Response:
        return StreamingResponse(truth.serial_numbers_csv(self._world), media_type="text/csv")

    async def health(self, request: Request) -> Response:
        return JSONResponse({"ok": True})

    def _day(self, request: Request) -> float:
        return float(request.query_params.get("day", self._world.options.day))


async def _json(request: Request) -> dict[str, Any]:
    body = await request.body()
    return dict(msgspec.json.decode(body)) if body else {}


def _lines(items: Iterator[Any]) -> Response:
    encode = msgspec.json.Encoder().encode
    return StreamingResponse((encode(item) + b"\n" for item in items), media_type=NDJSON)


def routes(world: World, service: MessageService, publisher: Publisher | None) -> list[Route]:
    control = Control(world, service, publisher)
    both = ["GET", "POST"]
    return [
        Route("/health", control.health),
        Route("/stats", control.stats),
        Route("/day", control.day, methods=both),
        Route("/options", control.options, methods=both),
        Route("/faults", control.faults, methods=both),
        Route("/clock", control.clock, methods=both),
        Route("/tokens/kill", control.kill_tokens, methods=["POST"]),
        Route("/secrets", control.secrets),
        Route("/access", control.access, methods=both),
        Route("/quota", control.quota, methods=both),
        Route("/asked", control.asked, methods=["GET", "DELETE"]),
        Route("/starts", control.starts),
        Route("/truth/steps", control.true_steps),
        Route("/truth/serial-numbers", control.true_serial_numbers),
        Route("/truth/devices", control.true_devices),
        Route("/truth/commands", control.true_commands),
        Route("/truth/messages", control.true_messages),
        Route("/messages", control.messages, methods=both),
        Route("/serial-numbers.csv", control.csv),
    ]
