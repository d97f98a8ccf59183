"""The tables of the label store. What is in them is only ever added to; see `events`.

An event is never changed but for two columns: `superseded_by`, the event that took its place (0 while there is none, so
that a plain unique index works in every database), and `is_undone`. What counts now are the events with
`superseded_by == 0` and a slot.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

VERSION = 1
"""Of the tables; kept in `facts` under "schema"."""

metadata = MetaData()

_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER column

facts = Table(
    "facts",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", JSON, nullable=False),
)
"""Single values: the tables' version, the guidelines' text."""

changes = Table(
    "changes",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
)
"""What owners changed: "add label", "rename label", "merge label", "retire label", "guidelines", "batch", ..."""

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("is_retired", Boolean, nullable=False, default=False),
    Column("merged_into", Integer, ForeignKey("labels.id")),
    Column("is_unsure", Boolean, nullable=False, default=False),
)
"""The vocabulary. A name may come again only after the older one is retired or merged."""

batches = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", String, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("licence", Text, nullable=False),
    Column("consent", Text, nullable=False),
    Column("judgements", Integer, nullable=False, default=1),
    Column("created_by", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("closed_at", Float),
)

photos = Table(
    "photos",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("suffix", String, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("surveyed_at", Float),
    Index(
        "photos_unsurveyed",
        "hash",
        sqlite_where=text("surveyed_at IS NULL"),
        postgresql_where=text("surveyed_at IS NULL"),
    ),
)
"""Each file once: `hash` is the SHA-256 of its bytes, width and height are of the photo held upright."""

faces = Table(
    "faces",
    metadata,
    Column("photo", String(64), ForeignKey("photos.hash"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("left", Float, nullable=False),
    Column("top", Float, nullable=False),
    Column("right", Float, nullable=False),
    Column("bottom", Float, nullable=False),
    Column("score", Float, nullable=False),
    Column("probabilities", JSON, nullable=False),
)
"""Numbered from 1, left to right; boxes in pixels of the photo held upright."""

items = Table(
    "items",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("batch", Integer, ForeignKey("batches.id"), nullable=False),
    Column("photo", String(64), ForeignKey("photos.hash"), nullable=False),
    Column("name", String, nullable=False),
    Column("face", Integer, nullable=False, default=0),
    Column("by_face", Boolean, nullable=False, default=False),
    Column("position", Integer, nullable=False),
    Column("shuffle", Float, nullable=False),
    Column("estimate", String),
    Column("confidence", Float),
    Column("uncertainty", Float),
    Column("judged", Integer, nullable=False, default=0),
    UniqueConstraint("batch", "name", "face"),
    Index("items_uploaded", "batch", "by_face", "judged", "position"),
    Index("items_shuffled", "batch", "by_face", "judged", "shuffle"),
    Index("items_uncertain", "batch", "by_face", "judged", "uncertainty"),
    Index("items_estimated", "batch", "by_face", "judged", "estimate", "position"),
    Index("items_of_photo", "photo", "face"),
)
"""What is labelled: face 0 is the whole photo, 1 and on are its faces, and `by_face` says that it is one. `judged`
counts the people whose current judgement is a label or "unusable". `estimate` and `confidence` are the model's
likeliest group and its probability, `uncertainty` is the entropy of all of them in [0, 1]; of a whole photo they are
its largest face's."""

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("at", Float, nullable=False),
    Column("who", String, nullable=False),
    Column("batch", Integer, ForeignKey("batches.id"), nullable=False),
    Column("item", _Id, ForeignKey("items.id"), nullable=False),
    Column("by_face", Boolean, nullable=False, default=False),
    Column("kind", String, nullable=False),
    Column("slot", String, nullable=False, default=""),
    Column("label", Integer, ForeignKey("labels.id")),
    Column("word", Text, nullable=False, default=""),
    Column("suggestion", JSON(none_as_null=True)),
    Column("via", String, nullable=False),
    Column("seconds", Float),
    Column("superseded_by", _Id, nullable=False, default=0),
    Column("is_undone", Boolean, nullable=False, default=False),
    Column("undoes", _Id),
    Index(
        "events_current",
        "item",
        "slot",
        unique=True,
        sqlite_where=text("superseded_by = 0 AND slot <> ''"),
        postgresql_where=text("superseded_by = 0 AND slot <> ''"),
    ),
    Index("events_of_item", "item", "id"),
    Index("events_of_person", "who", "batch", "by_face", "id"),
    Index("events_of_batch", "batch", "id"),
    Index("events_mine", "who", "batch", "by_face", "superseded_by", "kind", "at"),
    Index("events_counted", "batch", "by_face", "kind", "superseded_by", "label"),
)
"""Everything that anybody did. `key` is the caller's, so that a request sent twice is one event. `kind` is "label",
"unusable", "skip", "note", "settle" or "undo". `slot` says which current event this one takes the place of: "judgement
NAME" (a label, unusable or skip of that person), "note NAME", "settled"; "" for an undo. `word` is the label as it read
then, the reason of "unusable", or a note's text. `suggestion` is what the model's help showed, null for nothing.
`via` is "page", "http", "command" or "import"; `seconds` is how long the photo was on screen."""

leases = Table(
    "leases",
    metadata,
    Column("item", _Id, ForeignKey("items.id"), primary_key=True),
    Column("who", String, primary_key=True),
    Column("until", Float, nullable=False),
    Index("leases_until", "until"),
)
"""Who has which item on the desk; a lease that has run out is none."""
