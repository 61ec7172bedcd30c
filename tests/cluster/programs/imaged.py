"""A function in an image of its own, on the base that is named; `broken` fails in its build."""

import sys
from pathlib import Path

import chalkcompute
from chalkcompute import Image

base, user, what = sys.argv[1:]
image = (
    Image.base(base)
    .run_commands("useradd joe", "pip install cowsay==6.1")
    .env({"COLOUR": "deep blue"})
    .workdir("/srv")
    .dockerfile_commands(f"USER {user}")
)
if what == "broken":
    image = image.run_commands("echo the cow is ill >&2; exit 7")


@chalkcompute.function(image=image)
def seen() -> dict[str, str]:
    import importlib.util
    import os
    import pwd

    import cowsay

    return {
        "cow": cowsay.get_output_string("cow", "moo").split("\n")[1],
        "colour": os.environ["COLOUR"],
        "folder": str(Path.cwd()),
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "agent": str([name for name in ("grpc", "fnq_worker") if importlib.util.find_spec(name)]),
        "login": os.environ.get("FNQ_REGISTRY_PASSWORD", "none"),
    }


print(" # ".join(seen().values()))
