"""What is large is large on purpose: ARCHITECTURE.md says why, of at most ten files and functions."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LARGEST_FILE, LARGEST_FUNCTION = 400, 40
MOST = 10
CODE = frozenset({".py", ".js", ".css", ".sql", ".go", ".ts", ".tsx"})
BUILT = frozenset({"build", "dist", "node_modules", "__pycache__"})


def large_functions(path: Path, name: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LARGEST_FUNCTION:
                yield f"{name}: {node.name}"


def large_in(checkout: Path, names: list[str]) -> set[str]:
    """The files of more than 400 lines, and `file: function` for each Python function of more than 40."""
    found: set[str] = set()
    for name in names:
        path = checkout / name
        if len(path.read_text("utf-8").splitlines()) > LARGEST_FILE:
            found.add(name)
        if path.suffix == ".py":
            found.update(large_functions(path, name))
    return found


def written_by_hand() -> list[str]:
    """The code in the checkout, but not what is installed or built there."""
    rooms = [path for path in CHECKOUT.iterdir() if path.is_dir() and path.name[0] != "." and path.name not in BUILT]
    found = [path.relative_to(CHECKOUT) for room in rooms for path in room.rglob("*") if path.suffix in CODE]
    return [str(path) for path in found if not BUILT.intersection(path.parts)]


def excused() -> dict[str, str]:
    """What ARCHITECTURE.md calls large on purpose, each with its reason."""
    text = (CHECKOUT / "ARCHITECTURE.md").read_text("utf-8").partition("## Large on purpose")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, re.MULTILINE))


def test_every_large_file_and_function_has_its_reason_and_no_reason_is_left_of_one_that_is_not() -> None:
    assert large_in(CHECKOUT, written_by_hand()) == set(excused())


def test_there_are_at_most_ten_and_each_has_a_reason() -> None:
    reasons = excused()
    assert 0 < len(reasons) <= MOST
    assert all(len(reason.split()) > 3 for reason in reasons.values())


def test_a_file_and_a_function_that_grew_are_found(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * (LARGEST_FILE + 1), "utf-8")
    (tmp_path / "fits.py").write_text("x = 1\n" * LARGEST_FILE, "utf-8")
    body = "    x = 1\n" * LARGEST_FUNCTION
    (tmp_path / "deep.py").write_text(f"class A:\n  def grown(self):\n{body}\ndef fits():\n{body[10:]}", "utf-8")
    assert large_in(tmp_path, ["long.py", "fits.py", "deep.py"]) == {"long.py", "deep.py: grown"}
