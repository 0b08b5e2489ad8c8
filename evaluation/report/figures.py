"""How a report writes numbers and times; the same in both languages."""

from __future__ import annotations

NOTHING = "–"
MINUS = "−"


def share(value: float | None) -> str:
    """A value from 0 to 1, to three digits: ``0.842``."""
    return NOTHING if value is None else f"{value:.3f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """A difference with its sign: ``+0.021``, ``−0.021``, ``0.000``."""
    if value is None:
        return NOTHING
    text = f"{abs(value):.3f}"
    return text if float(text) == 0 else f"{'+' if value > 0 else MINUS}{text}"


def interval(value: tuple[float, float] | None, plus: bool = False, unit: str = "share") -> str:
    """Both ends: ``0.800 … 0.880``, with signs for those of a difference."""
    if value is None:
        return NOTHING
    write = difference if plus else quantity
    return f"{write(value[0], unit)} … {write(value[1], unit)}"


def difference(value: float | None, unit: str) -> str:
    """A difference in the unit of its metric, with its sign: ``+0.021``, ``−57 ms``."""
    if unit == "share" or value is None:
        return signed(value)
    sign = "+" if value > 0 else MINUS if value < 0 else ""
    return sign + quantity(abs(value), unit)


def probability(value: float | None) -> str:
    """A p value: ``0.031``, ``< 0.001``."""
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: int | None) -> str:
    """A whole number with its thousands apart: ``12,345``."""
    return NOTHING if value is None else f"{value:,}"


def seconds(value: float | None) -> str:
    """A time in the unit that suits it: ``12 ms``, ``3.4 s``, ``2 min 5 s``, ``1 h 4 min``."""
    if value is None:
        return NOTHING
    if value < 1:
        return f"{value * 1000:.0f} ms" if value >= 0.01 or value == 0 else f"{value * 1000:.1f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def quantity(value: float | None, unit: str) -> str:
    """A metric's value in its unit."""
    if unit == "share" or value is None:
        return share(value)
    if unit in ("s", "seconds"):
        return seconds(value)
    return f"{value:,.1f}"


def moment(iso: str) -> str:
    """An ISO time to the minute: ``2026-11-21 20:14 UTC``; any other text as it is."""
    date, separator, rest = iso.partition("T")
    if not separator or len(rest) < 5:
        return iso
    zone = " UTC" if rest.endswith(("Z", "+00:00")) else ""
    return f"{date} {rest[:5]}{zone}"


def percent(value: float) -> str:
    """A share as a whole percentage where it is one: ``95%``."""
    text = f"{value * 100:.1f}".removesuffix(".0")
    return f"{text}%"


def median(values: list[float], at: float = 0.5) -> float | None:
    """The value below which that share of the values lies; None where there are none."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, int(at * len(values)))]


def prompt(version: str) -> str:
    """A prompt version, ``name@fingerprint``, with as much of the fingerprint as a person compares."""
    name, separator, fingerprint = version.partition("@")
    return f"{name}{separator}{fingerprint[:12]}"
