"""Signatures against every published vector, and what must hold for all requests."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuyahouse.cloud.auth.signing import Signer, string_to_sign

CLIENT_ID, SECRET = "1KAD46OrT9HafiKdsXeg", "4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC"
T, TOKEN = 1588925778000, "3f4eda2bdec17232f67c0b188af3eec1"
NONCE = "5138cc3a9033d69856923fd07b491173"
SIGNED_HEADERS = [("area_id", "29a33e8796834b1efa6"), ("call_id", "8afdb70ab2ed11eb85290242ac130003")]
USERS = "/v2.0/apps/schema/users?page_no=1&page_size=50"
FLOWS = "/v1.0/pms/station/sn/flows/get"

old, current = Signer(CLIENT_ID, SECRET, "v1"), Signer(CLIENT_ID, SECRET, "v2")


def test_old_signature_of_a_token_call():
    assert old.sign(T) == "CEAAFB5CCDC2F723A9FD3E91D3D2238EE0DD9A6D7C3C365DEB50FC2AF277AA83"


def test_old_signature_of_a_service_call():
    assert old.sign(T, access_token=TOKEN) == "36C30E300F226B68ADD014DD1EF56A81EDB7B7A817840485769B9D6C96D0FAA1"


def test_current_signature_of_a_token_call_with_nonce_and_signed_headers():
    to_sign = string_to_sign("GET", "/v1.0/token?grant_type=1", b"", SIGNED_HEADERS)
    signature = "9E48A3E93B302EEECC803C7241985D0A34EB944F40FB573C7B5C2A82158AF13E"
    assert current.sign(T, to_sign, nonce=NONCE) == signature


def test_current_signature_of_a_service_call_with_nonce_and_signed_headers():
    to_sign = string_to_sign("GET", USERS, b"", SIGNED_HEADERS)
    signature = "AE4481C692AA80B25F3A7E12C3A5FD9BBF6251539DD78E565A1A72A508A88784"
    assert current.sign(T, to_sign, TOKEN, NONCE) == signature


@pytest.mark.parametrize(
    ("method", "url", "body", "token", "signature"),
    [
        (
            "POST",
            "/v1.0/devices/bf2c1e00ab0f12face/commands",
            b'{"commands":[{"code":"switch_led","value":false}]}',
            TOKEN,
            "F27DD95A15E84C954DB2ED016096D517681FE79853B6CDAD446927352691804E",
        ),
        (
            "GET",
            "/v1.0/token?grant_type=1",
            b"",
            "",
            "7BA26C076E5ECB1E959BE274A0FFB397B2B1865FC7BCED8F1C78AC5653C20CAA",
        ),
        ("GET", USERS, b"", TOKEN, "64301972C332666809136931588F2E3D042221D7A85036DE55409C91151C7659"),
        (
            "POST",
            FLOWS,
            b'{"sn":"YZCB04ZZR00001"}',
            TOKEN,
            "65A75FEB8B8832C80BFB019B1EB24E7C08E5F014D5872C75F941FCA76F3F735D",
        ),
        (
            "POST",
            FLOWS,
            b'{"sn": "YZCB04ZZR00001"}',
            TOKEN,
            "B571E13E85BC5F9BE642F6EEAFDE931BA8C3C84661DB0F71A3DA571645FFD34C",
        ),
    ],
)
def test_current_signature_without_nonce_and_signed_headers(method, url, body, token, signature):
    assert current.headers(method, url, body, t_ms=T, access_token=token)["sign"] == signature


@pytest.mark.parametrize(("body", "beginning"), [(b"{}", "F64DF42979AF8252"), (b"", "7EB5000D09BBA88F")])
def test_an_empty_object_and_an_empty_body_are_signed_differently(body, beginning):
    assert current.headers("POST", FLOWS, body, t_ms=T, access_token=TOKEN)["sign"].startswith(beginning)


def test_string_to_sign_has_an_empty_line_where_headers_would_be_signed():
    assert string_to_sign("get", "/v1.0/token?grant_type=1", b"") == (
        b"GET\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\n/v1.0/token?grant_type=1"
    )


def test_headers_of_a_token_call_hold_no_access_token():
    assert current.headers("GET", "/v1.0/token?grant_type=1", b"", t_ms=T) == {
        "client_id": CLIENT_ID,
        "t": "1588925778000",
        "sign": "7BA26C076E5ECB1E959BE274A0FFB397B2B1865FC7BCED8F1C78AC5653C20CAA",
        "sign_method": "HMAC-SHA256",
    }


@given(st.binary(), st.binary())
def test_two_bodies_never_share_a_string_to_sign(one, other):
    same = string_to_sign("POST", FLOWS, one) == string_to_sign("POST", FLOWS, other)
    assert same == (one == other)


@given(st.text(max_size=20), st.binary(max_size=50), st.integers(0, 10**13))
def test_a_signature_does_not_depend_on_the_ones_before_it(token, body, t_ms):
    first = current.headers("POST", FLOWS, body, t_ms=t_ms, access_token=token)
    current.headers("POST", FLOWS, b"another", t_ms=1, access_token="another")
    assert current.headers("POST", FLOWS, body, t_ms=t_ms, access_token=token) == first


@given(st.text(max_size=200), st.binary(max_size=50), st.sampled_from(["v1", "v2"]))
def test_any_secret_and_body_give_64_upper_case_hex_digits(secret, body, version):
    signature = Signer(CLIENT_ID, secret, version).headers("POST", FLOWS, body, t_ms=T)["sign"]
    assert len(signature) == 64 and signature == signature.upper() and int(signature, 16) >= 0


@given(st.binary(min_size=1))
def test_the_content_hash_is_that_of_the_bytes_sent(body):
    assert string_to_sign("PUT", "/x", body).split(b"\n")[1].decode() == hashlib.sha256(body).hexdigest()
