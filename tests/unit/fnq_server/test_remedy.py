"""What is told of a function that cannot be imported."""

from __future__ import annotations

import pytest

from fnq_server.remedy import explained, place_of

BROKEN = 'Traceback ...\n  File "/w/a.py", line 9, in g\n  File "/w/uses.py", line 3, in <module>\n'


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (
            "its import failed: ModuleNotFoundError: No module named 'cv2.aruco'",
            (
                "; install 'cv2' where the workers run, or name it in image=, as by "
                "Image.debian_slim().pip_install('cv2'), and deploy again"
            ),
        ),
        ("its import failed: ZeroDivisionError: no", "; correct that, and deploy again"),
        (
            'its process dies whenever it imports the function: out of memory; try memory="1Gi"',
            ", and deploy again",
        ),
    ],
)
def test_a_failed_import_says_where_and_what_to_do(reason: str, remedy: str) -> None:
    """File and line of the user's code, and the package that is missing."""
    assert explained(reason, BROKEN) == f"{reason} (uses.py, line 3){remedy}"
    assert explained(reason, "") == f"{reason}{remedy}"


def test_the_last_frame_is_the_place() -> None:
    """Also that of a SyntaxError, which has no name behind it; where there is none, none."""
    assert place_of(BROKEN) == ("/w/uses.py", 3)
    assert place_of('  File "/w/b.py", line 12\n    x ==\n       ^\nSyntaxError: no') == (
        "/w/b.py",
        12,
    )
    inside = '  File "<frozen os>", line 679, in __getitem__\n'
    assert place_of(BROKEN + inside) == ("/w/uses.py", 3)
    assert place_of("the worker says nothing") is None
