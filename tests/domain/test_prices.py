"""What tokens cost: which price holds, to the micro-dollar, and what a bad table is told."""

from datetime import UTC, datetime

import pytest

from orchestrion.domain.errors import BadDefinition
from orchestrion.domain.events import UsageRecorded
from orchestrion.domain.prices import PriceTable, Tokens, parse_prices, read_prices, shipped_prices

TABLE = """
version = "t"
[[price]]
models = ["big-*"]
until = 2026-01-10
input = 4
output = 8
[[price]]
models = ["big-*", "other"]
from = 2026-01-10
input = 2
output = 6.5
cache_read = 0.2
cache_write = 2.5
cache_write_1h = 4
long = { above = 1000, input = 4, output = 13, cache_read = 0.4, cache_write = 5, cache_write_1h = 8 }
"""


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, number, hour, tzinfo=UTC)


def test_reads_and_writes_of_the_cache_have_their_own_prices() -> None:
    table = parse_prices(TABLE, "t")
    tokens = Tokens(input=100, output=10, cache_read=200, cache_write=300, cache_write_1h=100)
    assert table.microdollars("big-1", tokens, day(11)) == 100 * 2 + 65 + 40 + 200 * 2.5 + 100 * 4


def test_the_price_of_the_day_holds_and_without_a_time_todays() -> None:
    table, tokens = parse_prices(TABLE, "t"), Tokens(input=1000)
    assert table.microdollars("big-1", tokens, day(9, 23)) == 4000
    assert table.microdollars("big-1", tokens, day(10)) == 2000
    assert table.microdollars("big-1", tokens) == 2000
    assert table.microdollars("other", tokens, day(9)) is None


def test_a_long_request_costs_more() -> None:
    table = parse_prices(TABLE, "t")
    assert table.microdollars("big-1", Tokens(input=1000), day(11)) == 2000
    assert table.microdollars("big-1", Tokens(input=1, cache_read=1000), day(11)) == 404


def test_what_is_not_known_is_none_and_nothing_costs_nothing() -> None:
    table = shipped_prices()
    assert table.microdollars("claude-opus-99", Tokens(input=1)) is None
    assert table.microdollars(None, Tokens(input=1)) is None
    assert table.microdollars("claude-opus-99", Tokens()) == 0
    assert table.cost(UsageRecorded(source="user", request_id="r", model="x", input_tokens=1)) is None


@pytest.mark.parametrize(
    ("name", "million_input"),
    [
        ("claude-opus-4-5-20251101", 5),
        ("claude-opus-4.6", 5),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", 5),
        ("openrouter/anthropic/claude-opus-4-1-20250805", 15),
        ("Claude-Haiku-4-5-20251001", 1),
        ("gpt-5-mini-2025-08-07", 0.25),
        ("gpt-5", 1.25),
        ("gpt-4o-2024-05-13", 5),
        ("gpt-4o-2024-08-06", 2.5),
        ("vertex_ai/claude-sonnet-4-5@20250929", 3),
        ("gemini-2.5-flash", 0.3),
    ],
)
def test_a_model_is_known_under_the_names_that_products_give_it(name: str, million_input: float) -> None:
    price = shipped_prices().price(name)
    assert price is not None
    assert price.input == million_input * 1_000_000


def test_a_cousin_of_a_known_model_is_not_known() -> None:
    for name in (
        "gpt-5.9",
        "gpt-5-turbo",
        "claude-opus-4-10",
        "claude-opus-5",
        "o3-pro",
        "claude-opus-4-6-fast",
        "gemini-2.5-flash-image",
    ):
        assert shipped_prices().price(name) is None, name


def test_a_cost_is_rounded_half_up_to_the_micro_dollar() -> None:
    table = parse_prices('[[price]]\nmodels=["m"]\ninput=0.5\noutput=0.000001', "t")
    assert [table.microdollars("m", Tokens(input=n)) for n in (1, 2, 3)] == [1, 1, 2]
    assert table.microdollars("m", Tokens(output=499_999)) == 0


def test_the_homes_own_prices_go_before_the_shipped_ones(tmp_path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(
        'version = "mine"\n[[price]]\nmodels = ["claude-haiku-4-5", "qwen3:32b"]\ninput = 0\noutput = 0.1\n'
    )
    table = read_prices(file)
    assert table.microdollars("claude-haiku-4-5-20251001", Tokens(input=9, output=100)) == 10
    assert table.microdollars("qwen3:32b", Tokens(output=100)) == 10
    assert table.microdollars("claude-opus-4-5", Tokens(output=100)) == 2500
    assert table.version.startswith("mine before ")
    assert table.fingerprint != shipped_prices().fingerprint


def test_no_two_entries_of_the_shipped_table_are_for_the_same_model_on_the_same_day() -> None:
    for price in shipped_prices().prices:
        key = (price.model, price.since, price.above)
        assert [p for p in shipped_prices().prices if (p.model, p.since, p.above) == key] == [price]


def test_a_table_comes_back_from_its_json() -> None:
    import orjson

    table = parse_prices(TABLE, "t")
    assert PriceTable.of(orjson.loads(orjson.dumps(table))) == table


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[price", "not TOML"),
        ("price = 3", "[[price]]"),
        ('[[prices]]\nmodels = ["m"]', "prices"),
        ('[[price]]\nmodels = "m"\ninput=1\noutput=1', "list of names"),
        ('[[price]]\nmodels = ["m", "a[b]"]\ninput=1\noutput=1', "list of names"),
        ('[[price]]\nmodels = ["m"]\ninput=1', "output is missing"),
        ('[[price]]\nmodels = ["m"]\ninput="1"\noutput=1', "dollars per million"),
        ('[[price]]\nmodels = ["m"]\ninput=true\noutput=1', "dollars per million"),
        ('[[price]]\nmodels = ["m"]\ninput=-1\noutput=1', "it must be 0 to"),
        ('[[price]]\nmodels = ["m"]\ninput=nan\noutput=1', "it must be"),
        ('[[price]]\nmodels = ["m"]\ninput=0.0000001\noutput=1', "micro-dollar"),
        ('[[price]]\nmodels = ["m"]\ninput=1\noutput=1\nfrom="now"', "a day such as"),
        ('[[price]]\nmodels = ["m"]\ninput=1\noutput=1\nfrom=2026-01-02\nuntil=2026-01-02', "ends on"),
        ('[[price]]\nmodels = ["m"]\ninput=1\noutput=1\ncolour=1', "'colour' is not known"),
        ('[[price]]\nmodels = ["m"]\ninput=1\noutput=1\nlong={input=1, output=1}', "above"),
    ],
)
def test_a_bad_table_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(BadDefinition, match=r"(?s)^mine\.toml") as refused:
        parse_prices(text, "mine.toml")
    assert told in str(refused.value)
