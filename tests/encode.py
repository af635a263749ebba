"""Files of sound in formats that soundfile does not write."""

import av
import numpy as np


def encode(path, *tracks, rate=16000, codec=None, picture=False, **options):
    """Write tracks `[frames]` or `[frames, channels]` in the format that the path's suffix names."""
    layouts = {1: "mono", 2: "stereo", 6: "5.1"}
    with av.open(str(path), "w", options={key: str(value) for key, value in options.items()}) as container:
        if picture:
            video = container.add_stream("mpeg4", rate=5, width=32, height=32, pix_fmt="yuv420p")
        streams = []
        for sound in tracks:
            layout = layouts[1 if sound.ndim == 1 else sound.shape[1]]
            name = codec or container.default_audio_codec
            streams.append(container.add_stream(name, rate=rate, layout=layout, bit_rate=64_000))
        if picture:
            for _ in range(5):
                container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
            container.mux(video.encode())
        for stream, sound in zip(streams, tracks, strict=True):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(np.atleast_2d(sound.T), np.float32), format="fltp", layout=stream.layout.name
            )
            frame.sample_rate = rate
            resampler = av.AudioResampler(stream.format.name, stream.layout.name, rate, stream.frame_size or 1024)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(piece))
            container.mux(stream.encode())
    return path
