"""A small Hugging Face Hub on this machine: repositories, commits, LFS uploads and downloads, as its HTTP calls go.

with LocalHub() as hub:
    HfApi(endpoint=hub.url, token=hub.token)
    hub.files("user/name")          # {path: bytes} of the newest commit
    hub.fails = 503                 # what it answers until it is 0 again
    hub.close()                     # a lost network; hub.open() on the same port
"""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_of_the_tests"


class LocalHub:
    """The server and what it holds."""

    handler: type["Handler"]

    def __init__(self) -> None:
        self.repos: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        """LFS objects by their SHA-256."""
        self.token = TOKEN
        self.fails = 0
        self.calls: list[str] = []
        """Method and path of each request."""
        self.loses_answer = False
        """The next commit of labels is taken, and its answer doesn't arrive."""
        self.on_commit: Any = None
        """Called before a commit is taken."""
        self._port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        self.is_away = False
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self.handler)
        self._server.hub = self  # type: ignore[attr-defined]
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.is_away = True  # connections that clients keep are cut too
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "LocalHub":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def files(self, repo: str) -> dict[str, bytes]:
        found = self.repos[repo]
        return {path: self.content(file) for path, file in found.commits[found.head].items()}

    def content(self, file: "File") -> bytes:
        return self.objects[file["lfs"]] if "lfs" in file else file["content"]


File = dict[str, Any]


class Repository:
    """Its commits: an id to the files it holds."""

    def __init__(self, is_private: bool) -> None:
        self.is_private = is_private
        self.head = "0" * 40
        self.commits: dict[str, dict[str, File]] = {self.head: {}}
        self.tags: dict[str, str] = {}
        self.messages: list[str] = []
        self.lock = threading.Lock()

    def has(self, revision: str) -> bool:
        return revision == "main" or revision in self.tags or revision in self.commits

    def at(self, revision: str) -> tuple[str, dict[str, File]]:
        commit = self.head if revision == "main" else self.tags.get(revision, revision)
        return commit, self.commits[commit]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LocalHub

    def _handle(self) -> None:
        self.hub = self.server.hub  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        self.hub.calls.append(f"{self.command} {path}")
        if self.hub.is_away:
            self.close_connection = True
            return None
        if self.hub.fails:
            return self._answer({"error": "not now"}, self.hub.fails)
        if self.headers.get("Authorization") != f"Bearer {self.hub.token}" and not path.startswith("/lfs/"):
            return self._answer({"error": "Invalid username or password."}, 401)
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return self._answer({"errors": [], "warnings": []})
        if path.startswith("/lfs/"):
            return self._take_object(path.removeprefix("/lfs/"), body)
        words = path.strip("/").split("/")
        if words[0] == "api":
            del words[0]
        name = "/".join(words[1:3]).removesuffix(".git")
        if name not in self.hub.repos:
            return self._answer({"error": "no such repository"}, 404, {"X-Error-Code": "RepoNotFound"})
        repo = self.hub.repos[name]
        what, rest = (words[3] if len(words) > 3 else "revision"), words[4:]
        if what in ("revision", "tree", "resolve", "paths-info") and rest and not repo.has(rest[0]):
            return self._answer({"error": "Invalid rev id"}, 404, {"X-Error-Code": "RevisionNotFound"})
        return getattr(self, "_" + what.replace("-", "_"))(repo, name, rest, body, parse_qs(parts.query))

    do_GET = do_POST = do_PUT = do_HEAD = lambda self: self._handle()  # noqa: N815

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
        url = f"{self.hub.url}/datasets/{name}"
        if name in self.hub.repos:
            return self._answer({"error": "You already created this dataset repo", "url": url}, 409)
        is_private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.hub.repos[name] = Repository(is_private)
        return self._answer({"url": url, "id": "1", "name": name})

    def _revision(self, repo: Repository, name: str, rest: list[str], *_: Any) -> None:
        commit, files = repo.at(rest[0] if rest else "main")
        siblings = [{"rfilename": path} for path in files]
        self._answer(
            {"id": name, "sha": commit, "private": repo.is_private, "siblings": siblings, "tags": []}
        )

    def _tree(self, repo: Repository, name: str, rest: list[str], *_: Any) -> None:
        _, files = repo.at(rest[0])
        self._answer([self._entry(path, file) for path, file in files.items()])

    def _paths_info(self, repo: Repository, name: str, rest: list[str], body: bytes, _: Any) -> None:
        _, files = repo.at(rest[0])
        asked = json.loads(body)["paths"] if body.startswith(b"{") else parse_qs(body.decode())["paths"]
        self._answer([self._entry(path, files[path]) for path in asked if path in files])

    def _entry(self, path: str, file: File) -> dict[str, Any]:
        content = self.hub.content(file)
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": file["oid"]}
        if "lfs" in file:
            entry["lfs"] = {"oid": file["lfs"], "size": len(content), "pointerSize": 130}
        return entry

    def _preupload(self, repo: Repository, name: str, rest: list[str], body: bytes, _: Any) -> None:
        """The Hub's own rule in small: what isn't text goes by LFS."""
        files = []
        for asked in json.loads(body)["files"]:
            is_text = asked["path"].endswith((".csv", ".json", ".md", ".jsonl"))
            files.append(
                {
                    "path": asked["path"],
                    "uploadMode": "regular" if is_text else "lfs",
                    "shouldIgnore": False,
                }
            )
        self._answer({"files": files})

    def _info(self, repo: Repository, name: str, rest: list[str], body: bytes, _: Any) -> None:
        """.../info/lfs/objects/batch"""
        objects = []
        for one in json.loads(body)["objects"]:
            known = one["oid"] in self.hub.objects
            actions = {} if known else {"actions": {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}}
            objects.append({**one, **actions})
        self._answer({"transfer": "basic", "objects": objects})

    def _take_object(self, oid: str, body: bytes) -> None:
        assert hashlib.sha256(body).hexdigest() == oid
        self.hub.objects[oid] = body
        self._answer({})

    def _commit(self, repo: Repository, name: str, rest: list[str], body: bytes, _: Any) -> None:
        if self.hub.on_commit:
            self.hub.on_commit()
        lines = [json.loads(line) for line in body.decode().splitlines()]
        with repo.lock:
            header = lines[0]["value"]
            if header.get("parentCommit") not in (None, repo.head):
                return self._answer({"error": "A commit has happened since."}, 412)
            files = dict(repo.commits[repo.head])
            for line in lines[1:]:
                value = line["value"]
                if line["key"] == "file":
                    content = base64.b64decode(value["content"])
                    files[value["path"]] = {"content": content, "oid": hashlib.sha1(content).hexdigest()}
                elif line["key"] == "lfsFile":
                    assert value["oid"] in self.hub.objects
                    files[value["path"]] = {"lfs": value["oid"], "oid": value["oid"][:40]}
                elif line["key"] == "deletedFile":
                    del files[value["path"]]
            repo.head = hashlib.sha1(f"{repo.head}{body!r}".encode()).hexdigest()
            repo.commits[repo.head] = files
            repo.messages.append(header["summary"])
        if self.hub.loses_answer and header["summary"] == "Labels":
            self.hub.loses_answer = False
            self.close_connection = True
            return None
        url = f"{self.hub.url}/datasets/{name}/commit/{repo.head}"
        return self._answer({"commitUrl": url, "commitOid": repo.head})

    def _resolve(self, repo: Repository, name: str, rest: list[str], *_: Any) -> None:
        commit, files = repo.at(rest[0])
        file = files.get("/".join(rest[1:]))
        if file is None:
            return self._answer({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        headers = {"ETag": f'"{file.get("lfs", file["oid"])}"', "X-Repo-Commit": commit}
        return self._send(self.hub.content(file), 200, "application/octet-stream", headers)

    def _answer(self, said: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(said).encode(), status, "application/json", headers or {})

    def _send(self, content: bytes, status: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for header in headers.items():
            self.send_header(*header)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


LocalHub.handler = Handler
