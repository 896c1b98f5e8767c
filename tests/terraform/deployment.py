"""What a plan or a state holds, as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Values(dict[str, Any]):
    """A block; what it does not hold is unset or not known yet: None."""

    def __missing__(self, key: str) -> None:
        return None


@dataclass(frozen=True)
class Resource:
    """One resource; `key` is that of the module that it is in (a function's name), else its own."""

    address: str
    type: str
    name: str
    key: str
    values: Values = field(repr=False)

    def __getitem__(self, path: str) -> Any:
        """The value at `path` (`http_target.oidc_token.audience`, a block's first one each); None: unset or unknown."""
        values: Any = self.values
        for step in path.split("."):
            if isinstance(values, list):
                values = values[0] if values else None
            values = values[step] if isinstance(values, Values) else None
        return values

    def blocks(self, path: str) -> list[Values]:
        """All blocks at `path`, in the first of those above."""
        blocks: list[Values] = self[path] or []
        return blocks


@dataclass(frozen=True)
class Deployment:
    """All resources and outputs, the variables that they are made with, and where the plan was made."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]  # None: not known yet
    variables: Mapping[str, Any]
    root: Path

    def all(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]

    def one(self, type_: str, name: str) -> Resource:
        found = [resource for resource in self.all(type_) if resource.name == name]
        assert len(found) == 1, f"there are {len(found)} of {type_}.{name}"
        return found[0]

    @property
    def functions(self) -> dict[str, Resource]:
        """By their names in the catalog."""
        return {resource.key: resource for resource in self.all("google_cloudfunctions2_function")}

    def account(self, name: str) -> Resource:
        """A service account that is no function's: build, scheduler or tasks."""
        return self.one("google_service_account", name)

    def account_of(self, function: str) -> Resource:
        found = [one for one in self.all("google_service_account") if one.name == "this" and one.key == function]
        assert len(found) == 1, f"{function} has {len(found)} accounts"
        return found[0]

    def url(self, function: str) -> str:
        """The address that the function reports."""
        url = self.functions[function]["service_config.uri"]
        assert isinstance(url, str), f"the address of {function} is not known"
        return url

    @property
    def has_load_balancer(self) -> bool:
        return self.variables["load_balancer"] is not None


@dataclass(frozen=True)
class Plan:
    """What `terraform show -json` says of a plan that was made in `root`."""

    document: Values = field(repr=False)
    root: Path

    @property
    def changes(self) -> dict[str, list[str]]:
        """What is done to each resource that is not left alone."""
        done = {one["address"]: one["change"]["actions"] for one in self.document.get("resource_changes", [])}
        return {address: actions for address, actions in done.items() if actions not in (["no-op"], ["read"])}

    @property
    def planned(self) -> Deployment:
        """What will be there once it has been applied, as far as that is known."""
        return self._deployment(self.document["planned_values"])

    @property
    def before(self) -> Deployment:
        """The state that the plan was made from."""
        return self._deployment(self.document["prior_state"]["values"])

    def _deployment(self, values: Values) -> Deployment:
        variables = {name: variable.get("value") for name, variable in self.document["variables"].items()}
        variables.setdefault("load_balancer", None)  # a null is not told
        resources = tuple(_resources(values["root_module"]))
        outputs = Values({name: output.get("value") for name, output in values.get("outputs", {}).items()})
        return Deployment(resources, outputs, variables, self.root)


def _resources(module: Values) -> Iterator[Resource]:
    inherited = re.search(r'\["([^"]+)"\]$', module.get("address", ""))
    for one in module.get("resources", []):
        if one["mode"] == "managed":
            key = inherited[1] if inherited else str(one.get("index", ""))
            yield Resource(one["address"], one["type"], one["name"], key, one["values"])
    for child in module.get("child_modules", []):
        yield from _resources(child)
