"""One database: engine, transactions, dialects and values. Below the warehouse, and without its tables."""

from sqlalchemy import Connection

__all__ = ["Connection"]
