"""The suffixes of files that can be recordings. Only names are looked at; the content decides what a file really is."""

from pathlib import PurePosixPath

AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".mp3", ".opus", ".aif", ".aiff"),
    *(".aac", ".ac3", ".amr", ".ape", ".au", ".caf", ".m4a", ".m4b", ".mka", ".w64", ".wma", ".wv"),
)
VIDEO_SUFFIXES = (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


def may_be_recording(name: str) -> bool:
    """Return whether a file in a data set can be a recording: it has the suffix of audio or video, or no suffix.

    >>> may_be_recording("guitar/take 1.MP4"), may_be_recording("guitar/take 1"), may_be_recording("notes.txt")
    (True, True, False)
    """
    return PurePosixPath(name).suffix.lower() in ("", *AUDIO_SUFFIXES, *VIDEO_SUFFIXES)
