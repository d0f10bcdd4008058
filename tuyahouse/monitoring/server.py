"""A small HTTP server for monitoring: /metrics for Prometheus, /health for a probe."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

MOST_CONNECTIONS = 8
IDLE_SECONDS = 2.0
"""Most connections at once, and how long one may keep its thread waiting for a request."""


class Watched(Protocol):
    """What is served: metrics, and a verdict on its own health."""

    def collect(self) -> Any:
        """The metrics of this moment."""

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether all is well, and details as JSON values."""


@contextmanager
def serve(watched: Watched, port: int, address: str = "127.0.0.1") -> Iterator[int]:
    """Serve /metrics and /health in a thread for the length of the block; yields the port (0 picks a free one).

    Raises:
        OSError: the address or port cannot be used.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(watched))
    application = _application(watched, make_wsgi_app(registry))
    server = make_server(address, port, application, _Server, handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class _Collector(Collector):
    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def describe(self) -> list[Metric]:
        """Nothing: registering must not collect, because the database may be away at that moment."""
        return []

    def collect(self) -> Any:
        return self._watched.collect()


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each of a few connections; further ones are closed at once."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away or sends nothing is not worth a line."""


class _Silent(WSGIRequestHandler):
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line each."""


def _application(watched: Watched, metrics: Callable[..., Any]) -> Callable[..., Any]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ.get("PATH_INFO") == "/metrics":
            return metrics(environ, start_response)
        if environ.get("PATH_INFO") != "/health":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics or /health\n"]
        healthy, details = watched.health()
        start_response("200 OK" if healthy else "503 Service Unavailable", [("Content-Type", "application/json")])
        return [json.dumps(details).encode() + b"\n"]

    return answer
