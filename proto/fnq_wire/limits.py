"""Limits that processes keep to together: each is written here and nowhere else.

Standard library only: the runner and `import chalkcompute` read them too.
"""

from __future__ import annotations

__all__ = [
    "ENDLESS_BYTES",
    "ENDLESS_CHUNKS",
    "FULL_FRAME",
    "INLINE",
    "KEEP_S",
    "MAX_BUNDLE",
    "MAX_DEPTH",
    "MAX_FRAME",
    "MOST_CHUNKED",
    "MOST_KEPT_BYTES",
    "MOST_KEPT_CHUNKS",
    "MOST_REPLICAS",
    "MOST_SPOOLED",
    "OLDEST_REDIS",
    "PART",
    "VALUE_TTL_S",
    "WINDOW_BYTES",
    "WINDOW_CHUNKS",
]

#: Levels of nesting; a script's own calls have depth 0, the deepest call one less than this.
MAX_DEPTH = 64
#: Chunks and bytes that a generator may run ahead of its reader.
WINDOW_CHUNKS, WINDOW_BYTES = 64, 1 << 20
#: Of a detached generator, which waits for no reader: more than it may yield.
ENDLESS_CHUNKS, ENDLESS_BYTES = (1 << 32) - 1, 1 << 62
#: Chunks, and bytes of them, that are kept of one detached generator.
MOST_KEPT_CHUNKS, MOST_KEPT_BYTES = 100_000, 256 << 20
#: Bytes of one gRPC message; what is larger travels by reference, or in several.
MAX_FRAME = 64 << 20
#: Bytes of payloads after which a frame takes no more of them.
FULL_FRAME = 8 << 20
#: Bytes up to which a payload travels inside its frame.
INLINE = 256 << 10
#: Bytes of the largest value through a spool, and by any other way.
MOST_SPOOLED, MOST_CHUNKED = 1 << 30, 256 << 20
#: Seconds that a large result in a spool waits for its caller, who may be away for 30 of
#: them, and its server as long again; only what nobody can hear of any more waits longer.
KEEP_S = 120
#: Seconds after which a large value in Redis goes that nobody deleted, and the arguments of
#: a detached call in a spool.
VALUE_TTL_S = 86_400
#: Workers of one version on one machine; more is a mistake, not a wish.
MOST_REPLICAS = 256
#: Bytes of all members of a bundle together.
MAX_BUNDLE = 64 << 20
#: Bytes of one part of a large value or of a bundle, but for the last.
PART = 1 << 20
#: Version of the oldest Redis whose streams do what fnq needs (XAUTOCLAIM, XPENDING
#: IDLE, NOMKSTREAM); every Valkey is newer.
OLDEST_REDIS = (6, 2)
