"""Access in SQL: the audit of writes, and who may access what."""
