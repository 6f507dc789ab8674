"""Redaction at the door: secrets become `[REDACTED:kind:hmac8]`, so that equal ones can still be told equal."""

import hmac
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import re2

from orchestrion.eventstore.encoded_secrets import Disguises, escaped_forms
from orchestrion.eventstore.encoded_secrets import cores as disguises
from orchestrion.eventstore.failures import told
from orchestrion.eventstore.home import KEY_FILE, redaction_key
from orchestrion.eventstore.own_rules import OwnRules, own_rules
from orchestrion.eventstore.secret_shapes import ESCAPED_ASCII, LONG_NUMBER, SHAPES, Shape, secret_field
from orchestrion.eventstore.trees import leaves, mapped

MIN_VALUE_LENGTH = 8
"""Characters; a shorter value of an environment variable would be found everywhere."""

NO_RULES = OwnRules()

_AUTOMATON_BYTES = 64 * 2**20
_SECRET_NAME = re.compile(r"(?i)passw|passphrase|pwd|secret|token|api_?key|access_?key|private_?key|credential|_pat\Z")
_PERHAPS_SECRET_NAME = re.compile(r"(?i)key|auth|session|cookie|salt|signature|dsn")
_TRIVIAL = re.compile(
    r"(?i)(?:true|false|enabled?|disabled?|none|null|default|required|optional|production|development|staging|testing"
    r"|localhost|password|passwd|changeme|secret|token|example|[a-z]:?[\\/].*|[/~.].*|https?://[^@]*|\d{1,11})\Z"
)
_PLAIN_WORD = re.compile(r"[a-z]+\Z|[A-Z]+\Z|[A-Z][a-z]+\Z")


class SecretRedactor:
    """`ports.Redactor`: known shapes of keys, the values of secret-looking variables of `environ`, and `own` rules."""

    def __init__(self, key: bytes, environ: Mapping[str, str], own: OwnRules = NO_RULES) -> None:
        self._key, self._own = key, own.rules
        values = sorted(secret_values(environ, own.variables), key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, values))) if values else None
        known = {form for value in values for form in escaped_forms(value)}
        plain = [shape.core for shape in SHAPES]
        disguised = disguises(values).encode()
        decoded = b"|".join(
            [*(f"(?:{core})".encode() for core in plain), *(re2.escape(form) for form in sorted(known)), disguised]
        )
        self._decoded = _automaton(decoded)
        self._shapes = _which(plain)
        self._disguised = _automaton(disguised)
        self._disguises = Disguises(self._disguised.search, self._first, self.mark)
        self._raw = _automaton(decoded + f"|{ESCAPED_ASCII}|{LONG_NUMBER}".encode())
        self._owned = _automaton("|".join(f"(?:{rule.pattern})" for rule in own.rules).encode()) if own.rules else None

    def suspects(self, raw: bytes) -> bool:
        """Whether `raw` (UTF-8 text or a line of JSON) may hold a secret or an integer of more than 64 bits."""
        if self._raw.search(raw) is not None:
            return True
        # A rule of somebody's own may look for what JSON escapes, so it sees the text without escapes.
        return self._owned is not None and self._owned.search(_without_escapes(raw)) is not None

    def clean(self, value: Any) -> Any:
        """`value` (str, or lists, tuples and dicts of any depth) with every secret replaced, in keys too.

        The same object if there is none; else a copy, with lists for tuples.
        """
        if isinstance(value, str):
            return self.clean_text(value)
        if not any(self._holds(under, leaf) for under, leaf in leaves(value)):
            return value
        return _fields_cleaned(self, mapped(value, self._leaf, key=self._leaf))

    def _holds(self, under: Any, leaf: Any) -> bool:
        if not isinstance(leaf, str):
            return False
        return (isinstance(under, str) and secret_field(under, leaf)) or self.clean_text(leaf) is not leaf

    def _leaf(self, leaf: Any) -> Any:
        return self.clean_text(leaf) if isinstance(leaf, str) else leaf

    def clean_text(self, text: str) -> str:
        """`text` with every secret replaced; the same object if there is none."""
        raw = text.encode("utf-8", "surrogatepass")
        owned = self._owned is not None and self._owned.search(raw) is not None
        if not owned and self._decoded.search(raw) is None:
            return text
        cleaned = self._own_cleaned(text) if owned else text
        if self._values is not None:
            cleaned = self._values.sub(lambda match: self.mark("env", match[0]), cleaned)
        for index in sorted(self._shapes.Match(cleaned.encode("utf-8", "surrogatepass")) or ()):
            cleaned = self._shape_cleaned(SHAPES[index], cleaned)
        if self._disguised.search(raw) is not None:
            cleaned = self._disguises.cleaned(cleaned)
        return text if cleaned == text else cleaned

    def _own_cleaned(self, text: str) -> str:
        for rule in self._own:
            group = "secret" if "secret" in rule.exact.groupindex else 0

            def replaced(match: re.Match[str], kind: str = rule.kind, group: str | int = group) -> str:
                start, end = match.span(group)
                if start == end:  # the group took no part, or took nothing
                    return match[0]
                offset = match.start()
                return match[0][: start - offset] + self.mark(kind, match[group]) + match[0][end - offset :]

            text = rule.exact.sub(replaced, text)
        return text

    def _first(self, text: str) -> tuple[str, str] | None:
        """The kind and the text of the first secret in `text` that stands there plainly."""
        if self._values is not None and (value := self._values.search(text)):
            return "env", value[0]
        for index in sorted(self._shapes.Match(text.encode("utf-8", "surrogatepass")) or ()):
            shape = SHAPES[index]
            for match in shape.exact.finditer(text):
                if not match[0].startswith("[REDACTED:") and shape.really(match):
                    return shape.kind, match["secret" if "secret" in shape.exact.groupindex else 0]
        return None

    def _shape_cleaned(self, shape: Shape, text: str) -> str:
        def replaced(match: re.Match[str]) -> str:
            if match[0].startswith("[REDACTED:") or not shape.really(match):
                return match[0]
            group = "secret" if "secret" in shape.exact.groupindex else 0
            start, end = match.span(group)
            before, after = text[match.start() : start], text[end : match.end()]
            return f"{before}{self.mark(shape.kind, match[group])}{after}"

        return shape.exact.sub(replaced, text)

    def mark(self, kind: str, secret: str) -> str:
        """What stands in the place of `secret`."""
        digest = hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), "sha256").hexdigest()
        return f"[REDACTED:{kind}:{digest[:8]}]"


def _fields_cleaned(redactor: SecretRedactor, copy: Any) -> Any:
    """The copy with the values of secret-looking fields replaced, in place."""
    pending = [copy]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif isinstance(item, dict):
            for name, inner in item.items():
                if isinstance(inner, str) and isinstance(name, str) and secret_field(name, inner):
                    item[name] = redactor.mark("assigned-secret", inner)
            pending.extend(item.values())
    return copy


def secret_redactor(home: Path, environ: Mapping[str, str]) -> SecretRedactor:
    """The redactor of a home: its key (made at first use), its own rules. Raises LogUnavailable, BadDefinition."""
    with told(home / KEY_FILE):
        key = redaction_key(home)
    return SecretRedactor(key, environ, own_rules(home))


def passing_redactor(environ: Mapping[str, str]) -> SecretRedactor:
    """A redactor whose key nobody keeps: for a log in memory."""
    return SecretRedactor(os.urandom(32), environ)


OUR_IDS = frozenset({"ORCHESTRION_SESSION", "ORCHESTRION_RUN", "ORCHESTRION_AGENT"})
"""What a conductor tells its agents' processes of themselves: names that the log is full of, and no secrets."""


def secret_values(environ: Mapping[str, str], named: Collection[str] = ()) -> set[str]:
    """Values of secret-looking variables, long and odd enough to be looked for everywhere, and of all `named` ones."""
    found = set()
    for name, given in environ.items():
        value = given.strip()
        if name in named and value:
            found.add(value)
        if len(value) < MIN_VALUE_LENGTH or _TRIVIAL.match(value) or name in OUR_IDS:
            continue
        if _SECRET_NAME.search(name) or (_PERHAPS_SECRET_NAME.search(name) and not _PLAIN_WORD.match(value)):
            found.add(value)
    return found


def _without_escapes(raw: bytes) -> bytes:
    """JSON's text about as it reads when decoded, however often it was escaped: good enough to look into."""
    if b"\\" not in raw:
        return raw
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), raw)


_ESCAPE = re.compile(rb"\\+([nrt\"/])")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def _automaton(pattern: bytes) -> Any:
    return re2.compile(pattern, _options())


def _which(cores: list[str]) -> Any:
    """All cores at once, telling which of them occur: few texts need more than one exact expression."""
    found = re2.Set.SearchSet(_options())
    for core in cores:
        found.Add(core.encode())
    found.Compile()
    return found


def _options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes as they come: no cost for decoding, no error in bad UTF-8
    options.never_capture = True
    options.max_mem = _AUTOMATON_BYTES
    return options
