-- What the calls of one run teach, and the position that stands for the run (its start). Counts, and as JSON text: tools
-- in order (repeats in a row once, the first 60), all that were used, MCP servers, pairs that ran side by side, files
-- written, and failures (the first 8).
-- internal:
-- key: run
-- kinds: tool.* agent.started agent.completed agent.failed message.sent
-- newest: run, session, source, kind, coalesce("call", message)
WITH acts AS (
    -- One row a call, and one for all that is no call. `ranked` is read once: twice, and DuckDB would hold all of it.
    SELECT
        run,
        "call",
        arg_min(tool, rank) AS tool,
        arg_min(mcp_server, rank) AS mcp_server,
        arg_min(happened_at, rank) FILTER (kind = 'tool.called') AS started_at,
        arg_min(happened_at, rank) FILTER (kind = 'tool.returned') AS ended_at,
        coalesce(arg_min(status, rank) FILTER (kind = 'tool.returned'), 'unresolved') AS status,
        arg_min(left(coalesce(error, result->>'$'), 300), rank)
            FILTER (kind = 'tool.returned' AND status <> 'ok') AS said,
        arg_min(params->>'$.file_path', rank)
            FILTER (kind = 'tool.called' AND tool IN ('Edit', 'MultiEdit', 'NotebookEdit', 'Write')) AS file,
        min(position) FILTER (kind = 'agent.started') AS began,
        min(position) AS position
    FROM ranked
    GROUP BY run, "call"
),

steps AS (
    SELECT
        *,
        lag(tool) OVER following AS previous,
        lag(ended_at) OVER following AS previous_end
    FROM acts
    WINDOW following AS (PARTITION BY run ORDER BY "call" IS NULL, started_at NULLS LAST, position)
)

SELECT
    run,
    coalesce(min(began), min(position)) AS position,
    count("call") AS calls,
    count("call") FILTER (status = 'unresolved') AS unresolved,
    to_json(struct_pack(
        tools := coalesce(list_slice(
            list(tool ORDER BY started_at NULLS LAST, position)
                FILTER (tool IS NOT NULL AND tool IS DISTINCT FROM previous), 1, 60
        ), []),
        used := coalesce(list_sort(list(DISTINCT tool) FILTER (tool IS NOT NULL)), []),
        servers := coalesce(list_sort(list(DISTINCT mcp_server) FILTER (mcp_server IS NOT NULL)), []),
        beside := coalesce(list_sort(
            list(DISTINCT [least(previous, tool), greatest(previous, tool)]) FILTER (previous_end > started_at)
        ), []),
        files := coalesce(list_slice(list_sort(
            list(DISTINCT file) FILTER (file IS NOT NULL AND status = 'ok')
        ), 1, 50), []),
        failures := coalesce(list_slice(
            list(struct_pack("call" := "call", tool := tool, status := status, said := said, position := position)
                ORDER BY position) FILTER ("call" IS NOT NULL AND status NOT IN ('ok', 'unresolved')), 1, 8
        ), [])
    ))::VARCHAR AS taught
FROM steps
GROUP BY run
