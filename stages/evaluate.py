"""evaluate: judge both models on validation and test; write metrics, tables for plots, and pictures."""

from pathlib import Path

from timbre.evaluation import judge
from timbre.labelled import load_alone, load_layered
from timbre.modelfile import load_model
from timbre.params import Params
from timbre.reports import write_data_report, write_metrics, write_plots
from timbre.running import fresh_folder, run_stage

MODELS = Path("models")
JUDGED = ("validation", "test")


def evaluate(params: Params) -> str:
    """Write metrics/*.json and plots/."""
    single = load_model(MODELS / "single.safetensors")
    layered = load_model(MODELS / "layered.safetensors")
    alone = {split: judge(single, load_alone(Path("data/mels"), split)) for split in JUDGED}
    mixed = {split: judge(layered, load_layered(Path("data/layered"), split)) for split in JUDGED}
    write_metrics(Path("metrics/single.json"), alone)
    write_metrics(Path("metrics/layered.json"), mixed)
    with fresh_folder("plots") as plots:
        write_plots(plots, MODELS, alone["test"], mixed["test"], params.audio, params.mel)
        write_data_report(Path("metrics/data.json"), plots / "data.png", Path("data/clips"))
    macro, micro = alone["test"].metrics["macro_f1"], mixed["test"].metrics["micro_f1"]
    return f"test F1: single {macro:.3f} (macro), layered {micro:.3f} (micro)"


if __name__ == "__main__":
    run_stage("evaluate", evaluate)
