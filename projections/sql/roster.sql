-- Agents that joined a session's roster, with what they can do, and those that left it.
SELECT
    session,
    agent,
    arg_max(description, position) AS description,
    arg_max(capabilities, position) AS capabilities,
    arg_max(runner, position) AS runner,
    arg_max(definition, position) AS definition,
    max_by(kind, position) = 'agent.retired' AS retired
FROM facts
WHERE kind IN ('agent.registered', 'agent.retired')
GROUP BY session, agent
