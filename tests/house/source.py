"""What the house tests read: every Python file that a person wrote."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("proto/fnq_wire", "sdk", "services", "jobs", "tests", "examples")


def files() -> list[Path]:
    """Return the project's Python files, generated ones left out."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(found) > len(FOLDERS), f"no sources below {ROOT}"
    return sorted(found)


def place(path: Path, line: int) -> str:
    """Return where something stands, as editors take it."""
    return f"{path.relative_to(ROOT)}:{line}"
