"""The local cloud: `make dev`, or python -m local [--port 8080] [--state DIR] [--no-demo] [--media-faults]."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from common.media_account import CloudinaryAccount
from local import catalog, components, demo, dotenv, ports, supabase
from local.banner import banner
from local.environment import supabase_address
from local.failure import StartFailure
from local.leftovers import stop_leftovers
from local.oidc import Issuer
from local.output import Output
from local.settings import Settings, settings, unknown
from local.state import DEFAULT, DEFAULT_S3, State
from local.supervisor import Supervisor


def main() -> int:
    """0 after a stop that was asked for; 1, with one line on stderr, if something is in the way."""
    options = _options()
    try:
        chosen = _settings(options.port)
        state = State(options.state or (DEFAULT_S3 if chosen.media == "s3" else DEFAULT))
        state.prepare()
        with state.locked(chosen.url), tempfile.TemporaryDirectory(prefix="reelay-") as homes:
            asyncio.run(_run(chosen, state, Path(homes), options))
    except StartFailure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


async def _run(chosen: Settings, state: State, homes: Path, options: argparse.Namespace) -> None:
    began = time.monotonic()
    plan = _plan(chosen, state, homes, media_faults=options.media_faults)
    listed = plan.components()
    output = Output([one.name for one in listed], [*plan.keys.values(), *chosen.secrets()])
    known = [] if options.no_demo else demo.accounts(plan.keys.admin_password, plan.keys.demo_password)

    async def furnish() -> None:
        database = demo.Database(
            supabase_address(chosen, plan.ports), chosen.supabase_key or plan.keys.supabase_secret_key
        )
        if known:
            await demo.furnish(chosen.url, database, known, state.path / "demo_videos")
        state.write("demo.json", demo.document(chosen.url, plan.functions, known))
        others = {one.name: plan.url(one.name) for one in listed if one.name in ("supabase", "media_host")}
        if "media_host" in others:
            others["media_host"] += f" ({chosen.media})"
        output.say(banner(chosen.url, others, known, time.monotonic() - began))

    await Supervisor(state, listed, output, plan.status_file()).run(furnish)


def _plan(chosen: Settings, state: State, homes: Path, *, media_faults: bool) -> components.Plan:
    """Everything decided and checked that can be before a process is started."""
    for name in stop_leftovers(state):
        print(f"Stopped {name}, left over from a run that was killed.")
    if not ports.is_free(chosen.port):
        other = chosen.port + 10
        raise StartFailure(
            f"Port {chosen.port} is in use: stop what listens there, or choose another: make dev PORT={other}"
        )
    if not chosen.supabase_url and supabase.missing():
        raise StartFailure("@supabase/lite is not installed: run make setup.")
    functions = catalog.load()
    inner = ports.choose(components.port_names(functions), state.read("ports.json"))
    state.write("ports.json", dict(inner))
    _make_key(state)
    return components.Plan(chosen, state, state.keys(), functions, inner, homes, media_faults)


def _make_key(state: State) -> None:
    """Before the processes that share it start."""
    with state.guarded(state.oidc_key):
        try:
            Issuer.load(state.oidc_key)
        except ValueError as broken:
            raise state.broken(state.oidc_key, "is not a usable key") from broken


def _settings(port: int | None) -> Settings:
    values = dotenv.load(catalog.ROOT / ".env")
    for name in unknown(values):
        print(f".env: {name} is not a name that Reelay reads; .env.example lists them.", file=sys.stderr)
    chosen = settings(values, os.environ, port)
    if chosen.supabase_url:
        print(f"Using the Supabase project {chosen.supabase_url}. Its migrations are yours to apply: make migrate")
    if account := chosen.media_account:
        host = "Cloudinary" if isinstance(account, CloudinaryAccount) else f"the bucket {account.bucket}"
        print(f"Using {host}. Files are delivered from {chosen.media_delivery_url or account.delivery_url}")
    return chosen


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description="Run Reelay on this machine.")
    parser.add_argument("--port", type=int, help="where the gateway listens (default: PORT, or 8080)")
    parser.add_argument("--state", type=Path, help="where data and secrets are kept (default: .local, or .local-s3)")
    parser.add_argument("--no-demo", action="store_true", help="make no demo accounts and no videos")
    parser.add_argument("--media-faults", action="store_true", help="let tests order failures of the media host")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
