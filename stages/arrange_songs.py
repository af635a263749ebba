"""arrange_songs: songs of known truth from test's windows, in which instruments enter, pause and leave."""

from pathlib import Path

from timbre.core.files import fresh_folder
from timbre.core.params import Params
from timbre.core.stage import run_stage
from timbre.core.tables import Event, SongPiece, Window, pieces_by_song, read_table, write_table
from timbre.features.arrays import open_array
from timbre.features.synthetic_songs import arrange, ground_truth

CLIPS = Path("data/clips")


def arrange_songs(params: Params) -> str:
    """Write data/songs: which window sounds where in which song, and when each instrument is heard."""
    windows, pack = read_table(CLIPS / "index.csv", Window), open_array(CLIPS / "windows.npy")
    pieces = arrange(
        windows,
        params.instruments,
        "test",
        params.timeline.songs,
        params.timeline.seconds,
        params.audio.window,
        params.mixtures,
        params.data.seed,
    )
    songs = pieces_by_song(pieces)
    truth = [one for song in songs for one in ground_truth(song, pack, params.audio.sample_rate)]
    with fresh_folder("data/songs") as folder:
        write_table(folder / "pieces.csv", pieces, SongPiece)
        write_table(folder / "truth.csv", truth, Event)
    return f"{len(songs)} songs of {params.timeline.seconds:g} s, {len(truth)} stretches in them"


if __name__ == "__main__":
    run_stage("arrange_songs", arrange_songs)
