"""Command line of the training room.

python -m train recipe RECIPE [key=value ...]
python -m train fit RECIPE [key=value ...] [--out DIR] [--resume]
python -m train throughput RECIPE
python -m train curves RECIPE [key=value ...] --subset N,N --out DIR
python -m train prepare SOURCE --out DATASET [--labels CSV]
python -m train holdout IMAGES --out DIR
python -m train faces IMAGES --labels CSV
python -m train skin-colors --neutral IMAGES --neutral-labels CSV --any IMAGES --any-labels CSV
python -m train evaluate --models NAME,NAME --data DATASET --report DIR
python -m train proof|composites --data DATASET --report DIR
python -m train bodies --data DIR --report DIR
python -m train calibrate --data DATASET [--model CLASSIFIER] [--write]
python -m train readme REPORT_DIR
python -m train literature fit|measure|table
python -m train jobs submit|list|status|logs|cancel|resume|delete|evaluate|promote|publish|colorize
"""

import argparse
import importlib
import sys

# Imported only when asked for: `fit` takes seconds to import.
SUBCOMMANDS = {
    "recipe": ("train.recipe_command", "print a recipe as it will be run, or all keys there are"),
    "fit": ("train.fit", "train a network from a recipe"),
    "throughput": ("train.throughput", "measure how many images a second the feed, the step and both give"),
    "curves": ("train.curves", "train on parts of the pictures, and show what more of them bring"),
    "prepare": ("train.prepare", "turn a folder or archive of photos into a dataset"),
    "holdout": ("train.holdout", "split pictures in two, near twins kept together"),
    "faces": ("train.face_boxes", "note where the face lies in each picture of a labels CSV"),
    "skin-colors": ("train.skin_colors", "measure the groups' skin colours under neutral light"),
    "evaluate": ("train.evaluate", "measure models on photos, with baselines, intervals and groups"),
    "proof": ("train.proof", "measure by group what telling a model the people's groups is worth"),
    "composites": ("train.composites", "measure several people in one picture against each alone"),
    "bodies": ("train.bodies", "measure skin and hair on full-body photos with masks"),
    "calibrate": ("train.calibrate", "make a classifier's probabilities right, and say when it is unsure"),
    "readme": ("train.report", "put a report's table into README.md"),
    "literature": ("train.literature", "train, measure and list the portrait colorizers of the literature"),
    "jobs": (
        "train.jobs.command",
        "train and colour archives on this machine, Slurm, or the Hugging Face Hub",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train", description="Train and measure Rangin's networks."
    )
    subparsers = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
    asked = arguments if arguments is not None else sys.argv[1:]
    for name, (module, summary) in SUBCOMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name in asked[:1]:
            importlib.import_module(module).add_arguments(subparser)
            subparser.set_defaults(module=module)
    args, rest = parser.parse_known_args(asked)
    # argparse takes no positional arguments after options, but key=value may stand anywhere.
    if rest and hasattr(args, "overrides") and not any(word.startswith("-") for word in rest):
        args.overrides = [*args.overrides, *rest]
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return int(importlib.import_module(args.module).run(args))


if __name__ == "__main__":
    sys.exit(main())
