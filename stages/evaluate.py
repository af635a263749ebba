"""evaluate: judge both models on validation and test; write metrics, plots, pictures and a page to listen to."""

from pathlib import Path

from timbre.core.files import fresh_folder, user_path
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Part, Window, parts_by_mixture, read_table
from timbre.evaluation.listen_page import sounds_alone, sounds_layered, write_listen_page
from timbre.evaluation.predictions import judge
from timbre.evaluation.report import (
    write_answers,
    write_data_report,
    write_intervals,
    write_json,
    write_metrics,
    write_plots,
)
from timbre.evaluation.songs import in_words, write_songs
from timbre.features.arrays import open_pack
from timbre.features.split import load_alone, load_layered, load_others
from timbre.model.checkpoint import load_model

CLIPS, MELS, MIXTURES, MODELS = Path("data/clips"), Path("data/mels"), Path("data/layered"), Path("models")
METRICS = Path("metrics")
JUDGED = ("validation", "test")


def evaluate(params: Params) -> str:
    """Write metrics/*.json and plots/."""
    single = load_model(MODELS / "single.safetensors")
    layered = load_model(MODELS / "layered.safetensors")
    alone = {split: judge(single, load_alone(MELS, split)) for split in JUDGED}
    mixed = {split: judge(layered, load_layered(MIXTURES, split)) for split in JUDGED}
    others = {split: judge(layered, none) for split in JUDGED if (none := load_others(MELS, split)).names}
    windows, parts = read_table(MELS / "test.csv", Window), read_table(MIXTURES / "test.csv", Part)
    mixtures = parts_by_mixture(parts)
    audio, mel, seed = params.audio, params.mel, params.data.seed
    with fresh_folder("plots") as plots:
        write_metrics(METRICS, alone, mixed, others, mixtures)
        write_data_report(METRICS / "data.json", plots / "data.png", CLIPS)
        write_plots(plots, MODELS, alone["test"], mixed["test"], mixtures, audio, mel)
        answers = write_answers(plots, alone["test"], mixed["test"], windows, parts)
        write_intervals(METRICS / "intervals.json", answers, seed)
        pack = open_pack(CLIPS / "windows.npy")
        sounds = sounds_alone(windows, pack), sounds_layered(parts, pack, audio.sample_rate)
        path = params.songs.path
        songs = write_songs(user_path(path, "songs.path"), MODELS, plots / "songs") if path else {}
        write_json(METRICS / "songs.json", songs)
        write_listen_page(plots / "listen.html", alone["test"], mixed["test"], *sounds, audio, mel, seed)
    macro, micro = alone["test"].metrics["macro_f1"], mixed["test"].metrics["micro_f1"]
    return f"test F1: single {macro:.3f} (macro), layered {micro:.3f} (micro){f'; {in_words(songs)}' if songs else ''}"


if __name__ == "__main__":
    run_stage("evaluate", evaluate)
