"""Sounds: a WAV file is an array where it lies, and clips of any length are one growing pair."""

import sys
import tempfile
import wave
from pathlib import Path

import numpy as np

import maparray


def main(folder):
    rng = np.random.default_rng(8)
    rate = 8000
    time = np.arange(rate) / rate
    tone = np.stack([np.sin(2 * np.pi * f * time) for f in (440, 660)], axis=1)
    samples = (tone * 30_000).astype("<i2")
    with wave.open(str(folder / "a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())

    # Loudness of each channel, as a share of the greatest, without a copy in floats.
    with maparray.open(folder / "a.wav") as sound:
        assert (sound.dtype, sound.shape) == (samples.dtype, samples.shape)
        loud = maparray.eval("sqrt(mean((float32(a) / 32768) ** 2, axis=0))", a=sound)
    assert np.allclose(loud, np.sqrt(np.mean((samples / 32768) ** 2, axis=0)), rtol=1e-5)

    # Clips of different lengths: one file of samples, one that says where each begins.
    clips = [samples[a : a + n, 0] for a, n in rng.integers(0, 4000, (50, 2))]
    files = maparray.ragged(folder / "clips", "x", dtype="<i2")
    files.extend(clips[:30])
    for clip in clips[30:]:
        files.append(clip, durable=False)

    reader = maparray.ragged(folder / "clips")
    assert len(reader) == len(clips)
    assert all((reader[i] == clip).all() for i, clip in enumerate(clips))
    chosen = rng.integers(0, len(clips), 8)
    values, offsets = reader.gather(chosen)
    assert (values == np.concatenate([clips[i] for i in chosen])).all()
    assert (np.diff(offsets) == [len(clips[i]) for i in chosen]).all()
    print(f"loudness {loud.round(3)}; a batch of {len(chosen)} clips has {len(values)} samples")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
