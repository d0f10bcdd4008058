"""Reads the body of an answer up to a limit: no endless body, nor one that decompresses to gigabytes, fills memory."""

import asyncio
import zlib
from contextlib import AsyncExitStack

import aiohttp

from tuyahouse.cloud.answer_excerpt import READ_FOR_IT

READ_TOGETHER = 1_000_000
"""Bytes up to which the bodies of several answers are read at the same time. Answers have a few KB."""


class TooLarge(Exception):
    """An answer has more bytes than the limit. ``start`` holds the first of them; ``size`` is how many it declared."""

    def __init__(self, start: bytes, size: int | None) -> None:
        super().__init__(size)
        self.start = start
        self.size = size


class UnaskedEncoding(Exception):
    """An answer is compressed in a way that was not asked for; its text names it."""


async def read_body(answer: aiohttp.ClientResponse, most: int, large: asyncio.Lock) -> bytes:
    """The whole body, decompressed. What is larger than :data:`READ_TOGETHER` is read while ``large`` is held.

    Raises:
        TooLarge: it has more than ``most`` bytes, as sent or decompressed; the connection is closed.
        UnaskedEncoding: it is compressed neither as gzip nor as deflate.
        aiohttp.ClientPayloadError: it was cut off or cannot be decompressed.
    """
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    declared = answer.content_length
    if encoding in ("identity", "") and declared is not None and declared <= min(most, READ_TOGETHER):
        return await answer.read()
    try:
        async with AsyncExitStack() as turn:
            return await _read_bounded(answer, encoding, most, large, turn)
    except BaseException:
        answer.close()
        raise


async def _read_bounded(
    answer: aiohttp.ClientResponse, encoding: str, most: int, large: asyncio.Lock, turn: AsyncExitStack
) -> bytes:
    unpack = _unpacker(encoding)
    parts: list[bytes] = []
    received, size, alone = 0, 0, False
    async for chunk in answer.content.iter_any():
        received += len(chunk)
        try:
            part = unpack.decompress(chunk, most + 1 - size) if unpack else chunk
        except zlib.error:
            raise aiohttp.ClientPayloadError("the body cannot be decompressed") from None
        size += len(part)
        parts.append(part)
        if max(received, size) > most:
            raise TooLarge(_first(parts), None if unpack else answer.content_length)
        if size > READ_TOGETHER and not alone:
            await turn.enter_async_context(large)
            alone = True
    if unpack and not unpack.eof:
        raise aiohttp.ClientPayloadError("the compressed body was cut off")
    return b"".join(parts)


def _first(parts: list[bytes]) -> bytes:
    """As much as is kept of it."""
    start = b""
    for part in parts:
        start += part[: READ_FOR_IT - len(start)]
        if len(start) == READ_FOR_IT:
            break
    return start


def _unpacker(encoding: str) -> "zlib._Decompress | None":
    if encoding in ("identity", ""):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    raise UnaskedEncoding(encoding[:40])
