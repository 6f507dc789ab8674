-- What learning asks of an agent, ready to be read: its newest hundred runs and its dealings with others, as JSON.
-- internal:
-- kept:
WITH newest AS (
    SELECT *
    FROM learn_runs
    WHERE agent IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY agent ORDER BY ended_at DESC NULLS LAST, run) <= 100
),

runs AS (
    SELECT
        agent,
        to_json(list(json_array(
            run, session, agent, task, status, started_at, duration_ms, good, objections, reason, refused_because,
            files_modified, calls, position, judged_at, expected.low, expected.high, taught::JSON
        ) ORDER BY ended_at DESC NULLS LAST, run))::VARCHAR AS runs
    FROM newest
    GROUP BY agent
),

dealings AS (
    SELECT
        agent,
        to_json(struct_pack(talk := talk, asked := asked, answered := answered, handed := handed))::VARCHAR AS together
    FROM learn_together
)

SELECT agent, runs.runs, dealings.together
FROM runs FULL JOIN dealings USING (agent)
