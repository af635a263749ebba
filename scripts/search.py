"""Search for better params: `python scripts/search.py [--trials N] [--metric FILE:KEY] SPACE ...`, which wants Optuna.

A space is `key=low:high`, `key=low:high:log`, or `key=one,two,three`; whole numbers stay whole. Each trial is one
`dvc exp run` of the whole pipeline, as far as the params reach, queued and run like any experiment; it is judged on
validation, since a search that looks at test leaves nothing to judge by. `make show` lists what was tried.
"""

import argparse
import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

METRIC = "metrics/layered.json:validation.mean_auc"


def space(asked: str) -> tuple[str, Callable[[Any], Any]]:
    """A param's key, and a function from an Optuna trial to a value for it.

    >>> space("epochs=2:8")[0]
    'epochs'

    Raises:
        ArgumentTypeError: it is none of the forms above.
    """
    key, _, text = asked.partition("=")
    choices = text.split(",")
    if key and len(choices) > 1:
        return key, lambda trial: trial.suggest_categorical(key, choices)
    found = re.fullmatch(r"([-\d.e]+):([-\d.e]+)(:log)?", text)
    if not (key and found):
        raise argparse.ArgumentTypeError(f"{asked}: must be key=low:high, key=low:high:log or key=one,two")
    low, high, log = found[1], found[2], bool(found[3])
    if low.lstrip("-").isdigit() and high.lstrip("-").isdigit():
        return key, lambda trial: trial.suggest_int(key, int(low), int(high), log=log)
    return key, lambda trial: trial.suggest_float(key, float(low), float(high), log=log)


def run(values: dict[str, Any], name: str) -> None:
    """Run one experiment in a queue's folder of its own, so that the workspace stays as it is."""
    changes = [part for key, value in values.items() for part in ("-S", f"{key}={value}")]
    subprocess.run(["dvc", "exp", "run", "--queue", "--name", name, *changes], check=True, capture_output=True)
    subprocess.run(["dvc", "queue", "start"], check=True, capture_output=True)
    subprocess.run(["dvc", "queue", "logs", "--follow", name], check=True, capture_output=True)


def metric_of(name: str, metric: str) -> float:
    """What an experiment came to; minus infinity where it failed."""
    path, _, key = metric.partition(":")
    done = subprocess.run(["dvc", "metrics", "diff", "--all", "--json", "HEAD", name], capture_output=True, text=True)
    found = json.loads(done.stdout).get(path, {}) if done.returncode == 0 else {}
    return float(found.get(key, {}).get("new", "-inf"))


def main() -> None:
    """Search, and print the best."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("space", nargs="+", type=space)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--metric", default=METRIC, help="what is to be great")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    import optuna

    def judged(trial: optuna.Trial) -> float:
        values, name = (
            {key: suggest(trial) for key, suggest in arguments.space},
            f"search-{arguments.seed}-{trial.number}",
        )
        run(values, name)
        value = metric_of(name, arguments.metric)
        print(f"{name}: {value:.4f} by {', '.join(f'{key}={each}' for key, each in values.items())}", flush=True)
        return value

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=arguments.seed))
    study.optimize(judged, n_trials=arguments.trials)
    print(f"best: search-{arguments.seed}-{study.best_trial.number}, {study.best_value:.4f}; dvc exp apply takes it")


if __name__ == "__main__":
    main()
