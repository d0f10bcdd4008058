"""Why a message endpoint cannot be used: what is behind an error of the client that says little."""

import socket
import ssl
from urllib.parse import urlsplit

SECURE = ("pulsar+ssl", "wss")

REFUSED = (
    "It answers, but does not let this account in. Check CLIENT_ID and CLIENT_SECRET, that the message service is "
    "enabled for this cloud project (Tuya console, project, Message Service), for the environment "
    "that MESSAGES_ENVIRONMENT names, and that MESSAGES_URL is the project's own data centre."
)
NO_TOPIC = (
    "The account has no such topic there: either the message service is not enabled for this project and this "
    "MESSAGES_ENVIRONMENT (prod or test) in the Tuya console, or CLIENT_ID or the data centre (REGION, MESSAGES_URL) "
    "is another one."
)
EXCLUSIVE = (
    "Another consumer holds the subscription alone. Stop it, or set MESSAGES_SUBSCRIPTION_TYPE=Failover so that one "
    "waits for the other, or name a subscription of your own with MESSAGES_SUBSCRIPTION."
)


def reachability(url: str, tls_ca: str = "", seconds: float = 5.0) -> str | None:
    """What keeps this machine from reaching the endpoint, in words; None when it can be reached."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme in SECURE else 80)
    try:
        with socket.create_connection((host, port), seconds) as plain:
            if parts.scheme in SECURE:
                with tls_context(tls_ca).wrap_socket(plain, server_hostname=host):
                    pass
    except socket.gaierror:
        return f"The name {host} is not known: check MESSAGES_URL and the network's name service."
    except ssl.SSLCertVerificationError as error:
        return f"The certificate of {host}:{port} cannot be verified ({error.verify_message}): name its CA in MESSAGES_TLS_CA."
    except ssl.SSLError:
        return f"{host}:{port} does not speak TLS: check scheme and port of MESSAGES_URL."
    except ConnectionRefusedError:
        return f"Nothing listens at {host}:{port}: check MESSAGES_URL, or wait until it is up again."
    except OSError as error:
        return (
            f"{host}:{port} cannot be reached ({error}): check the network and whether a firewall lets port {port} out."
        )
    return None


def tls_context(tls_ca: str = "") -> ssl.SSLContext:
    """Certificates are verified always: by the system's CAs, or those of the file ``tls_ca``."""
    return ssl.create_default_context(cafile=tls_ca or None)
