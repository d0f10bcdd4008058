"""Commands to doors, lifts, perimeters and parking. Each answers its record number (docs/tuya.md, "Commands")."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tuyahouse.cloud.calls.lenient_values import identifier
from tuyahouse.cloud.calls.results import decoded, fold, folded, unusable
from tuyahouse.cloud.endpoint import Endpoint

if TYPE_CHECKING:
    from tuyahouse.cloud.client import TuyaClient

DOORS = "/v1.0/access-control/{device_id}"
LIFTS = "/v1.0/elevator-control/{device_id}"
PERIMETER = "/v1.0/intrusion/{device_id}"
PARKING = "/v1.0/parking-control/{device_id}"
THIRD_PARTY_DOORS = "/v1.0/iot-02/third/doors/{device_id}"
PERSON = "/persons/{person_id}"

MOST_NUMBERS = 10_000
"""Record numbers in an answer: one an item of the list that was sent."""

_PATH_NAMES = re.compile(r"\{(\w+)\}")


class ActionError(ValueError):
    """A command cannot be sent as requested; the text says what is missing."""


class Action(NamedTuple):
    """A documented command.

    Attributes:
        name: as a person chooses it.
        endpoint: the call. Names in its path besides ``device_id`` and ``person_id`` are arguments.
        required: arguments that go into the body and must be there, in snake_case or camelCase.
        many: the required argument that is a list, one command and one record number an item.
    """

    name: str
    endpoint: Endpoint
    required: tuple[str, ...] = ()
    many: str = ""

    @property
    def path_names(self) -> tuple[str, ...]:
        """Arguments that go into the path."""
        return tuple(name for name in _PATH_NAMES.findall(self.endpoint.path) if name not in ("device_id", "person_id"))

    @property
    def needs_person(self) -> bool:
        return "{person_id}" in self.endpoint.path


def _action(name: str, method: str, path: str, *required: str, many: str = "") -> Action:
    return Action(name, Endpoint(method, path, idempotent=False), required or ((many,) if many else ()), many)


def _of_persons(kind: str, base: str) -> list[Action]:
    """Persons with their cards, codes and faces, which doors and lifts have in common."""
    person = base + PERSON
    return [
        _action(f"add_{kind}_person", "POST", person),
        _action(f"update_{kind}_person", "PUT", person),
        _action(f"remove_{kind}_person", "DELETE", person),
        _action(f"add_{kind}_card", "POST", f"{person}/card/{{card_no}}"),
        _action(f"remove_{kind}_card", "DELETE", f"{person}/card/{{card_no}}"),
        _action(f"add_{kind}_qr_code", "POST", f"{person}/qrcodes/{{qr_code}}"),
        _action(f"remove_{kind}_qr_code", "DELETE", f"{person}/qrcodes/{{qr_code}}"),
        _action(f"add_{kind}_face", "POST", f"{person}/faces/{{face_id}}"),
        _action(f"remove_{kind}_face", "DELETE", f"{person}/faces/{{face_id}}"),
    ]


_ALL = [
    _action("open_door", "POST", DOORS + PERSON + "/actions/open"),
    _action("call_elevator", "POST", LIFTS + PERSON + "/actions/call"),
    *_of_persons("door", DOORS),
    _action("add_door_persons", "POST", DOORS + "/persons", many="person_list"),
    _action("remove_door_persons", "DELETE", DOORS + "/persons", many="person_id_list"),
    _action("add_door_qr_codes", "POST", DOORS + "/persons/qrcodes", many="qrcode_list"),
    *_of_persons("elevator", LIFTS),
    _action("freeze_elevator_card", "POST", LIFTS + PERSON + "/card/{card_no}/freeze"),
    _action("unfreeze_elevator_card", "POST", LIFTS + PERSON + "/card/{card_no}/unfreeze"),
    _action("arm_perimeter", "POST", PERIMETER + "/actions/chan-action", "area_id", "armed"),
    _action("bypass_perimeter", "POST", PERIMETER + "/actions/by-pass", "by_pass"),
    _action("silence_perimeter", "POST", PERIMETER + "/actions/group-silence"),
    _action("add_pass_authorization", "POST", PARKING + "/pass-authorizations/{authorization_id}"),
    _action("update_pass_authorization", "PUT", PARKING + "/pass-authorizations/{authorization_id}"),
    _action("remove_pass_authorization", "DELETE", PARKING + "/pass-authorizations/{authorization_id}"),
    _action("add_visitor_car", "POST", PARKING + "/visitor-cars/{car_id}"),
    _action("update_visitor_car", "PUT", PARKING + "/visitor-cars/{car_id}"),
    _action("remove_visitor_car", "DELETE", PARKING + "/visitor-cars/{car_id}"),
    _action("delay_visitor_car", "POST", PARKING + "/visitor-cars/{car_id}/delay"),
    _action("add_special_cars", "POST", PARKING + "/special-cars"),
    _action("control_gate", "PUT", PARKING + "/gates/control"),
    _action("sync_parking_records", "POST", PARKING + "/records/sync"),
    _action("open_third_party_door", "POST", THIRD_PARTY_DOORS + PERSON + "/actions/open"),
    _action("call_residents", "POST", THIRD_PARTY_DOORS + "/persons/actions/call"),
]
ACTIONS: dict[str, Action] = {action.name: action for action in _ALL}
"""The documented commands by name; those most often sent first."""


class Command(NamedTuple):
    """A command ready to be sent."""

    action: Action
    path: dict[str, str]
    body: dict[str, Any] | None


def command(name: str, device_id: str, person_id: str = "", arguments: Mapping[str, Any] | None = None) -> Command:
    """The command ``name`` to a device. Arguments are sent as they are spelt: Tuya's pages disagree on the spelling.

    Raises:
        ActionError: there is no such action, or what it needs is missing.
    """
    action = ACTIONS.get(name)
    if action is None:
        raise ActionError(f"There is no action {name!r}. There are: {', '.join(ACTIONS)}.")
    path = {"device_id": device_id} | ({"person_id": person_id} if action.needs_person else {})
    if "" in path.values():
        raise ActionError(f"{name} needs a {next(each for each, value in path.items() if not value)}.")
    body = dict(arguments or {})
    for each in action.path_names:
        path[each] = _take(body, each, name)
    _check(action, body)
    return Command(action, path, body or None)


def _take(body: dict[str, Any], name: str, action: str) -> str:
    """Take an argument of the path out of the others, in either spelling."""
    given = next((each for each in body if fold(each) == fold(name)), None)
    value = body.pop(given) if given is not None else None
    found = None if isinstance(value, dict | list | bool | float) else identifier(value)
    if not found:
        raise ActionError(f"{action} needs the argument {name}: a text.")
    return found


def _check(action: Action, body: dict[str, Any]) -> None:
    fields = folded(body)
    for name in action.required:
        if fields.get(fold(name)) in (None, "", []):
            raise ActionError(f"{action.name} needs the argument {name}.")
    if action.many and not isinstance(fields[fold(action.many)], list):
        raise ActionError(f"The argument {action.many} of {action.name} must be a list.")
    if action.many and action.many not in body:  # pages and samples agree on the spelling of these
        given = next(name for name in body if fold(name) == fold(action.many))
        body[action.many] = body.pop(given)


async def send_command(client: "TuyaClient", command: Command) -> list[str]:
    """Send it, once; returns the numbers of its records.

    Raises:
        UnusableAnswer: the answer has no record number. The command may be carried out nevertheless.
    """
    endpoint = command.action.endpoint
    answer = await client.call(endpoint, path=command.path, body=command.body)
    value = decoded(answer, endpoint)
    fields = folded(value) if isinstance(value, dict) else {"sn": value}
    sent = fields.get("snlist") or fields.get("sn")
    items = sent if isinstance(sent, list) else [sent]
    numbers = [None if isinstance(item, dict | list | bool) else identifier(item) for item in items]
    if (
        not 0 < len(numbers) <= MOST_NUMBERS
        or None in numbers
        or not all(number and number.isascii() and number.isdigit() for number in numbers)
    ):
        raise unusable("the result has no record number (sn)", answer, endpoint)
    return [number for number in numbers if number]
