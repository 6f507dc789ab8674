"""A corpus of forty shapes of secrets in six encodings, made up from a seed, on every way into the log."""

import base64
import json
import os
import random
import string
import subprocess
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from orchestrion.cli.main import main
from orchestrion.domain.errors import BadDefinition
from orchestrion.eventstore import open_log, secret_redactor
from orchestrion.eventstore.redaction import SecretRedactor

AT_LEAST = {"plain": 0.95}
AT_LEAST_ENCODED = 0.80
SOURCE_LINES = 5000
MAX_FALSE = 0.01

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits


class Maker:
    """Draws the parts of secrets."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - made up, and the same in every run

    def draw(self, count: int, alphabet: str = LETTERS) -> str:
        return (
            "".join(self._chance.choice(alphabet) for _ in range(count)) if count < 6 else self._mixed(count, alphabet)
        )

    def _mixed(self, count: int, alphabet: str) -> str:
        body = [self._chance.choice(alphabet) for _ in range(count - 2)]
        digits, letters = [c for c in alphabet if c.isdigit()], [c for c in alphabet if c.isalpha()]
        return "".join([self._chance.choice(letters or alphabet), self._chance.choice(digits or alphabet), *body])

    def coded(self, count: int) -> str:
        return base64.b64encode(self._chance.randbytes(count)).decode()

    def jwt(self) -> str:
        def part(value: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        head = part({"alg": "HS256", "typ": "JWT"})
        return f"{head}.{part({'sub': self.draw(12), 'iat': 1516239022})}.{self.draw(43)}"

    def pem(self, kind: str) -> str:
        body = "\n".join(self.coded(48) for _ in range(12))
        return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


SHAPES: dict[str, Callable[[Maker], str]] = {
    "anthropic": lambda m: f"sk-ant-api03-{m.draw(80)}-{m.draw(6)}AA",
    "anthropic admin": lambda m: f"sk-ant-admin01-{m.draw(80)}",
    "openai project": lambda m: f"sk-proj-{m.draw(74)}",
    "openai": lambda m: f"sk-{m.draw(48)}",
    "openrouter": lambda m: f"sk-or-v1-{m.draw(64, HEX)}",
    "aws id": lambda m: f"AKIA{m.draw(16, UPPER)}",
    "aws temporary id": lambda m: f"ASIA{m.draw(16, UPPER)}",
    "aws secret": lambda m: f"aws_secret_access_key = {m.draw(40)}",
    "github": lambda m: f"ghp_{m.draw(36)}",
    "github server": lambda m: f"ghs_{m.draw(36)}",
    "github fine-grained": lambda m: f"github_pat_{m.draw(22)}_{m.draw(59)}",
    "gitlab": lambda m: f"glpat-{m.draw(20)}",
    "slack bot": lambda m: f"xoxb-{m.draw(12, string.digits)}-{m.draw(12, string.digits)}-{m.draw(24)}",
    "slack app": lambda m: f"xapp-1-A{m.draw(10, UPPER)}-{m.draw(13, string.digits)}-{m.draw(64, HEX)}",
    "slack webhook": lambda m: f"https://hooks.slack.com/services/T{m.draw(8, UPPER)}/B{m.draw(8, UPPER)}/{m.draw(24)}",
    "google": lambda m: f"AIza{m.draw(35)}",
    "google oauth": lambda m: f"ya29.{m.draw(60)}",
    "google client": lambda m: f"GOCSPX-{m.draw(28)}",
    "stripe": lambda m: f"sk_live_{m.draw(24)}",
    "stripe webhook": lambda m: f"whsec_{m.draw(32)}",
    "npm": lambda m: f"npm_{m.draw(36)}",
    "pypi": lambda m: f"pypi-AgEIcHlwaS5vcmc{m.draw(60)}",
    "hugging face": lambda m: f"hf_{m.draw(34)}",
    "sendgrid": lambda m: f"SG.{m.draw(22)}.{m.draw(43)}",
    "twilio": lambda m: f"SK{m.draw(32, HEX)}",
    "digitalocean": lambda m: f"dop_v1_{m.draw(64, HEX)}",
    "databricks": lambda m: f"dapi{m.draw(32, HEX)}",
    "telegram": lambda m: f"{m.draw(9, string.digits)}:AA{m.draw(33)}",
    "groq": lambda m: f"gsk_{m.draw(52)}",
    "linear": lambda m: f"lin_api_{m.draw(40)}",
    "notion": lambda m: f"ntn_{m.draw(46)}",
    "shopify": lambda m: f"shpat_{m.draw(32, HEX)}",
    "docker": lambda m: f"dckr_pat_{m.draw(27)}",
    "vault": lambda m: f"hvs.{m.draw(90)}",
    "jwt": Maker.jwt,
    "private key": lambda m: m.pem("RSA "),
    "openssh key": lambda m: m.pem("OPENSSH "),
    "database url": lambda m: f"postgresql://admin:{m.draw(16)}@db.internal:5432/shop",
    "bearer": lambda m: f"Authorization: Bearer {m.draw(40)}",
    "password": lambda m: f'password = "{m.draw(20)}"',
}

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda s: s,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 within text": lambda s: base64.urlsafe_b64encode(f"k={s};".encode()).decode(),
    "hex": lambda s: s.encode().hex(),
    "URL": lambda s: quote(s, safe=""),
    "JSON": lambda s: json.dumps({"value": s}).replace("/", "\\/"),
}


def secret_of(written: str) -> str:
    """The part of a shape that must not be kept."""
    for before, after in ((" = ", "\n"), ("Bearer ", "\n"), ("admin:", "@"), ("services/", "\n"), ('"', '"')):
        if before in written and not written.startswith("-----"):
            return written.split(before, 1)[1].split(after, maxsplit=1)[0].strip('"')
    return written


def corpus(seed: int = 11) -> Iterator[tuple[str, str, str, str]]:
    """(shape, encoding, the text that is written, what must not be found): the secret, or its disguise."""
    for name, make in SHAPES.items():
        maker = Maker(seed)
        for encoding, encode in ENCODINGS.items():
            written = make(maker)
            disguised = encode(written)
            secret = secret_of(written)
            if encoding in ("plain", "URL"):
                lost = quote(secret, safe="") if encoding == "URL" else secret
            elif encoding == "JSON":
                lost = json.dumps(secret)[1:-1].replace("/", "\\/")
            else:
                lost = disguised.rstrip("=")
            yield name, encoding, disguised, lost


def rates(found: Callable[[str, str], bool]) -> dict[str, float]:
    """By encoding, the share of shapes of which nothing was `found`, given what was written and what must be lost."""
    kept: dict[str, int] = defaultdict(int)
    for _, encoding, written, lost in corpus():
        kept[encoding] += found(written, lost)
    return {encoding: 1 - kept[encoding] / len(SHAPES) for encoding in ENCODINGS}


def test_the_corpus_is_as_large_as_it_says_and_disguises_are_disguises() -> None:
    assert (len(SHAPES), len(ENCODINGS)) == (40, 6)
    assert all(lost in written for _, _, written, lost in corpus())


@pytest.mark.parametrize("around", ["{}", "I ran this:\n{}\nand it worked.", "<a href='{}'>"])
def test_secrets_are_found_in_every_encoding(around: str) -> None:
    redactor = SecretRedactor(b"k" * 32, {})
    found = rates(lambda written, lost: lost in redactor.clean(around.format(written)))
    for encoding, rate in found.items():
        assert rate >= AT_LEAST.get(encoding, AT_LEAST_ENCODED), found


def test_the_prefilter_sees_every_disguise_that_is_replaced() -> None:
    redactor = SecretRedactor(b"k" * 32, {})
    for _, _, written, _ in corpus(seed=12):
        if redactor.clean(written) is not written:
            assert redactor.suspects(json.dumps(written).encode())
            assert redactor.suspects(json.dumps(json.dumps(written)).encode())


def test_long_runs_that_hide_nothing_take_no_quadratic_time() -> None:
    redactor = SecretRedactor(b"k" * 32, {})
    hint = " c2stYW50LQ== %3A%2F%2Fx \\\\u0041 "  # so that every disguise is looked for
    for run in (
        "A" * 500_000,
        "a/" * 250_000,
        "\\" * 500_000,
        "%" * 500_000,
        "%41" * 150_000,
        "ab12" * 120_000,
        "\\u0041" * 80_000,
    ):
        begun = time.process_time()
        redactor.clean(hint + run + hint)
        assert time.process_time() - begun < 10, run[:8]


def test_a_secret_has_the_same_mark_in_every_disguise() -> None:
    token = Maker(3).draw(36)
    redactor = SecretRedactor(b"k" * 32, {"DEPLOY_PASSWORD": "corr€ct horse 7"})
    for secret, kind in ((f"ghp_{token}", "github-token"), ("corr€ct horse 7", "env")):
        mark = redactor.mark(kind, secret)
        for encode in (ENCODINGS["base64"], ENCODINGS["hex"], ENCODINGS["base64 within text"], ENCODINGS["URL"]):
            assert mark in redactor.clean(f"x {encode(secret)} y"), encode(secret)


def test_ordinary_source_stays_as_it_is() -> None:
    redactor = SecretRedactor(b"k" * 32, {})
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    names = {
        "secrets.py",
        "hashlib.py",
        "ssl.py",
        "netrc.py",
        "getpass.py",
        "base64.py",
        "hmac.py",
        "token.py",
        "uuid.py",
    }
    first = [file for file in files if file.name in names]
    lines = [
        line
        for file in [*first, *(file for file in files if file not in first)]
        for line in file.read_text(errors="replace").splitlines()
        if line.strip()
    ][:SOURCE_LINES]
    assert len(lines) == SOURCE_LINES
    assert sum(redactor.clean(line) is not line for line in lines) < MAX_FALSE * SOURCE_LINES


def test_no_file_under_the_home_holds_them_whichever_way_they_came(tmp_path: Path) -> None:
    home = tmp_path / "home"
    texts = [written for _, _, written, _ in corpus()]
    for way in (imported, hooked, sent, judged):
        way(home, tmp_path, texts)
    kept = everything(home)
    found = rates(lambda _, lost: lost in kept or json.dumps(lost)[1:-1] in kept)
    for encoding, rate in found.items():
        assert rate >= AT_LEAST.get(encoding, AT_LEAST_ENCODED), found
    assert "[REDACTED:github-token:" in kept
    assert all(f"session-{way}" in kept or way in kept for way in ("imported", "hooked", "sent", "judged"))


def imported(home: Path, folder: Path, texts: list[str]) -> None:
    """A transcript, its prompts and a tool's parameters and results."""
    session = "0a1b2c3d-0000-4000-8000-0000imported"
    lines = []
    for number, text in enumerate(texts):
        about = {
            "uuid": f"u{number}",
            "sessionId": session,
            "timestamp": f"2026-01-30T10:{number // 60:02}:{number % 60:02}Z",
        }
        call = f"toolu_{number}"
        said = [
            {"type": "text", "text": text},
            {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": text}},
        ]
        told = [{"type": "tool_result", "tool_use_id": call, "content": text}]
        lines += [
            {"type": "assistant", "message": {"id": f"m{number}", "role": "assistant", "content": said}, **about},
            {"type": "user", "message": {"role": "user", "content": told}, **about, "uuid": f"r{number}"},
        ]
    file = folder / f"{session}.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert main(["import", "claude-code", str(file), "--home", str(home), "--format", "json"]) == 0


def hooked(home: Path, folder: Path, texts: list[str]) -> None:
    """A hook's payload, kept in the spool until the next command of ours."""
    about = {"session_id": "hooked", "hook_event_name": "UserPromptSubmit", "cwd": "/", "transcript_path": "/x.jsonl"}
    payload = json.dumps({**about, "prompt": "\n".join(texts)}).encode()
    command = [sys.executable, "-m", "orchestrion.cli.hook", "--home", str(home)]
    assert subprocess.run(command, input=payload, check=True, capture_output=True, timeout=60).stdout == b""
    assert main(["status", "--home", str(home), "--format", "json"]) == 0
    assert not list((home / "spool").glob("*.json*"))


def sent(home: Path, folder: Path, texts: list[str]) -> None:
    payload = json.dumps({"warning": "sent " + " ".join(texts)})
    about = ["send", "human", "--session", "hooked", "--type", "warning", "--home", str(home)]
    assert main([*about, "--payload", payload]) in (0, 3)  # nobody may be there: it is kept all the same


def judged(home: Path, folder: Path, texts: list[str]) -> None:
    run = "0a1b2c3d-0000-4000-8000-0000imported/main"
    reason = "judged " + "\n".join(texts)[:100_000]
    assert main(["judge", run, "--verdict", "accepted", "--reason", reason, "--home", str(home)]) == 0


def everything(home: Path) -> str:
    """Every byte of every file of the home, and every event and body of the log as it reads."""
    files = [
        path.read_bytes().decode("latin-1")
        for path in home.rglob("*")
        if path.is_file() and "workspaces" not in path.parts
    ]
    log = open_log(home)
    try:
        rows = [row[5].decode() for row in log.rows(after=0, limit=100_000)]
        names = {ref["hash"] for row in rows for ref in json.loads(row).get("bodies", {}).values()}
        names |= {name for row in rows for name in json.loads(row).get("blocks", ())}
        bodies = [log.blob(name).decode("utf-8", "replace") for name in sorted(names)]
    finally:
        log.close()
    assert bodies
    return "\n".join([*files, *rows, *bodies])


RULES = """
variables = ["SHIP_NAME"]
[[rule]]
kind = "customer"
pattern = 'CUST-[0-9]{6}'
[[rule]]
kind = "pin"
pattern = '(?i)"pin"\\s*:\\s*"(?P<secret>[0-9]{4})"'
"""


def test_a_homes_own_rules_hold_besides(tmp_path: Path) -> None:
    (tmp_path / "redaction.toml").write_text(RULES)
    redactor = secret_redactor(tmp_path, {"SHIP_NAME": "argo", "HOME": "/home/somebody"})
    text = 'of CUST-123456 on the argo:\n{"pin": "1234"}'
    cleaned = redactor.clean(text)
    marks = [redactor.mark("customer", "CUST-123456"), redactor.mark("env", "argo"), redactor.mark("pin", "1234")]
    assert cleaned == f'of {marks[0]} on the {marks[1]}:\n{{"pin": "{marks[2]}"}}'
    for one in ("CUST-123456", '{"pin":\t"1234"}', "argo"):
        assert redactor.suspects(json.dumps(one).encode()), one
        assert redactor.suspects(json.dumps({"a": json.dumps({"b": one})}).encode()), one
    assert redactor.clean(cleaned) is cleaned


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule", "not TOML"),
        ("rules = 1", "'rules' is not known"),
        ("variables = 3", "list of names"),
        ('[[rule]]\nkind = "a"', "rule 1: must have"),
        ('[[rule]]\nkind = "A b"\npattern = "x"', "short word"),
        ('[[rule]]\nkind = "a"\npattern = "^x"', "without ^"),
        ('[[rule]]\nkind = "a"\npattern = "x("', "the pattern is none"),
        ('[[rule]]\nkind = "a"\npattern = "(?=x)y"', "the pattern is none"),
        ('[[rule]]\nkind = "a"\npattern = "x*"', "everywhere"),
    ],
)
def test_a_bad_rule_is_refused_and_nothing_is_recorded_without_it(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "redaction.toml").write_text(text)
    with pytest.raises(BadDefinition, match=r"redaction\.toml") as refused:
        secret_redactor(tmp_path, os.environ)
    assert told in str(refused.value)
