"""Files that appear only once they are complete."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuyahouse.warehouse.errors import WarehouseError


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A new file beside ``out`` that takes its place at the end of the block; of a link, beside its target.

    Raises:
        WarehouseError: it cannot be written; what was there before is left.
    """
    try:
        target = Path(os.path.expanduser(out)).resolve()
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        part = target.with_name(f".{secrets.token_hex(8)}.part")
        try:
            part.open("xb").close()  # nothing that is there, nor a link, is written to
            yield part
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"{out} cannot be written: {error.strerror or error}. Name a file in a folder that exists and is writable."
        ) from error
