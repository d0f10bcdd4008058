"""What is kept of an answer that cannot be read: its beginning, without secrets, with a mark where it was cut."""

from tuyahouse.redaction import MARGIN, SECRETS

KEPT = 64 * 1024
"""Bytes that are kept of such an answer."""

READ_FOR_IT = KEPT + MARGIN
"""Bytes of an answer from which its beginning is made."""


def beginning(body: bytes, size: str = "") -> bytes:
    """The body, or its first :data:`KEPT` bytes and a mark that says how much there was.

    ``size`` is the size of the whole in words where ``body`` is only its first bytes.
    """
    if not size and len(body) <= KEPT:
        return SECRETS.answer(body)
    clean = SECRETS.answer(body[:READ_FOR_IT])
    start = clean[: max(0, min(KEPT, len(clean) - MARGIN))]
    return start + f"\n[cut here: {len(start):,} of {size or f'{len(body):,}'} bytes are kept]".encode()
