"""evaluate: score the models on validation and test; write metrics, plots, pictures and a page to listen to."""

from pathlib import Path

from timbre.core.files import fresh_folder
from timbre.core.own_paths import own_path
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Event, Part, SongPiece, Window, parts_by_mixture, pieces_by_song, read_table
from timbre.evaluation.data_report import write_data_report
from timbre.evaluation.listen_page import with_sounds, write_listen_page
from timbre.evaluation.plots import write_plots, write_timelines
from timbre.evaluation.predictions import load_splits, predict_splits, tested_by_task
from timbre.evaluation.report import in_short, write_intervals, write_json, write_metrics, write_prediction_tables
from timbre.evaluation.songs import in_words, write_songs
from timbre.evaluation.timelines import predict_songs
from timbre.features.arrays import open_array

SOURCE, CLIPS, MELS = Path("data/raw/source.json"), Path("data/clips"), Path("data/mels")
MIXTURES, SONGS = Path("data/layered"), Path("data/songs")
MODELS, METRICS = Path("models"), Path("metrics")


def evaluate(params: Params) -> str:
    """Write metrics/*.json and plots/, and return the F1 scores on test."""
    instruments, audio, mel, seed = params.instruments, params.audio, params.mel, params.data.seed
    windows, parts = read_table(MELS / "test.csv", Window), read_table(MIXTURES / "test.csv", Part)
    mixtures, pack = parts_by_mixture(parts), open_array(CLIPS / "windows.npy")
    pieces, events = read_table(SONGS / "pieces.csv", SongPiece), read_table(SONGS / "truth.csv", Event)

    predictions = predict_splits(MODELS, load_splits(MELS, MIXTURES, instruments))
    tested = tested_by_task(predictions)
    songs = predict_songs(pieces_by_song(pieces), events, pack, MODELS, params.timeline.seconds)

    with fresh_folder("plots") as plots:
        write_metrics(METRICS, predictions, mixtures)
        write_data_report(METRICS / "data.json", plots / "data.png", CLIPS, SOURCE, instruments)
        write_plots(plots, MODELS, tested, mixtures, audio, mel)
        tables = write_prediction_tables(plots, tested, windows, mixtures)
        write_intervals(METRICS / "intervals.json", tables, seed)
        sounds = with_sounds(tested, windows, parts, pack, audio.sample_rate)
        write_listen_page(plots / "listen.html", sounds, audio, mel, seed)
        timeline = write_timelines(METRICS / "timeline.json", plots, songs, instruments)
        path = own_path(params.songs.path, "songs.path")
        your_songs = write_songs(path, MODELS, plots / "songs") if path else {}
        write_json(METRICS / "songs.json", your_songs)
    scores = in_short({task: found.metrics for task, found in tested.items()}, timeline)
    return f"{scores}; {in_words(your_songs)}" if your_songs else scores


if __name__ == "__main__":
    run_stage("evaluate", evaluate)
