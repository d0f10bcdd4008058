"""Where a mart's column comes from: columns of the core tables, and the settings that it also depends on."""

_WHEN = "flow_step.happened_at, FACTORY_TIME_ZONE, FACTORY_SHIFTS"
_RESULT = "flow_step.status, FALSE_MEANS"
_SHOWN = "flow_step.gone_at"
_STEPS = f"flow_step.happened_at, {_RESULT}"
_UNIT = f"{_STEPS}, {_SHOWN}, craft_line.last_node, serial_number.order_code"
_PACE = f"{_UNIT}, mart_day.is_workday"
_WAITED = "flow_step.happened_at, ops_mart.as_of"
_STUCK = "flow_step.happened_at, serial_number.last_asked_at, STUCK_AFTER"
_PRESENCE = "device_presence.happened_at, device_presence.online, ops_message_gap.gap_from, device.created_at"
_SAID = "command_observation.happened_at, command_observation.process_status"
_CHECKED = "mart_unit, mart_station_day, serial_number, device, command, ops_run, ops_drift, work_order"

_BY_NAME = {
    "flow_step.order_code, serial_number.order_code": "order_code",
    "flow_step.sn, serial_number.sn": "sn",
    "craft_line.craft_line_code": "craft_line_code",
    "flow_step.node": "node last_node from_node to_node",
    _WHEN: "factory_day shift",
    "flow_step.happened_at": "first_step_at last_step_at oldest_at ms bucket mean_h median_h p90_h",
    _RESULT: "last_result passed failed undecided first_passed first_failed",
    _SHOWN: "gone_at erased steps",
    _STEPS: "repeats repasses attempts recovered repeated first_attempts first_fail_share share cumulative_share place "
    "fpy final_yield attempts_per_unit rework_share mean sigma_z lower upper is_out",
    "flow_step.happened_at, craft_line_node.sort": "back_moves",
    "flow_step.node, craft_line_node.node": "off_route on_route",
    f"{_RESULT}, flow_step.node": "nodes_passed",
    "flow_step.happened_at, craft_line_node.node": "kind",
    _UNIT: "state clean finished finished_at last_finished_at clean_share waiting open left_ forgotten reworked "
    "started in_process finished_share",
    "serial_number.order_code": "is_current in_registry",
    "craft_line_node.node, flow_step.node": "due_node nodes_measured",
    "craft_line_node.node": "nodes",
    "flow_step.sn, serial_number.sn, flow_step.order_code": "units",
    _WAITED: "oldest_h",
    _STUCK: "silent_h stuck",
    "serial_number.last_asked_at": "last_asked_at",
    "craft_line_node.sort": "sort",
    "craft_line_node.description": "description",
    f"{_STEPS}, craft_line_node.node": "rty rty_so_far",
    "flow_step.status": "false_steps false_newest false_then_same_node false_then_other_node not_sent",
    "flow_step.status, flow_step.gone_at": "false_gone",
    "flow_step.status, flow_step.first_status": "turned_true",
    "work_order.product": "product",
    "work_order.planned_units": "planned_units",
    "work_order.planned_units, serial_number.sn, flow_step.sn": "target",
    "work_order.due_at": "due_at",
    _PACE: "pace_per_day remaining workdays_left forecast_on",
    f"work_order.due_at, {_PACE}": "progress",
    "ops_mart.as_of": "as_of",
    "ops_mart.refreshed_at": "refreshed_at",
    "mart_day.is_workday": "is_workday",
    "device.project_id": "project_id",
    "device.product_id": "product_id",
    "device.product_name": "product_name",
    "device.product_type": "product_type",
    "device.device_id": "devices",
    _PRESENCE: "online_ms offline_ms unknown_ms never_online",
    "device_presence.happened_at": "flips",
    "device.vanished_at": "there vanished vanished_at",
    "device.online": "online offline presence_unknown online_share",
    "device.online_at": "oldest_presence_at",
    "device.changed_at": "last_changed_at",
    "device.created_at": "created_at",
    "device.device_id, device_serial_number.device_id": "device_id in_inventory",
    "device_serial_number.source": "sources best_source",
    "device_serial_number.device_id, device_serial_number.sn": "conflict chosen",
    "command.command_sn": "command_sn commands",
    "command_observation.cmd_biz_type": "cmd_biz_type",
    "command.verdict, command.process_status": "outcome",
    "command.verdict": "verdict",
    "command.process_status": "process_status",
    "command.begun_at": "begun_at day",
    "command.ended_at": "ended_at",
    _SAID: "latency_s latency_median_s latency_p90_s timed",
    "command.begun_at, command.added_at, ops_mart.as_of": "open_h",
    "command_observation.observed_at, command.ended_at": "heard_after_s",
    "command_observation.command_sn": "observations",
    "command.asked_times": "asked_times",
    "ops_run.started_at": "steps_as_of commands_as_of",
    "ops_device_list.swept_at": "devices_as_of",
    "ops_consumer.read_until": "messages_as_of",
    "ops_message_gap.closed_at": "open_gaps",
    "ops_dead_letter.resolved_at, ops_dead_letter.dismissed_at": "open_dead_letters",
    "ops_run.status": "runs_not_balanced",
    "ops_mart_dirty.order_code": "waiting_refreshes",
    _CHECKED: "check_name severity key what",
}
_OF_NAME = {name: source for source, names in _BY_NAME.items() for name in names.split()}

_CHANGED = "mart_order_state, device, device_history, ops_dead_letter, ops_run, ops_drift"
_COUNTED = ("order_code", "node", "checked_at", "tuya_count", "warehouse_count")
_OF_MART = {
    "mart_pass_count": {name: f"station_pass_count.{name}" for name in _COUNTED}
    | {"difference": "station_pass_count.tuya_count, station_pass_count.warehouse_count"},
    "mart_change": dict.fromkeys(("at", "kind", "key", "what"), _CHANGED),
    "mart_command": {"device_id": "command.device_id", "last_asked_at": "command.last_asked_at"},
    "mart_presence_day": {"factory_day": "mart_day.factory_day"},
    "mart_unit_device": {"order_code": "serial_number.order_code", "sn": "device_serial_number.sn"},
    "mart_false_evidence": {"steps": "flow_step.happened_at"},
}
_OF_RUN = {
    "seconds": "ops_run.started_at, ops_run.ended_at",
    "imbalance": "ops_run.asked, ops_run.answered, ops_run.empty, ops_run.failed, ops_run.rejected",
    "unchanged_share": "ops_run.unchanged, ops_run.answered",
    "calls_per_key": "ops_run.calls, ops_run.asked",
}


def source_of(mart: str, column: str) -> str:
    """Columns of the core (``table.column``), tables and settings that a mart's column is made of."""
    if column == "account":
        return "the name of the account in the settings"
    if mart == "mart_run":
        return _OF_RUN.get(column, f"ops_run.{column}")
    return _OF_MART.get(mart, {}).get(column) or _OF_NAME[column]
