"""Running the sandbox: its port, the settings that reach it, uvicorn."""

import shlex
import socket
import sys

import uvicorn

from tuyahouse.sandbox.app import create_app
from tuyahouse.sandbox.messages.publishing import Publish, Publisher
from tuyahouse.sandbox.messages.sockets import Sockets
from tuyahouse.sandbox.world.world import World

BACKLOG = 2048


def environment(world: World, url: str, account: str = "demo") -> dict[str, str]:
    """The settings with which an account reaches this sandbox."""
    options = world.options
    values = {
        "CLIENT_ID": options.client_id,
        "CLIENT_SECRET": options.client_secret,
        "SIGNATURE": options.signature,
        "PMS_USERNAME": options.pms_username,
        "PMS_PASSWORD": options.pms_password,
        "CALLS_PER_SECOND": f"{options.calls_per_second:g}",
        "PROJECT_IDS": ",".join(options.projects),
        "APP_SCHEMA": options.app_schema,
        "VISUAL_USERNAME": options.visual_username,
        "VISUAL_PASSWORD": options.visual_password,
        "VISUAL_BASE_URL": url,
        "MESSAGES_SOURCE": "websocket",
        "MESSAGES_URL": "ws" + url.removeprefix("http") + "/",
        "BASE_URL": url,  # last: a reader that waits for this line has all of them
    }
    return {f"TUYAHOUSE_ACCOUNTS__{account.upper()}__{name}": value for name, value in values.items()}


def shell_lines(world: World, url: str, account: str = "demo") -> list[str]:
    """Lines to paste into a shell or evaluate: the settings as exports, after a comment on the serial numbers."""
    file = "units.csv"
    return [
        f"# Serial numbers of the sandbox: curl -o {file} {url}/sandbox/serial-numbers.csv",
        f"# To register them: tuyahouse sn add --account {account} {file}",
        *(f"export {name}={shlex.quote(value)}" for name, value in environment(world, url, account).items()),
    ]


def listen(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A socket that listens before its address is printed: a reader may call at once. Port 0 picks a free one."""
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it an answer takes 40 ms
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(BACKLOG)
    return sock


def address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://{host}:{port}"


def server(world: World, publisher: Publisher | None = None) -> uvicorn.Server:
    """A server that logs only critical errors: uvicorn reports every deliberately cut answer."""
    config = uvicorn.Config(
        create_app(world, publisher),
        ws=Sockets,
        ws_per_message_deflate=False,
        access_log=False,
        log_level="critical",
        lifespan="off",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        backlog=BACKLOG,
        server_header=False,
        date_header=False,
    )
    return uvicorn.Server(config)


def announce(line: str) -> None:
    """Print a line on standard output, flushed so that a waiting reader gets it at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(world: World, port: int = 0, host: str = "127.0.0.1", publish: Publish | None = None) -> None:
    """Print the lines for a shell, then serve until interrupted.

    Args:
        world: what is served.
        port: 0 picks a free one.
        host: address to listen on.
        publish: where messages go besides the WebSocket service: today's at once, later ones as the day moves on.
    """
    sock = listen(port, host)
    for line in shell_lines(world, address(sock)):
        announce(line)
    publisher = Publisher(world, publish) if publish else None
    if publisher:
        publisher.catch_up()
    server(world, publisher).run(sockets=[sock])
