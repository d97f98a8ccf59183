"""Files that should not work, or should work although they look bad; all made in code.

    from tests.hostile import files
    for file in files:
        (folder / file.filename).write_bytes(file.data)     # file.verdict is "photo" or "error"

A file's verdict says what must come of it everywhere: a photo, or an error whose sentence matches `match`.
"""

from tests.hostile import bombs, broken, foreign, odd
from tests.hostile.case import HostileFile

files: list[HostileFile] = [*foreign.files, *broken.files, *bombs.files, *odd.files]

__all__ = ["HostileFile", "files"]
