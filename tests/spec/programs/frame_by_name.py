"""Calls a function of another program for each row of columns."""

import pyarrow as pa

from chalkcompute.errors import ExpressionError, NotFoundError
from chalkcompute.frame.calling import Errand, call_each, result_type

batches = [pa.record_batch({"text": ["a", "b"], "n": [1, 2]})]
print(result_type("shorten_text"), result_type("count_up"), result_type("shorten_untyped"))
(*_, last) = call_each(iter(batches), Errand("shorten_text", ("text",)))
print(last.schema.field("result").type, last["result"].to_pylist()[-1])
found = pa.Table.from_batches(call_each(iter(batches), Errand("read_meter", ("text", "n"))))
print(found["result"].to_pylist())
for errand in (Errand("shorten_text", ("n",)), Errand("shorten_text", ("n", "n"))):
    try:
        next(call_each(iter(batches), errand))
    except (ExpressionError, TypeError) as error:
        print(type(error).__name__, error)
try:
    next(call_each(iter(batches), Errand("nobody_deployed_this", ("n",))))
except NotFoundError as error:
    print("not found", "nobody_deployed_this" in str(error))
