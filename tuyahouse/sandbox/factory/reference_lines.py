"""The craft lines of the reference factory, with 6 to 10 nodes."""

from tuyahouse.sandbox.factory.craftlines import CraftLine, Node


def _line(code: str, name: str, kind: str, *nodes: tuple[str, str]) -> CraftLine:
    return CraftLine(code, name, kind, tuple(Node(node, text, node.lower()) for node, text in nodes))


BOARDS = (
    _line(
        "r1pcbmod",
        "Module boards",
        "pcba",
        ("paste", "Solder paste printing"),
        ("placement", "Component placement"),
        ("reflow", "Reflow soldering"),
        ("aoi", "Optical inspection"),
        ("ict", "In-circuit test"),
        ("firstTest", "Flashing authorization"),
    ),
    _line(
        "r2pcbctl",
        "Controller boards",
        "pcba",
        ("paste", "Solder paste printing"),
        ("spi", "Paste inspection"),
        ("placement", "Component placement"),
        ("reflow", "Reflow soldering"),
        ("aoi", "Optical inspection"),
        ("coating", "Conformal coating"),
        ("ict", "In-circuit test"),
        ("firstTest", "Flashing authorization"),
    ),
)

ASSEMBLIES = (
    _line(
        "r3asmsen",
        "Sensor assembly",
        "production",
        ("assembly", "Assembly"),
        ("leakTest", "Leak test"),
        ("calibration", "Calibration"),
        ("functionTest", "Function test"),
        ("label", "Label printing"),
        ("weighing", "Weighing"),
        ("packing", "Packing"),
    ),
    _line(
        "r4asmgtw",
        "Gateway assembly",
        "production",
        ("kitting", "Kitting"),
        ("assembly", "Assembly"),
        ("screwing", "Screwing"),
        ("functionTest", "Function test"),
        ("networkTest", "Network test"),
        ("agingTest", "Burn-in"),
        ("finalTest", "Final test"),
        ("label", "Label printing"),
        ("weighing", "Weighing"),
        ("packing", "Packing"),
    ),
    _line(
        "r5asmplg",
        "Smart plug assembly",
        "production",
        ("assembly", "Assembly"),
        ("hipot", "High-voltage test"),
        ("functionTest", "Function test"),
        ("agingTest", "Burn-in"),
        ("finalTest", "Final test"),
        ("printing", "Laser marking"),
        ("weighing", "Weighing"),
        ("packing", "Packing"),
    ),
)
