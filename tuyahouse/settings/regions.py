"""Where Tuya is: its data centres and their addresses (docs/tuya.md, "Data centres")."""

from enum import StrEnum


class Region(StrEnum):
    """Tuya's data centres."""

    CHINA = "cn"
    WESTERN_AMERICA = "us"
    EASTERN_AMERICA = "us-e"
    CENTRAL_EUROPE = "eu"
    WESTERN_EUROPE = "eu-w"
    INDIA = "in"
    SINGAPORE = "sg"


OPENAPI_URLS = {
    Region.CHINA: "https://openapi.tuyacn.com",
    Region.WESTERN_AMERICA: "https://openapi.tuyaus.com",
    Region.EASTERN_AMERICA: "https://openapi-ueaz.tuyaus.com",
    Region.CENTRAL_EUROPE: "https://openapi.tuyaeu.com",
    Region.WESTERN_EUROPE: "https://openapi-weaz.tuyaeu.com",
    Region.INDIA: "https://openapi.tuyain.com",
    Region.SINGAPORE: "https://openapi-sg.iotbing.com",
}

MESSAGE_HOSTS = {
    Region.CHINA: "mqe.tuyacn.com",
    Region.WESTERN_AMERICA: "mqe.tuyaus.com",
    Region.EASTERN_AMERICA: "mqe.tuyaus.com",
    Region.CENTRAL_EUROPE: "mqe.tuyaeu.com",
    Region.WESTERN_EUROPE: "mqe.tuyaeu.com",
    Region.INDIA: "mqe.tuyain.com",
    Region.SINGAPORE: "mqe-sg.iotbing.com",
}
