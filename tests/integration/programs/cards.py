"""A function on two GPUs that runs until a file is there."""

import os
import sys
import time

import chalkcompute


@chalkcompute.function(gpu="nvidia-l4:2", cpu=0.1, memory="512Mi", suspend_cooldown_period=600)
def cards(until: str) -> str | None:
    while not os.path.exists(until):
        time.sleep(0.01)
    return os.environ.get("CUDA_VISIBLE_DEVICES")


print(cards(sys.argv[1]))
