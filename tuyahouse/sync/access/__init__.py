"""Writes to Tuya: people, permissions, data points, commands and tokens. All of them go through one door
(``write``)."""
