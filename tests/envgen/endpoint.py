"""A real endpoint in OpenAI's shape on this machine, which answers as it is told to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Refusal:
    """An answer other than a completion: a status, or a pause before one."""

    status: int = 200
    pause: float = 0.0
    body: bytes = b'{"error": {"message": "not now"}}'


@dataclass
class Served:
    """What the endpoint was asked, and what it still answers: texts, refusals, or bodies as they are."""

    answers: list[str | Refusal]
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    base_url: str = ""


@contextmanager
def serve(*answers: str | Refusal) -> Iterator[Served]:
    """Answers in their order; after the last, 500 for ever."""
    served = Served(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send(200, json.dumps({"object": "list", "data": [{"id": "small", "object": "model"}]}).encode())

        def do_POST(self) -> None:
            served.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            served.keys.append(self.headers["Authorization"])
            answer = served.answers.pop(0) if served.answers else Refusal(500)
            if isinstance(answer, Refusal):
                time.sleep(answer.pause)
                self.send(answer.status, answer.body)
                return
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": answer}}
            usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
            self.send(200, json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "small",
                                       "choices": [choice], "usage": usage}).encode())

        def send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fenced(source: str) -> str:
    """A reply with a file in it."""
    return f"This is the world.\n\n```python\n{source}\n```\n"
