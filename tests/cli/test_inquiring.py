"""diff, why, whatif and profile as people and scripts use them."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.cli.main import main


def test_diff_shows_both_sides_and_where_they_part(speak, told) -> None:
    said = speak("diff", "ses_alpha", "ses_beta", "--home", told, "--steps")
    assert said.code == 0
    assert "tool sequence" in said.out
    assert "They part here: only a has" in said.out
    answer = speak("diff", "ses_alpha", "ses_alpha", "--home", told, "--format", "json").json
    assert answer["first_divergence"] is None
    assert {pair["how"] for pair in answer["steps"]} == {"same"}


def test_diff_as_of_a_position_leaves_out_what_came_later(speak, told) -> None:
    whole = speak("diff", "ses_alpha", "ses_alpha", "--home", told, "--format", "json").json
    early = speak("diff", "ses_alpha", "ses_alpha", "--home", told, "--at", 5, "--format", "json").json
    assert 0 < len(early["steps"]) < len(whole["steps"])


def test_why_tells_the_chain_and_what_followed(program, told) -> None:
    said = program("why", 4, "--home", told)
    assert said.code == 0
    assert "session.started" in said.out
    assert "tool.returned" in said.out
    answer = program("why", 4, "--home", told, "--format", "json").json
    assert answer["causes"][0]["position"] == 4
    assert answer["causes"][-1]["position"] == 1


def test_why_refuses_what_is_not_there(speak, told) -> None:
    assert speak("why", 9999, "--home", told).code == 3
    assert speak("why", 0, "--home", told).code == 2
    assert speak("why", 4, "--home", told, "--at", 2).code == 3


def test_a_profile_is_a_table_json_or_a_flame_graph(speak, told, tmp_path) -> None:
    assert "critical path" in speak("profile", "ses_alpha", "--home", told).out
    answer = speak("profile", "ses_alpha", "--home", told, "--format", "json").json
    assert answer["wall_ms"] == 7000
    assert [step["agent"] for step in answer["path"]][-1] == "fixer"
    drawn = tmp_path / "flame.svg"
    assert speak("profile", "ses_alpha", "--home", told, "--format", "svg", "-o", drawn).code == 0
    assert ET.fromstring(drawn.read_text()).tag.endswith("svg")  # noqa: S314  our own output
    assert speak("profile", "ses_alpha", "--home", told, "-o", tmp_path / "no" / "where").code == 1
    assert speak("profile", "nobody", "--home", told).code == 3


def test_whatif_prints_what_would_change_and_what_cannot_be_known(speak, told) -> None:
    said = speak("whatif", "--home", told, "--timeout", 3.5, "--format", "json")
    changes = [(row["recorded"], row["supposed"]) for row in said.json]
    assert changes == [("completed", "timed_out"), ("timed_out", None)] * 2
    assert all(row["unknown"] for row in said.json)
    assert "Nothing would change" in speak("whatif", "--home", told, "--max-calls", 100).err
    assert len(speak("whatif", "--home", told, "--max-calls", 1, "--session", "ses_beta", "--format", "json").json) == 1
    assert speak("whatif", "--home", told).code == 2


def test_a_limit_that_is_none_is_refused_and_the_same_prices_change_nothing(speak, told, tmp_path) -> None:
    for option in ("--timeout", "--max-cost"):
        for value in ("inf", "nan", "-1"):
            said = speak("whatif", option, value, "--home", told)
            assert (said.code, said.out) == (2, "")
    same = tmp_path / "prices.toml"
    same.write_text("")
    assert "Nothing would change" in speak("whatif", "--prices", same, "--home", told).err


def test_a_file_that_is_not_there_is_told_alike_by_every_option_that_names_one(speak, told, tmp_path) -> None:
    for words in (("whatif", "--prices"), ("whatif", "--config"), ("sql", "--file")):
        assert speak(*words, tmp_path / "nowhere", "--home", told).code == 3


@pytest.mark.parametrize(
    "words", [("why", 4), ("profile", "last"), ("whatif", "--timeout", 1), ("diff", "last", "last")]
)
def test_an_empty_home_is_refused_in_one_sentence(speak, tmp_path, words) -> None:
    said = speak(*words, "--home", tmp_path / "nowhere")
    assert (said.code, said.out) == (3, "")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("form", ["table", "json", "md", "csv"])
def test_hostile_text_stays_inert(speak, poisoned, form) -> None:
    for words in (("why", 4), ("diff", "last", "ses_markup"), ("whatif", "--timeout", 1)):
        said = speak(*words, "--home", poisoned, "--format", form)
        assert said.code == 0
        assert not [c for c in said.out + said.err if c in "\x1b\x9b\x07\u202e\u200b"]
    assert "\x1b" not in speak("profile", "last", "--home", poisoned, "--format", "svg").out


@settings(max_examples=15, deadline=None)
@given(position=st.integers(1, 60), at=st.integers(0, 60))
def test_any_position_has_an_answer_or_a_refusal(told: Path, position: int, at: int) -> None:
    assert main(["why", str(position), "--home", str(told), "--at", str(at), "--format", "json"]) in {0, 3}


def test_no_figure_is_ever_nan(speak, told) -> None:
    for words in (("profile", "last"), ("whatif", "--timeout", "1"), ("diff", "last", "ses_alpha")):
        out = speak(*words, "--home", told, "--format", "json").out
        assert json.dumps(json.loads(out), allow_nan=False)


def test_the_status_of_an_earlier_position_counts_what_stood_there(speak, told) -> None:
    now = speak("status", "--home", told, "--format", "json").json
    then = speak("status", "--home", told, "--at", 5, "--format", "json").json
    assert (then["events"], then["sessions"], then["projected_position"]) == (5, 1, 5)
    assert (now["events"], now["sessions"], then["position"]) == (now["position"], 2, now["position"])
