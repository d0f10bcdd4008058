"""Alembic revisions of the warehouse; run by ``tuyahouse migrate``, never by hand."""
