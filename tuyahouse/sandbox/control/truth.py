"""The ground truth of the sandbox, named as in the warehouse, for tests to compare with."""

from collections.abc import Iterator
from typing import Any

from tuyahouse.sandbox.access.visual import visual_name
from tuyahouse.sandbox.days import day_of, instant_ms
from tuyahouse.sandbox.field.commands import TEXTS, Command, Stage
from tuyahouse.sandbox.http.pms_calls import request_id
from tuyahouse.sandbox.messages.stream import messages_of_day
from tuyahouse.sandbox.world.world import World


def steps(world: World, day: float) -> Iterator[dict[str, Any]]:
    """Every flow step that the PMS shows at the end of that day, by serial number and time."""
    for sn, _ in world.factory.serial_numbers(day):
        for order, passed in world.factory.passages(sn, day):
            for step in passed:
                node = order.craft_line.nodes[step.node]
                yield {
                    "sn": sn,
                    "node": node.code,
                    "time_ms": step.time_ms,
                    "order_code": order.code,
                    "craft_line_code": order.craft_line.code,
                    "node_desc": node.description,
                    "request_id": request_id(step) if order.sends_request_id else "",
                    "status": step.passed,
                }


def serial_number_states(world: World, day: float) -> Iterator[dict[str, Any]]:
    """Every unit with its work order, craft line and state at the end of that day: absent, open or finished."""
    for sn, first in world.factory.serial_numbers(day):
        passages = world.factory.passages(sn, day)
        order = passages[-1][0] if passages else world.factory.order(first)
        assert order is not None
        visible = [step for _, steps in passages for step in steps]
        state = "finished" if world.factory.finished(sn, day) else "open" if visible else "absent"
        yield {
            "sn": sn,
            "order_code": order.code,
            "craft_line_code": order.craft_line.code,
            "state": state,
            "steps": len(visible),
        }


def serial_numbers_csv(world: World) -> Iterator[str]:
    """The file that an operator would load: serial number and work order, of the reference factory those begun."""
    yield "sn,work_order\n"
    for sn, code in world.factory.serial_numbers(world.options.day):
        yield f"{sn},{code}\n"


def devices(world: World, day: float) -> Iterator[dict[str, Any]]:
    """Every device that exists at the end of that day, with the projects that list it and its data points."""
    at_ms, field = instant_ms(day), world.field
    for device in field.devices:
        if device.present(at_ms):
            yield {
                **field.facts(device, at_ms),
                "projects": field.projects_of(device, at_ms),
                "uuid": device.uuid,
                "visual_name": visual_name(device),
                "sn": field.sn(device),
                "factory_info_sn": field.factory_info_sn(device),
                "functions": [code for code, _ in world.functions_of(device, at_ms)],
                "function_pool": [code for code, _ in device.product.functions],
            }


def commands(world: World, day: float) -> Iterator[dict[str, Any]]:
    """Every command issued until the end of that day, with its stage by API and by messages (null: none)."""
    at_ms = instant_ms(day)
    for each in range(day_of(at_ms) + 1):
        for command in world.commands.of_day(each):
            if command.issued_ms <= at_ms:
                yield _command(world, command, at_ms)


def _command(world: World, command: Command, at_ms: int) -> dict[str, Any]:
    published = [stage for stage in command.published if stage.at_ms <= at_ms]
    return {
        "command_sn": command.sn,
        "device_id": world.field.devices[command.device].device_id,
        "issued_ms": command.issued_ms,
        "fate": command.fate,
        "api": _stage(command.record(at_ms)),
        "message": _stage(published[-1] if published else None),
    }


def _stage(stage: Stage | None) -> dict[str, Any] | None:
    if stage is None:
        return None
    return {"process_status": stage.status, "message": TEXTS[stage.status], "happen_time": stage.happened_ms}


def messages(world: World, day: int) -> Iterator[dict[str, Any]]:
    """The messages of a day in the order of publication: encrypted (properties, payload) and as plain text."""
    for message in messages_of_day(world, day):
        yield {
            "message_id": message.message_id,
            "format": message.format,
            "device_id": "" if message.unreadable else world.field.devices[message.device].device_id,
            "unreadable": message.unreadable,
            "first": message.first,
            "published_ms": message.published_ms,
            "properties": message.properties,
            "payload": message.payload.decode("utf-8", "replace"),
            "plain": message.plain.decode(),
        }
