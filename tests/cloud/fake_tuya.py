"""A small Tuya inside the process: it verifies every signature with code of its own, and its tokens die."""

import base64
import hashlib
import hmac
import json
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tuyahouse.settings import Account

CLIENT_ID = "1KAD46OrT9HafiKdsXeg"
CLIENT_SECRET = "4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC"
PMS_PASSWORD = "factory-night"
FLOWS = "/v1.0/pms/station/sn/flows/get"
REFRESH = "/v1.0/token/"

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
PUBLIC_KEY = base64.b64encode(_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def account(**settings: Any) -> Account:
    """An account of the fake, without pacing."""
    fields = {"pms_username": "operator", "pms_password": PMS_PASSWORD, "calls_per_second": 0, **settings}
    return Account(
        name="factory",
        base_url="https://tuya.invalid",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        **fields,
    )


def refused(code: Any, msg: str = "", **envelope: Any) -> dict[str, Any]:
    return {"success": False, "code": code, "msg": msg, "tid": "trace1", **envelope}


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now

    def __call__(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class FakeTuya(httpx.AsyncBaseTransport):
    """``planned[path]`` holds what to answer next instead: an envelope, an ``httpx.Response`` or an error to raise."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.ahead = 0.0
        self.window = 300.0
        self.expire_time = 7200
        self.alive: dict[str, float] = {}
        self.refreshable: set[str] = set()
        self.login_token: tuple[str, float] = ("", 0.0)
        self.planned: dict[str, deque[Any]] = {}
        self.before: dict[str, Callable[[], Any]] = {}
        self.calls: Counter[str] = Counter()
        self.requests: list[httpx.Request] = []
        self.made = 0

    def plan(self, path: str, *answers: Any) -> None:
        self.planned.setdefault(path, deque()).extend(answers)

    def now(self) -> float:
        return self.clock() + self.ahead

    def kill_tokens(self) -> None:
        self.alive.clear()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        name = REFRESH if path.startswith(REFRESH) else path
        self.calls[name] += 1
        self.requests.append(request)
        if name in self.before:
            await self.before[name]()
        answer = self.planned[name].popleft() if self.planned.get(name) else self._answer(request, name)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(200, content=json.dumps({"t": int(self.now() * 1000), **answer}).encode())

    def _answer(self, request: httpx.Request, name: str) -> dict[str, Any]:
        if abs(int(request.headers["t"]) / 1000 - self.now()) > self.window:
            return refused(1013, "request time is invalid")
        if request.headers["sign"] != self._sign(request):
            return refused(1004, "sign invalid")
        if name in ("/v1.0/token", REFRESH):
            return self._token(request, name)
        if self.alive.get(request.headers["access_token"], 0.0) < self.now():
            return refused(1010, "token invalid")
        return self._service(name, json.loads(request.content or b"null"))

    def _sign(self, request: httpx.Request) -> str:
        query = "&".join(f"{name}={value}" for name, value in sorted(request.url.params.multi_items()))
        url = request.url.path + ("?" + query if query else "")
        body = hashlib.sha256(request.content).hexdigest()
        token = "" if url.startswith("/v1.0/token") else request.headers["access_token"]
        text = f"{CLIENT_ID}{token}{request.headers['t']}{request.method}\n{body}\n\n{url}"
        return hmac.new(CLIENT_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest().upper()

    def _token(self, request: httpx.Request, name: str) -> dict[str, Any]:
        if name == REFRESH:
            refresh = request.url.path.removeprefix(REFRESH)
            if refresh not in self.refreshable:
                return refused(1010, "token invalid")
            self.refreshable.discard(refresh)
        access, refresh = self._new_token()
        result = {"access_token": access, "refresh_token": refresh, "expire_time": self.expire_time, "uid": "u"}
        return {"success": True, "result": result}

    def _new_token(self) -> tuple[str, str]:
        self.made += 1
        access, refresh = f"access{self.made:026d}", f"refresh{self.made:025d}"
        self.alive[access] = self.now() + self.expire_time
        self.refreshable.add(refresh)
        return access, refresh

    def _service(self, name: str, body: Any) -> dict[str, Any]:
        if name.endswith("/login/token/get"):
            self.login_token = (f"login{self.calls[name]}", self.now() + 10)
            return {"success": True, "result": {"publicKey": PUBLIC_KEY, "token": self.login_token[0]}}
        if name.endswith("/user/login"):
            return self._login(body)
        return {"success": True, "result": []}

    def _login(self, body: dict[str, str]) -> dict[str, Any]:
        token, until = self.login_token
        if body["token"] != token or self.now() > until:
            return refused(1010, "token invalid")
        if _KEY.decrypt(base64.b64decode(body["password"]), padding.PKCS1v15()) != PMS_PASSWORD.encode():
            return refused("THE_PASSWORD_ERROR", "the password is wrong")
        access, refresh = self._new_token()
        return {"success": True, "result": {"accessToken": access, "refreshToken": refresh}}
