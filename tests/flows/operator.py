"""One process in which many flows run one after the other, as in a worker: saves the start of Python for each of them.

Run as a module it reads a line of JSON for each flow (variables, name, parameters), runs it as ``python -m flows``
does, and answers with a line of JSON (exit code, all that was printed).
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from tests.flows.processes import ROOT


class Operator:
    """Starts flows and reads what they say."""

    def __init__(self, env: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "tests.flows.operator"]
        variables = {**env, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        self.process = subprocess.Popen(
            command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def run(self, name: str, env: Mapping[str, str], **parameters: Any) -> tuple[int, str]:
        """The flow's exit code and all that it printed; ``env`` holds for this and all later flows."""
        assert self.process.stdin and self.process.stdout
        variables = {key: value for key, value in env.items() if key.startswith("TUYAHOUSE_")}
        print(json.dumps([variables, name, {"account": "demo", **parameters}]), file=self.process.stdin, flush=True)
        code, printed = json.loads(self.process.stdout.readline())
        return code, printed

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    import flows.__main__  # noqa: F401 - sets what Prefect reads when it is imported
    from flows.catalogue import FLOWS
    from flows.runner import run_here

    for line in sys.stdin:
        env, name, parameters = json.loads(line)
        for key in [key for key in os.environ if key.startswith("TUYAHOUSE_")]:
            del os.environ[key]
        os.environ.update(env)
        with tempfile.TemporaryFile("w+") as printed:
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
            code = asyncio.run(run_here(FLOWS[name], parameters))
            sys.stdout.flush()
            sys.stderr.flush()
            printed.seek(0)
            print(json.dumps([code, printed.read()]), file=answers, flush=True)


if __name__ == "__main__":
    main()
