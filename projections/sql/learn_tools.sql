-- What the calls of one run teach: counts, and as JSON text: tools in order (repeats in a row once, the first 60), all that
-- were used, MCP servers, pairs that ran side by side, files written, and failures (the first 8).
-- internal:
-- key: run
-- kinds: tool.*
-- newest: run, "call", session, source
WITH acts AS (
    -- Few and short columns: a log of millions of calls is grouped here.
    SELECT
        run,
        "call",
        arg_min(tool, rank) AS tool,
        arg_min(mcp_server, rank) AS mcp_server,
        min(happened_at) FILTER (kind = 'tool.called') AS started_at,
        min(happened_at) FILTER (kind = 'tool.returned') AS ended_at,
        arg_min(status <> 'ok', rank) AS failed,
        arg_min(status, rank) FILTER (status <> 'ok') AS wrong,
        arg_min(left(coalesce(error, result->>'$'), 300), rank) FILTER (status <> 'ok') AS said,
        arg_min(params->>'$.file_path', rank)
            FILTER (tool IN ('Edit', 'MultiEdit', 'NotebookEdit', 'Write')) AS file,
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
    WINDOW following AS (PARTITION BY run ORDER BY started_at NULLS LAST, position)
)

SELECT
    run,
    count(*) AS calls,
    count(*) FILTER (failed IS NULL) AS unresolved,
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
            list(DISTINCT file) FILTER (file IS NOT NULL AND NOT failed)
        ), 1, 50), []),
        failures := coalesce(list_slice(
            list(struct_pack("call" := "call", tool := tool, status := wrong, said := said, position := position)
                ORDER BY position) FILTER (failed), 1, 8
        ), [])
    ))::VARCHAR AS taught
FROM steps
GROUP BY run
ORDER BY greatest(max(started_at), max(ended_at))
