"""One long call of packed rows, each of which leaves a mark; prints what became of them."""

import json
import sys

import chalkcompute
from chalkcompute import runtime


@chalkcompute.function
def mark(path: str, row: int) -> int:
    import time

    with open(path, "a") as file:
        file.write(f"{row}\n")
    time.sleep(0.002)
    return row


def main(path: str, count: int) -> None:
    session, target, codec = runtime.current_session(), mark._locate(), mark.codec.rows
    payload = codec.encode_columns([[path] * count, list(range(count))])
    call = session.submit(target, payload, rows=count, packed=True)
    heard: list[int] = []
    while call.chunks or call.outcome is None:
        session.park(call, None)
        while call.chunks:
            heard += codec.read_block(call.chunks.popleft(), len(heard)).values
    assert call.outcome is not None
    print(json.dumps({"heard": heard, "exhausted": call.outcome.exhausted}))


if __name__ == "__main__":
    mark.wait_ready()
    main(sys.argv[1], int(sys.argv[2]))
