"""Commands ``ragpress keys``: who may call the service."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ragpress import console
from ragpress.errors import UsageError
from serving.commands.shared import Json, environment_of

if TYPE_CHECKING:
    from rich.console import Console

    from index.environment import Environment
    from serving.callers import Role
    from serving.keys.records import KeyRecord

app = typer.Typer(help="API keys of the service: make, list, revoke.", no_args_is_help=True)

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class KeyLine(msgspec.Struct, frozen=True, kw_only=True):
    """What anybody at the command line may know of a key.

    Attributes:
        id: names it in journals and logs.
        name: what it is called.
        state: ``in force``, ``revoked`` or ``expired``.
        roles: what it may do.
        groups: whose documents it may read; null for an admin key, which reads every document.
        requests_per_minute: null takes any number.
        tokens_per_minute: null takes any number.
        created: when it was made.
        expires: from when it lets nobody in; null never.
        revoked: when it was revoked.
    """

    id: str
    name: str
    state: str
    roles: tuple[str, ...]
    groups: tuple[str, ...] | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    created: datetime
    expires: datetime | None
    revoked: datetime | None


class NewKey(KeyLine, frozen=True, kw_only=True):
    """A key that was just made, and the key itself.

    Attributes:
        key: what callers send; nobody can get it again.
    """

    key: str


class KeyList(msgspec.Struct, frozen=True):
    """The keys of a workspace, in the order of making."""

    keys: list[KeyLine]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name of the key: letters, digits, '_' and '-'.")],
    roles: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ask|ingest|admin", help="What it may do; may come again. Default: ask."),
    ] = None,
    groups: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="GROUP", help="Whose documents it may read; may come again."),
    ] = None,
    requests: Annotated[
        int | None, typer.Option("--requests-per-minute", metavar="N", help="The most requests a minute.", min=1)
    ] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens-per-minute", metavar="N", help="The most generator tokens a minute.", min=1)
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="90d|DATE", help="How long it lasts, or its last day (UTC).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it: this once, for only its hash is stored."""
    from serving.callers import Role  # noqa: PLC0415
    from serving.keys.records import Grant  # noqa: PLC0415
    from serving.keys.ring import KeyRing  # noqa: PLC0415

    environment = environment_of()
    grant = Grant(
        name=name,
        roles=tuple(dict.fromkeys(_role(role) for role in roles or [Role.ASK.value])),
        groups=tuple(dict.fromkeys(groups or [])),
        requests_per_minute=requests,
        tokens_per_minute=tokens,
        expires=None if expires is None else parse_expiry(expires, environment.now()),
    )
    record, token = KeyRing(environment.store, environment.now).add(grant)
    _warn_of_groups(environment, grant.groups, unrestricted=Role.ADMIN in grant.roles)
    line = msgspec.structs.asdict(_line(record, environment.now()))
    console.show(NewKey(**line, key=str(token)), as_json, _render_new)


@app.command("list")
def show_list(as_json: Json = False) -> None:
    """List the keys, those expired or revoked too; never a key itself."""
    from serving.keys.ring import KeyRing  # noqa: PLC0415

    environment = environment_of()
    now = environment.now()
    lines = [_line(record, now) for record in KeyRing(environment.store, environment.now).records()]
    console.show(KeyList(lines), as_json, _render_list)


@app.command("revoke")
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME|ID", help="Name or id of a key.")], as_json: Json = False
) -> None:
    """Revoke a key for good: a running service lets it in no more within a second."""
    from serving.keys.ring import KeyRing  # noqa: PLC0415

    environment = environment_of()
    record = KeyRing(environment.store, environment.now).revoke(name)
    console.show(_line(record, environment.now()), as_json, _render_revoked)


def parse_expiry(text: str, now: datetime) -> datetime:
    """When a key expires.

    Args:
        text: a time span such as ``90d`` (m, h, d, w), or a date: the last day on which the key lets anybody in.
        now: the present, with time zone.

    Raises:
        UsageError: it is neither, or lies in the past.
    """
    problem = f"--expires {text!r} makes no sense: expected a span such as 12h, 90d or 8w, or a date such as 2031-12-31"
    try:
        if text[-1:] in _UNITS and text[:-1].isascii() and text[:-1].isdigit():
            expires = now + timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        else:
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=now.tzinfo)
            expires = day + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{problem}.") from error
    if expires <= now:
        raise UsageError(f"{problem} that is not over yet.")
    return expires


def _role(text: str) -> Role:
    from serving.callers import Role  # noqa: PLC0415

    try:
        return Role(text)
    except ValueError as error:
        known = ", ".join(Role)
        raise UsageError(f"There is no role {text!r}. Choose among: {known}.") from error


def _warn_of_groups(environment: Environment, groups: tuple[str, ...], *, unrestricted: bool) -> None:
    if unrestricted:
        console.note("An admin key reads every document, whatever its groups." if groups else "")
        return
    from ragpress.answer_settings import EVERYONE  # noqa: PLC0415

    known = {EVERYONE}
    for settings in environment.workspace.collections.values():
        known.update(settings.access.default, *settings.access.rules.values())
    idle = [group for group in groups if group not in known]
    if idle:
        names = ", ".join(map(repr, idle))
        console.note(f"No access rule names {names}: such a group opens no document. See [access] in ragpress.toml.")


def _line(record: KeyRecord, now: datetime) -> KeyLine:
    from serving.callers import Role  # noqa: PLC0415

    lapsed = "revoked" if record.revoked else "expired"
    return KeyLine(
        id=record.id,
        name=record.name,
        state="in force" if record.in_force(now) else lapsed,
        roles=tuple(role.value for role in record.roles),
        groups=None if Role.ADMIN in record.roles else record.groups,
        requests_per_minute=record.requests_per_minute,
        tokens_per_minute=record.tokens_per_minute,
        created=record.created,
        expires=record.expires,
        revoked=record.revoked,
    )


def _render_new(record: NewKey, out: Console) -> None:
    out.print(record.key, style="bold green", markup=False)
    out.print(f"Key {_facts(record)}.", markup=False)
    out.print(
        "Keep it now: it is not stored and cannot be shown again. Callers send it as 'Authorization: Bearer KEY'.",
        markup=False,
    )


def _render_list(record: KeyList, out: Console) -> None:
    for line in record.keys:
        out.print(f"{line.name:<24} {line.state:<9}", style="" if line.state == "in force" else "dim", end=" ")
        out.print(_facts(line).removeprefix(f"{line.name}: "), markup=False)
    if not record.keys:
        out.print("No keys: the service listens on this machine only, and whoever reaches it is its operator.")


def _render_revoked(record: KeyLine, out: Console) -> None:
    out.print(f"Revoked key {record.name} ({record.id}).", markup=False)


def _facts(line: KeyLine) -> str:
    reads = "every document" if line.groups is None else ", ".join(("everyone", *line.groups))
    limits = [
        f"{number:,} {what} a minute"
        for number, what in ((line.requests_per_minute, "requests"), (line.tokens_per_minute, "tokens"))
        if number is not None
    ]
    until = f"until {line.expires:%Y-%m-%d %H:%M} UTC" if line.expires else ""
    facts = [f"id {line.id}", ", ".join(line.roles), f"reads {reads}", *limits, until]
    return f"{line.name}: " + " · ".join(fact for fact in facts if fact)
