"""evaluate: judge both models on validation and test; write metrics, plots, pictures and a page to listen to."""

from pathlib import Path

from timbre.core.files import fresh_folder, user_path
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Event, Part, SongPiece, Window, parts_by_mixture, pieces_by_song, read_table
from timbre.evaluation.listen_page import clip_sounds, layered_sounds, write_listen_page
from timbre.evaluation.predictions import predict_split
from timbre.evaluation.report import (
    in_short,
    write_answers,
    write_data_report,
    write_intervals,
    write_json,
    write_metrics,
    write_plots,
    write_timelines,
)
from timbre.evaluation.songs import in_words, write_songs
from timbre.evaluation.timelines import time_songs
from timbre.features.arrays import open_array
from timbre.features.split import load_layered, load_music, load_others, load_single
from timbre.model.checkpoint import is_untrained, load_model

CLIPS, MELS, MIXTURES, MODELS = Path("data/clips"), Path("data/mels"), Path("data/layered"), Path("models")
SONGS = Path("data/songs")
SOURCE = Path("data/raw/source.json")
METRICS = Path("metrics")
JUDGED = ("validation", "test")


def evaluate(params: Params) -> str:
    """Write metrics/*.json and plots/."""
    layered_model, names = load_model(MODELS / "layered.safetensors"), params.instruments
    mixed = {split: load_layered(MIXTURES, split, names) for split in JUDGED}
    without = {split: load_others(MELS, split, names) for split in JUDGED}
    labelled = {split: load_music(MELS, split, names) for split in JUDGED}
    layered, others, music = (
        {split: predict_split(layered_model, held) for split, held in kind.items() if held.names}
        for kind in (mixed, without, labelled)
    )
    single = {}
    if not is_untrained(MODELS / "single.safetensors"):
        single_model = load_model(MODELS / "single.safetensors")
        single = {split: predict_split(single_model, load_single(MELS, split, names)) for split in JUDGED}
    kinds = {"single": single, "layered": layered or music, "music": music if layered else {}}
    tested = {kind: answers["test"] for kind, answers in kinds.items() if answers}
    windows, parts = read_table(MELS / "test.csv", Window), read_table(MIXTURES / "test.csv", Part)
    mixtures = parts_by_mixture(parts)
    audio, mel, seed = params.audio, params.mel, params.data.seed
    with fresh_folder("plots") as plots:
        write_metrics(METRICS, single, layered, others, music, mixtures)
        write_data_report(METRICS / "data.json", plots / "data.png", CLIPS, SOURCE, names)
        write_plots(plots, MODELS, tested, mixtures, audio, mel)
        answers = write_answers(plots, tested, windows, parts)
        write_intervals(METRICS / "intervals.json", answers, seed)
        pack = open_array(CLIPS / "windows.npy")
        sounds = {kind: clip_sounds(windows, of.split.names, pack) for kind, of in tested.items()}
        if layered:
            sounds["layered"] = layered_sounds(parts, pack, audio.sample_rate)
        heard = {kind: (of, sounds[kind]) for kind, of in tested.items()}
        write_listen_page(plots / "listen.html", heard, audio, mel, seed)
        truth = read_table(SONGS / "truth.csv", Event)
        timed = time_songs(
            pieces_by_song(read_table(SONGS / "pieces.csv", SongPiece)), truth, pack, MODELS, params.timeline.seconds
        )
        timelines = write_timelines(METRICS / "timeline.json", plots, timed, names)
        path = params.songs.path
        songs = write_songs(user_path(path, "songs.path"), MODELS, plots / "songs") if path else {}
        write_json(METRICS / "songs.json", songs)
    in_numbers = in_short({kind: of.metrics for kind, of in tested.items()}, timelines)
    return f"{in_numbers}; {in_words(songs)}" if songs else in_numbers


if __name__ == "__main__":
    run_stage("evaluate", evaluate)
