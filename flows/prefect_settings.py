"""Prefect's own settings, which it reads when it is imported."""

import os
import sys
from pathlib import Path
from tomllib import TOMLDecodeError

import typer
from pydantic import ValidationError

from tuyahouse.wrapping import fitted


def require_prefect_settings() -> None:
    """Import Prefect; where its settings cannot be used, say so and end with exit code 1."""
    try:
        import prefect.context  # noqa: F401 - reads them
    except TOMLDecodeError as error:
        _refuse(str(error))
    except ValidationError as error:
        _refuse("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()))


def _refuse(why: str) -> None:
    named = os.environ.get("PREFECT_PROFILES_PATH")
    profiles = (
        Path(named) if named else Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect") / "profiles.toml"
    )
    words = f"Prefect's settings cannot be used: {why}. Correct {profiles} or the variables PREFECT_… of this process."
    typer.echo(fitted(words, sys.stderr), err=True)
    raise typer.Exit(1)
