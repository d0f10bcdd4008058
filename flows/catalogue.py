"""All flows by name: what `python -m flows` runs and `prefect.yaml` deploys."""

from importlib import import_module
from typing import Any

from prefect import Flow

from flows.listing import NAMES

FLOWS: dict[str, Flow[Any, Any]] = {name: getattr(import_module(f"flows.{name}"), name) for name in NAMES}
