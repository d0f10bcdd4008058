"""The shortest loop that does the job by hand.

``python -m benchmarks.messages_by_hand PULSAR DATABASE ID KEY SUBSCRIPTION COUNT``

Batch receive, decrypt, parse, COPY, commit, acknowledge: one table with each message as received and its main fields.
It knows both ciphers, but checks no signature, validates nothing, writes no rows by kind, expects no duplicates and
keeps nothing of an unreadable message.
"""

import base64
import hashlib
import json
import sys
from datetime import UTC, datetime

import orjson
import psycopg
import pulsar
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BATCH = 2_000


def main(url: str, database: str, client_id: str, access_key: str, subscription: str, count: int) -> None:
    key = access_key[8:24].encode()
    ecb, gcm = Cipher(algorithms.AES(key), modes.ECB()), AESGCM(key)
    consumer = _subscribe(url, client_id, access_key, subscription)
    connection = psycopg.connect(database)
    connection.execute(
        "CREATE TABLE message (message_id text, topic text, published_at timestamptz, payload bytea,"
        " device_id text, code text, pushed_at timestamptz, body bytea)"
    )
    connection.commit()
    received = 0
    while received < count:
        messages = consumer.batch_receive()
        rows = []
        for message in messages:
            try:
                payload = message.data()
                envelope = orjson.loads(payload)
                sealed = base64.b64decode(envelope.get("encryptPayload") or envelope["data"])
                if message.properties().get("em") == "aes_gcm":
                    plain = gcm.decrypt(sealed[:12], sealed[12:], None)
                else:
                    decryptor = ecb.decryptor()
                    plain = decryptor.update(sealed) + decryptor.finalize()
                    plain = plain[: -plain[-1]]
                body = orjson.loads(plain)
                rows.append((
                    str(message.message_id()), message.topic_name(), _time(message.publish_timestamp()), payload,
                    body.get("devId"), body.get("bizCode"), _time(envelope["t"]), plain,
                ))  # fmt: skip
            except Exception:
                continue
        with connection.cursor().copy("COPY message FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["text", "text", "timestamptz", "bytea", "text", "text", "timestamptz", "bytea"])
            for row in rows:
                copy.write_row(row)
        connection.commit()
        for message in messages:
            consumer.acknowledge(message)
        received += len(messages)


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _subscribe(url: str, client_id: str, access_key: str, subscription: str) -> pulsar.Consumer:
    inner = hashlib.md5(access_key.encode()).hexdigest()
    password = hashlib.md5(f"{client_id}{inner}".encode()).hexdigest()[8:24]
    auth = json.dumps({"username": client_id, "password": password}, separators=(",", ":"))
    name, rest = auth.split(":", 1)
    client = pulsar.Client(url, authentication=pulsar.AuthenticationBasic(name, rest, "auth1"))
    return client.subscribe(
        f"persistent://{client_id}/out/event",
        subscription,
        consumer_type=pulsar.ConsumerType.Failover,
        initial_position=pulsar.InitialPosition.Earliest,
        receiver_queue_size=BATCH,
        batch_receive_policy=pulsar.ConsumerBatchReceivePolicy(BATCH, 16 << 20, 100),
    )


if __name__ == "__main__":
    main(*sys.argv[1:6], int(sys.argv[6]))
