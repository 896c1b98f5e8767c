"""README.md's table of functions, made from the catalog: `make fmt` writes it, a test compares it."""

from __future__ import annotations

from local.catalog import ROOT, Function, load

README = ROOT / "README.md"
BEGIN, END = "<!-- functions: made by `make fmt` -->\n", "<!-- end of functions -->"


def table() -> str:
    """The table as Markdown, one row a function."""
    head = "| function | method | caller | what it does | also at |\n|---|---|---|---|---|\n"
    return head + "".join(_row(function) for function in load().values())


def written() -> str:
    """README.md's text with the table of today between its markers."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def _row(function: Function) -> str:
    routes = "<br>".join(f"`{route.method} {route.path}`" for route in function.routes)
    cells = (f"`{function.name}`", ", ".join(function.methods), function.caller, function.summary, routes)
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    README.write_text(written(), encoding="utf-8")
