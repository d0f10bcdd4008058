"""The command line: everything that is not a flow. ``main`` is the program ``tuyahouse``."""

import gc
import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the program; ends the process with its exit code."""
    try:
        gc.disable()  # a third of the start would go into looking for cycles among what imports leave for good
        from tuyahouse.cli.program import app  # within the try: importing takes a moment, and Ctrl-C may come then
        from tuyahouse.foreign_text import take_any_text

        take_any_text()
        app(prog_name="tuyahouse")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
