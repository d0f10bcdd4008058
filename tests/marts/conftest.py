"""The program as a user runs it, for marts too."""

from tests.cli.conftest import cli, environment

__all__ = ["cli", "environment"]
