"""A function's real folder behind the framework's own app, in this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any
from unittest import mock

import functions_framework
from flask import Flask

from local.catalog import load


def loaded(name: str, environ: Mapping[str, str]) -> tuple[Flask, Any]:
    """(the app, the entry point) of a function that reads this environment: each call makes a fresh one."""
    with mock.patch.dict(os.environ, environ):  # the framework sets some of its own
        app: Flask = functions_framework.create_app(name, str(load()[name].source))  # type: ignore[no-untyped-call]
    return app, getattr(sys.modules.pop("main"), name)
