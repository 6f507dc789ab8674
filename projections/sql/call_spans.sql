-- Every tool call with how long it took; `tool_calls` adds the agent of its run, for which DuckDB looks even where nobody
-- asks for it. duration_ms is the witness's own figure, else return minus call; NULL where the return lies before the
-- call, for then nobody knows.
-- (By name: of a `* REPLACE` that is summed up beside another view DuckDB cannot tell which tables it reads.)
-- internal:
SELECT
    call,
    session,
    run,
    agent,
    tool,
    mcp_server,
    params,
    result,
    error,
    exit_code,
    started_at,
    ended_at,
    coalesce(
        duration_ms,
        CASE WHEN ended_at >= started_at THEN date_diff('millisecond', started_at, ended_at) END
    ) AS duration_ms,
    status,
    position
FROM calls
