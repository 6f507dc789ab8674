"""What tokens cost: a table of public list prices by model and date, and the user's own in front of it."""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

from orchestrion.domain.errors import BadDefinition, NotFound
from orchestrion.domain.events import UsageRecorded
from orchestrion.domain.money import MICRO

MAX_PRICE = 1_000_000 * MICRO
"""Micro-dollars per million tokens; beyond it the price is a slip of the pen."""
MAX_PRICES_BYTES = 1_000_000

_BEFORE = re.compile(r"^(.*/)?(([a-z]{2,6}\.)?anthropic\.)?")
"""What gateways put before a model's name, in lower case: `openrouter/anthropic/`, `us.anthropic.`"""
_AFTER = re.compile(r"([-@](20\d{6}|20\d\d-\d\d-\d\d|latest|default))?(-v\d+(:\d+)?)?$")
"""What stands behind it: the day on which it was fixed, `-latest`, `-v1:0`."""

KINDS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")
_KNOWN = frozenset({"models", "from", "until", "long", *KINDS})
_PATTERN = re.compile(r"[^\[\]\\\s']{1,200}")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one request. `input` is what did not come from the cache; `cache_write_1h` is part of `cache_write`."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0

    @property
    def context(self) -> int:
        """What was read, cached or not: long requests have their own price."""
        return self.input + self.cache_read + self.cache_write

    @property
    def none(self) -> bool:
        """Whether there are none at all."""
        return not (self.context or self.output)


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost, in micro-dollars per million, from the day `since` and before the day `until` (UTC).

    `model` is a glob pattern in lower case. It holds for requests of more than `above` tokens of context.
    """

    model: str
    since: date | None
    until: date | None
    above: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    cache_write_1h: int

    def holds(self, names: tuple[str, ...], day: date | None, context: int) -> bool:
        """Whether this is a price of the model with one of `names`; without a day only one that still holds is."""
        return (
            (context > self.above or self.above == 0)
            and (day is None or self.since is None or day >= self.since)
            and (self.until is None or (day is not None and day < self.until))
            and any(fnmatchcase(name, self.model) for name in names)
        )

    def covers(self, since: date | None, until: date | None, least: int | None) -> bool:
        """Whether it holds from `since` (None: ever) and before `until` (None: for ever), for `least` tokens."""
        begun = self.since is None or (since is not None and since >= self.since)
        lasts = self.until is None or (until is not None and until <= self.until)
        return begun and lasts and (self.above == 0 or (least or 0) > self.above)

    def of(self, tokens: Tokens) -> int:
        """Micro-dollars, rounded half up."""
        hour = min(tokens.cache_write_1h, tokens.cache_write)
        total = (
            tokens.input * self.input
            + tokens.output * self.output
            + tokens.cache_read * self.cache_read
            + (tokens.cache_write - hour) * self.cache_write
            + hour * self.cache_write_1h
        )
        return (total + MICRO // 2) // MICRO


@dataclass(frozen=True, slots=True)
class Stretch:
    """A price in the time in which it is the first that holds, for `least` to less than `under` tokens of context."""

    price: Price
    least: int
    under: int | None


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices in the order in which they are looked for, under a `version`, with their `source` in words."""

    version: str
    source: str
    prices: tuple[Price, ...]

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when any price does."""
        return hashlib.sha256(repr(self.prices).encode()).hexdigest()[:16]

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "PriceTable":
        """The table from its own JSON, days as ISO texts."""
        days = {None: None} | {d: date.fromisoformat(d) for p in kept["prices"] for d in (p["since"], p["until"]) if d}
        prices = [Price(**{**p, "since": days[p["since"]], "until": days[p["until"]]}) for p in kept["prices"]]
        return cls(kept["version"], kept["source"], tuple(prices))

    def price(self, model: str | None, at: datetime | None = None, context: int = 0) -> Price | None:
        """The first price that holds for `model` at a time (None: today's); None where none is known."""
        if model is None:
            return None
        names = names_of(model)
        day = at.astimezone(UTC).date() if at is not None and at.tzinfo else at.date() if at is not None else None
        return next((price for price in self.prices if price.holds(names, day, context)), None)

    def cost(self, usage: UsageRecorded) -> float | None:
        """US dollars of one request (`ports.Prices`); None where the price of its model is not known."""
        tokens = Tokens(
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_tokens,
            usage.cache_write_1h_tokens,
        )
        cost = self.microdollars(usage.model, tokens, usage.happened_at)
        return None if cost is None else cost / MICRO

    def microdollars(self, model: str | None, tokens: Tokens, at: datetime | None = None) -> int | None:
        """What one request costs; None where the price is not known. No tokens cost nothing, of any model."""
        if tokens.none:
            return 0
        price = self.price(model, at, tokens.context)
        return None if price is None else price.of(tokens)

    def stretches(self, model: str) -> list["Stretch"]:
        """The prices of `model` by time and length, as they hold: no two of them for the same request."""
        names = names_of(model)
        found = [price for price in self.prices if any(fnmatchcase(name, price.model) for name in names)]
        days = sorted({day for price in found for day in (price.since, price.until) if day is not None})
        lengths = sorted({price.above + 1 if price.above else 0 for price in found})
        spans = list(pairwise([None, *days, None])) if found else []
        sizes = list(pairwise([*lengths, None]))
        held = (
            (since, until, least, under, next((p for p in found if p.covers(since, until, least)), None))
            for since, until in spans
            for least, under in sizes
        )
        return [
            Stretch(replace(price, since=since, until=until), least or 0, under)
            for since, until, least, under, price in held
            if price is not None
        ]

    def after(self, own: "PriceTable") -> "PriceTable":
        """This table with `own` in front of it."""
        version, source = f"{own.version} before {self.version}", f"{own.source}; then: {self.source}"
        return PriceTable(version, source, own.prices + self.prices)


def names_of(model: str) -> tuple[str, ...]:
    """The names that a model may have in the table: its own, that without a gateway's prefix, and without its day."""
    name = model.lower()
    bare = _BEFORE.sub("", name, count=1)
    return tuple(dict.fromkeys((name, bare, _AFTER.sub("", bare, count=1))))


@cache
def shipped_prices() -> PriceTable:
    """The table that comes with this version."""
    text = files("orchestrion.domain").joinpath("prices.toml").read_text(encoding="utf-8")
    return parse_prices(text, "prices.toml")


def read_prices(path: Path) -> PriceTable:
    """The user's own table in `path`, in front of the shipped one. Raises NotFound, BadDefinition."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from error
    except OSError as error:
        raise BadDefinition(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_PRICES_BYTES:
        raise BadDefinition(f"{path} is no price table: it has {len(data)} bytes")
    try:
        own = parse_prices(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise BadDefinition(f"{path}: not UTF-8 text (byte {error.start})") from error
    return shipped_prices().after(own)


def parse_prices(text: str, where: str) -> PriceTable:
    """A table from its TOML, whose form `prices.toml` explains. Raises BadDefinition naming `where` and the entry."""
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadDefinition(f"{where}: not TOML: {error}") from error
    unknown = content.keys() - {"version", "source", "price"}
    entries = content.get("price", [])
    if unknown or not isinstance(entries, list):
        raise BadDefinition(f"{where}: a price table has version, source and [[price]] entries, not {min(unknown)!r}"
                            if unknown else f"{where}: write each price as [[price]]")  # fmt: skip
    prices = tuple(
        price for number, entry in enumerate(entries, 1) for price in _entry(entry, f"{where}, price {number}")
    )
    return PriceTable(str(content.get("version", "own")), " ".join(str(content.get("source", where)).split()), prices)


def _entry(entry: Any, where: str) -> Iterator[Price]:
    """The prices of one entry, a model at a time; those of long requests first."""
    if not isinstance(entry, dict):
        raise BadDefinition(f"{where}: must be a section with models and prices, not {entry!r}")
    if unknown := sorted(entry.keys() - _KNOWN):
        raise BadDefinition(f"{where}: {unknown[0]!r} is not known; known: {', '.join(sorted(_KNOWN))}")
    models = entry.get("models")
    if (
        not isinstance(models, list)
        or not models
        or not all(isinstance(m, str) and _PATTERN.fullmatch(m) for m in models)
    ):
        raise BadDefinition(f"{where}: models must be a list of names; * and ? stand for any text and any character")
    since, until = _day(entry, "from", where), _day(entry, "until", where)
    if since and until and until <= since:
        raise BadDefinition(f"{where}: it ends on {until}, before it begins on {since}")
    usual = _figures(entry, where)
    long = entry.get("long")
    for model in models:
        price = Price(model.lower(), since, until, 0, **usual)
        if long is not None:
            yield Price(model.lower(), since, until, _above(long, where), **_figures(long, f"{where}, long"))
        yield price


def _figures(given: Mapping[str, Any], where: str) -> dict[str, int]:
    """Micro-dollars per million tokens by kind."""
    known = {kind: _micro(given[kind], f"{where}: {kind}") for kind in KINDS if kind in given}
    for kind in ("input", "output"):
        if kind not in known:
            raise BadDefinition(f"{where}: {kind} is missing; give dollars per million tokens, 0 if it is free")
    known.setdefault("cache_read", known["input"])
    known.setdefault("cache_write", known["input"])
    known.setdefault("cache_write_1h", known["cache_write"])
    return known


def _micro(given: Any, where: str) -> int:
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        raise BadDefinition(f"{where} is {given!r}; it must be dollars per million tokens")
    micro = Decimal(given) * MICRO
    if not micro.is_finite() or not 0 <= micro <= MAX_PRICE or micro != micro.to_integral_value():
        raise BadDefinition(f"{where} is {given}; it must be 0 to {MAX_PRICE // MICRO} dollars, to the micro-dollar")
    return int(micro)


def _above(long: Any, where: str) -> int:
    above = long.get("above") if isinstance(long, dict) else None
    if isinstance(above, bool) or not isinstance(above, int) or not 0 < above < 2**62:
        raise BadDefinition(f"{where}: long needs `above`, the tokens beyond which it holds")
    return above


def _day(entry: Mapping[str, Any], name: str, where: str) -> date | None:
    day = entry.get(name)
    if day is not None and (not isinstance(day, date) or isinstance(day, datetime)):
        raise BadDefinition(f"{where}: {name} is {day!r}; it must be a day such as 2026-01-30")
    return day
