# The four verbs of daily work; CI runs the same ones.

check:
    uv run ruff format --check .
    uv run ruff check .
    uv run mypy
    uv run lint-imports

fix:
    uv run ruff check --fix .
    uv run ruff format .

test:
    uv run pytest

# The large fault and scale suites.
test-slow:
    uv run pytest -m slow

bench:
    uv run python benchmarks/append.py
    uv run python benchmarks/replay.py
    uv run python benchmarks/past.py
    uv run python benchmarks/ingest.py
    uv run python benchmarks/redaction.py
    uv run python benchmarks/start.py
    uv run python benchmarks/hook.py
    uv run python benchmarks/bus.py
    uv run python benchmarks/conductor.py
    uv run python benchmarks/mcp_sharing.py
    uv run python benchmarks/learning.py
    uv run python benchmarks/search.py
    uv run python benchmarks/dashboard.py

# The README's pictures, of a real run of the built-in team.
pictures:
    uv run python docs/pictures/take.py
