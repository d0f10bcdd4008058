"""The products in the sandbox's field, made by third parties, and their data points."""

from typing import NamedTuple


class Product(NamedTuple):
    """``functions`` are (code, name) pairs, ``event`` the code and number of the data point it reports."""

    type: str
    id: str
    name: str
    supplier_code: str
    supplier_name: str
    functions: tuple[tuple[str, str], ...]
    event: tuple[str, int]


PRODUCTS = (
    Product(
        "wf_znmj",
        "hipg3mmwafxc0door",
        "Door controller D2",
        "northgate",
        "Northgate Access",
        (
            ("open_door", "Open the door"),
            ("add_card", "Add a card"),
            ("add_face", "Add a face"),
            ("event_pass", "Passage"),
            ("keep_open", "Keep the door open"),
        ),
        ("event_pass", 126),
    ),
    Product(
        "wf_dtkz",
        "0vbrvxonnjsxilift",
        "Lift controller L8",
        "hightower",
        "Hightower Lifts",
        (("call_lift", "Call the lift"), ("floor_right", "Floors a person may reach"), ("event_ride", "Ride")),
        ("event_ride", 104),
    ),
    Product(
        "wf_cddz",
        "iyktmr3hd2qp0gate",
        "Barrier gate P1",
        "parkwell",
        "Parkwell",
        (("open_gate", "Open the gate"), ("event_car", "Car passed"), ("white_list", "Cars that may pass")),
        ("event_car", 118),
    ),
    Product(
        "wf_ywcgq",
        "q4ntsd8rfw1k0heat",
        "Smoke sensor S3",
        "emberline",
        "Emberline",
        (("smoke_state", "Smoke"), ("battery", "Battery"), ("self_test", "Self test")),
        ("smoke_state", 101),
    ),
)
GATEWAY = Product(
    "wf_wg",
    "gw7c2kqlm9xz0gate",
    "Site gateway G1",
    "tuya",
    "Tuya",
    (("restart", "Restart"), ("sub_devices", "Devices behind it")),
    ("sub_devices", 130),
)
