"""Write sections as JAMS, the field's format for music annotations (Humphrey and others, ISMIR 2014)."""

import warnings
from pathlib import Path

from timbre.songs.song import Song


def write_jams(song: Song, path: Path) -> None:
    """Write a JAMS file with one annotation in the namespace `tag_open`: one instrument per section."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations in the libraries that jams imports
        import jams
    annotation = jams.Annotation(namespace="tag_open", time=0, duration=song.seconds)
    annotation.annotation_metadata = jams.AnnotationMetadata(annotation_tools="timbre", data_source="program")
    for start, end, name in song.sections:
        annotation.append(time=start, duration=end - start, value=name)
    file = jams.JAMS(annotations=[annotation])
    file.file_metadata.duration = song.seconds
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.save(str(path))
