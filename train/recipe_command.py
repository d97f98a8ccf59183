"""Show a recipe as it will be run, or every key a recipe may have.

python -m train recipe ethnicity-aware batch=32 optimizer.lr=0.001
python -m train recipe --keys
"""

import argparse
import json
import sys

import yaml

from colorizer.errors import RanginError
from train import recipe, recipe_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m train recipe`."""
    parser.add_argument("recipe", nargs="?", help=f"a YAML file, or one of {', '.join(recipe.names())}")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="replace a value of the recipe")
    parser.add_argument("--keys", action="store_true", help="list all keys as a Markdown table instead")


def resolved(chosen: recipe.Recipe) -> str:
    """A recipe as YAML, every default written out."""
    return yaml.safe_dump(json.loads(chosen.model_dump_json()), sort_keys=False)


def run(args: argparse.Namespace) -> int:
    """Print it; 1 with a sentence if the recipe is wrong, 2 if none was named."""
    if args.keys:
        print(recipe_text.table(recipe.Recipe))
        return 0
    if args.recipe is None:
        print(f"train recipe: name a YAML file or one of: {', '.join(recipe.names())}.", file=sys.stderr)
        return 2
    try:
        print(resolved(recipe.load(args.recipe, args.overrides)), end="")
    except RanginError as error:
        print(f"train recipe: {error}", file=sys.stderr)
        return 1
    return 0
