-- Tool calls, narrowed to a session, a tool, an agent, a text, or to those that failed.
SELECT call, started_at, agent, tool, status, duration_ms, left(params::VARCHAR, 4000) AS params, session, position
FROM tool_calls
WHERE ($session::VARCHAR IS NULL OR session = $session)
    AND ($tool::VARCHAR IS NULL OR tool = $tool)
    AND ($agent::VARCHAR IS NULL OR coalesce(agent, 'unknown') = $agent)
    AND (NOT $failed OR status NOT IN ('ok', 'unresolved'))
    AND ($find = '' OR contains(lower(concat_ws(' ', tool, agent)), $find)
        OR contains(lower(params::VARCHAR), $written) OR call IN $held)
