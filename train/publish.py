"""Put a run's weights and card into a model repository on the Hugging Face Hub, for `Colorizer.load("hf:user/name")`.

done = publish(Path("runs/mine"), "user/name", token)
done.reference                      # hf:user/name@COMMIT#SHA256: always this file, or an error
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from colorizer.errors import OptionError
from train import hub

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FILE, CARD, ABOUT = "model.safetensors", "README.md", "rangin.json"
# What a new repository may hold before anything was published to it.
_OF_THE_HUB = {".gitattributes"}
_TAG = "rangin"
# The Hub's word for what a model does, a tag, and what loads it from where.
_COLORIZER = ("image-to-image", "image-colorization", "Colorizer", "colorizer")
_CLASSIFIER = ("image-classification", "ethnicity", "EthnicityClassifier", "colorizer.ethnicity")


class Published(NamedTuple):
    """What is on the Hub now."""

    repository: str
    commit: str
    sha256: str
    """Of the weights."""
    url: str
    """Of its page there."""

    def __str__(self) -> str:
        return self.commit

    @property
    def reference(self) -> str:
        """By which exactly these weights are loaded, whatever is published there later."""
        return f"hf:{self.repository}@{self.commit}#{self.sha256}"


def publish(
    source: Path, repository: str, token: str, private: bool = True, message: str = "Weights and card"
) -> Published:
    """Upload weights as model.safetensors with their card as README.md, in one commit.

    Weights that were published there before stay in its history, where pinned references find them.

    Args:
        source: a run's folder, or one .safetensors file; the card is the .md beside it.
        repository: user/name or organisation/name of the token's owner; made if it isn't there.
        token: may write there.
        private: whether only its owner may see it; one that is there stays as it is, and has to be as said.
        message: the commit's.

    Raises:
        OptionError: no such weights, or a name that isn't the owner's or holds something else.
        ModelError: the weights are damaged or none of ours.
        HubError: the Hub can't be reached, or refuses.
    """
    hub.check_repository(repository)
    if not token:
        raise OptionError(
            "token: publishing needs a token of the Hub; sign in with Hugging Face, or set RANGIN_JOBS_TOKEN."
        )
    weights = find_weights(source)
    content, about = _sound(weights)
    digest = hashlib.sha256(content).hexdigest()
    client = hub.client(token)
    _check_owner(client, repository)
    head = _open(client, repository, private)
    notes = {"sha256": digest, "name": weights.stem, "network": about["network"]}
    files: dict[str, bytes] = {
        FILE: content,
        CARD: card(weights, repository, digest, "crop_scale" in about["config"]).encode(),
        ABOUT: (json.dumps(notes, indent=1) + "\n").encode(),
    }
    from huggingface_hub import CommitOperationAdd

    with hub.saying(f"publishing to {repository}"):
        done = client.create_commit(
            repository,
            [CommitOperationAdd(name, data) for name, data in files.items()],
            commit_message=message,
            parent_commit=head,
        )
        commit = done.oid or client.repo_info(repository).sha or ""
        (entry,) = client.get_paths_info(repository, FILE, revision=commit)
    stored = getattr(entry, "lfs", None)
    if entry.path != FILE or (stored is not None and stored.sha256 != digest):
        raise hub.HubError(f"The Hub holds other weights in {repository} than were sent; publish them again.")
    return Published(repository, commit, digest, f"{hub.endpoint()}/{repository}")


def find_weights(source: Path) -> Path:
    """The weights of a run's folder, or the file itself.

    Raises:
        OptionError: there are none yet, or several.
    """
    if source.is_file() and source.suffix == ".safetensors":
        return source
    found = sorted(file for file in source.glob("*.safetensors") if file.is_file()) if source.is_dir() else []
    if len(found) != 1:
        raise OptionError(
            f"{source.name} holds {len(found) or 'no'} weights; they are written when a run has finished."
            if not found
            else f"{source.name} holds {len(found)} weights; name one of the files."
        )
    return found[0]


def card(weights: Path, repository: str, digest: str, is_classifier: bool = False) -> str:
    """README.md: the Hub's facts, how to load exactly these weights, and the card beside them."""
    pipeline, tag, loader, module = _CLASSIFIER if is_classifier else _COLORIZER
    beside = weights.with_suffix(".md")
    told = beside.read_text(encoding="utf-8", errors="replace") if beside.is_file() else f"# {weights.stem}\n"
    if told.startswith("---\n"):  # another card's front matter
        told = told.partition("\n---\n")[2].lstrip() or told
    title, _, rest = told.partition("\n")
    return f"""---
library_name: rangin
pipeline_tag: {pipeline}
license: unknown
tags:
- {_TAG}
- {tag}
---
{title}

```python
from {module} import {loader}

model = {loader}.load("hf:{repository}#{digest}")
```

`{FILE}` has the SHA-256 `{digest}`; with `#` and these digits behind the name, or `@` and a commit before them, other
weights are refused.
{rest}"""


def _sound(weights: Path) -> tuple[bytes, dict[str, Any]]:
    """A file's bytes and what it says of itself, if it can be loaded."""
    from colorizer import checkpoint  # imports PyTorch

    about, _ = checkpoint.check(weights)
    try:
        return weights.read_bytes(), about
    except OSError as error:
        raise OptionError(f"The weights {weights.name} can't be read ({error.strerror}).") from error


def _check_owner(client: "HfApi", repository: str) -> None:
    with hub.saying("asking whose token this is"):
        told = client.whoami()
    owner = repository.partition("/")[0]
    names = [told["name"], *(organization["name"] for organization in told.get("orgs") or [])]
    if owner not in names:
        raise OptionError(
            f"repository: {owner} isn't yours; publish to {told['name']}/{repository.partition('/')[2]}"
            + (f", or for one of {', '.join(names[1:6])}." if names[1:] else ".")
        )


def _open(client: "HfApi", repository: str, private: bool) -> str | None:
    """The repository's newest commit, after seeing that it holds nothing but models of ours."""
    from huggingface_hub.errors import RepositoryNotFoundError

    with hub.saying(f"looking at {repository}"):
        try:
            info = client.model_info(repository)
        except RepositoryNotFoundError:
            client.create_repo(repository, private=private, exist_ok=True)
            info = client.model_info(repository)
        held = {file.rfilename for file in info.siblings or ()} - _OF_THE_HUB
        if held and ABOUT not in held:
            raise OptionError(
                f"repository: {repository} holds something else ({sorted(held)[0]}); choose a new name."
            )
    if bool(info.private) != private:
        raise OptionError(
            f"repository: {repository} is {'private' if info.private else 'public'}; say so here, change it in its "
            "settings on the Hub, or choose a new name."
        )
    return info.sha
