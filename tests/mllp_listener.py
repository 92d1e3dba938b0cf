"""A real MLLP receiver on loopback, over TCP or TLS, that behaves as a test asks."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket, bytes], None]


@dataclass
class Listener:
    """What came in; ``behave`` may be exchanged while it listens."""

    port: int
    behave: Behaviour
    messages: list[bytes] = field(default_factory=list)

    @property
    def control_ids(self) -> list[str]:
        return [control_id(message) for message in self.messages]


def control_id(message: bytes) -> str:
    return message.split(b"\r")[0].split(b"|")[9].decode()


def ack(message: bytes, code: str = "AA", of: str | None = None) -> bytes:
    """An acknowledgement in its frame."""
    said = control_id(message) if of is None else of
    text = f"MSH|^~\\&|LIS||||20260304120000||ACK|A1|P|2.5.1\rMSA|{code}|{said}\r"
    return b"\x0b" + text.encode() + b"\x1c\r"


def answers(code: str = "AA") -> Behaviour:
    return lambda connection, message: connection.sendall(ack(message, code))


def says(data: bytes) -> Behaviour:
    return lambda connection, message: connection.sendall(data)


def hangs_up(connection: socket.socket, message: bytes) -> None:
    """Takes the message and cuts the line before it answers."""


@contextmanager
def mllp_listener(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Listener]:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)
    told = Listener(port=listening.getsockname()[1], behave=behave)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                plain, _ = listening.accept()
            except TimeoutError:
                continue
            plain.settimeout(10)
            with suppress(OSError, ssl.SSLError):
                connection = tls.wrap_socket(plain, server_side=True) if tls else plain
                with connection:
                    data = b""
                    while not data.endswith(b"\x1c\r"):
                        piece = connection.recv(65536)
                        if not piece:
                            break
                        data += piece
                    else:
                        assert data.startswith(b"\x0b")
                        told.messages.append(data[1:-2])
                        told.behave(connection, told.messages[-1])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join(15)
        listening.close()
