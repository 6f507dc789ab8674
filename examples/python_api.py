"""All of the Python API in one talk: agents speak, ask for help and hand over; a program logs its own agents."""

import asyncio
import json
import tempfile
from pathlib import Path

from orchestrion import (
    CommunicationBus,
    HandoffSystem,
    LearningSystem,
    Orchestrator,
    RuntimeLogger,
    example_repository,
)


async def speak(home: Path) -> None:
    """A bus of two agents: a finding, a request for help with its answer, a handoff."""
    async with CommunicationBus(home, request="Agents talk") as bus:
        await bus.register_agent("security-auditor", ["security-audit"])
        await bus.register_agent("backend-api-developer", ["api-development"])
        finding = {"severity": "high", "issue": "Missing organizationId validation", "file": "auth.ts", "line": 42}
        sent = await bus.send_message("security-auditor", "all", {"type": "finding_report", "payload": finding})
        print("message.sent", sent.sender, "→", sent.recipient, sent.priority)

        request = await bus.request_assistance("security-auditor", "api-development", {"query": "who owns auth.ts?"})
        for message in await bus.receive(request.recipient):
            print("message.delivered", message.type)
        await bus.reply(request.recipient, request, {"type": "response", "payload": {"text": "I do"}})
        answer = await bus.answer_to(request, seconds=5)
        print("answer:", answer.payload if answer else None)

        project = home / "project"
        project.mkdir()
        (project / "auth.ts").touch()  # the finding names it, so a package without it would be rejected
        handoffs = HandoffSystem(bus, workspace=project)
        given = {"task": "Fix the vulnerability", "recommendations": {"next_actions": ["Validate it"]}}
        offered = await handoffs.initiate_handoff("security-auditor", "backend-api-developer", given)
        context = await handoffs.receive_handoff("backend-api-developer", offered)
        print("handoff.accepted", context["task"], context["package"]["recommendations"]["nextActions"])
        print(await bus.get_statistics())


async def log_own_agents(home: Path) -> None:
    """A program that runs its own agents tells what they do."""
    async with RuntimeLogger(home) as logger:
        session = await logger.start_execution("Create API endpoint", ["backend-api-developer"])
        await logger.log_agent_start("backend-api-developer", "Create API endpoint")
        await logger.log_tool_call("backend-api-developer", "Edit", {"file": "auth.ts"}, {"changed": True})
        await logger.log_agent_complete("backend-api-developer", {"files_modified": ["auth.ts"]})
        print("agent.completed", "backend-api-developer")
        await logger.end_execution()
        report = await logger.generate_execution_report(session)
        print("report:", json.dumps(report["agents"])[:200])


async def learn(home: Path) -> None:
    """Runs that were made elsewhere are told; what they teach is asked; a discovery is shared."""
    async with CommunicationBus(home, request="Learning") as bus:
        for name in ("security-auditor", "backend-api-developer"):
            await bus.register_agent(name)
        learning = LearningSystem(bus)
        for duration in (5000, 5200, 4900):
            run = {"duration": duration, "tool_sequence": ["Read", "Edit", "Write"], "success": True}
            await learning.record_agent_execution("backend-api-developer", run)
        learnt = await learning.query_learnings("backend-api-developer")
        print("recommended:", learnt["recommendedApproach"]["toolSequence"], learnt["estimatedDuration"]["estimated"])
        found = {"pattern": {"name": "missing-organizationId", "type": "security"}, "confidence": 95}
        print("pattern.discovered", (await learning.share_discovery("security-auditor", found)).confidence)


async def run_a_team(home: Path) -> None:
    """The built-in team at work on the example repository."""
    async with Orchestrator(example_repository(), home=home) as orchestrator:
        result = await orchestrator.execute_request("Fix security vulnerability in authentication endpoint")
        print(f"{result.status}: {len(result.findings)} findings, {result.duration_ms} ms")
        print(json.dumps(await orchestrator.get_statistics()))


async def main() -> None:
    """One after the other, in a home that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        for part in (speak, log_own_agents, learn, run_a_team):
            await part(Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
