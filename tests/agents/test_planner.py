"""Plans follow from capabilities and the words in the agents' own files."""

from pathlib import Path

import pytest

from orchestrion.agents import Roster, load_roster, make_plan
from orchestrion.agents.planner import Plan, check_plan
from orchestrion.domain.errors import BadPlan
from orchestrion.domain.events import PlannedTask

SECURITY_FIX = [["security-auditor"], ["backend-api-developer"], ["test-suite-developer", "docs-writer"]]
WHOLE_FEATURE = [
    ["security-auditor", "database-optimizer"],
    ["backend-api-developer"],
    ["frontend-builder", "test-suite-developer", "docs-writer"],
]


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory) -> Roster:
    return load_roster(tmp_path_factory.mktemp("empty"))


def phases(request: str, roster: Roster) -> list[list[str]]:
    return [list(phase) for phase in make_plan(request, roster).phases]


@pytest.mark.parametrize(
    "request_text",
    [
        "Fix security vulnerability in authentication endpoint",
        "Patch the security hole in the login endpoint",
        "Resolve the SQL injection in our login route",
        "There is an XSS vulnerability in the sign-in handler, please fix it",
        "Close the authentication bypass in the API",
        "Remediate the CVE in the session token check",
        "Harden the login endpoint against brute force attacks",
        "Our auth endpoint is vulnerable to injection. Fix it.",
        "Repair insecure password handling in the auth service",
        "The authentication API has a security flaw that must be patched",
        "fix vulnerabilities in the authentication endpoints",
        "Secure the login route",
        "Find and fix security problems in the auth module",
        "Mitigate the CSRF weakness of the sign-up form",
        "Make the authentication endpoint secure",
        "Eliminate the security risk in user authentication",
        "Please fix the auth vulnerability ASAP",
        "FIX THE SECURITY VULNERABILITY IN THE AUTHENTICATION ENDPOINT",
        "Address security issues found in the authentication endpoint",
        "Security vulnerability in authentication endpoint needs fixing",
        "Authentication endpoint security vulnerability fix",
        "Get rid of the security vulnerability in the login page",
        "Fix SQL injection vulnerability in the authentication database query",
        "Patch a critical vulnerability in the login API that leaks user data from the database",
        "Stop attackers from bypassing authentication on the login endpoint",
        "Fix the hole attackers use to get past login",
        "Plug the leak of credentials in the auth endpoint",
        "Fix broken authentication",
        "Correct the insecure token validation in the auth controller",
        "We have an exploitable bug in authentication; correct it",
        "Update the login endpoint to remove a security weakness",
        "Audit and fix the authentication endpoint",
        "Review the authentication endpoint for security vulnerabilities and fix them",
        "Patch the vulnerability in our login API",
        "Please repair the insecure authentication endpoint",
        "There's a security bug in the auth endpoint, can you fix it?",
        "The /login route has a vulnerability; resolve it",
        "Resolve security issue in user authentication API",
        "Close a security gap in the sign-in service",
        "Our authentication API is exploitable, please patch",
        "Remediate a vulnerability in the token endpoint",
        "fix the auth endpoint's security vulnerability",
        "Fix a security flaw in the OAuth callback",
        "Harden the authentication endpoint",
        "Remove the vulnerability from the password reset endpoint",
        "Fix CVE-2024-1234 in the authentication middleware",
        "Fix insecure session handling in authentication",
        "Correct the vulnerable code in the login controller",
        "Repair a security defect in the auth API",
        "Fix the security hole in auth",
        "Fix authentication vulnerability",
        "Solve the vulnerability affecting the authentication endpoint",
        "Mend the security breach in the login endpoint",
        "Eliminate an injection vulnerability from the auth route",
        "Fix timing attack in the login endpoint",
        "Fix hardcoded credentials in the authentication endpoint",
        "Tackle the security weaknesses of the auth service",
        "Someone reported a vulnerability in the login endpoint — fix it please",
        "A pentester found an SQL injection in our authentication endpoint. Please fix.",
        "Work on the security vulnerability in the authentication endpoint and fix it",
        "Secure our authentication endpoint",
        "Secure the auth API against attacks",
        "Make sure the login endpoint is no longer vulnerable",
        "Handle the authentication security issue",
        "Patch security problem in authentication route",
        "Vulnerability in authentication endpoint: fix",
        "Fix vuln in auth",
        "Resolve auth vulnerability",
        "Protect the login endpoint from brute-force attacks",
        "Plug the security leak in the authentication endpoint",
        "Fix the unsafe password check in the login endpoint",
        "Prevent SQL injection in the login handler",
        "Fix security vulnerabilities in the REST API's authentication",
        "Authentication is broken and insecure, fix it",
        "Sanitize user input in the authentication endpoint to prevent XSS",
        "Fix the JWT vulnerability in the auth endpoint",
        "fix a vulnerability in how the endpoint authenticates users",
        "We need to fix a security vulnerability in the authentication endpoint before the release",
        "Urgent: security vulnerability in the authentication endpoint must be fixed",
        "Apply a security fix to the authentication endpoint",
        "Security fix for authentication endpoint",
        "Fix login security",
        "Improve the security of the authentication endpoint",
        "Strengthen authentication security",
        "Authentication endpoint: close security vulnerability",
        "Repair the authentication endpoint's broken access control",
        "Fix privilege escalation in the auth endpoint",
        "Rectify the security lapse in the authentication endpoint",
        "Deal with the security vulnerability in the authentication endpoint",
        "Fix the loophole that lets users log in without a password",
        "Fix the login so that attackers cannot guess passwords",
        "Address a vulnerability in the sign in endpoint",
        "Get the vulnerability in the authentication endpoint fixed",
        "Fix security in authentication",
        "Fix insecure endpoint",
        "Remedy the security vulnerability in the authentication endpoint",
        "Amend the vulnerable login endpoint",
        "Cure the auth endpoint's injection vulnerability",
        "Bugfix: SQL injection in login endpoint",
        "Fix XSS on login page",
        "Resolve the security vulnerability that affects authentication on the API",
        "Neutralise the threat in the login endpoint",
        "Eradicate vulnerabilities in our authentication code",
        "Security patch needed for the login service",
        "Stop the auth endpoint leaking password hashes",
        "Fix exposed secrets in the auth service",
    ],
)
def test_a_security_fix_is_audited_then_fixed_then_tested_and_documented(request_text: str, roster: Roster) -> None:
    assert phases(request_text, roster) == SECURITY_FIX


@pytest.mark.parametrize(
    "request_text",
    [
        "Build new API endpoint with frontend UI and database optimization",
        "Create a REST endpoint with a React page and tune the database",
        "Implement a new API route plus web interface plus query optimization",
        "Add a GraphQL API, a user interface and faster SQL queries",
        "Develop a backend service with UI components and database indexing",
        "Ship a new endpoint along with a dashboard screen and optimise the DB schema",
        "Develop a new REST API, its UI, and improve DB performance",
        "Add a new GraphQL mutation with accompanying React component and index tuning for Postgres",
        "We need a new API endpoint, a frontend UI for it and an optimized database",
        "Create an API endpoint, build the frontend for it, and optimize database queries",
        "Implement an endpoint with user interface and database tuning",
        "Design an API endpoint, front-end and optimise database performance",
        "Construct a new service endpoint, the matching web UI, and speed up the database",
        "Make a new api endpoint including a UI and optimized database queries",
        "build a new endpoint for orders with a front end and database performance tuning",
        "Add an HTTP endpoint and its web page; also optimize the tables",
        "Write a new API endpoint, give it a UI, and make the database queries faster",
        "New API endpoint with frontend UI and database optimization",
        "Deliver a new API with a user-facing UI while optimizing the database",
        "Set up a new API endpoint together with a frontend and DB optimization",
        "Create a new API endpoint, frontend UI, and optimize the database",
        "Develop a new API endpoint with a user interface and optimise the database",
        "Implement new REST endpoint including frontend and database performance tuning",
        "Build an endpoint with a React frontend and optimized database queries",
        "Add a new API route with UI and database indexing",
        "We want a new endpoint, a web UI for it, and better database performance",
        "Create a backend API, a frontend and tune the database",
        "Make a new API with a frontend and database improvements",
        "Construct an API endpoint plus frontend interface plus database tuning",
        "Build a REST API, a frontend UI and improve database performance",
        "Build the API endpoint and the UI, and optimize the database",
        "Implement an API endpoint with a Vue front-end and database query optimization",
        "Ship a new API endpoint with front end and database speedups",
        "Add new endpoint, new UI and faster database",
        "Design and build a new API endpoint with UI and optimized DB",
        "Develop full stack feature: API endpoint, frontend UI, database optimization",
        "Write a new API endpoint, a UI and optimize the SQL",
        "Set up an API endpoint, a frontend form and database indexes",
        "Create new service endpoint together with frontend components and schema optimization",
        "Provide a new API endpoint with a frontend UI and optimise its database access",
        "Build a new GraphQL endpoint with UI and optimize its queries",
        "Introduce a new endpoint with matching UI and a tuned database",
        "Produce an API endpoint, a user interface, and database optimizations",
        "Please build an API endpoint with a frontend UI. Also optimize the database.",
        "Add an orders endpoint, show it in the UI and speed up the database",
        "Implement the search feature: API, UI, and query tuning",
        "Build an API endpoint for orders with a frontend page and an efficient database schema",
        "I need a new endpoint, its UI and database optimization",
        "Code up a new API endpoint with frontend UI and database tuning",
        "Extend the API with a new endpoint, add UI for it and optimize DB queries",
        "Optimize the database and build a new API endpoint with a frontend UI",
        "Build frontend UI and API endpoint with database optimization",
        "Create an HTTP API with a web frontend and fast database queries",
        "Build a new backend endpoint, frontend view and optimise the tables",
        "Develop an endpoint whose data is shown in a new UI and tune the database",
    ],
)
def test_a_whole_feature_is_designed_then_built_then_shown_tested_and_documented(
    request_text: str, roster: Roster
) -> None:
    assert phases(request_text, roster) == WHOLE_FEATURE


@pytest.mark.parametrize(
    ("request_text", "agents"),
    [
        ("Write documentation for the API endpoint", {"docs-writer"}),
        ("Update the API documentation", {"docs-writer"}),
        ("Document the REST API", {"docs-writer"}),
        ("Fix typos in README", {"docs-writer"}),
        ("Write security documentation", {"docs-writer"}),
        ("Run the tests", {"test-suite-developer"}),
        ("Add tests for the login endpoint", {"test-suite-developer"}),
        ("Improve test coverage", {"test-suite-developer"}),
        ("Fix the failing tests", {"test-suite-developer"}),
        ("Review the code", {"code-reviewer"}),
        ("Audit the code for security holes", {"security-auditor"}),
        ("Is our authentication endpoint vulnerable?", {"security-auditor"}),
        ("Review the pull request for security issues", {"security-auditor", "code-reviewer"}),
        ("Optimize slow database queries", {"database-optimizer", "test-suite-developer", "docs-writer"}),
        ("Add a settings page", {"frontend-builder", "test-suite-developer", "docs-writer"}),
        ("Write tests and docs", {"test-suite-developer", "docs-writer"}),
    ],
)
def test_quite_other_requests_call_for_those_they_concern(request_text: str, agents: set[str], roster: Roster) -> None:
    assert {task.agent for task in make_plan(request_text, roster).tasks} == agents


def test_code_changes_bring_tests_and_documentation_unless_the_request_leaves_them_out(roster: Roster) -> None:
    assert phases("Fix the login bug without documentation", roster) == [
        ["security-auditor"],
        ["backend-api-developer"],
        ["test-suite-developer"],
    ]


@pytest.mark.parametrize("request_text", ["Make coffee", "Complex workflow", "…", "1234"])
def test_a_request_that_calls_for_nobody_is_refused_and_says_who_there_is(request_text: str, roster: Roster) -> None:
    with pytest.raises(BadPlan, match=r"nobody in the roster is called for.*security-auditor"):
        make_plan(request_text, roster)


@pytest.mark.parametrize("request_text", ["", "  \n"])
def test_an_empty_request_is_refused(request_text: str, roster: Roster) -> None:
    with pytest.raises(BadPlan, match="empty"):
        make_plan(request_text, roster)


def test_the_plan_names_the_words_that_matched_and_why_others_join(roster: Roster) -> None:
    plan = make_plan("Patch the security hole in the login endpoint", roster)
    assert plan.task_of("security-auditor").matched == ("security hole",)
    assert plan.task_of("backend-api-developer").matched[0] == "Patch"
    assert plan.task_of("docs-writer").matched == ("api-development by backend-api-developer",)


def test_the_plan_as_json_has_tasks_that_depend_on_earlier_ones(roster: Roster) -> None:
    plan = make_plan("Fix security vulnerability in authentication endpoint", roster).as_json()
    by_agent = {task["agent"]: task for task in plan["tasks"]}
    assert by_agent["backend-api-developer"]["depends_on"] == [by_agent["security-auditor"]["id"]]
    assert by_agent["docs-writer"]["depends_on"] == [by_agent["backend-api-developer"]["id"]]
    assert plan["phases"] == SECURITY_FIX


def test_the_same_request_gives_the_same_plan(roster: Roster) -> None:
    text = "Build new API endpoint with frontend UI and database optimization"
    assert make_plan(text, roster) == make_plan(text, roster)


def test_a_new_agent_file_changes_the_plan_without_a_change_of_code(tmp_path: Path) -> None:
    text = "Translate the error messages into Welsh"
    with pytest.raises(BadPlan):
        make_plan(text, load_roster(tmp_path))
    folder = tmp_path / ".claude/agents"
    folder.mkdir(parents=True)
    (folder / "translator.md").write_text("---\nname: translator\ndescription: Translates texts.\n---\nTranslate.\n")
    assert phases(text, load_roster(tmp_path)) == [["translator"]]


def test_a_new_agent_file_can_join_and_wait_by_capability(tmp_path: Path) -> None:
    folder = tmp_path / ".claude/agents"
    folder.mkdir(parents=True)
    (folder / "legal.md").write_text(
        "---\nname: licence-checker\ncapabilities: [licences]\njoins: [documentation]\nafter: [documentation]\n---\n"
    )
    planned = phases("Fix security vulnerability in authentication endpoint", load_roster(tmp_path))
    assert planned == [*SECURITY_FIX, ["licence-checker"]]


def test_a_capability_alone_calls_for_an_agent_without_a_vocabulary(tmp_path: Path) -> None:
    folder = tmp_path / ".claude/agents"
    folder.mkdir(parents=True)
    (folder / "a.md").write_text("---\nname: ada\ncapabilities: [accessibility-audit]\n---\n")
    assert ["ada"] in phases("Do an accessibility audit", load_roster(tmp_path)) or phases(
        "Do an accessibility audit", load_roster(tmp_path)
    ) == [["security-auditor", "ada"]]


def test_agents_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / ".claude/agents"
    folder.mkdir(parents=True)
    (folder / "a.md").write_text("---\nname: hen\ncapabilities: [hens]\nafter: [eggs]\n---\n")
    (folder / "b.md").write_text("---\nname: egg\ncapabilities: [eggs]\nafter: [hens]\n---\n")
    with pytest.raises(BadPlan, match="wait for each other"):
        make_plan("hen and egg", load_roster(tmp_path))


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ((), "needs tasks"),
        ((PlannedTask(id="1", agent="nobody", task="x"),), "nobody in the roster is called 'nobody'"),
        ((PlannedTask(id="1", agent="docs-writer", task="x", depends_on=("2",)),), "no task of this plan"),
        ((PlannedTask(id="1", agent="docs-writer", task="x", depends_on=("1",)),), "wait for each other"),
    ],
)
def test_a_plan_made_elsewhere_is_checked(tasks: tuple[PlannedTask, ...], said: str, roster: Roster) -> None:
    with pytest.raises(BadPlan, match=said):
        check_plan(Plan("x", tasks, (("docs-writer",),)), roster)
