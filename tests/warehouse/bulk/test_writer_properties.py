"""Whatever the batches: both dialects end as a plain model in Python says."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from tuyahouse.warehouse.bulk.writer import Written, insert_new, replace_set, update, upsert
from tuyahouse.warehouse.tables import device, flow_step
from tuyahouse.warehouse.warehouse import Warehouse

AT = datetime(2026, 11, 20, tzinfo=UTC)
TIMES = [AT + timedelta(hours=n) for n in range(4)]
NAMES = ("account", "device_id", "device_name", "active", "created_at", "extra", "online_at", "first_run", "last_run")
RULES: dict[str, Any] = {"first": ["first_run"], "stamp": ["last_run"], "keep": ["device_name", "extra"]}

devices = st.tuples(
    st.just("f"),
    st.sampled_from("abcd"),
    st.sampled_from([None, "", "door", "門"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, *TIMES]),
    st.sampled_from([None, {}, {"a": 1, "b": None}, {"b": None, "a": 1}, [1, "x"]]),
    st.sampled_from([None, *TIMES]),
    st.sampled_from(["r1", "r2"]),
    st.sampled_from(["r1", "r2"]),
)
batches = st.lists(st.lists(devices, max_size=8), max_size=4)
many = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

Fields = dict[str, Any]
Model = dict[Any, Fields]


def apply(model: Model, rows: Iterable[tuple[Any, ...]], newest: str | None) -> Written:
    """The rules of ``upsert``, in as many words."""
    done = Written()
    for key, group in by_key(rows, newest).items():
        new = dict(group[-1])
        new["first_run"] = group[0]["first_run"]
        for name in RULES["keep"]:
            new[name] = next((row[name] for row in reversed(group) if row[name] is not None), None)
        if key not in model:
            model[key] = new
            done.inserted += 1
        elif change(model[key], new, newest):
            done.updated += 1
        else:
            done.unchanged += 1
    return done


def by_key(rows: Iterable[tuple[Any, ...]], newest: str | None) -> dict[Any, list[Fields]]:
    groups: dict[Any, list[Fields]] = {}
    for row in rows:
        groups.setdefault(row[:2], []).append(dict(zip(NAMES, row, strict=True)))
    if newest:
        for group in groups.values():
            group.sort(key=lambda row: row[newest] or datetime.min.replace(tzinfo=UTC))
    return groups


def change(old: Fields, new: Fields, newest: str | None) -> bool:
    if newest and old[newest] and (new[newest] is None or new[newest] < old[newest]):
        return False
    wanted = {name: new[name] for name in NAMES[2:7]}
    for name in RULES["keep"]:
        wanted[name] = old[name] if wanted[name] is None else wanted[name]
    if all(old[name] == value for name, value in wanted.items()):
        return False
    old.update(wanted, last_run=new["last_run"])
    return True


def contents(conn: Any, table: Any, names: Iterable[str]) -> list[tuple[Any, ...]]:
    rows = conn.execute(select(*[table.c[name] for name in names]).order_by(*table.primary_key.columns))
    return [tuple(row) for row in rows]


@many
@given(batches=batches, by_time=st.booleans())
def test_upsert_ends_as_the_model(warehouse: Warehouse, batches: list[Any], by_time: bool) -> None:
    model: Model = {}
    newest = "online_at" if by_time else None
    with warehouse.begin() as conn:
        conn.execute(delete(device))
        for batch in batches:
            assert upsert(conn, device, NAMES, batch, newest=newest, **RULES) == apply(model, batch, newest)
        assert contents(conn, device, NAMES) == [tuple(model[key].values()) for key in sorted(model)]


@many
@given(batches=batches)
def test_the_last_batch_once_more_changes_nothing(warehouse: Warehouse, batches: list[Any]) -> None:
    with warehouse.begin() as conn:
        conn.execute(delete(device))
        for batch in batches:
            upsert(conn, device, NAMES, batch, **RULES)
        before = contents(conn, device, NAMES)
        last = batches[-1] if batches else []
        assert upsert(conn, device, NAMES, last, **RULES) == Written(unchanged=len({row[:2] for row in last}))
        assert contents(conn, device, NAMES) == before


@many
@given(batches=batches)
def test_insert_new_keeps_the_first_of_each_key(warehouse: Warehouse, batches: list[Any]) -> None:
    model: dict[Any, Any] = {}
    with warehouse.begin() as conn:
        conn.execute(delete(device))
        for batch in batches:
            before = len(model)
            for row in batch:
                model.setdefault(row[:2], row)
            assert insert_new(conn, device, NAMES, batch) == len(model) - before
        assert contents(conn, device, NAMES) == [model[key] for key in sorted(model)]


@many
@given(there=st.lists(devices, max_size=6), changes=st.lists(devices, max_size=8))
def test_update_ends_as_the_model(warehouse: Warehouse, there: list[Any], changes: list[Any]) -> None:
    model = {row[:2]: dict(zip(NAMES, row, strict=True)) for row in reversed(there)}
    before = {key: dict(row) for key, row in model.items()}
    for key, row in by_key(changes, None).items():
        if key in model:
            kept = next((one["extra"] for one in reversed(row) if one["extra"] is not None), None)
            extra = model[key]["extra"] if kept is None else kept
            filled = row[-1]["device_name"] if model[key]["device_name"] is None else model[key]["device_name"]
            model[key].update({**row[-1], "extra": extra, "device_name": filled})
    with warehouse.begin() as conn:
        conn.execute(delete(device))
        insert_new(conn, device, NAMES, there)
        changed = update(conn, device, NAMES, changes, fill=["device_name"], keep=["extra"])
        assert changed == sum(model[key] != before[key] for key in model)
        assert contents(conn, device, NAMES) == [tuple(model[key].values()) for key in sorted(model)]


STEP = ("account", "sn", "node", "happened_at", "status", "first_run", "last_run")
answers = st.dictionaries(
    st.sampled_from(["S1", "S2", "S3"]),
    st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(TIMES[:2]), st.sampled_from([None, True, False]))),
)


@many
@given(nights=st.lists(answers, max_size=4))
def test_replace_set_ends_as_the_model(warehouse: Warehouse, nights: list[Any]) -> None:
    model: dict[Any, Any] = {}
    with warehouse.begin() as conn:
        conn.execute(delete(flow_step))
        for night, answer in enumerate(nights):
            at, run = AT + timedelta(days=night), f"r{night}"
            written = replace_set(
                conn,
                flow_step,
                STEP,
                [("f", sn, *step, run, run) for sn, steps in answer.items() for step in steps],
                scope=("account", "sn"),
                scopes=[("f", sn) for sn in answer],
                gone="gone_at",
                at=at,
                first=("first_run",),
                stamp=("last_run",),
                gone_stamp={"last_run": run},
            )
            assert written == one_night(model, answer, at, run)
        assert contents(conn, flow_step, (*STEP, "gone_at")) == [(*key, *model[key]) for key in sorted(model)]


def one_night(model: dict[Any, Any], answer: Any, at: datetime, run: str) -> Written:
    """status, first_run, last_run, gone_at of each step."""
    done = Written()
    now = {("f", sn, node, time): status for sn, steps in answer.items() for node, time, status in steps}
    for key, status in now.items():
        if key not in model:
            model[key] = (status, run, run, None)
            done.inserted += 1
        elif (model[key][0], model[key][3]) != (status, None):
            model[key] = (status, model[key][1], run, None)
            done.updated += 1
        else:
            done.unchanged += 1
    for key, (status, first, _, gone) in model.items():
        if key[1] in answer and key not in now and gone is None:
            model[key] = (status, first, run, at)
            done.retired += 1
    return done
