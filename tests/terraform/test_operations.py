"""docs/operations.md, followed to the letter from an empty directory; only gcloud, make and curl are played."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.terraform.manual import commands, operator
from tests.terraform.place import CLONE, TERRAFORM, Home, Place, put_in
from tests.terraform.workspace import LOCAL_STATE, Workspace, copied

MEDIA_URL = "cloudinary://123456789012345:media-secret@cloud"
SUPABASE_SECRET_KEY = "sb_secret_0123456789abcdef"
DATABASE_URL = "postgresql://postgres.ref:password@pooler.example.com:5432/postgres"


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
    typed = {"reelay-media-url": MEDIA_URL, "reelay-supabase-secret-key": SUPABASE_SECRET_KEY}
    for name, command in put_in(someone).items():
        someone.types(command, answers=f"{typed.get(name, '')}\n")
    someone.types(database, where=CLONE, answers=f"{DATABASE_URL}\n")
    someone.types(everything, where=TERRAFORM, answers="yes\n")
    return Place(someone, home)


def test_the_first_deployment_deploys_everything(deployed: Place) -> None:
    assert deployed.is_settled()
    assert deployed.bundle_of("login").startswith("login/")


def test_what_comes_next_runs_where_the_manual_says(deployed: Place) -> None:
    steps = deployed.operator.types("terraform -chdir=terraform output -raw next_steps", where=CLONE)
    deployed.operator.types(steps, where=CLONE)
    outputs = deployed.state()["outputs"]
    assert (deployed.operator.directory / CLONE / "config.json").read_text() == outputs["console_config"]["value"]
    probe = f"-i {outputs['urls']['value']['check_storage']}/check_storage\n"
    assert (deployed.operator.directory / "curled").read_text() == probe


def test_the_secrets_are_what_the_functions_take(deployed: Place) -> None:
    assert deployed.operator.secret("reelay-media-url") == [MEDIA_URL]
    assert deployed.operator.secret("reelay-supabase-secret-key") == [SUPABASE_SECRET_KEY]
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

    back, forward = commands("Roll back")
    deployed.operator.types(back, where=CLONE, answers="yes\n")
    assert deployed.bundle_of("login") == before
    assert "get_more" not in json.dumps(deployed.state()["outputs"]["urls"])

    deployed.home.release("mended", "functions/login/main.py", "# mended\n")
    deployed.operator.types(forward, where=CLONE)
    deployed.operator.types(out, where=CLONE, answers=f"{DATABASE_URL}\nyes\n")
    assert deployed.bundle_of("login") != before
    assert deployed.bundle_of("get_more")


def test_a_secret_gets_another_value(deployed: Place) -> None:
    deployed.operator.types(put_in(deployed.operator)["reelay-media-url"], answers=f"{MEDIA_URL}-new\n")
    assert deployed.operator.secret("reelay-media-url")[1:] == [f"{MEDIA_URL}-new"]
    with (deployed.operator.directory / TERRAFORM / "env" / "mine.tfvars").open("a") as variables:
        variables.write('secret_versions = { MEDIA_URL = "2" }\n')
    (block,) = commands("Secrets")
    deployed.operator.types(block, where=TERRAFORM, answers="yes\n")
    assert deployed.mounted("MEDIA_URL") == {"2"}


def test_no_value_is_put_in_by_half(deployed: Place) -> None:
    """Enter at the prompt, nobody logged in: no version is better than an empty one."""
    someone, before = deployed.operator, deployed.jwt_secrets()
    someone.types(put_in(someone)["reelay-supabase-secret-key"], answers="\n", fails=True)
    assert someone.secret("reelay-supabase-secret-key") == [SUPABASE_SECRET_KEY]
    (someone.directory / "played" / "logged-out").touch()
    for line in someone.types("terraform output -raw jwt_rotation_commands", where=TERRAFORM).splitlines():
        someone.types(line, fails=True)
    (someone.directory / "played" / "logged-out").unlink()
    assert deployed.jwt_secrets() == before
    assert len(someone.secret("reelay-jwt-secrets")) == 1


def test_the_signing_key_is_rotated_without_a_moment_in_which_one_is_not_known(deployed: Place) -> None:
    append, front, drop = deployed.operator.types(
        "terraform output -raw jwt_rotation_commands", where=TERRAFORM
    ).splitlines()
    (old,) = deployed.jwt_secrets()
    with (deployed.operator.directory / "played" / "reelay-jwt-secrets" / "1").open("a") as value:
        value.write("\n")  # as the console's text field leaves it
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
