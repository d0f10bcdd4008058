"""Writes to Tuya: people, permissions, data points, commands and tokens, all through one door (``write``)."""
