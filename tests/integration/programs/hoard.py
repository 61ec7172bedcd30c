"""A function that takes more memory than it asks for, at once and piece by piece."""

import chalkcompute
from chalkcompute.errors import WorkerLostError


@chalkcompute.function(memory="128Mi")
def hoard(pieces: int, size: int) -> int:
    taken = [b"x" * (size << 20) for _ in range(pieces)]
    return len(taken)


print("a little", hoard(1, 1))
for pieces, size in ((400, 1), (1, 400)):
    try:
        hoard(pieces, size)
    except WorkerLostError as error:
        print(error.reason, "|", error)
print("again", hoard(2, 1))
