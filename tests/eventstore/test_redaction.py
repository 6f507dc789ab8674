"""Secrets go, everything else stays, and the prefilter never passes over what the exact work would find."""

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.eventstore import secret_redactor
from orchestrion.eventstore.redaction import SecretRedactor, secret_values

ENVIRONMENT = {
    "DEPLOY_TOKEN": "plain words 77",
    "DB_PASSWORD": 'he"llo\\wörld',
    "HOME": "/home/somebody",
    "AUTH_METHOD": "certificate",
    "SSH_AUTH_SOCK": "/tmp/ssh-xyz/agent.1",
    "FEATURE_SECRET": "enabled",
    "API_KEY": "short",
}
REDACTOR = SecretRedactor(b"k" * 32, ENVIRONMENT)

# Made up for this test, put together so that no scanner takes this file for a leak.
SECRETS = {
    "anthropic-key": "sk-ant-" + "api03-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5",
    "openai-key": "sk-" + "proj-abcDEF1234567890abcDEF1234567890",
    "aws-key": "AKIA" + "QWERTYUIOP123456",
    "github-token": "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "gitlab-token": "glpat-" + "abcdefghij0123456789",
    "slack-token": "xoxb-" + "123456789012-1234567890123-abcdefABCDEF",
    "google-key": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "stripe-key": "sk_live_" + "abcdefghijklmnop12345678",
    "npm-token": "npm_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "pypi-token": "pypi-" + "AgEIcHlwaS5vcmcCJDEyMzQ1Njc4LTkwYWItY2RlZi0xMjM0",
    "huggingface-token": "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "sendgrid-key": "SG." + "abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "twilio-key": "SK" + "0123456789abcdef0123456789abcdef",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "docker-token": "dckr_pat_" + "abcdefghijklmnopqrstuvwxyz1",
    "digitalocean-token": "dop_v1_" + "0123456789abcdef" * 4,
}
KEY_BLOCK = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + ("MIIEpAIBAAKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0t\n" * 6)
    + "-----END RSA PRIVATE KEY-----"
)


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("around", ["{}", "first\n{}\nlast", "--key={}", '{{"a": "{}"}}', "ü{}ü", "\t{}.", "({})"])
def test_every_known_shape_is_replaced_wherever_it_stands(kind: str, around: str) -> None:
    text = around.format(SECRETS[kind])
    assert REDACTOR.suspects(json.dumps(text).encode())
    cleaned = REDACTOR.clean(text)
    assert SECRETS[kind] not in cleaned
    assert cleaned == around.format(REDACTOR.mark(kind, SECRETS[kind]))


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("postgresql://admin:s3cr3t@db:5432/x", "postgresql://admin:[REDACTED:url-credentials:*]@db:5432/x"),
        ("Authorization: Bearer abcdef12", "Authorization: Bearer [REDACTED:authorization:*]"),
        ("-H 'authorization: bearer A1b2C3d4E5f6G7h8'", "-H 'authorization: bearer [REDACTED:bearer-token:*]'"),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic [REDACTED:basic-auth:*]"),
        ('password = "hunter2hunter2"', 'password = "[REDACTED:assigned-secret:*]"'),
        ("export API_KEY=abcd1234efgh5678", "export API_KEY=[REDACTED:assigned-secret:*]"),
        ('{\\"client_secret\\": \\"a1b2c3d4e5f6\\"}', '{\\"client_secret\\": \\"[REDACTED:assigned-secret:*]\\"}'),
        ("say plain words 77 aloud", "say [REDACTED:env:*] aloud"),
        ('pw he"llo\\wörld', "pw [REDACTED:env:*]"),
        (f"a\n{KEY_BLOCK}\nb", "a\n[REDACTED:private-key:*]\nb"),
        (KEY_BLOCK.replace("\n", "\\n"), "[REDACTED:private-key:*]"),
        (KEY_BLOCK[:200], "[REDACTED:private-key:*]"),
    ],
)
def test_secrets_in_their_surroundings(text: str, cleaned: str) -> None:
    assert REDACTOR.suspects(json.dumps(text).encode())
    before, after = cleaned.split("*")
    found = REDACTOR.clean(text)
    assert found.startswith(before)
    assert found.endswith(after)
    assert len(found) == len(before) + 8 + len(after)


@pytest.mark.parametrize(
    "text",
    [
        "password = get_password()",
        "token: str = Field(default=None, repr=False)",
        'usage = {"input_tokens": 123456789012, "cache_read_input_tokens": 98765432101}',
        "secret = config.secret_name_v2",
        "def login(password=password1, token=auth_token2): ...",
        'api_key = os.environ["API_KEY_1234"]',
        'api_key: "${API_KEY_1234}"',
        'password: "your-password-1234"',
        'token = "<token-12345678>"',
        "if '-----BEGIN PRIVATE KEY-----' in text: raise ValueError",
        'const label = { password: "Password", secret: "required" };',
        "basic understanding of bearer authentication",
        "the task-1234567890abcdefghijkl and disk-abcdefghijklmnop12345",
        'class="sk-toggleable__content sk-estimator_documentation_link"',
        "https://example.com:8080/path@version/and:more@2",
        "git@github.com:owner/repository.git",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "550e8400-e29b-41d4-a716-446655440000",
        "certificate and /home/somebody are enabled, this is short",
        "toolu_01A09q90qw90lq917835lq9",
    ],
)
def test_ordinary_text_and_code_stay_as_they_are(text: str) -> None:
    assert REDACTOR.clean(text) is text


def test_structures_without_secrets_are_given_back_themselves() -> None:
    value = {"usage": {"input_tokens": 12}, "a": [1, None, ("x",)]}
    assert REDACTOR.clean(value) is value


def test_structures_are_cleaned_in_keys_and_in_named_fields() -> None:
    token = SECRETS["github-token"]
    cleaned = REDACTOR.clean(
        {"password": "hunter22x", "n": 1, token: [{"x": f"a {token}"}], "password_hint": "my dog rex"}
    )
    mark = REDACTOR.mark("github-token", token)
    assert cleaned == {
        "password": REDACTOR.mark("assigned-secret", "hunter22x"),
        "n": 1,
        mark: [{"x": f"a {mark}"}],
        "password_hint": "my dog rex",
    }


def test_equal_secrets_have_equal_marks_and_other_homes_other_marks() -> None:
    other = SecretRedactor(b"o" * 32, {})
    token = SECRETS["aws-key"]
    assert REDACTOR.clean(token) == REDACTOR.clean(f"{token} ").strip()
    assert REDACTOR.clean(token) != other.clean(token)


def test_cleaning_twice_changes_nothing_more() -> None:
    for text in [*SECRETS.values(), f'token="{SECRETS["jwt"]}"', "https://a:b1c2d3@x", "API_KEY=abcd1234efgh5678"]:
        once = REDACTOR.clean(text)
        assert REDACTOR.clean(once) is once


def test_escapes_that_json_did_not_need_do_not_hide_a_secret() -> None:
    for kind, secret in SECRETS.items():
        escaped = b'"' + "".join(f"\\u{ord(c):04x}" for c in secret).encode() + b'"'
        assert REDACTOR.suspects(escaped), kind
    slashed = json.dumps({"a": "https://me:s3cr3t@host"}).replace("/", "\\/").encode()
    assert REDACTOR.suspects(slashed)


def test_what_a_conductor_tells_an_agents_process_of_itself_is_no_secret_but_its_token_is() -> None:
    session, token = "ses_01a21f6fa0252e1edea3f0ee8080", "1f" * 32
    own = {"ORCHESTRION_SESSION": session, "ORCHESTRION_RUN": f"{session}/alpha-1", "ORCHESTRION_TOKEN": token}
    cleaned = SecretRedactor(b"k" * 32, own).clean(f"nobody is there in session {session}, says {token}")
    assert cleaned.startswith(f"nobody is there in session {session}, says [REDACTED:env:")


def test_values_of_secret_looking_variables_are_known_unless_trivial() -> None:
    assert secret_values(ENVIRONMENT) == {"plain words 77", 'he"llo\\wörld'}


def test_lone_surrogates_and_deep_nesting_are_no_hiding_place() -> None:
    token = SECRETS["npm-token"]
    deep: Any = f"\ud800{token}"
    for _ in range(3000):
        deep = [deep]
    cleaned = REDACTOR.clean(deep)
    while isinstance(cleaned, list):
        (cleaned,) = cleaned
    assert cleaned == f"\ud800{REDACTOR.mark('npm-token', token)}"


PIECES = [
    *SECRETS.values(),
    *("plain words 77", 'he"llo\\wörld', "password=", "token: ", '"', "\\", "\n", "\t", "/", "hunter22x9"),
    *("https://u:p4ss@h", "Bearer ", "Basic dXNlcjpwYXNzd29yZA==", "ü", "\ud800", " ", "x", KEY_BLOCK),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
NAMES = st.sampled_from(["password", "a", "api_key"])


@given(st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner)))
@settings(deadline=None, max_examples=300)
def test_the_prefilter_never_passes_over_what_would_be_replaced(value: Any) -> None:
    if REDACTOR.clean(value) is not value:
        assert REDACTOR.suspects(json.dumps(value).encode())
        assert REDACTOR.suspects(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first, second = secret_redactor(home, {}), secret_redactor(home, {})
    assert first.clean(SECRETS["aws-key"]) == second.clean(SECRETS["aws-key"])
    assert stat.S_IMODE((home / "redaction.key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["redaction.key"]


def test_long_harmless_text_is_passed_quickly() -> None:
    line = json.dumps({"text": "def f(x):\n    return x + 1  # nothing to see here, tokens: 12\n" * 20_000}).encode()
    begun = time.process_time()
    assert not REDACTOR.suspects(line)
    assert len(line) / (time.process_time() - begun) > 20e6, "the prefilter has lost its speed (bytes per second)"


def test_text_that_nearly_matches_takes_no_quadratic_time() -> None:
    for text in ["-----BEGIN PRIVATE KEY-----\n" * 20_000, "eyJ" * 100_000, "a://" * 100_000, "password=" * 50_000]:
        begun = time.process_time()
        REDACTOR.clean(text)
        assert time.process_time() - begun < 10
