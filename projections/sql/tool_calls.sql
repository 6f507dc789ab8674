-- Every tool call: who called what with which parameters, what came back, how long it took, and how it ended
-- (ok, error, denied, interrupted, timed_out; unresolved while no return is known). One row an identity: witnesses are
-- merged, a session that replays another's calls does not own them. duration_ms is the witness's own figure, else
-- return minus call, never below 0.
SELECT
    call,
    calls.session,
    calls.run,
    coalesce(calls.agent, runs.agent) AS agent,
    tool,
    mcp_server,
    params,
    coalesce(result, to_json(error)) AS result,
    calls.started_at,
    calls.ended_at,
    coalesce(
        calls.duration_ms,
        CASE
            WHEN calls.ended_at < calls.started_at THEN 0
            ELSE date_diff('millisecond', calls.started_at, calls.ended_at)
        END
    ) AS duration_ms,
    status,
    error,
    exit_code,
    position
FROM calls
LEFT JOIN runs ON calls.run = runs.run
