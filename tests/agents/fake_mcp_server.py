"""An MCP server over stdio, of the standard library alone, whose tools do what a test needs: also everything wrong.

Its folder (first argument) holds what it counts and remembers: `starts`, `calls`, and `description` if there is one.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])
FLAGS = set(sys.argv[2:])
READ_ONLY = {"annotations": {"readOnlyHint": True}}
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}


def say(message: dict) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def count(name: str) -> int:
    with (FOLDER / name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return len((FOLDER / name).read_text().splitlines())


def tools() -> list[dict]:
    told = FOLDER / "description"
    described = told.read_text() if told.exists() else "Looks something up."
    found = [{"name": "look", "description": described, "inputSchema": SCHEMA, **READ_ONLY}]
    plain = [
        "write",
        "sleep",
        "hang",
        "die",
        "die_once",
        "flood",
        "long",
        "rubbish",
        "fail",
        "refuse",
        "stray",
        "change",
    ]
    found += [{"name": name, "description": name, "inputSchema": SCHEMA} for name in plain]
    found += [{"name": "die_once_reading", "description": "", "inputSchema": SCHEMA, **READ_ONLY}]
    return [*found, {"name": "bad name!", "inputSchema": SCHEMA}] if "bad-names" in FLAGS else found


def text(number: object, said: str, **more: object) -> None:
    say({"id": number, "result": {"content": [{"type": "text", "text": said}], **more}})


def call(number: object, name: str, params: dict) -> None:  # noqa: PLR0912 - one for each thing that goes wrong
    calls = count("calls")
    match name:
        case "look" | "write":
            time.sleep(float(params.get("seconds", 0)))
            text(number, f"{name} {params.get('text', '')} {calls}")
        case "sleep":
            (FOLDER / "at-once").write_text("1")
            time.sleep(0.05)
            text(number, "slept")
        case "hang":
            return
        case "die" | "die_once" | "die_once_reading":
            if name == "die" or calls == 1:
                sys.stderr.write("I have had enough\n")
                sys.stderr.flush()
                os._exit(3)
            text(number, f"alive {calls}")
        case "flood":
            while True:
                say({"method": "notifications/message", "params": {"level": "info", "data": "x" * 100}})
        case "long":
            sys.stdout.write("x" * 20_000_000)
            sys.stdout.flush()
            time.sleep(60)
        case "rubbish":
            say({"id": number, "result": {"content": "this is no list"}})
        case "fail":
            text(number, "the shelf is empty", isError=True)
        case "refuse":
            say({"id": number, "error": {"code": -32602, "message": "no such shelf"}})
        case "change":
            (FOLDER / "description").write_text(params["text"])
            if "told" in FLAGS:
                say({"method": "notifications/tools/list_changed"})
            text(number, "changed")
        case "stray":
            child = subprocess.Popen(["sleep", "300"], start_new_session=True)
            (FOLDER / "stray").write_text(str(child.pid))
            text(number, "left something behind")


def main() -> None:
    count("starts")
    if "mute" in FLAGS:
        time.sleep(300)
    if "dies-at-start" in FLAGS:
        sys.exit("I will not")
    for line in sys.stdin:
        asked = json.loads(line)
        number, method = asked.get("id"), asked["method"]
        if method == "initialize":
            about = {"capabilities": {"tools": {"listChanged": True}}, "serverInfo": {"name": "fake", "version": "1"}}
            say({"id": number, "result": {"protocolVersion": asked["params"]["protocolVersion"], **about}})
        elif method == "tools/list":
            say({"id": number, "result": {"tools": tools()}})
        elif method == "tools/call":
            call(number, asked["params"]["name"], asked["params"].get("arguments") or {})
        elif number is not None:
            say({"id": number, "error": {"code": -32601, "message": f"no method {method}"}})


if __name__ == "__main__":
    main()
