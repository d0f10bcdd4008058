"""Devices in the field: presence by day, the fleet by product, and which device came from which unit."""

from tuyahouse.warehouse.marts.definition import (
    ACCOUNT,
    FACTORY_DAY,
    ORDER,
    SN,
    Mart,
    big,
    count,
    flag,
    number,
    time,
    words,
)
from tuyahouse.warehouse.marts.sql import Sql, share

PROJECT = words("project_id", "Project of the device")
PRODUCT = words("product_id", "Product id (productKey)")
DEVICE = words("device_id", "Tuya's device id")


def _presence_day(sql: Sql) -> str:
    within = sql.ms(sql.least("s.to_at", "y.ends_at"), sql.greatest("s.from_at", "y.starts_at"))
    ends = sql.least("COALESCE(v.vanished_at, y.ends_at)", "y.ends_at")
    there = sql.ms(ends, sql.greatest("COALESCE(v.created_at, y.starts_at)", "y.starts_at"))
    gap = "CASE WHEN h.gap_at IS NULL THEN r.to_at WHEN h.gap_at < h.from_at THEN h.from_at ELSE h.gap_at END"
    known = "COALESCE(k.online_ms, 0) + COALESCE(k.offline_ms, 0)"
    return f"""
        WITH days AS (
            SELECT factory_day, starts_at, CASE WHEN ends_at > :as_of THEN :as_of ELSE ends_at END AS ends_at
            FROM mart_day
            WHERE account = :account AND factory_day BETWEEN :first_day AND :last_day AND starts_at < :as_of),
        reach AS (SELECT MIN(starts_at) AS from_at, MAX(ends_at) AS to_at FROM days),
        seed AS (
            SELECT v.device_id, (SELECT MAX(q.happened_at) FROM device_presence q WHERE q.account = :account
                AND q.device_id = v.device_id AND q.happened_at < (SELECT from_at FROM reach)) AS at
            FROM device v
            WHERE v.account = :account AND (v.vanished_at IS NULL OR v.vanished_at > (SELECT from_at FROM reach))),
        event AS (
            SELECT p.device_id, p.happened_at, MAX(CASE WHEN p.online THEN 1 ELSE 0 END) AS online
            FROM device_presence p WHERE p.account = :account AND p.happened_at >= (SELECT from_at FROM reach)
                AND p.happened_at < (SELECT to_at FROM reach) GROUP BY p.device_id, p.happened_at
            UNION ALL
            SELECT s.device_id, s.at, MAX(CASE WHEN p.online THEN 1 ELSE 0 END)
            FROM seed s JOIN device_presence p
                ON p.account = :account AND p.device_id = s.device_id AND p.happened_at = s.at
            GROUP BY s.device_id, s.at),
        held AS (
            SELECT e.device_id, e.online, e.happened_at AS from_at,
                LEAD(e.happened_at) OVER (PARTITION BY e.device_id ORDER BY e.happened_at) AS next_at,
                (SELECT MIN(g.gap_from) FROM ops_message_gap g
                    WHERE g.account = :account AND g.gap_to > e.happened_at) AS gap_at
            FROM event e),
        span AS (
            SELECT h.device_id, h.online, h.from_at,
                {sql.least("COALESCE(h.next_at, r.to_at)", gap, "r.to_at")} AS to_at
            FROM held h, reach r),
        known AS (
            SELECT s.device_id, y.factory_day, SUM(CASE WHEN s.online = 1 THEN {within} ELSE 0 END) AS online_ms,
                SUM(CASE WHEN s.online = 0 THEN {within} ELSE 0 END) AS offline_ms
            FROM span s JOIN days y ON s.from_at < y.ends_at AND s.to_at > y.starts_at
            GROUP BY s.device_id, y.factory_day),
        flips AS (
            SELECT e.device_id, y.factory_day, COUNT(*) AS flips
            FROM event e JOIN days y ON e.happened_at >= y.starts_at AND e.happened_at < y.ends_at
            GROUP BY e.device_id, y.factory_day),
        life AS (
            SELECT v.device_id, v.project_id, v.product_id, y.factory_day, {there} AS there_ms
            FROM device v JOIN days y ON COALESCE(v.created_at, y.starts_at) < y.ends_at
                AND (v.vanished_at IS NULL OR v.vanished_at > y.starts_at)
            WHERE v.account = :account)
        SELECT :account AS account, COALESCE(l.project_id, '') AS project_id, COALESCE(l.product_id, '') AS product_id,
            l.factory_day, COUNT(*) AS devices, SUM(COALESCE(k.online_ms, 0)) AS online_ms,
            SUM(COALESCE(k.offline_ms, 0)) AS offline_ms,
            SUM(CASE WHEN l.there_ms > {known} THEN l.there_ms - ({known}) ELSE 0 END) AS unknown_ms,
            COALESCE(SUM(f.flips), 0) AS flips,
            COUNT(CASE WHEN COALESCE(k.online_ms, 0) = 0 AND k.offline_ms > 0 THEN 1 END) AS never_online
        FROM life l
        LEFT JOIN known k ON k.device_id = l.device_id AND k.factory_day = l.factory_day
        LEFT JOIN flips f ON f.device_id = l.device_id AND f.factory_day = l.factory_day
        GROUP BY COALESCE(l.project_id, ''), COALESCE(l.product_id, ''), l.factory_day"""


MART_PRESENCE_DAY = Mart(
    "mart_presence_day",
    "How long devices were online. An event holds until the next one, or until messages may be missing.",
    ("account", "project_id", "product_id", "factory_day"),
    (
        ACCOUNT,
        words("project_id", "Project of the devices; empty: unknown"),
        words("product_id", "Product id (productKey); empty: unknown"),
        FACTORY_DAY,
        count("devices", "Devices that were there at some time of the day", "devices", required=True),
        big("online_ms", "Time online, over all of them", "milliseconds", required=True),
        big("offline_ms", "Time offline", "milliseconds", required=True),
        big(
            "unknown_ms",
            "Time of which nothing is known; the three add up to their existence",
            "milliseconds",
            required=True,
        ),
        count("flips", "Changes of presence", "events", required=True),
        count("never_online", "Devices known to be offline and never online", "devices", required=True),
    ),
    _presence_day,
    "SELECT factory_day, SUM(online_ms) * 1.0 / NULLIF(SUM(online_ms + offline_ms), 0) AS online_share "
    "FROM mart_presence_day WHERE account = :account GROUP BY factory_day ORDER BY factory_day DESC LIMIT 14",
    ("gaps", "local_days", "matures"),
    kept=True,
)


def _device_fleet(sql: Sql) -> str:
    return f"""
        SELECT x.*, {share("x.online", "(x.online + x.offline)")} AS online_share FROM (
            SELECT d.account, d.project_id, d.product_id, MAX(d.product_name) AS product_name, COUNT(*) AS devices,
                COUNT(CASE WHEN d.vanished_at IS NULL THEN 1 END) AS there,
                COUNT(CASE WHEN d.vanished_at IS NULL AND d.online THEN 1 END) AS online,
                COUNT(CASE WHEN d.vanished_at IS NULL AND NOT d.online THEN 1 END) AS offline,
                COUNT(CASE WHEN d.vanished_at IS NULL AND d.online IS NULL THEN 1 END) AS presence_unknown,
                COUNT(CASE WHEN d.vanished_at IS NOT NULL THEN 1 END) AS vanished,
                MIN(d.online_at) AS oldest_presence_at, MAX(d.changed_at) AS last_changed_at
            FROM device d GROUP BY d.account, d.project_id, d.product_id) x"""


MART_DEVICE_FLEET = Mart(
    "mart_device_fleet",
    "Devices by project and product as they are. online is as old as online_at; the oldest of them is shown.",
    ("account", "project_id", "product_id"),
    (
        ACCOUNT,
        PROJECT,
        PRODUCT,
        words("product_name", "Name of the product"),
        big("devices", "Devices ever known", "devices"),
        big("there", "Devices that have not vanished", "devices"),
        big("online", "Of them online", "devices"),
        big("offline", "Of them offline", "devices"),
        big("presence_unknown", "Of them of unknown presence", "devices"),
        number("online_share", "Online of those there whose presence is known"),
        big("vanished", "Devices that a complete list no longer held, or that were unbound", "devices"),
        time("oldest_presence_at", "Oldest presence among them"),
        time("last_changed_at", "Newest change of a device"),
    ),
    _device_fleet,
    "SELECT product_name, there, online_share FROM mart_device_fleet WHERE account = :account ORDER BY there DESC",
    ("gaps",),
    fresh="as of the newest sync_devices",
)

MART_UNIT_DEVICE = Mart(
    "mart_unit_device",
    "Which device came from which unit: every claim. Join on chosen only, or a device counts twice.",
    ("account", "device_id", "sn"),
    (
        ACCOUNT,
        SN,
        DEVICE,
        big("sources", "Sources that name this pair", "sources"),
        words("best_source", "Most trusted of them: pms, factory_infos, cid or other"),
        words("conflict", "none, device_has_several_sns or sn_has_several_devices"),
        flag("chosen", "One row a device: most sources, then the most trusted one, then the smaller serial number"),
        ORDER,
        time("finished_at", "When the unit was finished in its work order"),
        PRODUCT,
        words("product_name", "Name of the product"),
        time("created_at", "When Tuya created the device"),
        flag("online", "Online, by the newest of inventory and messages"),
        time("vanished_at", "When the device vanished; null: it is there"),
        flag("in_inventory", "The device is known"),
        flag("in_registry", "The serial number is registered"),
    ),
    lambda sql: (
        """
        WITH claim AS (
            SELECT account, device_id, sn, COUNT(*) AS sources,
                MIN(CASE source WHEN 'pms' THEN 1 WHEN 'factory_infos' THEN 2 WHEN 'cid' THEN 3 ELSE 4 END) AS trust
            FROM device_serial_number GROUP BY account, device_id, sn),
        r AS (
            SELECT t.*, COUNT(*) OVER (PARTITION BY account, device_id) AS sns_of_device,
                COUNT(*) OVER (PARTITION BY account, sn) AS devices_of_sn,
                ROW_NUMBER() OVER (PARTITION BY account, device_id ORDER BY sources DESC, trust, sn) AS place
            FROM claim t)
        SELECT r.account, r.sn, r.device_id, r.sources,
            CASE r.trust WHEN 1 THEN 'pms' WHEN 2 THEN 'factory_infos' WHEN 3 THEN 'cid' ELSE 'other' END
                AS best_source,
            CASE WHEN r.sns_of_device > 1 THEN 'device_has_several_sns'
                WHEN r.devices_of_sn > 1 THEN 'sn_has_several_devices' ELSE 'none' END AS conflict,
            r.place = 1 AS chosen, n.order_code, u.finished_at, d.product_id, d.product_name, d.created_at, d.online,
            d.vanished_at, d.device_id IS NOT NULL AS in_inventory, n.sn IS NOT NULL AS in_registry
        FROM r LEFT JOIN serial_number n ON n.account = r.account AND n.sn = r.sn
        LEFT JOIN mart_unit u ON u.account = n.account AND u.order_code = n.order_code AND u.sn = n.sn
        LEFT JOIN device d ON d.account = r.account AND d.device_id = r.device_id"""
    ),
    "SELECT order_code, COUNT(*) AS devices FROM mart_unit_device WHERE account = :account AND chosen "
    "GROUP BY order_code ORDER BY order_code",
    ("contradictions_kept",),
    fresh="as of the newest sync_devices and refresh",
)

FIELD = (MART_PRESENCE_DAY, MART_DEVICE_FLEET, MART_UNIT_DEVICE)
