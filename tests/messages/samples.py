"""The eleven documented formats, as the documentation shows them, well formed."""

import json
from typing import Any


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


BIND_USER: dict[str, Any] = {
    "bizCode": "bindUser",
    "bizData": {
        "devId": "6c0f9f75942945886b01",
        "uid": "bay1617693984346001",
        "parentDevId": "6c8508b09c431549fa01",
        "ownerId": "34060001",
        "uuid": "45106581bdee0001",
        "deviceName": "Tuya Third-party Industry Device",
        "productType": "wf_znmj",
        "cid": "abc1230001",
        "projectId": "abc1230002",
    },
    "devId": "6c0f9f75942945886b01",
    "productKey": "hipg3mmwafxc0001",
    "ts": 1637292810795,
    "uuid": "45106581bdee0001",
}

COMMAND_RESULT: dict[str, Any] = {
    "bizCode": "cmdIssueResult",
    "bizData": {
        "processStatus": 3,
        "data": "{}",
        "dataFlag": 2,
        "sn": 1461537485292310001,
        "message": "success",
        "deviceId": "6ce23ee0de009667c001",
        "happenTime": 1637292665335,
    },
    "devId": "6ce23ee0de009667c001",
    "productKey": "hipg3mmwafxc0001",
    "ts": 1637292665405,
}

ONLINE: dict[str, Any] = {
    "bizCode": "online",
    "bizData": {"uid": "bay161769398434001", "time": 1637216002196},
    "devId": "6c0b7b2ac7b6c1eb5e01",
    "productKey": "hipg3mmwafxc0001",
    "ts": 1637216002224,
    "uuid": "4991ffc404300001",
}

OFFLINE: dict[str, Any] = {
    "bizCode": "offline",
    "bizData": {"uid": "bay1617693984346001", "time": 1637215931403},
    "devId": "6ce23ee0de009667c001",
    "productKey": "hipg3mmwafxc0001",
    "ts": 1637215931555,
    "uuid": "a3c7ecc1ada40001",
}

DELETE: dict[str, Any] = {
    "bizCode": "delete",
    "bizData": {"devId": "6c0f9f75942945886b01", "uid": "bay1617693984346001", "ownerId": "34060001"},
    "devId": "6c0f9f75942945886b01",
    "productKey": "hipg3mmwafxc0001",
    "ts": 1637303082416,
    "uuid": "45106581bdee0001",
}

PASS_VALUE = '{"message":"ok","success":1,"t":1637548630452,"uid":"hhz","way":1}'
DEVICE_EVENT: dict[str, Any] = {
    "dataId": "AAXRV4BrtW9BRB9A2JYW0001",
    "devId": "6cac703763f7653deb01",
    "productKey": "iyktmr3hd2qp0001",
    "status": [{"126": PASS_VALUE, "code": "event_pass", "t": 1637548630455, "value": PASS_VALUE}],
}


def _v1(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"bizCode": "edge_device", "eventType": event_type, "data": _text(data)}


ACTIVATE_DEVICE = _v1(
    "activate_device",
    {
        "cid": "1207592360012230001",
        "deviceId": "002dj00118fe34d90001",
        "deviceName": "East Entrance Access Control",
        "deviceIp": "192.168.16.111",
        "macAddress": "00-55-52-24-01-65",
        "productType": "wf_znmj",
        "productId": "0vbrvxonnjsxi001",
        "supplierCode": "tuya",
        "installLocation": "East Entrance",
        "extendData": "",
        "activeStatus": 1,
        "onlineStatus": 1,
        "createTime": 1591693362843,
    },
)

V1_COMMAND_RESULT = _v1(
    "cmd_issue_result",
    {
        "sn": "1212581947449081856",
        "deviceId": "002dj00118fe34d90001 ",
        "processStatus": 2,
        "message": "The command is sent",
        "happenTime": 1591693362843,
    },
)

V1_STATUS = _v1("dev_online_status", {"deviceId": "6c280fdff93c18e45ben6i", "status": 1, "happenTime": 1611221228433})

DEVICE_UNBIND = _v1("edge_report_data", {"mode": "device-unbind", "data": _text({"deviceId": "002dj00118fe34d90001"})})

GATEWAY_UNBIND = _v1(
    "edge_report_data", {"mode": "gateway-unbind", "data": _text({"deviceId": "002dj00118fe34d90001"})}
)

BROKEN_UNBIND = {
    "data": '{"mode":"device-unbind","data":"{\\"deviceId\\":\\"002dj00118fe34d90001\\"}',
    "bizCode": "edge_device",
    "eventType": "edge_report_data",
}
"""As the documentation prints it: the inner text lacks its closing quote and brace."""

ALL: dict[str, dict[str, Any]] = {
    "bindUser": BIND_USER,
    "cmdIssueResult": COMMAND_RESULT,
    "online": ONLINE,
    "offline": OFFLINE,
    "delete": DELETE,
    "device_event": DEVICE_EVENT,
    "activate_device": ACTIVATE_DEVICE,
    "cmd_issue_result": V1_COMMAND_RESULT,
    "dev_online_status": V1_STATUS,
    "device-unbind": DEVICE_UNBIND,
    "gateway-unbind": GATEWAY_UNBIND,
}
