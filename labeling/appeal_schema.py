"""The tables of "Which looks more real?": studies, their photos, paintings and pairs, and what people chose.

They lie in the label store's database, beside `schema`'s. A vote is never deleted: one that was undone, or that the
same person gave again, stays with `is_current` false.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from labeling.schema import _Id, metadata

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, unique=True),
    Column("source", String, nullable=False),
    Column("contestants", JSON, nullable=False),
    Column("secret", String(32), nullable=False),
    Column("state", String, nullable=False),
    Column("message", Text, nullable=False, default=""),
    Column("created_by", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("closed_at", Float),
)
"""`contestants` are models' names and perhaps "truth". `state` is "painting", "stopped", "failed" or "ready"; only a
ready one that isn't closed takes votes. From `secret` follow the sides and orders that each voter sees."""

study_photos = Table(
    "study_photos",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("study", Integer, ForeignKey("studies.id"), nullable=False),
    Column("origin", String, nullable=False),
    Column("name", String, nullable=False),
    Column("faces", JSON),
    Column("has_truth", Boolean),
    Column("problem", Text, nullable=False, default=""),
    UniqueConstraint("study", "origin"),
)
"""`origin` is a photo's hash, or "sample" and a title. `faces` is null until the photo has been looked at; `problem`
says why a photo is left out, empty where it is not."""

paintings = Table(
    "paintings",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("study", Integer, ForeignKey("studies.id"), nullable=False),
    Column("photo", _Id, ForeignKey("study_photos.id"), nullable=False),
    Column("contestant", String, nullable=False),
    Column("file", String, nullable=False),
    Column("at", Float, nullable=False),
    UniqueConstraint("photo", "contestant"),
    Index("paintings_of_study", "study"),
)
"""`contestant` is one of the study's, or "wrong": the deliberately wrong colours of catch trials. `file` is a name in
the study's folder that says nothing of what it shows."""

pairs = Table(
    "pairs",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("token", String(32), nullable=False, unique=True),
    Column("study", Integer, ForeignKey("studies.id"), nullable=False),
    Column("photo", _Id, ForeignKey("study_photos.id"), nullable=False),
    Column("first", String, nullable=False),
    Column("second", String, nullable=False),
    Column("is_catch", Boolean, nullable=False),
    UniqueConstraint("photo", "first", "second"),
    Index("pairs_of_study", "study"),
)
"""What is shown together. Voters know a pair by its `token`, which is drawn by chance. In a catch trial `second` is
the wrong one."""

votes = Table(
    "votes",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("at", Float, nullable=False),
    Column("who", String, nullable=False),
    Column("study", Integer, ForeignKey("studies.id"), nullable=False),
    Column("pair", _Id, ForeignKey("pairs.id"), nullable=False),
    Column("left", String, nullable=False),
    Column("choice", String, nullable=False),
    Column("seconds", Float),
    Column("via", String, nullable=False),
    Column("is_current", Boolean, nullable=False, default=True),
    Column("undone_at", Float),
    Column("undo_key", String(64), unique=True),
    Index(
        "votes_current",
        "who",
        "pair",
        unique=True,
        sqlite_where=text("is_current = 1"),
        postgresql_where=text("is_current"),
    ),
    Index("votes_of_study", "study", "is_current", "pair"),
)
"""`key` is the caller's, so that a request sent twice is one vote. `left` is the contestant that stood on the left,
`choice` is "left", "right" or "tie"; `seconds` is how long the pair was on screen."""
