-- Every tool call: who called what with which parameters, what came back, how long it took, and how it ended
-- (ok, error, denied, interrupted, timed_out; unresolved while no return is known). One row an identity: witnesses are
-- merged, a session that replays another's calls does not own them. duration_ms is the witness's own figure, else
-- return minus call; NULL where the return lies before the call, for then nobody knows.
SELECT
    call,
    session,
    run,
    coalesce(agent, (SELECT runs.agent FROM runs WHERE runs.run = call_spans.run)) AS agent,
    tool,
    mcp_server,
    params,
    coalesce(result, to_json(error)) AS result,
    started_at,
    ended_at,
    duration_ms,
    status,
    error,
    exit_code,
    position
FROM call_spans
