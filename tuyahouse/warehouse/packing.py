"""Lists of keys and answers as small blobs: zstandard over MessagePack."""

from collections.abc import Sequence

import msgspec
import zstandard

_keys = msgspec.msgpack.Decoder(list[str])
_answers = msgspec.msgpack.Decoder(list[tuple[str, bytes]])


def pack(items: Sequence[str] | Sequence[tuple[str, bytes]]) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(items))


def unpack_keys(blob: bytes) -> list[str]:
    return _keys.decode(unpacked(blob))


def unpack_answers(blob: bytes) -> list[tuple[str, bytes]]:
    return _answers.decode(unpacked(blob))


def unpacked(blob: bytes) -> bytes:
    """The MessagePack bytes alone, e.g. to search them before decoding."""
    return zstandard.ZstdDecompressor().decompress(bytes(blob))
