"""evaluate: judge both models on validation and test; write metrics, plots, pictures and a page to listen to."""

from pathlib import Path

from timbre.core.files import fresh_folder, user_path
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Part, Window, parts_by_mixture, read_table
from timbre.evaluation.listen_page import layered_sounds, single_sounds, write_listen_page
from timbre.evaluation.predictions import predict_split
from timbre.evaluation.report import (
    write_answers,
    write_data_report,
    write_intervals,
    write_json,
    write_metrics,
    write_plots,
)
from timbre.evaluation.songs import in_words, write_songs
from timbre.features.arrays import open_array
from timbre.features.split import load_layered, load_others, load_single
from timbre.model.checkpoint import load_model

CLIPS, MELS, MIXTURES, MODELS = Path("data/clips"), Path("data/mels"), Path("data/layered"), Path("models")
SOURCE = Path("data/raw/source.json")
METRICS = Path("metrics")
JUDGED = ("validation", "test")


def evaluate(params: Params) -> str:
    """Write metrics/*.json and plots/."""
    single_model = load_model(MODELS / "single.safetensors")
    layered_model = load_model(MODELS / "layered.safetensors")
    names = params.instruments
    single = {split: predict_split(single_model, load_single(MELS, split, names)) for split in JUDGED}
    layered = {split: predict_split(layered_model, load_layered(MIXTURES, split, names)) for split in JUDGED}
    without = {split: load_others(MELS, split, names) for split in JUDGED}
    others = {split: predict_split(layered_model, none) for split, none in without.items() if none.names}
    windows, parts = read_table(MELS / "test.csv", Window), read_table(MIXTURES / "test.csv", Part)
    mixtures = parts_by_mixture(parts)
    audio, mel, seed = params.audio, params.mel, params.data.seed
    with fresh_folder("plots") as plots:
        write_metrics(METRICS, single, layered, others, mixtures)
        write_data_report(METRICS / "data.json", plots / "data.png", CLIPS, SOURCE, names)
        write_plots(plots, MODELS, single["test"], layered["test"], mixtures, audio, mel)
        answers = write_answers(plots, single["test"], layered["test"], windows, parts)
        write_intervals(METRICS / "intervals.json", answers, seed)
        pack = open_array(CLIPS / "windows.npy")
        tasks = {
            "single": (single["test"], single_sounds(windows, pack)),
            "layered": (layered["test"], layered_sounds(parts, pack, audio.sample_rate)),
        }
        path = params.songs.path
        songs = write_songs(user_path(path, "songs.path"), MODELS, plots / "songs") if path else {}
        write_json(METRICS / "songs.json", songs)
        write_listen_page(plots / "listen.html", tasks, audio, mel, seed)
    macro, micro = single["test"].metrics["macro_f1"], layered["test"].metrics["micro_f1"]
    return f"test F1: single {macro:.3f} (macro), layered {micro:.3f} (micro){f'; {in_words(songs)}' if songs else ''}"


if __name__ == "__main__":
    run_stage("evaluate", evaluate)
