"""arrange_songs: arrange synthetic songs from test's windows, with ground truth to evaluate timelines on."""

from pathlib import Path

from timbre.core.files import fresh_folder
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Event, SongPiece, Window, pieces_by_song, read_table, write_table
from timbre.features.arrays import open_array
from timbre.features.synthetic_songs import SongOptions, arrange, ground_truth

CLIPS = Path("data/clips")


def arrange_songs(params: Params) -> str:
    """Write data/songs: the pieces of each song, and when each instrument sounds."""
    windows, pack = read_table(CLIPS / "index.csv", Window), open_array(CLIPS / "windows.npy")
    options = SongOptions(
        instruments=params.instruments,
        count=params.timeline.songs,
        seconds=params.timeline.seconds,
        window=params.audio.window,
        mixtures=params.mixtures,
        seed=params.data.seed,
    )
    pieces = arrange(windows, "test", options)
    songs = pieces_by_song(pieces)
    events = [event for song in songs for event in ground_truth(song, pack, params.audio.sample_rate)]
    with fresh_folder("data/songs") as folder:
        write_table(folder / "pieces.csv", pieces, SongPiece)
        write_table(folder / "truth.csv", events, Event)
    return f"{len(songs)} songs of {params.timeline.seconds:g} s with {len(events)} events"


if __name__ == "__main__":
    run_stage("arrange_songs", arrange_songs)
