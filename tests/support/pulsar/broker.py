"""A real Pulsar broker on this machine that speaks Tuya's ``auth1``, with topics laid out as Tuya's are."""

import base64
import json
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.pulsar.build import HERE, class_path

OPERATOR, OPERATOR_PASSWORD = "operator", "operatorsecret"
_OPERATOR_HASH = "$apr1$tuyahous$OwbN9f6y9Qm3zehzP/Imz/"
_OPEN_PACKAGES = (
    "java.base/jdk.internal.loader",
    "java.base/java.lang",
    "java.base/java.nio",
    "java.base/java.util.zip",
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.platform",
    "java.management/sun.management",
    "jdk.management/com.sun.management.internal",
)


class PulsarBroker:
    """Starts when made, in some ten seconds.

    ``url`` is the service URL. Accounts consume their own topics and may not produce; tests produce as the operator:
    ``pulsar.Client(broker.url, authentication=pulsar.AuthenticationBasic(OPERATOR, OPERATOR_PASSWORD))``.
    """

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="pulsar-", ignore_cleanup_errors=True)
        self._home = Path(self._directory.name)
        # The storage's port is part of its name: it has to be the same after a restart.
        self.port, self._admin_port, self._storage_port = (free_port() for _ in range(3))
        self.url = f"pulsar://127.0.0.1:{self.port}/"
        (self._home / "accounts.properties").touch()
        (self._home / "standalone.conf").write_text(_configuration(self._home, self.port, self._admin_port))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    # ------------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Start it (again) on the same ports with the same data; returns when it answers."""
        command = ["java", "-Xmx768m", "-XX:MaxDirectMemorySize=768m", "-Dio.netty.tryReflectionSetAccessible=true"]
        command += [f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}"]
        command += [f"--add-opens={package}=ALL-UNNAMED" for package in _OPEN_PACKAGES]
        command += ["-cp", class_path(), "org.apache.pulsar.PulsarStandaloneStarter", "--config", "standalone.conf"]
        command += ["-nfw", "-nss", "--metadata-dir", "meta", "--bookkeeper-dir", "bk"]
        command += ["--bookkeeper-port", str(self._storage_port)]
        with (self._home / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._home, stdout=log, stderr=log)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop it in order.

        Not by a kill: the storage would leave its entry in the metadata behind, and about every third time some of the
        broker's clients then take the entry of the restarted one for it, see it go, and find no storage from then on.
        """
        self._end(signal.SIGTERM)

    def close(self) -> None:
        self._end(signal.SIGKILL)
        self._directory.cleanup()

    def log(self) -> str:
        """What the broker has logged (warnings and errors)."""
        return (self._home / "broker.log").read_text()

    # -------------------------------------------------------------------------------------------------- accounts

    def add_account(self, access_id: str, access_key: str, partitions: int = 3) -> None:
        """Make an account known, with Tuya's topics ``event`` (partitioned), ``event-test`` and ``notice``."""
        with (self._home / "accounts.properties").open("a") as file:
            file.write(f"{access_id}={access_key}\n")
        self.admin("PUT", f"tenants/{access_id}", {"adminRoles": [OPERATOR], "allowedClusters": ["standalone"]})
        self.admin("PUT", f"namespaces/{access_id}/out", {})
        self.admin("POST", f"namespaces/{access_id}/out/permissions/{access_id}", ["consume"])
        self.admin("PUT", f"persistent/{access_id}/out/event/partitions", partitions)
        self.admin("PUT", f"persistent/{access_id}/out/event-test")
        self.admin("PUT", f"persistent/{access_id}/out/notice")

    def topic(self, access_id: str, name: str = "event") -> str:
        return f"persistent://{access_id}/out/{name}"

    def unacknowledged(self, access_id: str, subscription: str) -> int:
        """Messages of topic ``event`` that this subscription has not acknowledged."""
        stats = self.admin("GET", f"persistent/{access_id}/out/event/partitioned-stats?getPreciseBacklog=true")
        return int(stats["subscriptions"][subscription]["msgBacklog"])

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Call the broker's admin API; the answer as parsed JSON, None when it is empty."""
        token = base64.b64encode(f"{OPERATOR}:{OPERATOR_PASSWORD}".encode()).decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._admin_port}/admin/v2/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Basic {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            answer = f"{method} {path} answered {error.code}: {error.read().decode()[:1000]}"
            raise AssertionError(f"{answer}\nThe broker's log ends with:\n{self._last_words()}") from None

    # -------------------------------------------------------------------------------------------------- inside

    def _wait_until_it_answers(self, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                self.admin("GET", "namespaces/public")
                return
            except (OSError, AssertionError):
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"The broker does not start:\n{self.log()[-3000:]}") from None
                time.sleep(0.1)

    def _last_words(self, lines: int = 60) -> str:
        return "\n".join([line for line in self.log().splitlines() if not line.startswith("\tat ")][-lines:])

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(30)
        self._process = None


def _configuration(home: Path, port: int, admin_port: int) -> str:
    # The storage refuses to write where its disk is 95 % full, however much is free on it: a test needs a few
    # megabytes, so it may go on to the last of them, and takes no more ahead than it needs.
    operator = base64.b64encode(f"{OPERATOR}:{_OPERATOR_HASH}\n".encode()).decode()
    client = json.dumps({"userId": OPERATOR, "password": OPERATOR_PASSWORD})
    return f"""
clusterName=standalone
advertisedAddress=127.0.0.1
bindAddress=127.0.0.1
brokerServicePort={port}
webServicePort={admin_port}
loadManagerClassName=org.apache.pulsar.broker.loadbalance.NoopLoadManager
managedLedgerDefaultEnsembleSize=1
managedLedgerDefaultWriteQuorum=1
managedLedgerDefaultAckQuorum=1
systemTopicEnabled=false
topicLevelPoliciesEnabled=false
allowAutoTopicCreation=false
brokerDeleteInactiveTopicsEnabled=false
defaultRetentionTimeInMinutes=120
defaultRetentionSizeInMB=-1
diskUsageThreshold=0.9999
diskUsageWarnThreshold=0.9999
logSizeLimit=67108864
entryLogFilePreallocationEnabled=false
journalMaxSizeMB=64
journalPreAllocSizeMB=1
authenticationEnabled=true
authenticationProviders=TuyaAuthProvider,org.apache.pulsar.broker.authentication.AuthenticationProviderBasic
basicAuthConf=data:;base64,{operator}
authorizationEnabled=true
superUserRoles={OPERATOR}
brokerClientAuthenticationPlugin=org.apache.pulsar.client.impl.auth.AuthenticationBasic
brokerClientAuthenticationParameters={client}
tuya.accounts={home / "accounts.properties"}
"""
