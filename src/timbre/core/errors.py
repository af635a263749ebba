"""The errors that users may meet. Each message is one line: what is wrong, where, and what to do."""


class TimbreError(Exception):
    """An error that a person can fix. Its message is shown without a traceback."""


class ParamsError(TimbreError):
    """A value in params.yaml cannot be used. The message names the key."""


class AudioError(TimbreError):
    """An audio file cannot be used. The message is only the reason, short enough for a table."""


class WorkerError(TimbreError):
    """A worker process was killed, or a cluster cannot be used. The message says what to do."""


class DataError(TimbreError):
    """A data set, its metadata or a model file cannot be used. The message names the file."""
