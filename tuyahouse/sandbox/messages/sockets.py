"""WebSockets that can be cut off as by a broken line."""

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CUT = 1006
"""Closing with this code, which is never sent over the wire, drops the connection."""


class Sockets(WebSocketsSansIOProtocol):
    """uvicorn's own, except that code 1006 ends the connection without the closing handshake."""

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close" and message.get("code") == CUT:
            self.transport.abort()
            return
        await super().send(message)
