"""A labels CSV: header `imageName,ethnicity`, UTF-8, RFC 4180; further columns may follow.

table = labels.read(Path("faces/val.csv"))
"""

from pathlib import Path

import pandas as pd

from colorizer.errors import OptionError


def read(path: Path) -> pd.DataFrame:
    """All columns as text ("" where a cell is empty), one row a picture: of repeated names the first row counts.

    A column ethnicity is always there, without blanks around its values.

    Raises:
        OptionError: it can't be read, or has no imageName.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise OptionError(f"The labels {path} can't be read: {error}") from error
    if "imageName" not in table:
        raise OptionError(f"{path} has no column imageName; its first line must be imageName,ethnicity.")
    if "ethnicity" not in table:
        table["ethnicity"] = ""
    table["ethnicity"] = table["ethnicity"].str.strip()
    return table.drop_duplicates("imageName").reset_index(drop=True)
