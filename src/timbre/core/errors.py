"""The errors that Timbre expects: each is one line that names what is wrong and the way out."""


class TimbreError(Exception):
    """Something a person can put right; its text is shown as it is, without a traceback."""


class ParamsError(TimbreError):
    """params.yaml holds something that cannot be used; the text names the key."""


class AudioError(TimbreError):
    """One audio file cannot be used; the text is the reason alone, short enough for a table."""


class WorkerError(TimbreError):
    """Work ended because a worker process was killed, or a cluster cannot be used; the text says what to do."""


class DataError(TimbreError):
    """A data set, its metadata or a model file cannot be used; the text names the file."""
