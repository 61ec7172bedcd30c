"""Calls the function of the specification's example, which another script deployed."""

from __future__ import annotations

import chalkcompute

predict = chalkcompute.RemoteFunction.from_name("predict")
for text in ("a sentence", "another"):
    print(predict(text))
