"""Slash commands: Claude Code's files with arguments in their places, and the plans they name."""

from pathlib import Path

import pytest

from orchestrion.agents import load_roster
from orchestrion.agents.checking import check_folder, new_definition
from orchestrion.agents.commanding import as_command, find_command, plan_command, plan_request
from orchestrion.agents.front_matter import read_command
from orchestrion.agents.slash_command import Arguments, SlashCommand
from orchestrion.domain.errors import BadDefinition, BadPlan, NotFound, Refused

REAL = Path(__file__).parents[2] / "../shared/sessions"
TEAM = ("scout", "mender", "prober", "scribe")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    agents = tmp_path / ".claude/agents"
    agents.mkdir(parents=True)
    for name in TEAM:
        (agents / f"{name}.md").write_text(
            f"---\nname: {name}\nkeywords: [{name}]\ntask: 'As {name}: {{request}}'\n---\n"
        )
    return tmp_path


def command(project: Path, text: str, name: str = "build") -> SlashCommand:
    path = project / f".claude/commands/{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return find_command(project, name.replace("/", ":"))


@pytest.mark.parametrize(
    ("text", "typed", "prompt"),
    [
        ("Do $ARGUMENTS!", "a 'b c'", "Do a 'b c'!"),
        ("$1 then $2", "a 'b c'", "a then b c"),
        ("$0 then $1", "a 'b c'", "a then b c"),
        ("$ARGUMENTS[1] after $ARGUMENTS[0]", "a b", "b after a"),
        ("$1 and $2", "one", "one and $2"),
        ("Fix it.", "now", "Fix it.\n\nARGUMENTS: now"),
        ("Fix $HOME.", "now", "Fix $HOME.\n\nARGUMENTS: now"),
        ("Fix it.", "", "Fix it."),
        ("$1", "$ARGUMENTS secret", "$ARGUMENTS"),
        ("$ARGUMENTS", "an 'open quote", "an 'open quote"),
        ("$1", "an 'open quote", "an"),
        ("costs $100", "x", "costs $100\n\nARGUMENTS: x"),
    ],
)
def test_arguments_stand_in_their_places(text: str, typed: str, prompt: str) -> None:
    assert SlashCommand(name="x", text=text).prompt(Arguments(typed)) == prompt


def test_arguments_can_have_names_and_come_one_by_one() -> None:
    made = SlashCommand.model_validate(
        {"name": "x", "arguments": "issue branch", "text": "$issue on $branch in $SHELL"}
    )
    assert made.prompt(Arguments("7 my branch", ["7", "my branch"])) == "7 on my branch in $SHELL"


@pytest.mark.parametrize(
    ("request_", "called"),
    [
        ("/build", ("build", "")),
        ("/front:form  a b\nc", ("front:form", "a b\nc")),
        ("/etc/hosts is readable", None),
        ("fix /build", None),
        ("/", None),
    ],
)
def test_a_path_is_no_command(request_: str, called: object) -> None:
    assert as_command(request_) == called


def test_a_commands_plan_is_phases_of_agents_with_their_tasks(project: Path) -> None:
    made = command(
        project,
        "---\ndescription: Builds.\nargument-hint: [what] [where]\nplan:\n"
        "  - agent: scout\n    task: Audit $1\n  - mender\n"
        "  - [prober, {agent: scribe, after: scout}]\n---\nBuild $1.\n",
    )
    plan = plan_command(made, Arguments("login"), load_roster(project))
    assert made.argument_hint == "[what] [where]"
    assert plan.request == "/build login"
    assert plan.planner == "command /build"
    assert [task.task for task in plan.tasks] == [
        "Audit login\n\nBuild login.",
        *(f"As {name}: Build login." for name in ("mender", "prober", "scribe")),
    ]
    assert {task.agent: task.depends_on for task in plan.tasks} == {
        "scout": (), "mender": ("task-1",), "prober": ("task-2",), "scribe": ("task-1",),
    }  # fmt: skip
    assert [set(phase) for phase in plan.phases] == [{"scout"}, {"mender", "scribe"}, {"prober"}]


def test_a_command_may_name_one_agent_or_let_its_words_call_for_somebody(project: Path) -> None:
    roster = load_roster(project)
    one = command(project, "---\nagent: scribe\n---\nWrite $ARGUMENTS")
    assert [(t.agent, t.task) for t in plan_command(one, Arguments("a poem"), roster).tasks] == [
        ("scribe", "As scribe: Write a poem")
    ]
    words = command(project, "---\ndescription: Calls the prober\n---\nThe mender is not meant: $ARGUMENTS")
    assert [t.agent for t in plan_command(words, Arguments("and the scribe"), roster).tasks] == ["prober", "scribe"]
    only = command(project, "---\ndescription: Calls the prober\nteam: [scribe, prober]\n---\n$ARGUMENTS")
    assert [t.agent for t in plan_command(only, Arguments("mender, scribe"), roster).tasks] == ["prober", "scribe"]


def test_a_commands_team_may_be_a_folder(project: Path) -> None:
    (project / "ops").mkdir()
    (project / "ops/pilot.md").write_text("---\nname: pilot\n---\n")
    command(project, "---\nteam: ops\nplan: [pilot]\n---\nFly $ARGUMENTS")
    roster, plan = plan_request("/build home", project)
    assert "pilot" in roster
    assert plan.phases == (("pilot",),)


def test_one_agent_can_be_given_a_commands_text(project: Path) -> None:
    command(project, "---\nplan: [mender]\n---\nBuild $ARGUMENTS")
    _, plan = plan_request("/build it", project, agent="scribe")
    assert [(task.agent, task.task) for task in plan.tasks] == [("scribe", "Build it")]


def test_folders_stand_before_a_commands_name_and_may_be_left_out_where_it_is_the_only_one(project: Path) -> None:
    command(project, "Form", "front/form")
    assert find_command(project, "form").name == "front:form"
    command(project, "Form", "back/form")
    with pytest.raises(BadDefinition, match=r"/form may mean /back:form or /front:form"):
        find_command(project, "form")
    with pytest.raises(NotFound, match=r"no command is called /shape .*: /back:form, /front:form"):
        find_command(project, "shape")


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("plan: [nobody]", r"build\.md: plan: nobody is called 'nobody'"),
        ("plan: [mender, mender]", r"build\.md: plan: 'mender' stands in it twice"),
        ("plan:\n- {agent: mender, after: scribe}", r"build\.md: plan: 'mender' waits for 'scribe', who is not"),
        (
            "plan:\n- [{agent: mender, after: scribe}, {agent: scribe, after: mender}]",
            r"build\.md: agents wait for each",
        ),
        ("team: [ghost]", r"build\.md: team: nobody is called 'ghost'"),
        ("description: Nothing", r"build\.md: /build names neither 'plan' nor 'agent', and nobody"),
        ("plan: mender", r"build\.md:2: plan: must be a list"),
        ("plan:\n- agnt: mender", r"build\.md:2: plan\.0\.0\.agent: Field required"),
        ("colour: red", r"build\.md:2: colour: .*known keys: agent, argument-hint"),
    ],
)
def test_a_wrong_command_is_refused_by_its_file(project: Path, front: str, said: str) -> None:
    with pytest.raises((BadDefinition, BadPlan), match=rf"(?s){said}"):
        plan_command(command(project, f"---\n{front}\n---\nBuild"), Arguments(""), load_roster(project))


@pytest.mark.parametrize("name", ["foo", "/foo"])
@pytest.mark.parametrize(
    "runner", sorted(p.stem for p in (Path(__file__).parents[2] / "agents/templates").glob("*.md"))
)
def test_a_template_loads_and_is_never_written_over_a_file(project: Path, name: str, runner: str) -> None:
    if runner == "command":
        with pytest.raises(Refused, match="no template for the runner 'command'"):
            new_definition(name, project, runner)
        return
    path = new_definition(name, project, runner)
    (checked,) = [each for each in check_folder(project) if each.path == path]
    assert (checked.problem, checked.name) == (None, name)
    assert checked.runner == (None if name == "/foo" else runner)
    text = path.read_text()
    with pytest.raises(Refused, match="is there already"):
        new_definition(name, project, runner)
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["../x", "a/b", "", "//x", ".hidden"])
def test_a_template_stays_in_its_folder(project: Path, name: str) -> None:
    with pytest.raises(Refused, match="is no name"):
        new_definition(name, project, "process")


def test_all_bad_files_of_a_folder_are_named_with_their_lines(project: Path) -> None:
    agents = project / ".claude/agents"
    (agents / "bad.md").write_text("---\nname: bad\n\ntimeout: -1\n---\n")
    (agents / "twin.md").write_text("---\nname: mender\npermissionMode: plan\n---\n")
    (project / ".claude/commands").mkdir()
    (project / ".claude/commands/worse.md").write_text("---\nplan: [\n---\n")
    problems = [each.problem for each in check_folder(project) if each.problem]
    assert len(problems) == 3
    assert "bad.md:4: timeout" in problems[0]
    assert "twin.md:1: " in problems[1]
    assert "worse.md:2: the front matter is no valid YAML" in problems[2]


def test_claude_codes_other_keys_are_taken_and_named_as_without_effect(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nname: a\npermissionMode: plan\nhooks: {Stop: []}\nskills: x\n---\n")
    (checked,) = check_folder(tmp_path)
    assert checked.problem is None
    assert "without effect here: hooks, permissionMode, skills" in (checked.note or "")


@pytest.mark.skipif(not REAL.is_dir(), reason="the recorded definitions are not beside this checkout")
def test_every_real_definition_at_hand_loads() -> None:
    checked = [each for folder in sorted(REAL.glob("agent-definitions-*")) for each in check_folder(folder)]
    assert [each.problem for each in checked if each.problem] == []
    kinds = [each.kind for each in checked]
    assert (kinds.count("agent"), kinds.count("command")) >= (15, 8)
    for each in checked:
        if each.kind == "command" and "$ARGUMENTS" in each.path.read_text():
            made = read_command(each.path, each.path.stem)
            assert "the-argument" in made.prompt(Arguments("the-argument"))
