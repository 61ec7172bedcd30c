"""Call a deployed function by its name, once for each word of the command line, all at once."""

from __future__ import annotations

import json
import sys

from chalkcompute import RemoteFunction, gather

name, *words = sys.argv[1:]
function = RemoteFunction.from_name(name)
for answer in gather(*(function.spawn(word) for word in words)):
    print(json.dumps(answer))
