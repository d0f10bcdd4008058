"""Access in SQL: the audit of writes, and who was given what."""
