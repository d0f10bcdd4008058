"""The craft lines of the sandbox's factory: which nodes a unit passes, in order (docs/tuya.md, PMS)."""

from typing import NamedTuple


class Node(NamedTuple):
    code: str
    description: str
    programs: str


class CraftLine(NamedTuple):
    code: str
    name: str
    type: str
    nodes: tuple[Node, ...]


CRAFT_LINES = (
    CraftLine(
        "j2kf7azn",
        "Wi-Fi module line",
        "pcba",
        (
            Node("firstTest", "Flashing authorization", "flash,authorize"),
            Node("rfTest", "Radio test", "rf_calibrate,rf_check"),
            Node("agingTest", "Burn-in", "burn_in"),
            Node("finalTest", "Final test", "final"),
            Node("packing", "Packing", "pack"),
        ),
    ),
    CraftLine(
        "k8pd1cbw",
        "Door controller board",
        "pcba",
        (
            Node("paste", "Solder paste printing", "print"),
            Node("placement", "Component placement", "place_top,place_bottom"),
            Node("reflow", "Reflow soldering", "reflow"),
            Node("aoi", "Optical inspection", "aoi"),
            Node("ict", "In-circuit test", "ict"),
            Node("firstTest", "Flashing authorization", "flash,authorize"),
        ),
    ),
    CraftLine(
        "m4tx9hsd",
        "Sensor assembly",
        "production",
        (
            Node("assembly", "Assembly", "assemble"),
            Node("leakTest", "Leak test", "leak"),
            Node("calibration", "Calibration", "calibrate_cold,calibrate_hot"),
            Node("functionTest", "Function test", "function"),
            Node("label", "Label printing", "label"),
            Node("weighing", "Weighing", "weigh"),
            Node("packing", "Packing", "pack"),
        ),
    ),
    CraftLine(
        "q6wn3evr",
        "Gateway assembly",
        "production",
        (
            Node("assembly", "Assembly", "assemble"),
            Node("functionTest", "Function test", "function,network"),
            Node("agingTest", "Burn-in", "burn_in"),
            Node("packing", "Packing", "pack"),
        ),
    ),
)
