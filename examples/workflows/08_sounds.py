"""Sounds: a WAV file is an array where it lies, and clips of any length are one growing pair."""

import sys
import tempfile
import wave
from pathlib import Path

import numpy as np

import maparray

RATE = 8000


def write(path, width, frames):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(width)
        file.setframerate(RATE)
        file.writeframes(frames)


def main(folder):
    rng = np.random.default_rng(8)
    time = np.arange(RATE) / RATE
    tone = np.stack([np.sin(2 * np.pi * 440 * time), 0.5 * np.sin(2 * np.pi * 660 * time)], axis=1)
    samples = (tone * 30_000).astype("<i2")
    write(folder / "a.wav", 2, samples.tobytes())

    # The loudness of each channel as a share of the greatest, without a copy of it in floats.
    with maparray.open(folder / "a.wav") as sound:
        assert (sound.dtype, sound.shape) == (samples.dtype, samples.shape)
        loud = maparray.eval("sqrt(mean((float32(a) / 32768) ** 2, axis=0))", a=sound)
    assert np.allclose(loud, np.sqrt(np.mean((samples / 32768) ** 2, axis=0)), rtol=1e-5)

    # 24 bits are three bytes, for which there is no dtype: they are copied, if that is allowed.
    deep = (tone * 8_000_000).astype("<i4")
    write(folder / "b.wav", 3, deep[..., None].view("u1")[..., :3].tobytes())
    with maparray.open(folder / "b.wav", inflate=True) as sound:
        assert (sound.dtype, sound.shape) == (deep.dtype, deep.shape)
        assert (sound == deep).all()

    # Clips of different lengths: one file of samples, one that says where each begins.
    clips = [samples[a : a + n, 0] for a, n in rng.integers(0, 4000, (50, 2))]
    with maparray.ragged(folder / "clips", "x", dtype="<i2") as writer:
        writer.extend(clips[:30])
        for clip in clips[30:]:
            writer.append(clip, durable=False)
    reader = maparray.ragged(folder / "clips")
    assert len(reader) == len(clips)
    assert all((ours == clip).all() for ours, clip in zip(reader, clips, strict=True))
    chosen = rng.integers(0, len(clips), 8)
    values, offsets = reader.gather(chosen)
    assert (values == np.concatenate([clips[i] for i in chosen])).all()
    assert (np.diff(offsets) == [len(clips[i]) for i in chosen]).all()
    print(f"loudness {loud.round(3)}; {len(chosen)} of {len(reader)} clips: {len(values)} samples")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
