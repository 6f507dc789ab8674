"""A followed report keeps up with the log, is never half written, and equals the one made from a replay."""

import threading
from pathlib import Path
from types import ModuleType

import pytest

from orchestrion.cli.files import write_text
from orchestrion.domain.errors import OrchestrionError
from orchestrion.eventstore import MemoryLog, open_log
from orchestrion.projections import Store
from orchestrion.tui.report import Report, build, follow, html, json_text, markdown


def test_each_step_of_a_session_reaches_the_file_and_the_end_stops_it(
    log: MemoryLog, store: Store, stage: ModuleType, tmp_path: Path
) -> None:
    file, seen = tmp_path / "report.md", []
    story = stage.story(stage.Play(log))
    next(story)
    store.catch_up()

    def keep(report: Report) -> None:
        write_text(file, markdown(report))
        assert file.read_text("utf-8") == markdown(report)
        seen.append(report.last)
        next(story, None)

    last = follow(store, "ses_play", keep)
    assert seen == sorted(set(seen))
    assert last.ended
    assert last.last == log.head()
    assert "🎉" in file.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"], "nothing half written is left behind"


def test_what_others_do_in_the_log_does_not_change_it(
    log: MemoryLog, store: Store, stage: ModuleType, tmp_path: Path
) -> None:
    for _ in stage.story(stage.Play(log)):
        pass
    store.catch_up()
    before = {render: render(build(store, "ses_play")) for render in (markdown, html, json_text)}
    for _ in stage.story(stage.Play(log, "ses_other")):
        pass
    store.catch_up()
    assert {render: render(build(store, "ses_play")) for render in before} == before


def test_it_is_byte_equal_to_the_report_of_a_replay(stage: ModuleType, tmp_path: Path) -> None:
    log = open_log(tmp_path / "home")
    story = stage.story(stage.Play(log))
    next(story)

    def play_on() -> None:
        for _ in story:
            pass

    with Store(log, tmp_path / "live") as live:
        live.catch_up()
        player = threading.Thread(target=play_on)
        player.start()
        follow(live, "ses_play", lambda report: write_text(tmp_path / "report.html", html(report)))
        player.join()
    with Store(log, tmp_path / "fresh") as replayed:
        replayed.catch_up()
        again = html(build(replayed, "ses_play")).encode()
    log.close()
    assert (tmp_path / "report.html").read_bytes() == again


def test_following_stops_when_it_is_told_to(log: MemoryLog, store: Store, stage: ModuleType, tmp_path: Path) -> None:
    stage.Play(log).begin()
    store.catch_up()
    report = follow(store, "ses_play", lambda _: None, going=lambda: False)
    assert not report.ended


def test_a_place_that_cannot_be_written_is_refused_by_name(
    log: MemoryLog, store: Store, stage: ModuleType, tmp_path: Path
) -> None:
    stage.Play(log).begin()
    store.catch_up()
    file = tmp_path / "nowhere" / "report.md"
    with pytest.raises(OrchestrionError, match=r".*nowhere/report.md cannot be written: No such file or directory"):
        follow(store, "ses_play", lambda report: write_text(file, markdown(report)))
