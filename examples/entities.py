"""Extract entities with a package that this Python has not: the function brings an image.

usaddress has a small tagger of US addresses inside (a conditional random field, 130 KB). Run
`python examples/entities.py`: the first time you see the image being built, with Docker or
without; after that it is there, and you see the parts of each address at once.
"""

from __future__ import annotations

import chalkcompute

image = chalkcompute.Image.debian_slim().pip_install("usaddress")


@chalkcompute.function(image=image, cpu=1, memory="512Mi")
def extract(text: str) -> dict[str, str]:
    """Return the parts of an address by name."""
    import usaddress

    parts, _ = usaddress.tag(text)
    return dict(parts)


ADDRESSES = [
    "Robie House, 5757 South Woodlawn Avenue, Chicago, IL 60637",
    "1600 Pennsylvania Ave NW, Washington, DC 20500",
    "PO Box 123, Concord, MA",
]
for address, found in zip(ADDRESSES, extract.map(ADDRESSES), strict=True):
    print(address)
    for name, text in found.items():
        print(f"    {name}: {text}")
