"""The pages of the report in their order; each turns the facts into markup."""

from tuyahouse.report.pages.field import commands, field
from tuyahouse.report.pages.flow import flow, stuck
from tuyahouse.report.pages.orders import orders
from tuyahouse.report.pages.pipeline import how_to_read, pipeline
from tuyahouse.report.pages.today import masthead, today
from tuyahouse.report.pages.yields import failures, yields

__all__ = [
    "commands",
    "failures",
    "field",
    "flow",
    "how_to_read",
    "masthead",
    "orders",
    "pipeline",
    "stuck",
    "today",
    "yields",
]
