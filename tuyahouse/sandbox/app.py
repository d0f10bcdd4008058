"""The sandbox as an ASGI application."""

from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.types import Receive, Scope, Send

from tuyahouse.sandbox.control import endpoints
from tuyahouse.sandbox.http import (
    action_calls,
    authorization_calls,
    device_calls,
    people_calls,
    pms_calls,
    token_calls,
    visual_calls,
)
from tuyahouse.sandbox.http.gateway import Gateway
from tuyahouse.sandbox.messages.publishing import Publisher
from tuyahouse.sandbox.messages.websocket import PATH, MessageService
from tuyahouse.sandbox.world.world import World

ENDPOINTS = [
    *token_calls.ENDPOINTS,
    *pms_calls.ENDPOINTS,
    *device_calls.ENDPOINTS,
    *people_calls.ENDPOINTS,
    *action_calls.ENDPOINTS,
    *authorization_calls.ENDPOINTS,
    *visual_calls.ENDPOINTS,
]


class _Sandbox(Starlette):
    """Routes Tuya's own paths around Starlette's machinery: thousands of calls come in a second."""

    gateway: Gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/sandbox"):
            await self.gateway(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(world: World, publisher: Publisher | None = None) -> Starlette:
    """Tuya's paths, and under /sandbox/ the endpoints for inspection and control."""
    service = MessageService(world)
    routes = [
        Mount("/sandbox", routes=endpoints.routes(world, service, publisher)),
        WebSocketRoute(PATH, service.connect),
    ]
    app = _Sandbox(routes=routes)
    app.gateway = Gateway(world, ENDPOINTS)
    return app
