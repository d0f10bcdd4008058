"""The report: one HTML file of the marts, drawn as inline SVG, without scripts and without network."""

from tuyahouse.report.build import Built, build, write

__all__ = ["Built", "build", "write"]
