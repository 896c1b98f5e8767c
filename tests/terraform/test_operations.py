"""docs/operations.md, followed to the letter from an empty directory; only gcloud and make are played."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from common.config import Config
from tests.terraform.manual import Operator, commands, operator
from tests.terraform.workspace import LOCAL_STATE, Workspace, copied

MEDIA_URL = "cloudinary://123456789012345:media-secret@cloud"
SUPABASE_SECRET_KEY = "sb_secret_0123456789abcdef"
DATABASE_URL = "postgresql://postgres.ref:password@pooler.example.com:5432/postgres"
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

    def is_settled(self) -> bool:
        """Whether another apply would change nothing."""
        return "No changes." in self.operator.types(
            "terraform plan -no-color -var-file=env/mine.tfvars", where=TERRAFORM
        )

    def jwt_secrets(self) -> list[str]:
        """The key ids, in their order, as the functions read them."""
        secrets = {"JWT_SECRETS": self.operator.secret("reelay-jwt-secrets")}
        return [kid for kid, _ in Config.from_env(secrets, ["tokens"]).jwt_secrets]


@pytest.fixture(scope="module")
def deployed(deployable: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """After the first deployment. The state lies beside the configuration, because there is no bucket."""
    home = Home(copied(tmp_path_factory.mktemp("home"), deployable.environ, short=True).root)
    subprocess.run(["git", "init", "-q"], cwd=home.root, check=True)
    home.commit("last-good")
    someone = operator(tmp_path_factory.mktemp("operator"), deployable.environ, home.root)
    clone, state, secrets, database, everything = commands("First deployment")
    someone.types(clone)
    (someone.directory / TERRAFORM / "override.tf").write_text(LOCAL_STATE)
    someone.types(state, where=TERRAFORM)
    someone.types(secrets, where=TERRAFORM, answers="yes\n")
    for line in someone.types("terraform output -raw secret_commands", where=TERRAFORM).splitlines():
        typed = {"media-url": MEDIA_URL, "supabase-secret-key": SUPABASE_SECRET_KEY}
        answer = next((text for name, text in typed.items() if f"reelay-{name} " in line), "")
        someone.types(line, answers=f"{answer}\n")
    someone.types(database, where=CLONE, answers=f"{DATABASE_URL}\n")
    someone.types(everything, where=TERRAFORM, answers="yes\n")
    return Place(someone, home)


def test_the_first_deployment_deploys_everything(deployed: Place) -> None:
    assert deployed.is_settled()
    assert deployed.bundle_of("login").startswith("login/")


def test_the_secrets_are_what_the_functions_take(deployed: Place) -> None:
    assert deployed.operator.secret("reelay-media-url") == MEDIA_URL
    assert deployed.operator.secret("reelay-supabase-secret-key") == SUPABASE_SECRET_KEY
    assert len(deployed.jwt_secrets()) == 1


def test_the_database_is_migrated_with_the_address_that_was_typed(deployed: Place) -> None:
    (block,) = commands("Migrations")
    deployed.operator.types(block, where=CLONE, answers=f"{DATABASE_URL}\n")
    assert deployed.operator.made.startswith(f"migrate DATABASE_URL={DATABASE_URL} ")


def test_a_release_is_rolled_out_and_back(deployed: Place) -> None:
    """Also one that brings a function which the release before did not have."""
    before = deployed.bundle_of("login")
    catalog = (deployed.home.root / "functions" / "catalog.yaml").read_text()
    entry = catalog[catalog.index("  get_profile:\n") :].split("\n\n")[0]
    deployed.home.release("broken", "functions/login/main.py", "# broken\n")
    deployed.home.release("broken-too", "functions/get_more/main.py", "# more\n")
    more = entry.replace("get_profile", "get_more").replace("/api/users/user", "/api/users/more")
    deployed.home.release("released", "functions/catalog.yaml", f"{catalog.rstrip()}\n\n{more}\n")
    (out,) = commands("Roll out")
    deployed.operator.types(out, where=CLONE, answers=f"{DATABASE_URL}\nyes\n")
    assert deployed.bundle_of("login") != before
    assert deployed.bundle_of("get_more")

    (back,) = commands("Roll back")
    deployed.operator.types(back, where=CLONE, answers="yes\n")
    assert deployed.bundle_of("login") == before
    assert "get_more" not in json.dumps(deployed.state()["outputs"]["urls"])


def test_the_signing_key_is_rotated_without_a_moment_in_which_one_is_not_known(deployed: Place) -> None:
    append, front, drop = deployed.operator.types(
        "terraform output -raw jwt_rotation_commands", where=TERRAFORM
    ).splitlines()
    (old,) = deployed.jwt_secrets()
    deployed.operator.types(append)
    _, new = deployed.jwt_secrets()
    assert deployed.jwt_secrets() == [old, new]
    deployed.operator.types(front)
    assert deployed.jwt_secrets() == [new, old]
    deployed.operator.types(drop)
    assert deployed.jwt_secrets() == [new]


@pytest.mark.parametrize("section", ["Audit events that could not be delivered", "Is everything there?"])
def test_what_works_on_the_deployment_gets_its_settings(deployed: Place, section: str) -> None:
    block = commands(section)[0]
    deployed.operator.types(block, where=CLONE)
    assert f" SUPABASE_URL=https://ref.supabase.co KEY={SUPABASE_SECRET_KEY}" in deployed.operator.made


def test_the_command_that_restores_audit_events_is_the_one_of_the_output(deployed: Place) -> None:
    command = deployed.operator.types("terraform output -raw audit_restore_command", where=TERRAFORM)
    deployed.operator.types(command, where=CLONE)
    assert deployed.operator.made.startswith("audit-restore LOG=lost.json ")


def test_an_undo_leaves_nothing(deployed: Place) -> None:
    """The last one: nothing is there any more."""
    (undo,) = commands("Undo")
    deployed.operator.types(undo, where=CLONE, answers="yes\n")
    assert deployed.state() == {}
