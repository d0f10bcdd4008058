"""What failures of a connection mean, over real sockets."""

import asyncio
import gzip
import socket
import ssl
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web

from tests.cloud.fake_tuya import CLIENT_ID, CLIENT_SECRET
from tuyahouse.cloud.auth.tokens import MemoryTokenStore
from tuyahouse.cloud.client import Endpoint, TuyaClient
from tuyahouse.cloud.errors import ClockWrong, ConfigurationWrong, PassingFault, UnusableAnswer
from tuyahouse.cloud.http.proxies import proxy_for
from tuyahouse.cloud.pace.pacer import MemorySlotStore
from tuyahouse.settings import Account

READ = Endpoint("GET", "/read", token=None)
WRITE = Endpoint("POST", "/write", token=None, idempotent=False)
GOOD = b'{"success":true,"result":{"a":[1,2,3]},"t":1700000000000}'


def client(port, scheme="http", host="127.0.0.1", **settings):
    account = Account(
        name="factory",
        base_url=f"{scheme}://{host}:{port}",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        calls_per_second=0,
        **{"attempts": 1, **settings},
    )
    return TuyaClient.open(account, MemoryTokenStore(), MemorySlotStore())


@asynccontextmanager
async def serving(answer):
    """A server that answers every connection by ``answer(reader, writer)``; its port and how often it was asked."""
    asked = []

    async def connected(reader, writer):
        while head := await _head(reader):
            asked.append(head)
            if not await answer(writer):
                break
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


async def _head(reader):
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def http(body, length=None, headers=b""):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (length or len(body), headers, body)


def sending(data, then=True):
    async def answer(writer):
        writer.write(data)
        await writer.drain()
        return then

    return answer


async def test_a_plain_answer_is_read():
    async with serving(sending(http(GOOD))) as (port, _), client(port) as tuya:
        assert bytes((await tuya.call(READ)).result) == b'{"a":[1,2,3]}'


async def test_a_compressed_answer_is_read():
    packed = http(gzip.compress(GOOD), headers=b"Content-Encoding: gzip\r\n")
    async with serving(sending(packed)) as (port, _), client(port) as tuya:
        assert (await tuya.call(READ)).body == GOOD


async def test_one_connection_serves_many_calls():
    connections = []

    async def connected(reader, writer):
        connections.append(writer)
        while await _head(reader):
            writer.write(http(GOOD))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server, client(server.sockets[0].getsockname()[1]) as tuya:
        for _ in range(5):
            await tuya.call(READ)
        assert len(connections) == 1


async def test_an_answer_cut_in_the_middle_is_a_passing_fault():
    async with serving(sending(http(GOOD[:20], len(GOOD)), then=False)) as (port, _), client(port) as tuya:
        with pytest.raises(PassingFault, match="was cut off"):
            await tuya.call(READ)


async def test_a_connection_closed_without_an_answer_is_a_passing_fault_and_a_write_is_not_repeated():
    async with serving(sending(b"", then=False)) as (port, asked), client(port, attempts=5) as tuya:
        with pytest.raises(PassingFault, match="was cut off"):
            await tuya.call(WRITE, body={})
    assert len(asked) == 1


async def test_something_that_does_not_speak_http_is_a_passing_fault():
    async with serving(sending(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", then=False)) as (port, _), client(port) as tuya:
        with pytest.raises(PassingFault):
            await tuya.call(READ)


async def test_a_refused_connection_names_the_address_and_a_write_may_be_repeated():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    async with client(port, attempts=3) as tuya:
        with pytest.raises(PassingFault, match=f"no connection to 127.0.0.1:{port}") as caught:
            await tuya.call(WRITE, body={})
    assert tuya.calls == 3 and not caught.value.reached


async def test_a_name_without_an_address_is_said_and_the_setting_that_holds_it():
    async with client(443, host="tuya.invalid") as tuya:
        with pytest.raises(PassingFault) as caught:
            await tuya.call(READ)
    said = str(caught.value)
    assert "the name tuya.invalid:443 has no address. Check the network, this machine's DNS" in said
    assert said.endswith("TUYAHOUSE_ACCOUNTS__FACTORY__BASE_URL.") and "Error" not in said


async def test_an_untrusted_certificate_is_refused_in_words(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*_self_signed(tmp_path))

    async def answer(request):
        return web.Response(body=GOOD)

    app = web.Application()
    app.router.add_get("/read", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        async with client(site._server.sockets[0].getsockname()[1], "https") as tuya:
            with pytest.raises(
                ConfigurationWrong, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted.*SSL_CERT_FILE"
            ):
                await tuya.call(READ)
    finally:
        await runner.cleanup()


def _self_signed(folder):
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize("name", [b"Date", b"date", b"DATE"])
async def test_a_refused_time_without_t_is_corrected_from_the_date_header_whatever_its_case(name):
    refusal = http(b'{"success":false,"code":1013,"msg":"time"}', headers=name + b": Tue, 14 Nov 2023 22:23:20 GMT\r\n")
    async with serving(sending(refusal)) as (port, asked), client(port) as tuya:
        with pytest.raises(ClockWrong):
            await tuya.call(READ)
        assert tuya.clock.now_ms() < 1_700_001_000_000 and len(asked) == 2


async def test_a_request_of_httpx_is_sent_as_it_is_signed_through_a_transport_of_httpx():
    sent = []

    async def answer(request):
        sent.append(request)
        return httpx.Response(200, content=GOOD)

    account = Account(name="factory", base_url="https://tuya.invalid", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    given = httpx.MockTransport(answer)
    async with TuyaClient.open(account, MemoryTokenStore(), MemorySlotStore(), transport=given) as tuya:
        await tuya.call(WRITE, body={"sn": "A0001"})
    assert (sent[0].method, str(sent[0].url), sent[0].content) == (
        "POST",
        "https://tuya.invalid/write",
        b'{"sn":"A0001"}',
    )
    assert sent[0].headers["sign"] and sent[0].headers["content-type"] == "application/json"


async def test_calls_go_through_the_proxy_that_the_environment_names(monkeypatch):
    async with serving(sending(http(GOOD))) as (port, asked):
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{port}")
        async with client(80, host="tuya.invalid") as tuya:
            assert (await tuya.call(READ)).t_ms == 1700000000000
    assert asked[0].startswith(b"GET http://tuya.invalid/read HTTP/1.1")


async def test_a_proxy_that_refuses_or_is_away_is_named(monkeypatch):
    async with serving(sending(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n", then=False)) as (port, asked):
        monkeypatch.setenv("https_proxy", f"http://user:s3cret@127.0.0.1:{port}")
        async with client(443, "https", "tuya.invalid") as tuya:
            with pytest.raises(PassingFault, match=r"the proxy refused it \(HTTP 407\). .*HTTPS_PROXY") as caught:
                await tuya.call(WRITE, body={})
    assert asked[0].startswith(b"CONNECT tuya.invalid:443") and "s3cret" not in str(caught.value)
    async with client(443, "https", "tuya.invalid") as tuya:
        with pytest.raises(PassingFault, match="no connection to the proxy") as caught:
            await tuya.call(WRITE, body={})
    assert not caught.value.reached and "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://openapi.tuyacn.com", "http://proxy:3128"),
        ("https://inside.factory", None),
        ("http://openapi.tuyacn.com", None),
        ("https://localhost:8000", None),
        ("https://127.0.0.1", None),
    ],
)
def test_which_addresses_have_a_proxy(monkeypatch, url, proxy):
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    monkeypatch.setenv("https_proxy", "proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.factory")
    assert proxy_for(url) == proxy


async def test_a_proxy_of_another_kind_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("https_proxy", "socks5://user:s3cret@proxy:1080")
    with pytest.raises(ConfigurationWrong, match=r"of the kind socks5, .*HTTPS_PROXY") as caught:
        async with client(443, "https", "tuya.invalid"):
            pass
    assert "s3cret" not in str(caught.value)


FIRST = b'{"success":true,"result":{"name":"Gate","secret":"%s"}}' % CLIENT_SECRET.encode()
CLEAN = FIRST.replace(CLIENT_SECRET.encode(), b"***")
SECRET_READ = Endpoint("GET", "/read", token=None, secret=True)


async def too_large(tuya, endpoint=READ):
    with pytest.raises(UnusableAnswer, match=r"more than 1 MB.*FACTORY__MAX_ANSWER_MB") as caught:
        await tuya.call(endpoint)
    return caught.value


async def test_a_small_answer_that_unpacks_to_gigabytes_is_refused_in_words_and_its_beginning_is_kept():
    packed = http(gzip.compress(FIRST + b" " * 40_000_000), headers=b"Content-Encoding: gzip\r\n")
    async with serving(sending(packed)) as (port, _), client(port, max_answer_mb=1) as tuya:
        error = await too_large(tuya)
        assert error.raw.startswith(CLEAN + b"  ") and len(error.raw) < 70_000
        assert error.raw.endswith(b" of more than 1,048,576 bytes are kept]")
        assert (await too_large(tuya, SECRET_READ)).raw == b""


async def test_an_answer_that_declares_too_many_bytes_says_how_many():
    async with serving(sending(http(FIRST + b" " * 1_100_000))) as (port, _), client(port, max_answer_mb=1) as tuya:
        error = await too_large(tuya)
    size = f"{1_100_000 + len(FIRST):,} bytes"
    assert f"({size})" in str(error) and error.raw.endswith(f"of {size} are kept]".encode())


async def test_an_endless_answer_is_refused_in_words():
    async def endless(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            await writer.drain()

    async with serving(endless) as (port, _), client(port, max_answer_mb=1) as tuya:
        assert (await too_large(tuya)).raw.endswith(b"of more than 1,048,576 bytes are kept]")


@pytest.mark.parametrize("place", range(65_500, 65_540, 7))
async def test_a_secret_that_the_cut_would_halve_is_hidden(place):
    body = b"x" * place + CLIENT_SECRET.encode() + b"x" * 1_100_000
    async with serving(sending(http(body))) as (port, _), client(port, max_answer_mb=1) as tuya:
        error = await too_large(tuya)
    assert CLIENT_SECRET[:4].encode() not in error.raw


async def test_a_kept_connection_closed_without_a_word_costs_no_call():
    asked = []

    async def connected(reader, writer):
        if await _head(reader):
            asked.append(1)
            writer.write(http(GOOD))
            await writer.drain()
            await _head(reader)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    ask = Endpoint("POST", "/read", token=None)
    async with server, client(server.sockets[0].getsockname()[1]) as tuya:
        for _ in range(5):
            await tuya.call(ask, body={"a": 1})
    assert (tuya.calls, tuya.failures, len(asked)) == (5, 0, 5)


async def test_a_write_is_never_lost_on_a_kept_connection_that_was_closed():
    async def answer(writer):
        writer.write(http(GOOD))
        return False  # closed without a word, as a gateway closes an idle connection

    async with serving(answer) as (port, asked), client(port) as tuya:
        for _ in range(3):
            assert (await tuya.call(WRITE)).t_ms == 1700000000000
    assert len(asked) == 3


async def test_headers_of_more_than_8_kb_are_read():
    packed = http(GOOD, headers=b"X-Policy: " + b"x" * 20_000 + b"\r\n")
    async with serving(sending(packed)) as (port, _), client(port) as tuya:
        assert (await tuya.call(READ)).body == GOOD


@pytest.mark.parametrize("doubled", [b"Content-Length: %d\r\n" % len(GOOD), b"Transfer-Encoding: chunked\r\n"])
async def test_an_answer_that_says_its_length_twice_is_not_called_cut_off(doubled):
    async with serving(sending(http(GOOD, headers=doubled))) as (port, _), client(port) as tuya:
        with pytest.raises(PassingFault, match=r"is not valid HTTP\. .*check proxies and firewalls"):
            await tuya.call(READ)


@pytest.mark.parametrize("encoding", ["br", "zstd"])
async def test_a_compression_that_was_not_asked_for_is_named(encoding):
    packed = http(b"xxxx", headers=b"Content-Encoding: " + encoding.encode() + b"\r\n")
    async with serving(sending(packed)) as (port, _), client(port) as tuya:
        with pytest.raises(PassingFault, match=f"compressed as {encoding}"):
            await tuya.call(READ)


async def test_https_to_a_plain_port_is_named():
    async def connected(reader, writer):
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server, client(server.sockets[0].getsockname()[1], "https") as tuya:
        with pytest.raises(ConfigurationWrong, match="does not speak TLS"):
            await tuya.call(READ)


@pytest.mark.parametrize("entry", ["*.tuyacn.com", "openapi.tuyacn.com:443", ".tuyacn.com", "*"])
def test_no_proxy_in_all_its_forms(monkeypatch, entry):
    monkeypatch.setenv("https_proxy", "proxy:3128")
    monkeypatch.setenv("no_proxy", f"other, {entry}")
    assert proxy_for("https://openapi.tuyacn.com") is None
    monkeypatch.setenv("no_proxy", "openapi.tuyacn.com:8443,10.0.0.0/8,cn.com")
    assert proxy_for("https://openapi.tuyacn.com") and proxy_for("https://10.1.2.3") is None


def test_all_proxy_and_a_hash_in_the_password(monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("all_proxy", "http://user:p#ss@proxy:3128")
    assert proxy_for("https://openapi.tuyacn.com") == "http://user:p%23ss@proxy:3128"


async def test_http_to_a_foreign_host_is_logged(caplog):
    async with client(80, host="tuya.invalid"):
        pass
    assert "go to tuya.invalid unencrypted" in caplog.text
