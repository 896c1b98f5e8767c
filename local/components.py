"""The processes that make up the local cloud, with their commands and environments, for the given settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from local import environment, supabase
from local.catalog import ROOT, Function
from local.gateway import GatewayConfig
from local.keys import Keys
from local.probes import Probe, answers_200, listens, runs
from local.process import Component
from local.settings import Settings
from local.state import State

GATEWAY, FUNCTIONS, TASKS, STORES = range(4)  # the order of stopping: functions hand their last events to Cloud Tasks
_STAND_INS = ("supabase", "cloud_tasks", "media_host")
_DATABASE_SECONDS = 20.0


@dataclass(frozen=True)
class Plan:
    """What the components are made of. `homes` is a short-lived directory; `ports` has one for each of `port_names`."""

    settings: Settings
    state: State
    keys: Keys
    functions: Mapping[str, Function]
    ports: Mapping[str, int]
    homes: Path
    media_faults: bool = False

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def components(self) -> list[Component]:
        """All of them; the slowest to start come first."""
        stores = [] if self.settings.supabase_url else [self._supabase()]
        stores += [] if self.settings.media_url else [self._media_host()]
        functions = [self._function(function) for function in self.functions.values()]
        return [*stores, self._gateway(), self._cloud_tasks(), *functions, self._scheduler()]

    def status_file(self) -> Path:
        return self.state.run / "status.json"

    def _supabase(self) -> Component:
        project = supabase.LocalSupabase(self.state, self.settings, self.keys, self.ports["supabase"])
        key = self.keys.supabase_secret_key

        async def prepare() -> None:
            project.write_project()
            await project.migrate()

        return Component(
            name="supabase",
            command=supabase.START,
            environment=project.environment,
            directory=self.state.path,
            answers=answers_200(self.url("supabase") + supabase.PROBE, {"apikey": key}),
            stage=STORES,
            start_seconds=_DATABASE_SECONDS,
            advice=project.advice,
            prepare=prepare,
            dumps_errors=True,
        )

    def _media_host(self) -> Component:
        """The stand-in that was chosen; both answer the same health address and the same orders to fail."""
        url = self.url("media_host")
        # A directory of its own: it takes a lock there, under the name that the state directory's lock has too.
        options = ["--port", str(self.ports["media_host"]), "--state", str(self.state.path / "media")]
        options += ["--faults"] if self.media_faults else []
        # The account is not an option: everybody on this machine can read a command line.
        account = {"CLOUDINARY_URL": environment.media_account(self.keys)}
        if self.settings.media == "s3":
            options += [] if self.settings.tunables.get("MEDIA_ACCESS") == "private" else ["--public-read"]
            account = {"MEDIA_URL": environment.media_grants(self.settings, self.keys, url)["MEDIA_URL"]}
        module = "s3_host" if self.settings.media == "s3" else "media_host"
        return self._module("media_host", STORES, answers_200(url + "/_local/health"), options, account, module)

    def _cloud_tasks(self) -> Component:
        options = ["--port", str(self.ports["cloud_tasks"]), "--state", str(self.state.path)]
        options += ["--oidc-key", str(self.state.oidc_key)]
        return self._module("cloud_tasks", TASKS, listens(self.ports["cloud_tasks"]), options)

    def _scheduler(self) -> Component:
        options = ["--gateway", self.settings.url, "--oidc-key", str(self.state.oidc_key)]
        options += ["--service-account", environment.SCHEDULER_ACCOUNT, "--state", str(self.state.path)]
        return self._module("scheduler", GATEWAY, runs, options)

    def _gateway(self) -> Component:
        config = GatewayConfig(
            base_url=self.settings.url,
            port=self.settings.port,
            ports={name: self.ports[name] for name in self.functions},
            allowed_origins=list(environment.allowed_origins(self.settings)),
            accounts={"tasks": environment.TASKS_ACCOUNT, "scheduler": environment.SCHEDULER_ACCOUNT},
            oidc_key=str(self.state.oidc_key),
            status_file=str(self.status_file()),
        )
        file = self.state.write("run/gateway.json", asdict(config))
        return self._module("gateway", GATEWAY, listens(self.settings.port), ["--config", str(file)])

    def _function(self, function: Function) -> Component:
        port = self.ports[function.name]
        home = self.homes / function.name
        home.mkdir()
        granted = environment.grants(self.settings, self.keys, self.ports)
        framework = ("-m", "functions_framework", "--source", str(function.source), "--target", function.name)
        return Component(
            name=function.name,
            command=(sys.executable, *framework, "--host", "127.0.0.1", "--port", str(port)),
            environment=environment.function_environment(function, granted, port, home),
            directory=ROOT,
            answers=listens(port),
            stage=FUNCTIONS,
        )

    def _module(
        self,
        name: str,
        stage: int,
        answers: Probe,
        options: list[str],
        secrets: Mapping[str, str] | None = None,
        module: str | None = None,
    ) -> Component:
        """A module of local/ as a component of the same name or another; `secrets` go into its environment."""
        return Component(
            name=name,
            command=(sys.executable, "-m", f"local.{module or name}", *options),
            environment={**environment.base_environment(self.homes), **(secrets or {})},
            directory=ROOT,
            answers=answers,
            stage=stage,
        )


def port_names(functions: Mapping[str, Function]) -> list[str]:
    """Whatever listens on a port of its own choice."""
    return [*_STAND_INS, *functions]
