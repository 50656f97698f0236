"""One message of the corpus: what is sent, byte for byte, and what has to come back.

The corpus is data: `corpus/*.json`, one message a line. Fields of a message:

- `name`, and `who` sends it: a connection or a key of `deployment.py`, or nobody.
- `send`: method and request target as they stand in the request line.
- `headers`: added to the usual ones; null takes one away.
- `body`: a JSON value; or an object with one key that says how to make the bytes (`MAKERS`).
- `raw`: the whole request instead, as text with `{token}` in it; latin-1.
- `answer`: HTTP status, OCPI status code or kind of problem (null: the web server's own answer, no document), and
  words that have to be in the message.
- `changes`: tables that the message may change all the same.

`<<x*1000>>` stands for a thousand times x, in every part.
"""

import base64
import copy
import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
_DOCUMENTS = "documents.json"
_MANY = re.compile(rb"<<(.)\*([0-9]+)>>")


@dataclass(frozen=True)
class Message:
    name: str
    answer: tuple[int, int | str | None, str]
    who: str = "nobody"
    send: str = ""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: Any = None
    raw: str | None = None
    changes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    def bytes(self, authorization: str | None) -> bytes:
        """The request. `authorization` is the value of the header that opens the sender's door."""
        if self.raw is not None:
            return _grown(self.raw.replace("{authorization}", authorization or "").encode("latin-1"))
        body = made(self.body)
        headers: dict[str, str | None] = {"Host": "roam.example", "Connection": "close"}
        if authorization is not None:
            headers["Authorization"] = authorization
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        headers |= self.headers
        lines = [f"{self.send} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
        return _grown("\r\n".join([*lines, "", ""]).encode("latin-1")) + (body or b"")


def corpus() -> list[Message]:
    """Every message, in the order of the files and their lines."""
    found = []
    for file in sorted(CORPUS.glob("*.json")):
        if file.name == _DOCUMENTS:
            continue
        for entry in json.loads(file.read_text(encoding="utf-8")):
            fields = {**entry, "answer": tuple(entry["answer"]), "changes": tuple(entry.get("changes", ()))}
            found.append(Message(**{**fields, "name": f"{file.stem}/{entry['name']}"}))
    return found


def document(name: str) -> Any:
    """A valid object in the words of a version: what the messages spoil."""
    return copy.deepcopy(json.loads((CORPUS / _DOCUMENTS).read_text(encoding="utf-8"))[name])


def made(body: Any) -> bytes | None:
    """The bytes of a body."""
    if body is None:
        return None
    if isinstance(body, dict):
        maker = next((MAKERS[key] for key in body if key in MAKERS), None)
        if maker is not None:
            return _grown(maker(body))
    return json.dumps(body).encode()


def _grown(text: bytes) -> bytes:
    return _MANY.sub(lambda found: found[1] * int(found[2]), text)


def _spoilt(body: dict[str, Any]) -> bytes:
    """`of` a valid document, with values `set` and `drop`ped, by dotted path."""
    whole = document(body["of"])
    for path, value in body.get("set", {}).items():
        parent, last = _place(whole, path)
        parent[last] = value
    for path in body.get("drop", ()):
        parent, last = _place(whole, path)
        del parent[last]
    return json.dumps(whole).encode()


def _place(document: Any, path: str) -> tuple[Any, Any]:
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in above:
        document = document[part]
    return document, last


def _spliced(body: dict[str, Any]) -> bytes:
    """`with` text in the JSON `in` a valid document, in the place of a field's value (`at`), or of everything."""
    whole = document(body["in"])
    parent, last = _place(whole, body["at"])
    parent[last] = "\0here\0"
    return json.dumps(whole).replace(json.dumps("\0here\0"), body["with"]).encode("utf-8", "surrogatepass")


MAKERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "of": _spoilt,
    "with": _spliced,
    "text": lambda body: body["text"].encode("utf-8", "surrogatepass"),
    "utf-16": lambda body: json.dumps(document(body["utf-16"])).encode("utf-16"),
    "latin-1": lambda body: body["latin-1"].encode("latin-1"),
    "base64": lambda body: base64.b64decode(body["base64"]),
    "gzip": lambda body: gzip.compress(json.dumps(document(body["gzip"])).encode(), mtime=0),
    "bomb": lambda body: gzip.compress(b" " * body["bomb"], mtime=0),
    "repeat": lambda body: (body["repeat"] * body["times"] + body.get("then", "") * body["times"]).encode(),
    "padded": lambda body: json.dumps(document(body["padded"])).encode() + b" " * body["by"],
}
