"""How the reports of one source are read, in Python: what the SQL has to compute."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tuyahouse.sync.commands.rules import Word, word


def word_of(said: Iterable[tuple[int, datetime]], back_after: timedelta) -> Word:
    """The word of a source, from all its reports: (status, when).

    The first final word holds, unless the source called the command both succeeded and failed, or open again more than
    ``back_after`` later: then it contradicts itself. Without a final word the newest one holds.
    """
    words = [(when, word(status)) for status, when in said]
    if not words:
        return Word.NONE
    finals = sorted((when, each) for when, each in words if each.final)
    if not finals:
        return max(words)[1]
    first, final = finals[0]
    other_final = any(each is not final for _, each in finals)
    went_back = any(when > first + back_after for when, each in words if not each.final)
    return Word.CONTRADICTION if other_final or went_back else final
