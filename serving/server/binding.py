"""Which address the service listens on, and who may reach it there."""

from __future__ import annotations

import ipaddress
import socket

from ragpress.errors import ServiceError, UsageError
from ragpress.serve_settings import ServeSettings

_BACKLOG = 1024


def is_local(host: str) -> bool:
    """Whether only programs of this machine reach an address: a loopback address, or ``localhost``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def exposed(settings: ServeSettings) -> bool:
    """Whether others than this machine's own programs may reach the service: then nobody passes without a key."""
    return settings.proxy or not is_local(settings.host)


def check_exposure(settings: ServeSettings, keys: bool) -> None:
    """Refuse a service that anybody could use without a key.

    Args:
        settings: where the service is to listen.
        keys: whether there are API keys.

    Raises:
        UsageError: others can reach it, and there is no key.
    """
    if keys or not exposed(settings):
        return
    found = "[serve] proxy = true" if settings.proxy else f"the address {settings.host!r}"
    raise UsageError(
        f"Without API keys the service only listens on this machine (127.0.0.1), found {found}. "
        "Make a key first: ragpress keys add NAME"
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket, inheritable by worker processes.

    Args:
        host: name or address.
        port: 0 takes any free one.

    Raises:
        ServiceError: the address cannot be listened on; the message says why.
    """
    family, address = _resolve(host.strip("[]"), port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ServiceError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. Is another service running there? "
            "Take another port with --port, or any free one with --port 0."
        ) from error
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket) -> str:
    """The address for a browser on this machine, such as ``http://127.0.0.1:8321``."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]:
    # A page that says "localhost" must work whichever address a browser tries first: they all try IPv4.
    name = "127.0.0.1" if host.lower() == "localhost" else host
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServiceError(
            f"Cannot listen on {host!r}: {error.strerror}. Name an address of this machine with --host."
        ) from error
    family, _, _, _, address = found[0]
    return family, address  # type: ignore[return-value]  # AF_INET and AF_INET6 only, as no other resolves
