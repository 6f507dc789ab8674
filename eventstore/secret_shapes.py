"""What secrets look like: for each kind a fast core that every occurrence matches, and the exact expression.

Sources: the vendors' own descriptions of their token formats and the rules of gitleaks and detect-secrets, by idea.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

MARK = r"\[REDACTED:[a-z0-9-]+:[0-9a-f]{8}\]"
"""What stands in the place of a secret; nothing in it is looked at again."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of secret.

    `core` (RE2 syntax) runs over raw, escaped JSON as well as over decoded text and matches wherever `exact` does: it
    uses no word borders, for an escaped newline before a key hides them, and no long counts. `exact` runs over
    decoded text (and steps over marks); its group `secret`, if it has one, is what is replaced. `really` has the last
    word about a match.
    """

    kind: str
    core: str
    exact: re.Pattern[str]
    really: Callable[[re.Match[str]], bool] = lambda _: True


def _exact(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{MARK}|(?:{pattern})")


_START = r"(?<![A-Za-z0-9])"
_END = r"(?![A-Za-z0-9])"
MIN_KEY_BODY = 40
"""Characters of base64 without which a PEM marker is only talk about keys."""


_GAP = r"(?:[ \t]|\\[nrt])"
"""White space as it stands in decoded text or in raw JSON."""


def _token(kind: str, core: str, exact: str, really: Callable[[re.Match[str]], bool] = lambda _: True) -> Shape:
    return Shape(kind, core, _exact(f"{_START}(?:{exact})"), really)


def _mixed(text: str) -> bool:
    """Letters and digits together: what a random token nearly always has and a word has not."""
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


_WORDS = re.compile(r"[A-Za-z]+\d{0,2}(?:[-_./:][A-Za-z]*\d{0,2})*\Z")
_PLACEHOLDER = re.compile(
    r"\[REDACTED:|\$[{(A-Za-z]|\{\{?|<|%[({A-Za-z]|\*{3}|\.{3}|x{4}|0{6}|your[-_]|my[-_]|example|placeholder|change[-_]?me"
    r"|dummy|process\.env|os\.environ|env\.|getenv|secrets?\.|config\.|settings\.|self\.|this\.|1234567",
    re.IGNORECASE,
)


def _assigned(match: re.Match[str]) -> bool:
    """Whether what stands behind `password =` is a value and no code, name, word or placeholder."""
    value = match["secret"]
    if _PLACEHOLDER.match(value) or len(set(value)) < 5:
        return False
    if match["quote"]:
        return not _WORDS.match(value)
    # Without quotes it is code more often than not; only what no identifier looks like is taken.
    return _mixed(value) and not _WORDS.match(value) and not match["call"]


def _credentials(match: re.Match[str]) -> bool:
    return not _PLACEHOLDER.match(match["secret"])


def _basic(match: re.Match[str]) -> bool:
    try:
        return b":" in base64.b64decode(match["secret"] + "=" * (-len(match["secret"]) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False


def _bearer(match: re.Match[str]) -> bool:
    value = match["secret"]
    if _PLACEHOLDER.match(value):
        return False
    return _mixed(value) or (value.lower() != value and value.upper() != value and len(value) >= 20)


def _key_block(match: re.Match[str]) -> bool:
    body = re.sub(r"\\[nr]|[^A-Za-z0-9+/]", "", match["body"])
    return len(body) >= MIN_KEY_BODY


_NAMES = (
    r"pass(?:word|wd|phrase)|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|client[-_]?key"
    r"|account[-_]?key|encryption[-_]?key|signing[-_]?key|auth[-_]?key|credentials?"
)

_VALUE = r"[A-Za-z0-9!#%&*+./:?@^_~$|=-]"

SHAPES: tuple[Shape, ...] = (
    Shape(
        "private-key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
        _exact(
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            r"(?P<body>(?:(?!-----BEGIN )[\s\S])*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            r"|[A-Za-z0-9+/=\s\\:,.-]{40,})"
        ),
        _key_block,
    ),
    _token("anthropic-key", r"sk-ant-[A-Za-z0-9_-]{10}", r"sk-ant-[A-Za-z0-9_-]{16,}"),
    _token(
        "openai-key",
        r"sk-(?:proj-|svcacct-|admin-|or-v1-|None-)?[A-Za-z0-9_]{16}",
        r"sk-(?:(?:proj|svcacct|admin|or-v1|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9_]{20,}" + _END + ")",
        lambda match: _mixed(match[0]),
    ),
    _token("aws-key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}" + _END),
    _token("github-token", r"gh[pousr]_[A-Za-z0-9]{16}", r"gh[pousr]_[A-Za-z0-9]{20,}"),
    _token("github-token", r"github_pat_[A-Za-z0-9]{10}", r"github_pat_[A-Za-z0-9_]{20,}"),
    _token(
        "gitlab-token",
        r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|oas|imt)-[A-Za-z0-9_-]{10}",
        r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|oas|imt)-[A-Za-z0-9_-]{16,}",
    ),
    _token("slack-token", r"xox[abeoprs]-[A-Za-z0-9-]{8}", r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}"),
    _token("slack-token", r"xapp-[0-9]-[A-Za-z0-9]", r"xapp-\d-[A-Za-z0-9-]{10,}"),
    Shape(
        "slack-webhook",
        r"hooks\.slack\.com\\?/services",
        _exact(r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_-]{20,})"),
    ),
    _token("google-key", r"AIza[A-Za-z0-9_-]{16}", r"AIza[A-Za-z0-9_-]{35}"),
    _token("google-oauth", r"ya29\.[A-Za-z0-9_-]{10}", r"ya29\.[A-Za-z0-9_-]{20,}"),
    _token("google-oauth", r"GOCSPX-[A-Za-z0-9_-]{10}", r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    _token("stripe-key", r"[srp]k_(?:live|test)_[A-Za-z0-9]{8}", r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,}"),
    _token("stripe-key", r"whsec_[A-Za-z0-9+/]{10}", r"whsec_[A-Za-z0-9+/=]{20,}"),
    _token("npm-token", r"npm_[A-Za-z0-9]{20}", r"npm_[A-Za-z0-9]{30,}"),
    _token("pypi-token", r"pypi-[A-Za-z0-9_-]{20}", r"pypi-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{40,}"),
    _token("huggingface-token", r"(?:hf_|api_org_)[A-Za-z0-9]{16}", r"(?:hf_|api_org_)[A-Za-z0-9]{30,}"),
    _token("sendgrid-key", r"SG\.[A-Za-z0-9_-]{10}", r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    _token("twilio-key", r"(?:SK|AC)[0-9a-f]{32}", r"(?:SK|AC)[0-9a-f]{32}" + _END),
    _token("digitalocean-token", r"do[opr]_v1_[a-f0-9]{16}", r"do[opr]_v1_[a-f0-9]{40,}"),
    _token("databricks-token", r"dapi[a-f0-9]{32}", r"dapi[a-f0-9]{32}"),
    _token("telegram-token", r"[0-9]{8}:AA[A-Za-z0-9_-]{16}", r"\d{8,10}:AA[A-Za-z0-9_-]{32,33}"),
    _token("groq-key", r"gsk_[A-Za-z0-9]{20}", r"gsk_[A-Za-z0-9]{40,}"),
    _token("xai-key", r"xai-[A-Za-z0-9]{20}", r"xai-[A-Za-z0-9]{40,}"),
    _token("replicate-token", r"r8_[A-Za-z0-9]{20}", r"r8_[A-Za-z0-9]{35,}"),
    _token("linear-key", r"lin_(?:api|oauth)_[A-Za-z0-9]{10}", r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}"),
    _token("notion-token", r"(?:ntn_|secret_)[A-Za-z0-9]{20}", r"(?:ntn_|secret_)[A-Za-z0-9]{40,}"),
    _token("shopify-token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{16}", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    _token("docker-token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{10}", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"),
    _token("vault-token", r"hv[sbr]\.[A-Za-z0-9_-]{16}", r"hv[sbr]\.[A-Za-z0-9_-]{20,}"),
    _token("age-key", r"AGE-SECRET-KEY-1[A-Z0-9]{16}", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
    _token(
        "jwt",
        r"eyJ[A-Za-z0-9_-]{8}[A-Za-z0-9_-]*\.eyJ",
        r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)?",
    ),
    Shape(
        "url-credentials",
        r":(?:\\?/){2}[^\s\"'`\\/@:<>]*:[^\s\"'`\\/@<>]+@",
        _exact(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'`\\/@:<>]*:(?P<secret>[^\s\"'`\\/@<>]+)@"),
        _credentials,
    ),
    Shape(
        "basic-auth",
        rf"(?i:basic){_GAP}+[A-Za-z0-9+/]{{8}}",
        _exact(_START + r"(?i:basic)[ \t]+(?P<secret>[A-Za-z0-9+/]{8,}={0,2})"),
        _basic,
    ),
    Shape(
        "bearer-token",
        rf"(?i:bearer){_GAP}+[A-Za-z0-9._~+/=-]{{16}}",
        _exact(_START + r"(?i:bearer)[ \t]+(?P<secret>[A-Za-z0-9._~+/=-]{16,})"),
        _bearer,
    ),
    Shape(
        "authorization",
        rf"(?i:authorization)[\"'\\]*{_GAP}*[:=]{_GAP}*[\"'\\]*(?i:bearer|basic|token|apikey|digest){_GAP}+[A-Za-z0-9._~+/=-]{{8}}",
        _exact(
            r"(?i:authorization)[\"'\\]*[ \t]*[:=][ \t]*[\"'\\]*(?i:bearer|basic|token|apikey|digest)[ \t]+"
            r"(?P<secret>[A-Za-z0-9._~+/=-]{8,})"
        ),
        _credentials,
    ),
    Shape(
        "assigned-secret",
        rf"(?i:{_NAMES})[\"'`\\]*{_GAP}*(?::=|=>|[:=]){_GAP}*[\"'`\\]*{_VALUE}{{8}}",
        _exact(
            rf"(?i:{_NAMES})(?:\\*[\"'`])?[ \t]*(?::=|=>|[:=])[ \t]*(?P<quote>\\*[\"'`])?"
            rf"(?P<secret>{_VALUE}{{8,256}})(?P<call>[(\[{{])?"
        ),
        _assigned,
    ),
)

ESCAPED_ASCII = r"\\u00[2-7][0-9a-fA-F]|[A-Za-z0-9+]\\/[A-Za-z0-9+]"
"""Characters that JSON need not escape: where somebody did, only the decoded text can be judged."""

LONG_NUMBER = r"[-:,\[\s][0-9]{20}"
"""The beginning of a number in JSON that may not fit into 64 bits."""

_NAMED = re.compile(rf"(?i:{_NAMES})\Z")
_ALL_VALUE = re.compile(rf"{_VALUE}{{8,256}}\Z")


def secret_field(key: str, value: str) -> bool:
    """Whether a JSON field called `key` holds a secret: the same rule as for `key = "value"` in text."""
    if not _NAMED.search(key) or not _ALL_VALUE.match(value):
        return False
    return not (_PLACEHOLDER.match(value) or len(set(value)) < 5 or _WORDS.match(value))
