"""`CLOUDINARY_URL=cloudinary://KEY:SECRET@CLOUD python -m local.media_host --port N --state DIR [--faults]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from local.media_host import server
from local.media_host.account import Account
from local.media_host.app import MediaApp
from local.media_host.faults import Faults
from local.media_host.host import Host


def main() -> int:
    """Serve until SIGTERM or Ctrl-C (exit status 0); 1 when the port or the state is in use, 2 without an account."""
    arguments = _arguments()
    # Requests under way end with the process: whatever they had not answered yet, they had not promised either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        listener = server.listen(arguments.port)
    except OSError as taken:
        return _give_up(f"port {arguments.port} on {server.ADDRESS} cannot be used: {os.strerror(taken.errno or 0)}")
    port = listener.getsockname()[1]
    base_url = f"http://{server.ADDRESS}:{port}"
    faults = Faults() if arguments.faults else None
    try:
        host = Host.open(arguments.state, account=arguments.cloudinary_url, base_url=base_url, faults=faults)
    except BlockingIOError:
        return _give_up(f"{arguments.state} is in use by another media host")
    server.log_line(f"media host ready on {server.ADDRESS}:{port}")
    try:
        server.serve_on(listener, MediaApp(host)).serve_forever()
    except KeyboardInterrupt:
        return 0
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.media_host", description="Cloudinary on one machine.")
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="directory that keeps the videos")
    parser.add_argument(
        "--cloudinary-url",
        type=_account,
        default=os.environ.get("CLOUDINARY_URL") or None,
        help="cloudinary://KEY:SECRET@CLOUD, as for the SDK; without it, the environment's CLOUDINARY_URL",
    )
    parser.add_argument("--faults", action="store_true", help="let PUT /_local/faults order failures (for tests)")
    arguments = parser.parse_args()
    if arguments.cloudinary_url is None:
        parser.exit(2, "media host: set CLOUDINARY_URL to cloudinary://KEY:SECRET@CLOUD, or give --cloudinary-url\n")
    return arguments


def _account(url: str) -> Account:
    try:
        return Account.from_url(url)
    except ValueError as invalid:
        # argparse shows the value with any other error, and the value holds the secret.
        raise argparse.ArgumentTypeError(str(invalid)) from None


def _give_up(reason: str) -> int:
    print(f"media host: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
