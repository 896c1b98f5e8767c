"""What `make dev` prints once everything is ready."""

from __future__ import annotations

import json
from collections.abc import Mapping

from local.demo import Account


def banner(base_url: str, others: Mapping[str, str], accounts: list[Account], seconds: float) -> str:
    """Addresses, demo accounts, and a line to paste. `others` are further addresses by what answers there."""
    lines = ["", f"Reelay is ready after {seconds:.1f} s. Ctrl-C stops it; its data stays in the state directory.", ""]
    lines += [f"  {name:<10} {url}" for name, url in {"gateway": base_url, **others}.items()]
    if accounts:
        lines += ["", *(f"  {account.role:<10} {account.email}  {account.password}" for account in accounts)]
        lines += ["", "Try it:", f"  {curl_line(base_url, accounts[-1])}"]
    return "\n".join([*lines, ""])


def curl_line(base_url: str, account: Account) -> str:
    """One command for bash and zsh, without jq: log in, and list the videos with the token from the answer."""
    credentials = json.dumps(account.credentials)
    login = f"curl -s {base_url}/login -H 'Content-Type: application/json' -d '{credentials}'"
    token = f"""$({login} | sed -n 's/.*"token": *"\\([^"]*\\)".*/\\1/p')"""
    return f'curl -s {base_url}/list_videos -H "Authorization: Bearer {token}"'
