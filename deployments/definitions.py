"""prefect.yaml for several accounts, with its placeholders replaced. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tuyahouse.settings import Account

Definition = dict[str, Any]

OURS = "tuyahouse"
"""A tag of every deployment made from prefect.yaml."""
_PLACEHOLDER = re.compile(r"{{ account\.(\w+) }}")
_ONLY_HERE = ("each_account", "schedules_where")

RULES: dict[str, Callable[[Account], bool]] = {
    "messages_by_schedule": lambda account: account.messages_read_by == "schedule",
}
"""Where a deployment has a schedule."""


def expand(
    definitions: Sequence[Definition], accounts: Sequence[tuple[Account, Mapping[str, Any]]]
) -> list[Definition]:
    """The deployments of these accounts, each given with the values of its placeholders.

    One that is not made for each account is made once, with the values of the first.
    """
    made = []
    for definition in definitions:
        for account, values in accounts if definition.get("each_account") else accounts[:1]:
            own = {name: value for name, value in definition.items() if name not in _ONLY_HERE}
            made.append(_filled({**own, **_schedules(definition, account)}, values))
    return made


def _schedules(definition: Definition, account: Account) -> Definition:
    """The schedules for this account, and the slugs of those that are not for it (Prefect ignores that member)."""
    schedules, not_for_it = list(definition.get("schedules", [])), list[str]()
    for rule, further in definition.get("schedules_where", {}).items():
        if RULES[rule](account):
            schedules += further
        else:
            not_for_it += [one["slug"] for one in further]
    return {"schedules": schedules, "not_scheduled": not_for_it}


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """The value with its placeholders replaced; a member whose whole value has none to stand for is left out."""
    if isinstance(value, dict):
        return {name: _filled(inner, values) for name, inner in value.items() if not _is_missing(inner, values)}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), value)
    return value


def _is_missing(value: Any, values: Mapping[str, Any]) -> bool:
    found = _PLACEHOLDER.fullmatch(value) if isinstance(value, str) else None
    return found is not None and found[1] not in values


def with_kept_schedules(definition: Definition, existing: Sequence[Mapping[str, Any]]) -> Definition:
    """The definition with the schedules of the server: ours stay active or paused as there, others are unchanged.

    Prefect replaces all schedules of a deployment, paused ones too, as soon as one of them has no slug.
    """
    if all(one.get("slug") for one in existing):
        return definition
    state = {one["slug"]: one["active"] for one in existing if one.get("slug")}
    ours = [{**one, "active": state[one["slug"]]} if one["slug"] in state else one for one in definition["schedules"]]
    slugs = {one["slug"] for one in ours}
    others = [_as_written(one, number) for number, one in enumerate(existing, 1) if one.get("slug") not in slugs]
    return {**definition, "schedules": [*ours, *others]}


def _as_written(existing: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A schedule of the server as prefect.yaml writes it. It gets a slug, so that it is recognised from now on."""
    timing = {
        name: value
        for name, value in existing["schedule"].items()
        if name in ("cron", "interval", "rrule", "timezone", "anchor_date", "day_or") and value is not None
    }
    kept = {"parameters": existing["parameters"]} if existing.get("parameters") else {}
    return {**timing, **kept, "slug": existing.get("slug") or f"by-hand-{number}", "active": existing["active"]}
