"""A caller of the sandbox that signs by itself: neither the sandbox's code nor that of tuyahouse.cloud."""

import base64
import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tuyahouse.sandbox.app import ENDPOINTS
from tuyahouse.sandbox.http.gateway import Gateway
from tuyahouse.sandbox.http.routes import Call
from tuyahouse.sandbox.world.world import World

CLIENT_ID = "sandboxclient0000001"
SECRET = "sandboxsecret00000000000000000001"
FLOWS = "/v1.0/pms/station/sn/flows/get"
CRAFT_LINE = "/v2.0/pms/production/craftline/get/YZCB04ZZR"


def signed_headers(
    method: str,
    target: str,
    body: bytes = b"",
    token: str = "",
    *,
    version: str = "v2",
    t: int | None = None,
    secret: str = SECRET,
) -> dict[str, str]:
    """Request headers; ``target`` holds the query sorted and decoded."""
    stamp = str(int(time.time() * 1000) if t is None else t)
    text = CLIENT_ID + ("" if target.startswith("/v1.0/token") else token) + stamp
    if version == "v2":
        text += f"{method}\n{hashlib.sha256(body).hexdigest()}\n\n{target}"
    sign = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
    return {"client_id": CLIENT_ID, "sign": sign, "sign_method": "HMAC-SHA256", "t": stamp, "access_token": token}


class Caller:
    """What every caller does, whatever carries its requests."""

    platform = ""
    pms = ""

    def send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Any:
        raise NotImplementedError

    def ask(self, method: str, target: str, body: Any = None, token: str = "", **signing: Any) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        return self.send(method, target, data, signed_headers(method, target, data, token, **signing))

    def grant(self, **signing: Any) -> Any:
        answer = self.ask("GET", "/v1.0/token?grant_type=1", **signing)
        if answer["success"]:
            self.platform = answer["result"]["access_token"]
        return answer

    def login_token(self, username: str = "operator") -> Any:
        return self.ask("POST", "/v2.0/pms/production/login/token/get", {"username": username}, self.platform)

    def login(self, password: str = "factory-night", token: Any = None) -> Any:
        """The second half of a login with an answer of :meth:`login_token`, or the whole of it."""
        if token is None:
            self.grant()
            token = self.login_token()
        key = load_der_public_key(base64.b64decode(token["result"]["publicKey"]))
        sealed = base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()
        body = {"username": "operator", "password": sealed, "token": token["result"]["token"]}
        answer = self.ask("POST", "/v2.0/pms/production/user/login", body, self.platform)
        if answer["success"]:
            self.pms = answer["result"]["accessToken"]
        return answer

    def flows(self, sn: str = "YZCB04ZZR00001", **signing: Any) -> Any:
        return self.ask("POST", FLOWS, {"sn": sn}, self.pms, **signing)


class InProcessCaller(Caller):
    """Asks the gateway of a world in this process. The world's clock decides the time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._gateway = Gateway(world, ENDPOINTS)

    def send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Any:
        path, _, query = target.partition("?")
        head = {name.lower().encode(): value.encode() for name, value in headers.items()}
        return json.loads(self._gateway.answer(Call(method, path, query, body, head)).body)

    def ask(self, method: str, target: str, body: Any = None, token: str = "", **signing: Any) -> Any:
        return super().ask(method, target, body, token, **{"t": self.world.now_ms(), **signing})


class HttpCaller(Caller):
    """Asks a running sandbox over HTTP."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc

    def raw(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body; :class:`http.client.IncompleteRead` when the answer is cut."""
        connection = http.client.HTTPConnection(self._host, timeout=10)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def send(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Any:
        return json.loads(self.raw(method, target, body, headers)[1])
