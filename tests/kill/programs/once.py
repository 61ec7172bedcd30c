"""One long call whose handler leaves a mark each time it runs."""

import sys

import chalkcompute


@chalkcompute.function
def long(marks: str, seconds: float) -> str:
    import time

    with open(marks, "a") as file:
        file.write("begun\n")
    time.sleep(seconds)
    return "done"


print(long(sys.argv[1], float(sys.argv[2])))
