"""All checks of a deployment, for the applied state and for mutants alike."""

from __future__ import annotations

from collections.abc import Callable

from tests.terraform import (
    checks_access,
    checks_delivery,
    checks_functions,
    checks_keeping,
    checks_origin,
    checks_watching,
)
from tests.terraform.deployment import Deployment

Check = Callable[[Deployment], None]

CHECKS: tuple[Check, ...] = (
    *checks_access.CHECKS,
    *checks_functions.CHECKS,
    *checks_delivery.CHECKS,
    *checks_keeping.CHECKS,
    *checks_origin.CHECKS,
    *checks_watching.CHECKS,
)
