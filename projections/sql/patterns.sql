-- Patterns that somebody noticed, with what later spoke for and against them; evidence are positions in the log.
-- key: pattern
-- kinds: pattern.*
SELECT
    pattern,
    arg_min(session, rank) AS session,
    arg_min(name, rank) AS name,
    arg_min(type, rank) AS type,
    arg_min(context, rank) AS context,
    arg_min(solution, rank) AS solution,
    arg_min(confidence, rank) AS confidence,
    count(*) FILTER (kind = 'pattern.confirmed') AS confirmations,
    count(*) FILTER (kind = 'pattern.contradicted') AS contradictions,
    list_sort(list_distinct(flatten(list(evidence) FILTER (evidence IS NOT NULL)))) AS evidence,
    arg_min(agent, rank) AS agent,
    min(happened_at) AS happened_at
FROM ranked
GROUP BY pattern
