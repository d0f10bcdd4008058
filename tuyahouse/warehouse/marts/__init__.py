"""Marts for analysts: one definition each, kept tables that a refresh fills, and views of them."""

from tuyahouse.warehouse.marts.catalogue import DEFINITIONS, KEPT, MARTS, VIEWS
from tuyahouse.warehouse.marts.definition import WARNINGS, Field, Kind, Mart

__all__ = ["DEFINITIONS", "KEPT", "MARTS", "VIEWS", "WARNINGS", "Field", "Kind", "Mart"]
