"""How Tuya says no: a code and a text inside HTTP 200 (docs/tuya.md, Errors)."""

TEXTS = {
    "500": "system error, please contact the admin",
    "1000": "data not exist",
    "1002": "access_token can't be null",
    "1003": "grant type invalid",
    "1004": "sign invalid",
    "1005": "clientId invalid",
    "1010": "token is expired",
    "1011": "token invalid",
    "1013": "request time is invalid",
    "1100": "param is empty",
    "1105": "missing the header",
    "1106": "permission deny",
    "1108": "uri path invalid",
    "1109": "param is illegal, please check it",
    "1110": "too many requests",
    "1111": "system is busy, please try it again later",
    "1114": "your ip(203.0.113.7) does not have permission to access",
    "1199": "requests are too frequent",
    "2003": "function not support",
    "2006": "user invalid",
    "2010": "device not exist",
    "28841004": "No permissions. The trial quota of the cloud service is used up.",
    "28841101": "No permissions. This API is not subscribed.",
    "28841107": "No permission. The data center is suspended. "
    "Please go to the cloud development platform to enable it.",
    "THE_BLANK_PARAM": "the param is blank",
    "THE_USER_NOT_EXISTED": "the user not existed",
    "THE_PASSWORD_ERROR": "the user name or the password is wrong",
    "NO_DATA_PERMISSION": "no data permission",
    "production_order_not_existed": "the production order not existed",
    "THE_SN_NOT_EXISTED": "the sn not existed",
    "THE_PERSON_EXISTED": "the person existed",
    "THE_PARAM_ILLEGAL": "the param is illegal",
}


class Refusal(Exception):
    """An answer with ``success: false``."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text or TEXTS.get(code, "unknown error")
