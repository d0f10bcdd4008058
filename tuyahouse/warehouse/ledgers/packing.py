"""Lists of keys and answers as small blobs: zstandard over MessagePack."""

import threading
from collections.abc import Sequence

import msgspec
import zstandard

_keys = msgspec.msgpack.Decoder(list[str])
_answers = msgspec.msgpack.Decoder(list[tuple[str, bytes]])


class _Zstandard(threading.local):
    """One of each per thread: neither is thread-safe, and creating one takes as long as using it."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1)
        self.decompressor = zstandard.ZstdDecompressor()


_zstandard = _Zstandard()


def pack(items: Sequence[str] | Sequence[tuple[str, bytes]]) -> bytes:
    return _zstandard.compressor.compress(msgspec.msgpack.encode(items))


def unpack_keys(blob: bytes) -> list[str]:
    return _keys.decode(unpacked(blob))


def unpack_answers(blob: bytes) -> list[tuple[str, bytes]]:
    return _answers.decode(unpacked(blob))


def unpacked(blob: bytes) -> bytes:
    """The MessagePack bytes alone, e.g. to search them before decoding."""
    return _zstandard.decompressor.decompress(bytes(blob))
