"""A database: engine, transactions, dialects and values. Below the warehouse; knows none of its tables."""

from sqlalchemy import Connection

__all__ = ["Connection"]
