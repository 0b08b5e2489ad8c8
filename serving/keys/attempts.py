"""How many wrong keys an address may try in a minute."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from serving.keys.buckets import take_from, wait_for

PER_MINUTE = 60
_MOST_ADDRESSES = 10_000
_NETWORK_BITS = 64


class Attempts:
    """Counts wrong keys by client address, in the memory of one worker process.

    Nobody guesses a key of 256 random bits; this keeps those who try from filling logs and time. A right key always
    passes, so whoever shares an address with somebody who tries is not locked out.

    Args:
        per_minute: wrong keys of one address in a minute.
        clock: monotonic seconds.
    """

    def __init__(self, per_minute: int = PER_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def failed(self, address: str) -> float | None:
        """Count a wrong key.

        Args:
            address: of the client; of IPv6 its network of 64 bits counts, which one client may have for itself.

        Returns:
            None while the address has tries left; else the seconds after which it has one.
        """
        network, now = _network(address), self._clock()
        with self._lock:
            full_at = self._full_at.pop(network, 0.0)
            wait = wait_for(full_at, self._per_minute, 1, now)
            self._full_at[network] = full_at if wait else take_from(full_at, self._per_minute, 1, now)
            if len(self._full_at) > _MOST_ADDRESSES:
                self._full_at.popitem(last=False)
        return wait or None


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((int(found) >> _NETWORK_BITS << _NETWORK_BITS, _NETWORK_BITS)))
    return str(found)
