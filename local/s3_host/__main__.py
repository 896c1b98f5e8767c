"""`MEDIA_URL=s3://KEY:SECRET@HOST/BUCKET?region=REGION python -m local.s3_host --port N --state DIR [--faults]`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from common.media_account import S3_EXAMPLE, S3Account, parse
from local.media_host import server
from local.media_host.faults import Faults
from local.s3_host.app import S3App
from local.s3_host.bucket import Bucket
from local.s3_host.shelf import Shelf


def main() -> int:
    """Serve until SIGTERM or Ctrl-C (exit status 0); 1 when the port or the state is in use, 2 without an account."""
    arguments = _arguments()
    # What an answer promised is on disk; requests under way end with the process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        account = parse(os.environ.get("MEDIA_URL", ""))
    except ValueError as invalid:
        return _give_up(f"MEDIA_URL {invalid}", 2)
    if not isinstance(account, S3Account):
        return _give_up(f"MEDIA_URL must be {S3_EXAMPLE}", 2)
    try:
        listener = server.listen(arguments.port)
    except OSError as taken:
        return _give_up(f"port {arguments.port} on {server.ADDRESS} cannot be used: {os.strerror(taken.errno or 0)}")
    try:
        shelf = Shelf(arguments.state)
    except BlockingIOError:
        return _give_up(f"{arguments.state} is in use by another S3 host")
    bucket = Bucket(account, shelf, public_read=arguments.public_read)
    server.log_line(f"S3 host ready on {server.ADDRESS}:{listener.getsockname()[1]}")
    try:
        server.serve_on(listener, S3App(account, bucket, Faults() if arguments.faults else None)).serve_forever()
    except KeyboardInterrupt:
        return 0
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.s3_host", description="An S3 bucket on one machine.")
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, required=True, help="directory that keeps the objects")
    parser.add_argument("--public-read", action="store_true", help="let everybody read objects, without a signature")
    parser.add_argument("--faults", action="store_true", help="let PUT /_local/faults order failures (for tests)")
    return parser.parse_args()


def _give_up(reason: str, status: int = 1) -> int:
    print(f"S3 host: {reason}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
