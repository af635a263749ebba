"""Search for better params with Optuna: `python scripts/search.py [--trials N] [--metric FILE:KEY] SPACE ...`.

A SPACE is `key=low:high`, `key=low:high:log` or `key=one,two,three`. Whole numbers stay whole. Each trial is a
`dvc exp run --temp`, and DVC runs only the stages that the params affect. `make show` lists all trials. The default
metric is a validation metric: params that were chosen on test could no longer be evaluated on test.
"""

import argparse
import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

METRIC = "metrics/layered.json:validation.mean_auc"


def space(asked: str) -> tuple[str, Callable[[Any], Any]]:
    """Return a param's key, and a function that suggests a value for it, given an Optuna trial.

    >>> space("epochs=2:8")[0]
    'epochs'

    Raises:
        ArgumentTypeError: The text has none of these forms.
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
    """Run one experiment. DVC runs it in its own folder, so the workspace does not change."""
    changes = [part for key, value in values.items() for part in ("-S", f"{key}={value}")]
    command = ["dvc", "exp", "run", "--temp", "--name", name, *changes]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{name} failed: {done.stderr.strip().rpartition(chr(10))[2]}", flush=True)


def metric_of(name: str, metric: str) -> float:
    """Return the value of a metric in an experiment. Minus infinity if the experiment failed."""
    path, _, key = metric.partition(":")
    done = subprocess.run(["dvc", "metrics", "diff", "--all", "--json", "HEAD", name], capture_output=True, text=True)
    metrics = json.loads(done.stdout).get(path, {}) if done.returncode == 0 else {}
    return float(metrics.get(key, {}).get("new", "-inf"))


def main() -> None:
    """Run the search and print the best trial."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("space", nargs="+", type=space)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--metric", default=METRIC, help="metric to maximise")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    import optuna

    def objective(trial: optuna.Trial) -> float:
        name = f"search-{arguments.seed}-{trial.number}"
        values = {key: suggest(trial) for key, suggest in arguments.space}
        run(values, name)
        metric = metric_of(name, arguments.metric)
        print(f"{name}: {metric:.4f} with {', '.join(f'{key}={value}' for key, value in values.items())}", flush=True)
        return metric

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=arguments.seed))
    study.optimize(objective, n_trials=arguments.trials)
    name = f"search-{arguments.seed}-{study.best_trial.number}"
    print(f"best: {name}, {study.best_value:.4f}; use it with dvc exp apply {name}")


if __name__ == "__main__":
    main()
