-- One row a run, as learning sees it: how it went (good: 1 well, 0 badly, between them where judges disagree, null where
-- nobody knows) and how long it took (null where its end lies before its start). Status is that of agent_runs.
-- Judges' last words decide; without them a failed status or a refused validation is bad, completed is good. Cancelled,
-- interrupted, refused, running and unknown runs say nothing about the agent.
-- internal:
WITH validated AS (
    SELECT
        asked.run,
        arg_max(answered.payload->>'$.approved' = 'true', (answered.happened_at, answered.position)) AS approved,
        arg_max(answered.payload->>'$.reasons[0]', (answered.happened_at, answered.position)) AS objection,
        max(answered.position) AS position
    FROM messages AS answered
    JOIN messages AS asked ON answered.in_reply_to = asked.message
    WHERE answered.type = 'validation_result' AND asked.type = 'validation_request'
    GROUP BY asked.run
),

known AS (
    SELECT
        runs.*,
        CASE
            WHEN runs.ended_as IS NOT NULL THEN runs.ended_as
            WHEN runs.ours THEN CASE WHEN session_spans.ended_as IS NULL THEN 'running' ELSE 'lost' END
            WHEN runs.last_act LIKE 'interrupt%' THEN 'interrupted'
            WHEN runs.last_message IN ('response', 'result') AND coalesce(learn_tools.unresolved, 0) = 0
                THEN 'completed'
            ELSE 'unknown'
        END AS status,
        session_spans.forked_from,
        coalesce(learn_tools.calls, 0) AS calls,
        learn_tools.taught,
        learn_tools.position
    FROM runs
    LEFT JOIN learn_tools ON runs.run = learn_tools.run
    LEFT JOIN session_spans ON runs.session = session_spans.session
)

SELECT
    known.run,
    known.session,
    known.agent,
    known.task,
    known.status,
    coalesce(known.started_at, known.first_at) AS started_at,
    coalesce(known.ended_at, known.last_at) AS ended_at,
    CASE
        WHEN known.status IN ('running', 'refused', 'lost') THEN NULL
        WHEN known.duration_ms IS NOT NULL THEN known.duration_ms
        WHEN coalesce(known.ended_at, known.last_at) >= coalesce(known.started_at, known.first_at)
            THEN date_diff(
                'millisecond', coalesce(known.started_at, known.first_at), coalesce(known.ended_at, known.last_at)
            )
    END AS duration_ms,
    CASE
        WHEN coalesce(judged.positive + judged.negative, 0) > 0
            THEN judged.positive / (judged.positive + judged.negative)
        WHEN known.status IN ('failed', 'timed_out', 'budget', 'loop', 'lost') OR NOT validated.approved THEN 0
        WHEN known.status = 'completed' THEN 1
    END::DOUBLE AS good,
    judged.quality,
    judged.rework,
    judged.reasons AS objections,
    known.reason,
    CASE WHEN NOT validated.approved THEN coalesce(validated.objection, 'validation refused') END AS refused_because,
    known.files_modified,
    known.calls,
    known.taught,
    known.forked_from,
    known.position,
    list_sort(list_distinct(
        list_concat(coalesce(judged.positions, []), CASE WHEN validated.position IS NULL THEN [] ELSE [validated.position] END)
    )) AS judged_at
FROM known
LEFT JOIN learn_verdicts AS judged ON known.run = judged.subject
LEFT JOIN validated ON known.run = validated.run
