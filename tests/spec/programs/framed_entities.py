"""Deploys a function under the name that the specification's dataframe.py calls."""

import json

import chalkcompute


@chalkcompute.function(max_replicas=2)
def extract_entities(memo: str) -> str:
    return json.dumps([{"text": word, "label": "NAME"} for word in memo.split() if word.istitle()])


if __name__ == "__main__":
    extract_entities.wait_ready()
