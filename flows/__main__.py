"""Run a flow in this process: ``python -m flows NAME -p key=value …``; exit code 0 only if the run balanced."""

import os
import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    # The imports take seconds in which there is nothing to commit.
    signal.signal(signal.SIGINT, lambda *_: (os.write(2, b"\nInterrupted.\n"), os._exit(130)))

import gc
import sys

from flows.temporary_server import start_early

# The library's log lines belong into the run's log; no analytics leave this machine. Failures are reported once, in
# words instead of tracebacks. Prefect reads these variables when it is imported.
os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "tuyahouse")
os.environ.setdefault("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "ignore")  # threads of ours log outside of a run
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")


def main() -> None:
    """Begin what takes longest first."""
    started = start_early(sys.argv[1:])
    gc.disable()  # a quarter of their time goes into looking for cycles among what they leave for good
    from flows.command_line import app

    app(prog_name="python -m flows", obj=started)


if __name__ == "__main__":
    main()
