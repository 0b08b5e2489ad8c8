"""From a request to its caller: the one place where endpoints learn who calls and whether it may.

Endpoints take ``caller: Asking`` (or ``Ingesting``, ``Administrating``): a :class:`~serving.callers.Caller` that has
the role. Without keys everybody on this machine is the operator.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving.api.errors import ApiError
from serving.api.service import service_of
from serving.callers import Caller, Role

bearer = HTTPBearer(auto_error=False, description="An API key: ragpress keys add NAME", scheme_name="key")
"""Takes the key out of a request, where it has one."""


async def caller_of(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """Who calls.

    Raises:
        ApiError: 401 where a key is needed and there is none, or it is wrong, expired or revoked; 429 where the
            client has sent too many wrong ones.
        StorageError: the keys could not be read for too long to let anybody in.
    """
    keys = service_of(request).keys
    token = credentials.credentials if credentials else None
    caller = keys.caller(token)
    if caller is None:
        wait = None if token is None else keys.attempts.failed(request.client.host if request.client else "")
        if wait is not None:
            raise ApiError(
                429,
                "Too many wrong API keys came from this address. Try again later, with a key that an operator made.",
                kind="rate_limit_error",
                code="too_many_wrong_keys",
                retry_after=wait,
            )
        raise ApiError(
            401,
            "A valid API key is needed: send it as 'Authorization: Bearer KEY'. An operator makes one with: "
            "ragpress keys add NAME",
            kind="invalid_request_error",
            code="invalid_api_key",
        )
    request.state.caller = caller
    return caller


def with_role(role: Role, *others: Role) -> Callable[[Caller], Coroutine[None, None, Caller]]:
    """A dependency that lets only callers with a role pass, or with one of the others."""

    async def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if not any(caller.may(one) for one in (role, *others)):
            raise ApiError(
                403,
                f"This API key does not have the role {role.value!r}. An operator makes one that has it with: "
                f"ragpress keys add NAME --role {role.value}",
                kind="permission_error",
                code="role_missing",
            )
        return caller

    return check


Asking = Annotated[Caller, Depends(with_role(Role.ASK))]
Ingesting = Annotated[Caller, Depends(with_role(Role.INGEST))]
Reading = Annotated[Caller, Depends(with_role(Role.ASK, Role.INGEST))]
"""Whoever asks reads what its groups may; whoever only ingests its own uploads among that."""
Administrating = Annotated[Caller, Depends(with_role(Role.ADMIN))]
