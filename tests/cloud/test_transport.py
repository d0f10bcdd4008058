"""What failures of a connection mean, over real sockets."""

import asyncio
import gzip
import socket
import ssl
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.cloud.fake_tuya import CLIENT_ID, CLIENT_SECRET
from tuyahouse.cloud.client import Endpoint, TuyaClient
from tuyahouse.cloud.errors import ConfigurationWrong, PassingFault
from tuyahouse.cloud.pacing import MemorySlotStore
from tuyahouse.cloud.tokens import MemoryTokenStore
from tuyahouse.settings import Account

READ = Endpoint("GET", "/read", token=None)
WRITE = Endpoint("POST", "/write", token=None, idempotent=False)
GOOD = b'{"success":true,"result":{"a":[1,2,3]},"t":1700000000000}'


def client(port, scheme="http", **settings):
    account = Account(
        name="factory",
        base_url=f"{scheme}://127.0.0.1:{port}",
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


async def test_nobody_listening_is_said_with_the_address_and_a_write_may_be_repeated():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    async with client(port, attempts=3) as tuya:
        with pytest.raises(PassingFault, match=f"no connection to 127.0.0.1:{port}") as caught:
            await tuya.call(WRITE, body={})
    assert tuya.calls == 3 and not caught.value.reached


async def test_a_certificate_nobody_trusts_is_refused_in_words(tmp_path):
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
            with pytest.raises(ConfigurationWrong, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted"):
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
