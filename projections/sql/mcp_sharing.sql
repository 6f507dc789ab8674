-- What the tools of MCP servers were asked, by session, and what sharing read-only answers between agents saved: asked
-- is how many calls went to the server, shared how many were answered from another agent's call, saved_ms how much
-- longer those others' calls had taken.
SELECT
    asking.session,
    asking.mcp_server,
    asking.tool,
    count(*) AS calls,
    count(*) FILTER (giving.call IS NULL) AS asked,
    count(giving.call) AS shared,
    coalesce(sum(greatest(giving.duration_ms - asking.duration_ms, 0)), 0) AS saved_ms
FROM tool_calls AS asking
LEFT JOIN tool_calls AS giving
    ON giving.call = asking.result->>'$.shared_from'
    AND giving.session = asking.session
    AND giving.mcp_server = asking.mcp_server
    AND giving.tool = asking.tool
WHERE asking.mcp_server IS NOT NULL
GROUP BY asking.session, asking.mcp_server, asking.tool
