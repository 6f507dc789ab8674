"""A server on loopback that speaks the OpenAI chat-completions protocol and says what a script tells it to.

Written for the tests, of the standard library. Lines are those of `scripted.Script`: which agent asks
is read from the system message. A line may also be a `Wire`: an HTTP status, raw bytes, or silence.
"""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scripted import Say, agent_in


@dataclass(frozen=True)
class Wire:
    """What goes over the wire instead of an answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    """Whether nothing comes at all until the server stops."""


def refusal(text: str) -> Wire:
    """The protocol's own way to refuse."""
    message = {"role": "assistant", "content": None, "refusal": text}
    return Wire(body=json.dumps(_completion(message, "stop", 5)).encode())


def limited(after: str = "0") -> Wire:
    """Over the rate limit."""
    body = {"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}
    return Wire(429, json.dumps(body).encode(), {"retry-after": after})


@dataclass
class Server:
    """What was asked, and where."""

    url: str
    lines: dict[str, list[Any]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)
    _asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: dict[str, Any], key: str | None) -> Wire:
        """The next line of the agent that asks."""
        system = " ".join(_text(m["content"]) for m in request["messages"] if m["role"] in {"system", "developer"})
        name = agent_in(system)
        with self._lock:
            self.requests.append(request)
            self.keys.add(key)
            number = self._asked[name]
            self._asked[name] += 1
        line = self.lines[name][min(number, len(self.lines[name]) - 1)]
        if isinstance(line, Wire):
            return line
        told = "\n".join(_text(message.get("content")) for message in request["messages"])
        said: Say = line(told) if callable(line) else line
        calls = [
            {
                "id": f"call_{len(self.requests)}_{n}",
                "type": "function",
                "function": {"name": tool, "arguments": json.dumps(params)},
            }
            for n, (tool, params) in enumerate(said.calls)
        ]
        message = {"role": "assistant", "content": said.text, **({"tool_calls": calls} if calls else {})}
        body = _completion(message, "tool_calls" if calls else "stop", len(told) // 4)
        return Wire(body=json.dumps(body).encode())


def _completion(message: dict[str, Any], why: str, prompt_tokens: int) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": 20, "total_tokens": prompt_tokens + 20}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "loopback-1",
        "choices": [{"index": 0, "message": message, "finish_reason": why}],
        "usage": usage,
    }


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content)
    return str(content or "")


@contextmanager
def serving(lines: dict[str, list[Any]]) -> Iterator[Server]:
    """A server that says `lines`, by agent."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            request = json.loads(self.rfile.read(size))
            if self.path != "/v1/chat/completions":
                wire = Wire(404, b'{"error": {"message": "no such path"}}')
            else:
                wire = state.answer(request, self.headers.get("authorization"))
            if wire.silent:
                state.stopping.wait(60)
                self.close_connection = True
                return
            self.send_response(wire.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(wire.body)))
            for name, value in wire.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(wire.body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    state = Server(f"http://127.0.0.1:{httpd.server_port}/v1", lines)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        httpd.shutdown()
        thread.join(5)
        httpd.server_close()
