"""Sections as JAMS (Humphrey and others, ISMIR 2014), the field's format for what is known of music."""

import warnings
from pathlib import Path

from timbre.songs.song import Song


def write_jams(song: Song, path: Path) -> None:
    """Write a JAMS file of one annotation, `tag_open`: an instrument for each section."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what its own libraries will change one day
        import jams
    found = jams.Annotation(namespace="tag_open", time=0, duration=song.seconds)
    found.annotation_metadata = jams.AnnotationMetadata(annotation_tools="timbre", data_source="program")
    for start, end, name in song.sections:
        found.append(time=start, duration=end - start, value=name)
    file = jams.JAMS(annotations=[found])
    file.file_metadata.duration = song.seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.save(str(path))
