"""The specification's way to write: no guard, no annotations, no future import."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator, misc"

import chalkcompute

print("the script begins")


@chalkcompute.function
def double(value):
    """Work on whatever comes."""
    return value * 2


@chalkcompute.function
async def segments(text: str):
    """Yield a dict for each word, as the specification's transcriber does."""
    for number, word in enumerate(text.split()):
        yield {"start": number * 1.5, "text": shout(word)}


def shout(word):
    """Help; defined below what uses it."""
    return word.upper()


print(double(21), double("ab"), double([1]))

for segment in segments("one two"):
    print(f"[{segment['start']:.1f}s] {segment['text']}")
