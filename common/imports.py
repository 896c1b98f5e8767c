"""Late imports, one thread at a time.

A vendor's SDK is imported where it is first used, which is often in two threads at once: a request's and the audit
sender's. The SDKs share packages whose modules import each other in circles; there Python gives up its import locks
rather than deadlock, and one thread sees a half-made module, for good.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar, overload

VENDOR_IMPORTS = threading.RLock()

Value = TypeVar("Value")


class once(Generic[Value]):
    """A property that is computed at its first use, in one thread, with the right to import.

    (functools.cached_property has had no lock since Python 3.12.)
    """

    def __init__(self, compute: Callable[..., Value]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> once[Value]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> Value | once[Value]:
        if instance is None:
            return self
        with VENDOR_IMPORTS:
            values = vars(instance)
            if self._name not in values:
                values[self._name] = self._compute(instance)
            value: Value = values[self._name]
            return value
