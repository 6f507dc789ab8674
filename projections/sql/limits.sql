-- Limits that stopped something, with what was allowed and what was reached.
SELECT subject, session, run, agent, "limit", allowed, reached, happened_at, position
FROM facts
WHERE kind = 'limit.reached'
