"""Secrets in disguise: base64 (also URL-safe), hex, URL-encoded and escaped text that decodes to one.

A disguise is looked at only where its beginning is seen: the literal beginnings of secrets (`sk-ant-`, `password`, the
values of variables) are encoded once, in every alignment, into the automaton that runs over all text anyway.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote_plus

import re2

Found = tuple[str, str]
"""The kind of a secret, and the secret itself."""

BEGINNINGS = (
    *("sk-ant-", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-v1-", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_"),
    *("ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glptt-", "xoxb-", "xoxp-", "xoxa-", "xoxe", "xoxs-", "xapp-"),
    *("hooks.slack.com", "AIza", "ya29.", "GOCSPX-", "sk_live_", "sk_test_", "rk_live_", "pk_live_", "whsec_", "npm_"),
    *("pypi-", "hf_", "SG.", "dop_v1_", "doo_v1_", "dapi", "gsk_", "xai-", "lin_api_", "lin_oauth_", "ntn_", "secret_"),
    *("shpat_", "shpca_", "shpss_", "dckr_pat_", "hvs.", "hvb.", "AGE-SECRET-KEY-1", "eyJhbGciOi", "eyJ0eXAiOi"),
    *("eyJraWQiOi", "eyJlbmMiOi", "-----BEGIN ", "Bearer ", "bearer ", "Basic ", "basic ", "uthorization", "r8_"),
    *("http://", "https://", "postgres", "mysql", "mongodb", "redis", "amqp", "ftp://", "ssh://", "mssql", "sftp://"),
)
"""With what the known shapes begin; the names before `=` are added in three spellings."""

NAMES = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "apikey", "api-key", "access_key"),
    *("accesskey", "private_key", "privatekey", "client_key", "account_key", "accountkey", "encryption_key"),
    *("signing_key", "auth_key", "credential"),
)
MIN_LITERAL = 4
"""Characters of an encoded beginning; shorter ones are found everywhere in long base64."""
MAX_RUN = 1_000_000
"""Characters of one encoded run that are decoded; a longer one is data, and its beginning is enough to tell."""

_NAMED = "|".join(NAMES)
_PERCENT_CORES = (
    r"(?i:%3a%2f%2f)[^\s\"'<>]{3}",
    rf"(?i:{_NAMED})(?i:%5c|%22|%27|%20|\+)*(?i:%3d|%3a)",
    r"(?i:bearer|basic|token)(?:%20|\+)[A-Za-z0-9%]{8}",
    r"BEGIN(?:%20|\+)",
    r"(?:%[0-9A-Fa-f]{2}){6}",
)
_ESCAPED_CORES = (r"\\u00[2-7][0-9a-fA-F]", r":\\+/\\+/", r"\.com\\+/services")


def cores(values: Iterable[str]) -> str:
    """The RE2 expression that every disguise of a known shape, or of one of `values`, matches."""
    words = {*BEGINNINGS, *(spelled for name in NAMES for spelled in (name, name.upper(), name.capitalize()))}
    literals = {form for word in words for form in _literals(word)} | {form for v in values for form in _literals(v)}
    literals |= {form for value in values for form in _quoted(value)}
    return "|".join([*sorted(map(re2.escape, literals)), *_PERCENT_CORES, *_ESCAPED_CORES])


def _literals(word: str) -> Iterator[str]:
    """What stands in encoded text wherever `word` stands in the text: base64 in its three alignments, and hex."""
    raw = word.encode("utf-8", "surrogatepass")
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).decode()
        first, last = -(-8 * before // 6), 8 * (before + len(raw)) // 6
        if last - first >= MIN_LITERAL:
            yield coded[first:last]
            yield coded[first:last].translate(_URL_SAFE)
    yield raw.hex()
    yield raw.hex().upper()


_URL_SAFE = str.maketrans("+/", "-_")


def _quoted(value: str) -> Iterator[str]:
    """A value URL-encoded, where that changes it."""
    safe = value.encode("utf-8", "replace").decode()
    forms = {quote(safe, safe=""), quote(safe), quote_plus(safe)}
    for form in forms | {re.sub("%..", lambda match: match[0].lower(), form) for form in forms}:
        if form != value:
            yield form


class Disguises:
    """Replaces whatever decodes to a secret.

    `seen` tells whether a disguise may begin in bytes, `first` finds the first secret in text, `mark` makes its mark.
    """

    def __init__(
        self,
        seen: Callable[[bytes], object],
        first: Callable[[str], Found | None],
        mark: Callable[[str, str], str],
    ) -> None:
        self._seen, self._first, self._mark = seen, first, mark

    def cleaned(self, text: str) -> str:
        """`text` without its disguised secrets."""
        for run, decodings in _DISGUISES:
            text = run.sub(lambda match, decodings=decodings: self._replaced(match[0], decodings), text)  # type: ignore[misc]
        return text

    def _replaced(self, run: str, decodings: "Decodings") -> str:
        if self._seen(run.encode("utf-8", "surrogatepass")) is None:
            return run
        for skipped, decoded in decodings(run[:MAX_RUN]):
            found = self._first(decoded)
            if found is not None:
                # Equal secrets have equal marks, however they are written.
                return run[:skipped] + self._mark(*found)
        return run


Decodings = Callable[[str], Iterator[tuple[int, str]]]
"""A run to (how many characters were passed over, what the rest decodes to)."""


def _base64(run: str) -> Iterator[tuple[int, str]]:
    """What a run of base64 may say; letters before it may belong to something else."""
    body = run.rstrip("=").translate(_STANDARD)
    for skipped in range(4):
        part = body[skipped:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        with_pads = part + "=" * (-len(part) % 4)
        try:
            yield skipped, _text(base64.b64decode(with_pads))
        except binascii.Error:
            continue


_STANDARD = str.maketrans("-_", "+/")


def _hex(run: str) -> Iterator[tuple[int, str]]:
    for skipped in (0, 1):
        part = run[skipped:]
        yield skipped, _text(bytes.fromhex(part[: len(part) // 2 * 2]))


def _percent(run: str) -> Iterator[tuple[int, str]]:
    yield 0, unquote_plus(run, errors="replace")


def _unescaped(run: str) -> Iterator[tuple[int, str]]:
    r"""JSON's escapes, once or more often escaped: `\u0073`, `\\u0073`, `\/`."""
    plain = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), run)
    yield 0, re.sub(r"\\+/", "/", plain)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


# Each begins only where a run begins: a long run that does not match is looked at once, not from each of its letters.
_DISGUISES: tuple[tuple[re.Pattern[str], Decodings], ...] = (
    (re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{16,}"), _hex),
    (re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,}={0,2}"), _base64),
    (re.compile(r"(?<![^\s\"'<>\\`])[^\s\"'<>\\`]*?%[0-9A-Fa-f]{2}[^\s\"'<>\\`]*"), _percent),
    (re.compile(r"(?<![^\s\"'<>`\\])[^\s\"'<>`\\]*(?:\\{1,8}(?:/|u[0-9a-fA-F]{4})[^\s\"'<>`\\]*)+"), _unescaped),
)


def escaped_forms(value: str) -> set[bytes]:
    """`value` as it may stand in raw text or JSON."""
    forms = (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    return {form.encode("utf-8", "surrogatepass") for form in forms}
