"""Run `dvc`, `timbre` and `python -m` as forks of one server, which imports PyTorch, DVC and other libraries only once.

Such a command is a new process with its own folder, environment and streams. In a tiny pipeline, imports take most of
the time. `python forks.py ADDRESS` is the server. Each command in `bin` is a link to a copy of this file: it asks the
server.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn

ADDRESS = "TIMBRE_FORKS"  # the environment variable with the server's address
COMMANDS = ("dvc", "python", "timbre")
LIBRARIES = """
    av.codec librosa.filters matplotlib.backends.backend_agg mido mir_eval.transcription networkx PIL.PngImagePlugin
    pygit2 requests ruamel.yaml scipy.optimize scipy.spatial sklearn.linear_model sklearn.metrics
    sklearn.model_selection sklearn.pipeline soundfile soxr timbre.cli wcwidth
    dvc.cli.parser dvc.daemon dvc.repo.artifacts dvc.repo.datasets dvc.repo.experiments.show dvc.repo.graph
    dvc.repo.metrics.diff dvc.repo.params.diff dvc.repo.plots.diff dvc.repo.reproduce dvc.repo.status dvc.repo.trie
    dvc.render.convert dvc.render.match dvc.repo.experiments.queue.celery dvc_data.index.checkout
"""  # what commands import while they run
NUMBER = struct.Struct("q")


def start() -> Callable[[], None]:
    """Start a server for this process and its children. Return the function that stops it."""
    folder = tempfile.TemporaryDirectory(prefix="timbre-forks-")
    address, script = Path(folder.name, "server"), Path(folder.name, "bin", "ask")
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable} -SIE\n{Path(__file__).read_text()}")  # without this environment's packages
    script.chmod(0o755)
    for name in COMMANDS:
        script.with_name(name).symlink_to(script.name)
    server = subprocess.Popen([sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    os.environ[ADDRESS] = str(address)

    def stop() -> None:
        server.communicate()
        folder.cleanup()

    return stop


def with_forks(environment: dict[str, str]) -> dict[str, str]:
    """Return an environment in which the commands are forks."""
    address = os.environ[ADDRESS]
    commands = Path(address).with_name("bin")
    return {**environment, ADDRESS: address, "PATH": f"{commands}{os.pathsep}{environment['PATH']}"}


def ask(command: str, arguments: list[str]) -> int:
    """Run a command in a fork of the server, with the streams of this process, and return its exit status."""
    real = Path(sys.executable).with_name(command)
    if command == "python" and arguments[:1] != ["-m"]:
        os.execv(real, [real, *arguments])
    request = json.dumps([str(real), arguments, str(Path.cwd()), dict(os.environ)]).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ[ADDRESS])
        socket.send_fds(connection, [NUMBER.pack(len(request))], [0, 1, 2])
        connection.sendall(request)
        process = _read_number(connection)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(process, number))
        return _read_number(connection)


def serve(address: str) -> tuple[str, list[str]]:
    """Fork for each request, until stdin ends. Return in the forks only: the command and its arguments."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    while True:
        if sys.stdin in select.select([server, sys.stdin], [], [])[0]:
            sys.exit()
        connection, _ = server.accept()
        _import_libraries()
        if not os.fork():
            server.close()
            return _receive(connection)
        connection.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _receive(connection: socket.socket) -> tuple[str, list[str]]:
    """Read a request and fork once more, to report the exit status. Return in the fork only, set up as requested."""
    length, streams, _, _ = socket.recv_fds(connection, NUMBER.size, 3)
    command, arguments, folder, environment = json.loads(connection.recv(*NUMBER.unpack(length), socket.MSG_WAITALL))
    if process := os.fork():
        connection.sendall(NUMBER.pack(process))
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        connection.sendall(NUMBER.pack(status if status >= 0 else 128 - status))
        os._exit(0)
    connection.close()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return command, arguments


def run(command: str, arguments: list[str]) -> NoReturn:
    """Run a command's script, or `python -m`, and end this process, without freeing all that the server imported."""
    status = 0
    try:
        if Path(command).name != "python":
            sys.argv = [command, *arguments]
            runpy.run_path(command, run_name="__main__")
        else:
            sys.argv = arguments[1:]
            sys.path[0] = str(Path.cwd())
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def _import_libraries() -> None:
    """Import, before the first fork, what the commands import, except Timbre: each clone runs its own code."""
    if "torch" in sys.modules:
        return
    root = Path(__file__).resolve().parents[1]
    sys.path[0] = str(root)
    for path in root.glob("stages/*.py"):
        import_module(f"stages.{path.stem}")
    for name in LIBRARIES.split():
        import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("stages", "timbre")]:
        del sys.modules[name]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which the stages had changed
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.collect()
    gc.freeze()  # so that forks share this memory


def _read_number(connection: socket.socket) -> int:
    return NUMBER.unpack(connection.recv(NUMBER.size, socket.MSG_WAITALL))[0]


if __name__ == "__main__":
    name = Path(sys.argv[0]).name
    if name in COMMANDS:
        sys.exit(ask(name, sys.argv[1:]))
    run(*serve(sys.argv[1]))
