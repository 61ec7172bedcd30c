"""Transcribe a recording: segments arrive while it is decoded, each one glossed.

`transcribe` runs a speech recogniser in a worker and yields a segment whenever the
reader makes a pause. From inside, it calls `gloss`, a second function with a worker
of its own. The recording travels to the worker as an argument.
"""

from __future__ import annotations

import io
import time
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypedDict

import chalkcompute

#: English to Spanish, word for word: a stand-in for a translation model, no more.
WORDS = """
a=un amiable=amable an=un and=y at=en be=ser been=sido by=por cold=frío consider=considerar
do=hacer even=incluso for=para guess=suponer had=había have=haber he=él hearted=corazón
himself=mismo his=su how=cómo in=en is=es it=ello john=John less=menos leisure=ocio made=hecho
man=hombre many=muchos married=casado might=podría more=más most=muy mr=señor much=mucho not=no
oldest=mayor power=poder rather=bastante respectable=respetable selfish=egoísta still=todavía
that=que the=el then=entonces there=allí they=ellos this=esto those=esos to=a until=hasta
was=era were=eran with=con woman=mujer would=habría young=joven
"""
SPANISH = dict(pair.split("=") for pair in WORDS.split())


class Segment(TypedDict):
    """What was said between two pauses; times in seconds from the start."""

    start: float
    end: float
    text: str
    gloss: str


@chalkcompute.function
def gloss(text: str) -> str:
    """Return the text word for word in Spanish; words that are not listed in brackets."""
    return " ".join(SPANISH.get(word, f"[{word}]") for word in text.split())


@chalkcompute.function
async def transcribe(recording: bytes) -> AsyncIterator[Segment]:
    """Yield each segment of a recording (WAV, 16 bit, one channel) as it is decoded."""
    for start, end, text in hear(recording):
        yield {"start": start, "end": end, "text": text, "gloss": gloss(text)}


def hear(recording: bytes) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and words of each stretch of speech between two pauses."""
    from pocketsphinx import Decoder, Segmenter

    with wave.open(io.BytesIO(recording)) as sound:
        rate = sound.getframerate()
        samples = io.BytesIO(sound.readframes(sound.getnframes()))
    decoder = Decoder(samprate=rate, loglevel="FATAL")
    for speech in Segmenter(sample_rate=rate).segment(samples):
        decoder.start_utt()
        decoder.process_raw(speech.pcm, full_utt=True)
        decoder.end_utt()
        if found := decoder.hyp():
            yield speech.start_time, speech.end_time, found.hypstr


transcribe.wait_ready()
gloss.wait_ready()

recording = Path(__file__).with_name("sense_and_sensibility.wav").read_bytes()
began = time.monotonic()
for segment in transcribe(recording):
    arrived = time.monotonic() - began
    print(f"[{segment['start']:4.1f}s - {segment['end']:4.1f}s] {segment['text']}")
    print(f"{'':16} {segment['gloss']}   (here after {arrived:.1f} s)", flush=True)
