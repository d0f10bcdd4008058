"""Envelopes A and B, both ciphers, the signature, and everything that can be wrong with them."""

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages.sealing import ACCESS_KEY, ecb, envelope_a, envelope_b, gcm
from tuyahouse.messages.decryption import Decryptor, message_key
from tuyahouse.messages.envelope import Sealed, read_any_envelope, read_envelope, signature
from tuyahouse.messages.errors import MessageKeyError, UnreadableMessage

PLAIN = (
    b'{"devId":"bf1111111111111111aa01","productKey":"awgmk9pixxx00001","bizCode":"online",'
    b'"bizData":{"time":1790000000},"ts":1790000000456}'
)
ECB = (
    "1cHS+6WwmyLcJDpC4u3mkWen1vkFKFotNwti6B1O2XIpr3hspy2UvGeX9wJri3riURpvy76F3JikEM+2NfABuTtfMDBLKnIJ72NyNCg6fc0DhZnN"
    "T+fVLXvkc/l4jHNaRddo820n7C5syWt7JRKIJsj5AEUYvDHaYDfqlOuhlRJ7g88vdgWRDXhgcB6MDcP9"
)
GCM = (
    "ERERERERERERERER2ROXTJSpaD308SO9+bFX+xSpJladnqNx8CdqpolnF1oV683byUOlUThL3Ep0m4XV1ex3055m8vHmeeJHRawO7T1vJEViVLd4"
    "uH67wx7gsZgHBsR97YvbezAteD5XzQMU/2jk0yfs41Ij0E05rvp9M7JqUaJUVRfyWZMDqtdM/CzLQL+Uh/SJZxaP8isEhGZPLlxEsDe6"
)


def opened(cipher_text: str, mode: str | None = None) -> bytes:
    return Decryptor(ACCESS_KEY).decrypt(cipher_text, mode)


def refused(payload: bytes | str, mode: str | None = None) -> str:
    """The reason why a payload (bytes) or cipher text (str) is refused."""
    with pytest.raises(UnreadableMessage) as error:
        read_envelope(payload, ACCESS_KEY) if isinstance(payload, bytes) else opened(payload, mode)
    return error.value.reason


def test_the_key_is_characters_8_to_24_of_the_access_key() -> None:
    assert message_key(ACCESS_KEY) == b"et00000000000000"


def test_a_short_access_key_is_refused_in_words_without_showing_it() -> None:
    with pytest.raises(MessageKeyError, match="CLIENT_SECRET") as error:
        message_key("tooshortsecret")
    assert "tooshort" not in str(error.value)


def test_the_ecb_vector_opens() -> None:
    assert opened(ECB) == PLAIN


def test_the_gcm_vector_opens_by_the_property_em() -> None:
    assert opened(GCM, "aes_gcm") == PLAIN


@pytest.mark.parametrize("name", ["AES_GCM", "AES-GCM", "aes-gcm", " Aes_Gcm_128 "])
def test_the_name_of_the_cipher_is_read_in_any_spelling(name: str) -> None:
    assert opened(GCM, name) == PLAIN
    assert opened(ECB, name.lower().replace("gcm", "ecb").upper()) == PLAIN


def test_gcm_without_the_property_opens_because_its_tag_proves_it() -> None:
    assert opened(GCM, None) == PLAIN


def test_gcm_text_under_the_ecb_property_is_refused() -> None:
    assert refused(GCM, "aes_ecb") == "bad_length"


def test_the_signature_vector_of_envelope_a_is_valid() -> None:
    fields = {"data": ECB, "protocol": 20, "pv": "2.0", "t": 1790000000999, "sign": "085da669cda2a421c9a5d2d849f6d231"}
    assert read_envelope(json.dumps(fields).encode(), ACCESS_KEY).signature == "valid"


def test_the_signature_vector_of_envelope_b_is_valid() -> None:
    fields = {
        "encryptPayload": ECB,
        "encryptType": "aes_ecb",
        "t": 1790000000999,
        "v": "1.0",
        "sign": "5cb00e308415a1894dd9b98ad1960c86",
    }
    assert read_envelope(json.dumps(fields).encode(), ACCESS_KEY).signature == "valid"


def test_a_wrong_signature_is_recorded_and_nothing_more() -> None:
    sealed = read_envelope(envelope_a(ECB).replace(b'"sign": "', b'"sign": "0'), ACCESS_KEY)
    assert (sealed.signature, sealed.cipher_text) == ("invalid", ECB)


def test_a_missing_signature_is_recorded_as_absent() -> None:
    assert read_envelope(json.dumps({"data": ECB}).encode(), ACCESS_KEY).signature == "absent"


def test_empty_fields_are_not_signed_and_new_ones_are() -> None:
    payload = json.dumps({"data": "eA==", "t": 1, "tid": "", "zz": 1.0, "sign": "7da4bed8e200ca531c63b4984233953a"})
    assert read_envelope(payload.encode(), "k").signature == "valid"


def test_envelope_a_tells_protocol_and_push_time() -> None:
    sealed = read_envelope(envelope_a(ECB, t=1790000000999, protocol=4), ACCESS_KEY)
    assert (sealed.envelope, sealed.protocol) == ("A", 4)
    assert sealed.pushed_at is not None and sealed.pushed_at.isoformat() == "2026-09-21T14:13:20.999000+00:00"


def test_envelope_b_is_recognised_by_encrypt_payload() -> None:
    assert read_envelope(envelope_b(ECB), ACCESS_KEY).envelope == "B"


def test_a_nonsense_push_time_does_not_stop_the_envelope() -> None:
    assert read_envelope(b'{"data":"eA==","t":"soon"}', ACCESS_KEY).pushed_at is None


def test_a_protocol_beyond_an_integer_column_is_left_out() -> None:
    assert read_envelope(b'{"data":"eA==","protocol":99999999999}', ACCESS_KEY).protocol is None


@pytest.mark.parametrize("length", range(32))
def test_every_padding_length_opens(length: int) -> None:
    assert opened(ecb(b"x" * length), "aes_ecb") == b"x" * length


def test_base64_with_line_breaks_opens() -> None:
    assert opened(ECB[:76] + "\r\n" + ECB[76:]) == PLAIN


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty_payload"),
        (b"not json", "broken_json"),
        (b"\xff\xfe", "broken_json"),
        (b"[" * 100_000, "broken_json"),
        (b"[]", "wrong_shape"),
        (b"{}", "no_cipher_text"),
        (b'{"data":{"devId":"x"}}', "no_cipher_text"),
        (b'{"data":""}', "no_cipher_text"),
    ],
)
def test_a_broken_envelope_has_a_reason(payload: bytes, reason: str) -> None:
    assert refused(payload) == reason


@pytest.mark.parametrize(
    ("cipher_text", "mode", "reason"),
    [
        (ECB[:-1], None, "bad_base64"),
        ("ß" + ECB, None, "bad_base64"),
        (ECB[:-4], None, "bad_length"),
        (base64.b64encode(b"x" * 32).decode(), None, "bad_padding"),
        (ecb(PLAIN, "another000000secret000000000000b"), None, "bad_padding"),
        (gcm(PLAIN, "another000000secret000000000000b"), "aes_gcm", "bad_tag"),
        (GCM[:-4], "aes_gcm", "bad_tag"),
        (base64.b64encode(b"x" * 27).decode(), "aes_gcm", "bad_length"),
        (ECB, "aes_cbc", "unknown_cipher"),
    ],
)
def test_a_cipher_text_that_cannot_be_opened_has_a_reason(cipher_text: str, mode: str | None, reason: str) -> None:
    assert refused(cipher_text, mode) == reason


def test_a_failed_message_leaves_the_next_one_readable() -> None:
    decryptor = Decryptor(ACCESS_KEY)
    with pytest.raises(UnreadableMessage):
        decryptor.decrypt(base64.b64encode(b"x" * 17).decode(), None)
    assert decryptor.decrypt(ECB, None) == PLAIN


ODD_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "data": st.sampled_from(["eA==", "", "ü"]),
        "protocol": st.sampled_from([20, 0, -1, 2**31, "20", None, 1.5]),
        "pv": st.sampled_from(["2.0", "", 2.0]),
        "t": st.sampled_from([1790000000999, 1790000000, 0, 10**25, "1790000000999", None]),
        "sign": st.sampled_from(["x", "", 7]),
        "extra": st.sampled_from(["", "x"]),
        "encryptPayload": st.sampled_from(["eA==", ""]),
        "encryptType": st.sampled_from(["aes_ecb", ""]),
        "v": st.sampled_from(["1.0", 1.0, 1, ""]),
    },
)


@given(ODD_FIELDS, st.booleans())
def test_the_fast_way_reads_an_envelope_as_the_other_does(fields: dict[str, object], well_signed: bool) -> None:
    if well_signed:
        fields["sign"] = signature(fields, ACCESS_KEY)
    payload = json.dumps(fields).encode()
    assert outcome(read_envelope, payload) == outcome(read_any_envelope, payload)


def outcome(read: Callable[[bytes, str], Sealed], payload: bytes) -> Sealed | str:
    try:
        return read(payload, ACCESS_KEY)
    except UnreadableMessage as error:
        return error.reason


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_in_both_ciphers(plain: bytes) -> None:
    assert opened(ecb(plain), "aes_ecb") == plain
    assert opened(gcm(plain), "aes_gcm") == plain
