-- One row a run, as learning sees it: how it went (good: 1 well, 0 badly, between them where judges disagree, null where
-- nobody knows), how long it took (see `run_spans`; null too of one that is at work or whose turn never came), and what
-- was expected of it.
-- Judges' last words decide; without them a failed status or a refused validation is bad, completed is good. Cancelled,
-- interrupted, refused, unended and unknown runs say nothing about the agent.
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
        spans.* REPLACE (
            left(spans.task, 400) AS task,
            -- The newest are looked for by it: one that has no end yet is as new as what was last heard of it.
            coalesce(spans.ended_at, spans.last_at) AS ended_at
        ),
        CASE
            WHEN spans.ended_as IS NOT NULL THEN spans.ended_as
            WHEN spans.ours THEN 'running'
            WHEN spans.last_act LIKE 'interrupt%' THEN 'interrupted'
            WHEN spans.last_message IN ('response', 'result') AND coalesce(tools.unresolved, 0) = 0 THEN 'completed'
            ELSE 'unknown'
        END AS status,
        coalesce(tools.calls, 0) AS calls,
        tools.taught
    FROM run_spans AS spans
    LEFT JOIN learn_tools AS tools ON spans.run = tools.run
)

SELECT
    known.run,
    known.session,
    known.agent,
    known.task,
    known.status,
    known.started_at,
    known.ended_at,
    CASE WHEN known.status NOT IN ('running', 'refused') THEN known.duration_ms END AS duration_ms,
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
    known.position,
    list_sort(list_distinct(list_concat(
        coalesce(judged.positions, []), CASE WHEN validated.position IS NULL THEN [] ELSE [validated.position] END
    ))) AS judged_at,
    learn_estimates.expected,
    learn_estimates.position AS estimated_at
FROM known
LEFT JOIN learn_verdicts AS judged ON known.run = judged.subject
LEFT JOIN validated ON known.run = validated.run
LEFT JOIN learn_estimates ON known.run = learn_estimates.subject
