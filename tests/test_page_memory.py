"""The memory that the page needs for a long song."""

import re
import wave
from pathlib import Path

import numpy as np
import onnx
from chromium import opened
from onnx.helper import make_node, make_tensor_value_info
from test_page import DONE, READY, melody

from timbre.page.write import write_page
from timbre.songs.predictor import Predictor


def peak_memory(processes):
    """Return the sum of the peak memory of processes in MB."""
    total = 0
    for process in processes:
        status = (process / "status").read_text()
        total += int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    return total


def export_constants(models, path):
    """Write an ONNX file that gives the outputs of a network for one window, for input of any length."""
    predictor = Predictor(models)
    output = predictor.engine.predict(np.zeros((1, predictor.audio.samples), np.float32))
    count, frames = len(predictor.instruments), output.frames.shape[1]
    bands, mel_frames = output.power.shape
    shapes = {"single": [1, count], "layered": [1, count], "cells": [1, frames, count], "timeline": [1, frames, count]}
    values = {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}
    values["mels"] = np.full([1, bands, mel_frames + 1], -30, np.float32)
    graph = onnx.helper.make_graph(
        [make_node("Identity", [f"{name}_value"], [name]) for name in values],
        "constants",
        [make_tensor_value_info("waveforms", onnx.TensorProto.FLOAT, [1, "samples"])],
        [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, value.shape)
            for name, value in values.items()
        ],
        [onnx.numpy_helper.from_array(value, f"{name}_value") for name, value in values.items()],
    )
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9), path)


def test_a_song_of_an_hour_needs_little_memory(models, tmp_path, monkeypatch):
    monkeypatch.setattr("timbre.export.export_onnx", export_constants)
    page = tmp_path / "small.html"
    write_page(page, models)
    assert "This page was made with your own models" in page.read_text(encoding="utf-8")
    path, rate, hour = tmp_path / "hour.wav", 16000, 3600
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, rate, 0, "NONE", ""))
        for number in range(hour // 60):
            minute = np.zeros((60 * rate, 2), np.int16)
            minute[: 5 * rate, 0] = 20000 * melody(5, rate, number)
            file.writeframesraw(minute.tobytes())
    with opened(page, tmp_path / "profile") as browser:
        browser.wait(READY)
        renderers = [
            path.parent for path in Path("/proc").glob("[0-9]*/cmdline")
            if b"--type=renderer" in path.read_bytes() and str(tmp_path / "profile").encode() in path.read_bytes()
        ]  # fmt: skip
        before = peak_memory(renderers)
        browser.choose("#files", [path])
        browser.wait(DONE, 600)
        assert browser.evaluate("songs.map(({ result, error }) => error ?? result.seconds)") == [hour]
        assert peak_memory(renderers) - before < 200  # the samples of one channel alone are 230 MB
