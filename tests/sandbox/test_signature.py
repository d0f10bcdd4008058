"""The sandbox takes exactly the signatures that Tuya publishes."""

import hashlib
import json

import pytest

from tests.sandbox.callers import FLOWS, InProcessCaller
from tuyahouse.sandbox.app import ENDPOINTS
from tuyahouse.sandbox.http.gateway import Gateway
from tuyahouse.sandbox.http.routes import Call
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.signature import Verifier, canonical_target, signed_header_lines, string_to_sign
from tuyahouse.sandbox.world.world import World

CLIENT_ID = "1KAD46OrT9HafiKdsXeg"
SECRET = "4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC"
T = "1588925778000"
TOKEN = "3f4eda2bdec17232f67c0b188af3eec1"
NONCE = "5138cc3a9033d69856923fd07b491173"
SIGNED = {
    b"signature-headers": b"area_id:call_id",
    b"area_id": b"29a33e8796834b1efa6",
    b"call_id": b"8afdb70ab2ed11eb85290242ac130003",
}
VERIFIER = Verifier(CLIENT_ID, SECRET)


def test_the_old_signature_of_a_token_call_is_the_published_one() -> None:
    assert VERIFIER.old("", T) == "CEAAFB5CCDC2F723A9FD3E91D3D2238EE0DD9A6D7C3C365DEB50FC2AF277AA83"


def test_the_old_signature_of_a_service_call_is_the_published_one() -> None:
    assert VERIFIER.old(TOKEN, T) == "36C30E300F226B68ADD014DD1EF56A81EDB7B7A817840485769B9D6C96D0FAA1"


@pytest.mark.parametrize(
    ("token", "nonce", "headers", "method", "target", "body", "sign"),
    [
        ("", NONCE, SIGNED, "GET", "/v1.0/token?grant_type=1", b"",
         "9E48A3E93B302EEECC803C7241985D0A34EB944F40FB573C7B5C2A82158AF13E"),
        (TOKEN, NONCE, SIGNED, "GET", "/v2.0/apps/schema/users?page_no=1&page_size=50", b"",
         "AE4481C692AA80B25F3A7E12C3A5FD9BBF6251539DD78E565A1A72A508A88784"),
        (TOKEN, "", {}, "POST", "/v1.0/devices/bf2c1e00ab0f12face/commands",
         b'{"commands":[{"code":"switch_led","value":false}]}',
         "F27DD95A15E84C954DB2ED016096D517681FE79853B6CDAD446927352691804E"),
        ("", "", {}, "GET", "/v1.0/token?grant_type=1", b"",
         "7BA26C076E5ECB1E959BE274A0FFB397B2B1865FC7BCED8F1C78AC5653C20CAA"),
        (TOKEN, "", {}, "POST", FLOWS, b'{"sn":"YZCB04ZZR00001"}',
         "65A75FEB8B8832C80BFB019B1EB24E7C08E5F014D5872C75F941FCA76F3F735D"),
        (TOKEN, "", {}, "POST", FLOWS, b'{"sn": "YZCB04ZZR00001"}',
         "B571E13E85BC5F9BE642F6EEAFDE931BA8C3C84661DB0F71A3DA571645FFD34C"),
    ],
)  # fmt: skip
def test_the_current_signature_is_the_published_one(
    token: str, nonce: str, headers: dict[bytes, bytes], method: str, target: str, body: bytes, sign: str
) -> None:
    text = string_to_sign(method, target, body, signed_header_lines(headers))
    assert VERIFIER.current(token, T, nonce, text) == sign


def test_a_query_is_signed_sorted_and_decoded() -> None:
    assert canonical_target("/v1.0/x", "b=2&a=%E9%97%A8%20x") == "/v1.0/x?a=门 x&b=2"


def test_the_published_token_call_with_nonce_and_signed_headers_gets_a_token() -> None:
    world = World(Options(client_id=CLIENT_ID, client_secret=SECRET), clock=lambda: 1588925778)
    headers = {
        **SIGNED,
        b"client_id": CLIENT_ID.encode(),
        b"t": T.encode(),
        b"nonce": NONCE.encode(),
        b"sign_method": b"HMAC-SHA256",
        b"sign": b"9E48A3E93B302EEECC803C7241985D0A34EB944F40FB573C7B5C2A82158AF13E",
    }
    call = Call("GET", "/v1.0/token", "grant_type=1", b"", headers)
    assert json.loads(Gateway(world, ENDPOINTS).answer(call).body)["success"] is True


def test_a_new_project_refuses_the_old_signature() -> None:
    assert InProcessCaller(World()).grant(version="v1")["code"] == 1004


def test_an_old_project_takes_both_signatures() -> None:
    asking = InProcessCaller(World(Options(signature="v1")))
    assert [asking.grant(version="v1")["success"], asking.grant(version="v2")["success"]] == [True, True]


def test_a_wrong_secret_is_refused_on_the_token_call() -> None:
    assert InProcessCaller(World()).grant(secret="wrong")["code"] == 1004


def test_a_body_other_than_the_signed_one_is_refused() -> None:
    asking = InProcessCaller(World())
    asking.login()
    assert hashlib.sha256(b"").hexdigest() != hashlib.sha256(b"{}").hexdigest()
    assert asking.flows()["success"] is True
    assert _with_body(asking, signed=b"", sent=b"{}")["code"] == 1004


def _with_body(asking: InProcessCaller, signed: bytes, sent: bytes) -> dict[str, object]:
    from tests.sandbox.callers import signed_headers

    headers = signed_headers("POST", FLOWS, signed, asking.pms, t=asking.world.now_ms())
    answer: dict[str, object] = asking.send("POST", FLOWS, sent, headers)
    return answer


@pytest.mark.parametrize(("off_ms", "code"), [(-299_000, None), (299_000, None), (-301_000, 1013), (301_000, 1013)])
def test_a_request_is_good_for_five_minutes(off_ms: int, code: int | None) -> None:
    asking = InProcessCaller(World(clock=lambda: 1_790_000_000))
    assert asking.grant(t=1_790_000_000_000 + off_ms).get("code") == code
