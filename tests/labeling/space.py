"""A Space on this machine: a tab in a process of its own, and the provider at which its visitors sign in.

with Provider() as provider, space(tmp_path, provider, RANGIN_OWNERS="maya") as page:
    page.run("label_desk", "", cookie=page.sign_in("maya"))
"""

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx

from tests.conftest import REPOSITORY

CLIENT = "rangin-of-the-tests"
SECRET = "a secret that only the Space and the provider know"


class Provider:
    """An OpenID provider, as the Hub is one: who comes is `account`, without being asked for a password."""

    def __init__(self) -> None:
        from joserfc.jwk import RSAKey

        self.key = RSAKey.generate_key(2048, {"kid": "tests"})
        self.account = "sita"
        self.asked: dict[str, dict[str, str]] = {}
        """What each code was given for: account and nonce."""
        self.tokens: dict[str, str] = {}
        """The token that each account was given last."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.provider = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> "Provider":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, code: str) -> dict[str, Any]:
        """The answer to a code: who it is, signed."""
        from joserfc import jwt

        asked = self.asked.pop(code)
        now = int(time.time())
        self.tokens[asked["account"]] = secrets.token_hex(8)
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": f"id-of-{asked['account']}",
            "exp": now + 3600,
            "iat": now,
            "nonce": asked["nonce"],
            "name": f"{asked['account'].title()} Rai",
            "preferred_username": asked["account"],
            "profile": f"{self.url}/{asked['account']}",
            "picture": f"{self.url}/{asked['account']}.jpg",
        }
        return {
            "access_token": self.tokens[asked["account"]],
            "token_type": "bearer",
            "expires_in": 3600,
            "scope": "openid profile",
            "id_token": jwt.encode({"alg": "RS256", "kid": "tests"}, claims, self.key),
        }


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        provider: Provider = self.server.provider  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/.well-known/openid-configuration":
            self._answer(
                {
                    "issuer": provider.url,
                    "authorization_endpoint": f"{provider.url}/oauth/authorize",
                    "token_endpoint": f"{provider.url}/oauth/token",
                    "jwks_uri": f"{provider.url}/jwks",
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif parts.path == "/jwks":
            self._answer({"keys": [provider.key.as_dict(private=False)]})
        elif parts.path == "/oauth/authorize":
            assert given["client_id"] == CLIENT
            code = secrets.token_hex(8)
            provider.asked[code] = {"account": provider.account, "nonce": given["nonce"]}
            to = given["redirect_uri"] + ("&" if "?" in given["redirect_uri"] else "?")
            self.send_response(302)
            self.send_header("Location", to + urlencode({"code": code, "state": given["state"]}))
            self.end_headers()

    def do_POST(self) -> None:
        provider: Provider = self.server.provider  # type: ignore[attr-defined]
        body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        sent = self.headers.get("Authorization") == f"Basic {basic}"
        assert sent or body.get("client_secret") == [SECRET]
        self._answer(provider.token(body["code"][0]))

    def _answer(self, said: dict[str, Any]) -> None:
        content = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@dataclass
class Space:
    """A running page."""

    url: str
    provider: Provider
    folder: Path
    """Of the labels."""

    def sign_in(self, account: str) -> str:
        """Go the whole way as a browser does; the session's cookie.

        By hand, since the cookie is for https only, and no client would send it to this page.
        """
        self.provider.account = account
        cookie, address = "", f"{self.url}/login/huggingface?_target_url=/"
        for _ in range(6):
            ours = address.startswith(self.url)
            answer = httpx.get(address, headers={"Cookie": cookie} if ours and cookie else {})
            cookie = _session(answer) or cookie
            if not answer.is_redirect:
                break
            address = urljoin(address, answer.headers["Location"])
        assert answer.status_code == 200, answer.text
        return cookie

    def sign_out(self, cookie: str) -> str:
        """The cookie that a browser has afterwards."""
        answer = httpx.get(f"{self.url}/logout", headers={"Cookie": cookie})
        return _session(answer)

    def run(self, name: str, *given: Any, cookie: str = "") -> tuple[int, Any]:
        """Call an event over HTTP: status, and the answer or the error."""
        answer = self.post(f"run/{name}", {"data": list(given)}, cookie)
        said = answer.json()
        return answer.status_code, said["data"][0] if answer.status_code == 200 else said.get("error")

    def post(self, what: str, body: dict[str, Any], cookie: str = "") -> httpx.Response:
        headers = {"Content-Type": "application/json", **({"Cookie": cookie} if cookie else {})}
        # In ASCII, so that half of a character can be sent, too.
        return httpx.post(
            f"{self.url}/gradio_api/{what}", content=json.dumps(body), headers=headers, timeout=60
        )

    def join(self, event: int, given: list[Any], cookie: str = "") -> dict[str, Any]:
        """Fire an event by its number, as the page's own script does; its last message."""
        session = secrets.token_hex(5)
        body = {"fn_index": event, "data": given, "session_hash": session}
        joined = self.post("queue/join", body, cookie)
        if joined.status_code != 200:
            return {"refused": joined.text}
        url = f"{self.url}/gradio_api/queue/data?session_hash={session}"
        with httpx.stream("GET", url, timeout=60) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:") and "process_completed" in line:
                    return json.loads(line.removeprefix("data:"))
        raise AssertionError("no answer")

    @cached_property
    def config(self) -> dict[str, Any]:
        """The page as every visitor gets it."""
        return httpx.get(f"{self.url}/config", timeout=60).json()

    def events(self) -> list[dict[str, Any]]:
        """All that the page can be asked."""
        return [event for event in self.config["dependencies"] if event["backend_fn"]]


def _session(answer: httpx.Response) -> str:
    for cookie in answer.headers.get_list("set-cookie"):
        if cookie.startswith("session="):
            return cookie.split(";")[0]
    return ""


@contextmanager
def space(
    folder: Path, provider: Provider, page_module: str = "tests.labeling.space_page", **settings: str
) -> Iterator[Space]:
    """A tab, served as on a Space.

    Args:
        folder: of the labels.
        page_module: which serves it.
        settings: of its environment.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "SYSTEM": "spaces",
        "SPACE_ID": "maya/rangin",
        "OAUTH_CLIENT_ID": CLIENT,
        "OAUTH_CLIENT_SECRET": SECRET,
        "OAUTH_SCOPES": "openid profile",
        "OPENID_PROVIDER_URL": provider.url,
        "RANGIN_LABELS_FOLDER": str(folder),
        "GRADIO_SERVER_PORT": str(port),
        **settings,
    }
    with (folder.parent / "space.log").open("w+") as log:
        page = subprocess.Popen(
            [sys.executable, "-m", page_module],
            cwd=REPOSITORY,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            end = time.monotonic() + 90
            while True:
                try:
                    httpx.get(f"{url}/config", timeout=30).raise_for_status()
                    break
                except httpx.HTTPError:
                    assert page.poll() is None, (folder.parent / "space.log").read_text()
                    assert time.monotonic() < end
                    time.sleep(0.1)
            yield Space(url, provider, folder)
        finally:
            page.terminate()
            try:
                page.wait(60)  # on a busy machine Python's own end takes long
            finally:
                page.kill()
