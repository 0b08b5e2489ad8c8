"""From a request to its caller: the one place where endpoints learn who calls and whether it may.

Endpoints take ``caller: Asking`` (or ``Ingesting``, ``Administrating``): a :class:`~serving.callers.Caller` that has
the role. Without keys everybody on this machine is the operator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving.api.errors import ApiError
from serving.api.service import service_of
from serving.callers import Caller, Role

_bearer = HTTPBearer(auto_error=False, description="An API key: ragpress keys add NAME", scheme_name="key")


def caller_of(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """Who calls.

    Raises:
        ApiError: 401 where a key is needed and there is none, or it is wrong, expired or revoked.
    """
    caller = service_of(request).keys.caller(credentials.credentials if credentials else None)
    if caller is None:
        raise ApiError(
            401,
            "A valid API key is needed: send it as 'Authorization: Bearer KEY'. An operator makes one with: "
            "ragpress keys add NAME",
            kind="invalid_request_error",
            code="invalid_api_key",
        )
    request.state.caller = caller
    return caller


def with_role(role: Role) -> Callable[[Caller], Caller]:
    """A dependency that lets only callers with a role pass."""

    def check(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
        if not caller.may(role):
            raise ApiError(
                403,
                f"This API key has not the role {role.value!r}. An operator gives it with: ragpress keys add NAME "
                f"--role {role.value}",
                kind="permission_error",
                code="role_missing",
            )
        return caller

    return check


Asking = Annotated[Caller, Depends(with_role(Role.ASK))]
Ingesting = Annotated[Caller, Depends(with_role(Role.INGEST))]
Administrating = Annotated[Caller, Depends(with_role(Role.ADMIN))]
