"""The words of the report. The code has the English ones; the other language is looked up by them."""

from typing import Literal

from tuyahouse.report.words.zh import CHINESE, VALUES

Language = Literal["en", "zh"]

_WEEKDAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
}


class Words:
    """The words of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    @property
    def tag(self) -> str:
        """The language as HTML names it."""
        return "zh-Hans" if self.language == "zh" else "en"

    def __call__(self, english: str, **values: object) -> str:
        said = CHINESE[english] if self.language == "zh" else english
        return said.format(**values) if values else said

    def of(self, value: str) -> str:
        """A word of the marts' fixed vocabularies; one that is unknown stays as it is."""
        spoken = value.replace("_", " ")
        return VALUES.get(spoken, spoken) if self.language == "zh" else spoken

    def weekday(self, number: int) -> str:
        """Monday is 0."""
        return _WEEKDAYS[self.language][number]
