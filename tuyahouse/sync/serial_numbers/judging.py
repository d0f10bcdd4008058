"""Judges pass counts by what has landed: trust is earned by some nights that agree, and lost by one contradiction."""

from dataclasses import dataclass, field
from datetime import datetime

from tuyahouse.sync.serial_numbers import counting
from tuyahouse.sync.serial_numbers.definitions import DEFINITIONS, NIGHTS, Compared, Definition, night_agrees
from tuyahouse.sync.serial_numbers.view import View, proved
from tuyahouse.warehouse.database import Connection
from tuyahouse.warehouse.ledgers import drift
from tuyahouse.warehouse.serial_numbers import pass_counts
from tuyahouse.warehouse.serial_numbers.pass_counts import Count, Trust


@dataclass(slots=True)
class Verdict:
    """What the counts of a run turned out to be."""

    trust: Trust
    settled: list[Count] = field(default_factory=list)
    suspicious: str = ""
    """A work order of which more passes are known than Tuya counts; it is asked in full before more is concluded."""
    contradiction: str = ""


def judge(seen: View, run_id: str, *, whole: bool = True) -> Verdict:
    """Compare the counts of the run with what has landed; ``whole``: all that they let ask was asked."""
    trusted = seen.trusted
    verdict = Verdict(seen.trust)
    full: dict[str, list[Count]] = {}
    deficits: dict[str, int] = {}
    for code, counts in sorted(seen.told.items()):
        against = seen.compared(code, trusted or _meant(seen.trust))
        if whole and code not in seen.progress.cut:
            verdict.settled += [_settled(one, against[one.node]) for one in counts]
        wrong = {node: one for node, one in against.items() if one.contradicts}
        in_full = bool(wrong or not trusted) and counting.asked_in_full(seen.conn, seen.account, code, counts)
        if in_full:
            full[code] = counts
        if trusted and wrong:
            node, most = max(wrong.items(), key=lambda each: each[1].low - each[1].tuya)
            if in_full and not verdict.contradiction:
                verdict.contradiction = (
                    f"work order {code} at {node}: Tuya counts {most.tuya:,} passes, its units show {most.low:,}"
                )
            deficits[code] = sum(one.low - one.tuya for one in wrong.values())
    if trusted:
        suspects = sorted(deficits.keys() - full.keys(), key=lambda code: (-deficits[code], code))
        if suspects and not seen.progress.audited and not verdict.contradiction:
            verdict.suspicious = suspects[0]
        if verdict.contradiction:
            verdict.trust = seen.trust._replace(
                agreed=0, last_run=run_id, fell_at=seen.now, reason=verdict.contradiction
            )
    elif seen.trust.last_run != run_id and not seen.progress.fallen:
        verdict.trust = _earned(seen, full, run_id)
    return verdict


def _meant(trust: Trust) -> Definition:
    return DEFINITIONS.get(trust.definition or "", DEFINITIONS["passed"])


def _settled(count: Count, against: Compared) -> Count:
    return count._replace(warehouse_count=min(max(against.tuya, against.low), against.high))


def _earned(seen: View, full: dict[str, list[Count]], run_id: str) -> Trust:
    """One more night in which a definition agreed; none, if no definition did."""
    names = sorted(DEFINITIONS, key=lambda name: name != seen.trust.definition)
    told = False
    for name in names:
        compared = [one for code in full for one in seen.compared(code, DEFINITIONS[name]).values()]
        agrees = night_agrees(compared)
        if agrees:
            agreed = seen.trust.agreed + 1 if name == seen.trust.definition else 1
            return seen.trust._replace(definition=name, agreed=agreed, last_run=run_id, reason=None, refused_at=None)
        told = told or agrees is not None
    return seen.trust._replace(agreed=0, last_run=run_id) if told else seen.trust


def conclude(conn: Connection, account: str, verdict: Verdict, seen: View, now: datetime) -> str:
    """Store what was judged, and note in the progress what the next stage has to ask; returns a note for the operator.

    A contradiction leaves a row in ``ops_drift``.
    """
    pass_counts.record(conn, account, verdict.settled)
    if verdict.trust != seen.trust:
        pass_counts.set_trust(conn, account, verdict.trust)
    if verdict.suspicious:
        seen.progress.audited.append(verdict.suspicious)
    if verdict.contradiction:
        seen.progress.fallen = True
        drift.record(conn, account, counting.KIND, {"contradicted": (1, verdict.contradiction)}, now)
        return (
            f"Tuya's pass counts are contradicted: {verdict.contradiction}. Serial numbers are asked by their age "
            f"until the counts agree again for {NIGHTS} nights; ops_drift keeps the case."
        )
    if proved(verdict.trust) and not proved(seen.trust):
        return "Tuya's pass counts proved true: from the next night they decide which serial numbers are asked."
    return ""
