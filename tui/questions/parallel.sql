-- Milliseconds in which at least one, and at least two, runs of a session were at work; a run that started others
-- waits for them and is left out; one that has not ended counts until the last thing known of the session.
WITH own AS (
    SELECT run, parent_run, started_at,
        coalesce(ended_at, (SELECT max(ended_at) FROM sessions WHERE session = $session)) AS ended_at
    FROM agent_runs WHERE session = $session
),
leaves AS (
    SELECT * FROM own
    WHERE started_at IS NOT NULL AND ended_at IS NOT NULL
        AND run NOT IN (SELECT parent_run FROM own WHERE parent_run IS NOT NULL)
),
edges AS (SELECT started_at AS moment, 1 AS change FROM leaves UNION ALL SELECT ended_at, -1 FROM leaves),
moments AS (SELECT moment, sum(change) AS change FROM edges GROUP BY moment),
spans AS (
    SELECT sum(change) OVER (ORDER BY moment) AS busy,
        date_diff('millisecond', moment, lead(moment) OVER (ORDER BY moment)) AS ms
    FROM moments
)
SELECT sum(ms) FILTER (busy >= 1) AS busy_ms, sum(ms) FILTER (busy >= 2) AS parallel_ms, max(busy) AS most
FROM spans
