-- One row a tool call, as its facts say it; `call_spans` tells how long it took, `tool_calls` adds the agent of its run.
-- internal:
-- key: call
-- kinds: tool.*
SELECT
    call,
    arg_min(session, rank) AS session,
    arg_min(run, rank) AS run,
    arg_min(agent, rank) AS agent,
    arg_min(tool, rank) AS tool,
    arg_min(mcp_server, rank) AS mcp_server,
    arg_min(params, rank) AS params,
    arg_min(result, rank) AS result,
    arg_min(error, rank) AS error,
    arg_min(exit_code, rank) AS exit_code,
    arg_min(happened_at, rank) FILTER (kind = 'tool.called') AS started_at,
    arg_min(happened_at, rank) FILTER (kind = 'tool.returned') AS ended_at,
    arg_min(duration_ms, rank) AS duration_ms,
    coalesce(arg_min(status, rank), 'unresolved') AS status,
    min(position) AS position
FROM ranked
GROUP BY call
