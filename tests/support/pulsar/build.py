"""Get the broker from Maven and compile the provider of Tuya's ``auth1``; once for a checkout."""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent.parent.parent / ".cache" / "pulsar"


def missing_tools() -> list[str]:
    """Programs that a broker needs and this machine does not have."""
    return [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]


def class_path() -> str:
    """The Java class path of the broker with the provider; makes what is not there yet.

    Raises:
        RuntimeError: when Maven cannot resolve the broker; with the end of what it printed.
    """
    sources = [HERE / "pom.xml", HERE / "TuyaAuthProvider.java"]
    key = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    directory = CACHE / key
    with _only_one_at_a_time():
        jars = directory / "class-path.txt"
        if not jars.exists() or not _all_there(jars.read_text()):
            _make(directory, jars)
    return f"{directory / 'classes'}:{jars.read_text()}"


def _all_there(jars: str) -> bool:
    return all(Path(jar).exists() for jar in jars.split(":"))


def _make(directory: Path, jars: Path) -> None:
    classes = directory / "classes"
    classes.mkdir(parents=True, exist_ok=True)
    found = directory / "class-path.tmp"
    maven = ["mvn", "-q", "-B", "-s", str(HERE / "settings.xml"), "-f", str(HERE / "pom.xml")]
    _run([*maven, "dependency:build-classpath", f"-Dmdep.outputFile={found}"])
    _run(["javac", "-nowarn", "-cp", found.read_text(), "-d", str(classes), str(HERE / "TuyaAuthProvider.java")])
    found.rename(jars)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{(done.stdout + done.stderr)[-3000:]}")


@contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
