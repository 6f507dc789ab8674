"""A home's own rules of what is secret: `redaction.toml` beside the log."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import re2

from orchestrion.domain.errors import BadDefinition

RULES_FILE = "redaction.toml"
MAX_RULES_BYTES = 1_000_000
MAX_RULES = 200

_KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")
_BOUND = re.compile(r"(?<!\\)(?:\\\\)*(?:\\[AzZ]|\$)|(?<![\\\[])\^")


@dataclass(frozen=True, slots=True)
class OwnRule:
    """Text that `exact` matches is secret, or its group `secret` if it has one."""

    kind: str
    pattern: str
    exact: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class OwnRules:
    """Rules of a home's own, and the names of variables whose values are secret whatever they look like."""

    rules: tuple[OwnRule, ...] = ()
    variables: frozenset[str] = frozenset()


def own_rules(home: Path) -> OwnRules:
    """The rules in `home`; none where there is no file. Raises BadDefinition naming the file and the rule."""
    path = home / RULES_FILE
    try:
        with path.open("rb") as file:
            data = file.read(MAX_RULES_BYTES + 1)
    except FileNotFoundError:
        return OwnRules()
    except OSError as error:
        raise BadDefinition(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_RULES_BYTES:
        raise BadDefinition(f"{path} is longer than {MAX_RULES_BYTES} bytes")
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadDefinition(f"{path}: not TOML: {error}") from error
    return _read(content, path)


def _read(content: dict[str, Any], path: Path) -> OwnRules:
    if unknown := sorted(content.keys() - {"rule", "variables"}):
        raise BadDefinition(f"{path}: {unknown[0]!r} is not known; it has [[rule]] entries and `variables`")
    rules, variables = content.get("rule", []), content.get("variables", [])
    if not isinstance(rules, list) or len(rules) > MAX_RULES:
        raise BadDefinition(f"{path}: write at most {MAX_RULES} rules, each as [[rule]]")
    if not isinstance(variables, list) or not all(isinstance(name, str) for name in variables):
        raise BadDefinition(f"{path}: variables must be a list of names")
    found = tuple(_rule(rule, f"{path}, rule {number}") for number, rule in enumerate(rules, 1))
    return OwnRules(found, frozenset(variables))


def _rule(rule: Any, where: str) -> OwnRule:
    if not isinstance(rule, dict) or rule.keys() != {"kind", "pattern"}:
        raise BadDefinition(f"{where}: must have `kind` and `pattern` and nothing else")
    kind, pattern = rule["kind"], rule["pattern"]
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise BadDefinition(f"{where}: kind must be a short word in lower case such as customer-number, not {kind!r}")
    if not isinstance(pattern, str) or not pattern.isascii() or _BOUND.search(pattern):
        raise BadDefinition(
            f"{where}: pattern must be an ASCII expression without ^, $, \\A and \\Z, for text may stand in text"
        )
    return OwnRule(kind, pattern, _compiled(pattern, where))


def _compiled(pattern: str, where: str) -> re.Pattern[str]:
    """Compiled for Python, and known to run in linear time in RE2 as well."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
        exact = re.compile(pattern)
    except (re.error, re2.error) as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise BadDefinition(f"{where}: the pattern is none that RE2 and Python both know: {said}") from error
    if exact.fullmatch("") or exact.search("") is not None:
        raise BadDefinition(f"{where}: the pattern matches nothing at all, and so would match everywhere")
    return exact
