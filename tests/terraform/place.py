"""A deployment as an operator has it: the repository, a clone of it, and what Terraform says there."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.config import Config
from tests.terraform.manual import Operator

CLONE, TERRAFORM = "reelay", "reelay/terraform"


@dataclass(frozen=True)
class Home:
    """The repository that operators clone."""

    root: Path

    def release(self, tag: str, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(exist_ok=True)
        (self.root / path).write_text(text)
        self.commit(tag)

    def commit(self, tag: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        for command in (("add", "-A"), (*who, "commit", "-qm", tag), ("tag", tag)):
            subprocess.run(["git", *command], cwd=self.root, check=True)


@dataclass(frozen=True)
class Place:
    operator: Operator
    home: Home

    def state(self) -> dict[str, Any]:
        shown = json.loads(self.operator.types("terraform show -json", where=TERRAFORM))
        values: dict[str, Any] = shown.get("values", {})
        return values

    def bundle_of(self, function: str) -> str:
        modules = self.state()["root_module"]["child_modules"]
        (module,) = (one for one in modules if one["address"].endswith(f'["{function}"]'))
        (bundle,) = (one for one in module["resources"] if one["type"] == "google_storage_bucket_object")
        name: str = bundle["values"]["name"]
        return name

    def mounted(self, secret: str) -> set[str]:
        """The versions of a secret that functions get."""
        modules = self.state()["root_module"]["child_modules"]
        functions = [
            one for module in modules for one in module["resources"] if one["type"] == "google_cloudfunctions2_function"
        ]
        configs = [config for function in functions for config in function["values"]["service_config"]]
        variables = [one for config in configs for one in config["secret_environment_variables"]]
        return {one["version"] for one in variables if one["key"] == secret}

    def is_settled(self) -> bool:
        """Whether another apply would change nothing."""
        return "No changes." in self.operator.types(
            "terraform plan -no-color -var-file=env/mine.tfvars", where=TERRAFORM
        )

    def jwt_secrets(self) -> list[str]:
        """The key ids, in their order, as the functions read them."""
        secrets = {"JWT_SECRETS": self.operator.secret("reelay-jwt-secrets")[-1]}
        return [kid for kid, _ in Config.from_env(secrets, ["tokens"]).jwt_secrets]


def put_in(someone: Operator) -> dict[str, str]:
    """The command that `secret_commands` has for each secret, by its name in Secret Manager."""
    lines = someone.types("terraform output -raw secret_commands", where=TERRAFORM).splitlines()
    return {line.split("versions add ")[1].split()[0]: line for line in lines}
