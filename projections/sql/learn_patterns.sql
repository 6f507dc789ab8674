-- What was reported of a pattern: by whom, and when it was seen, confirmed and contradicted.
-- internal:
-- key: pattern
-- kinds: pattern.*
SELECT
    pattern,
    arg_min(name, rank) AS name,
    arg_min(type, rank) AS type,
    arg_min(context, rank) AS context,
    arg_min(solution, rank) AS solution,
    arg_min(agent, rank) AS agent,
    arg_min(confidence, rank) AS claimed,
    list_sort(list(coalesce(happened_at, recorded_at)) FILTER (kind <> 'pattern.contradicted')) AS supported_at,
    count(*) FILTER (kind = 'pattern.contradicted') AS contradictions,
    list_sort(list(position)) AS positions
FROM ranked
GROUP BY pattern
