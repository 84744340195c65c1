"""Errors as Kubernetes' `Status` objects: a reason and a code for each class of `errors`."""

from typing import Any

from orchestrator.errors import Conflict, Forbidden, Invalid, NotFound, OrchestratorError, Unavailable
from orchestrator.state.store import Expired

_REASONS: tuple[tuple[type[OrchestratorError], int, str], ...] = (
    (Expired, 410, "Expired"),
    (NotFound, 404, "NotFound"),
    (Invalid, 400, "BadRequest"),
    (Conflict, 409, "Conflict"),
    (Forbidden, 403, "Forbidden"),
    (Unavailable, 503, "ServiceUnavailable"),
    (OrchestratorError, 500, "InternalError"),
)


def failure(code: int, reason: str, message: str, **details: Any) -> dict[str, Any]:
    """Give a Status that says what failed; `details` as in Kubernetes (name, kind, causes)."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return {**status, "details": details} if details else status


def failure_of(error: OrchestratorError) -> dict[str, Any]:
    """Give the Status of an error."""
    code, reason = next((code, reason) for kind, code, reason in _REASONS if isinstance(error, kind))
    return failure(code, reason, str(error))


def exit_status(code: int) -> dict[str, Any]:
    """Give the Status that ends an exec: Success, or the exit code as a cause."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
