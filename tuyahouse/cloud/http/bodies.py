"""Reads the body of an answer up to a limit: no endless body, nor one that decompresses to gigabytes, fills memory."""

import zlib

import aiohttp

from tuyahouse.cloud.http.kept import READ_FOR_IT


class TooLarge(Exception):
    """An answer has more bytes than the limit. ``start`` holds the first of them; ``size`` is how many it declared."""

    def __init__(self, start: bytes, size: int | None) -> None:
        super().__init__(size)
        self.start = start
        self.size = size


class UnaskedEncoding(Exception):
    """An answer is compressed in a way that was not asked for; its text names it."""


async def read_body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """The whole body, decompressed.

    Raises:
        TooLarge: it has more than ``most`` bytes, as sent or decompressed; the connection is closed.
        UnaskedEncoding: it is compressed neither as gzip nor as deflate.
        aiohttp.ClientPayloadError: it was cut off or cannot be decompressed.
    """
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", "") and answer.content_length is not None and answer.content_length <= most:
        return await answer.read()
    try:
        return await _read_bounded(answer, encoding, most)
    except BaseException:
        answer.close()
        raise


async def _read_bounded(answer: aiohttp.ClientResponse, encoding: str, most: int) -> bytes:
    unpack = _unpacker(encoding)
    parts: list[bytes] = []
    received = size = 0
    async for chunk in answer.content.iter_any():
        received += len(chunk)
        try:
            part = unpack.decompress(chunk, most + 1 - size) if unpack else chunk
        except zlib.error:
            raise aiohttp.ClientPayloadError("the body cannot be decompressed") from None
        size += len(part)
        parts.append(part)
        if max(received, size) > most:
            raise TooLarge(b"".join(parts)[:READ_FOR_IT], None if unpack else answer.content_length)
    if unpack and not unpack.eof:
        raise aiohttp.ClientPayloadError("the compressed body was cut off")
    return b"".join(parts)


def _unpacker(encoding: str) -> "zlib._Decompress | None":
    if encoding in ("identity", ""):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    raise UnaskedEncoding(encoding[:40])
