"""All checks of a deployment, for the applied state and for mutants alike: each public function of these modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from types import ModuleType

from tests.terraform import (
    checks_access,
    checks_delivery,
    checks_functions,
    checks_keeping,
    checks_origin,
    checks_shown,
    checks_watching,
)
from tests.terraform.deployment import Deployment

Check = Callable[[Deployment], None]


def _in(module: ModuleType) -> Iterator[Check]:
    for name, one in vars(module).items():
        if inspect.isfunction(one) and one.__module__ == module.__name__ and not name.startswith("_"):
            yield one


CHECKS: tuple[Check, ...] = (
    *_in(checks_access),
    *_in(checks_functions),
    *_in(checks_delivery),
    *_in(checks_keeping),
    *_in(checks_origin),
    *_in(checks_shown),
    *_in(checks_watching),
)
