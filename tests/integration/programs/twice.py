# Appended to a script that has a function named shaky.
import time
import traceback

for use in (shaky.wait_ready, shaky):  # noqa: F821
    begun = time.monotonic()
    try:
        print("no error:", use())
    except RuntimeError:
        print(time.monotonic() - begun)
        traceback.print_exc(file=__import__("sys").stdout)
    print("----")
