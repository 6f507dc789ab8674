-- The learning record of every run of an agent: what it did and how long it took, what failed, what it found, with whom it
-- worked, and how it went. good is from 0 to 1: judges' last words (`orchestrion judge`) decide, without them a failed
-- status or a refused validation is 0, completed is 1; null where nobody knows. Nested parts are JSON.
WITH sent AS (
    SELECT
        run,
        count(*) AS messages,
        count(*) FILTER (type = 'assistance_request') AS requests,
        list(DISTINCT recipient) FILTER (recipient NOT IN ('all', 'conductor', 'human')) AS peers,
        list_sort(list(payload->>'$.issue') FILTER (type = 'finding_report')) AS findings
    FROM messages
    WHERE run IS NOT NULL
    GROUP BY run
),

received AS (
    SELECT run, count(*) AS messages FROM deliveries WHERE state IN ('delivered', 'acknowledged') GROUP BY run
),

taken AS (
    SELECT
        taker_run AS run,
        list(struct_pack("from" := giver, "timestamp" := offered_at, status := status) ORDER BY offered_at, handoff)
            AS handoffs,
        list(DISTINCT giver) AS givers
    FROM handoffs
    WHERE taker_run IS NOT NULL
    GROUP BY taker_run
),

noticed AS (
    SELECT
        run,
        list(struct_pack(name := name, type := type, confidence := confidence) ORDER BY name, confidence) AS patterns
    FROM facts
    WHERE kind = 'pattern.discovered' AND run IS NOT NULL
    GROUP BY run
)

SELECT
    learn_runs.run,
    learn_runs.session,
    learn_runs.agent,
    learn_runs.started_at AS "timestamp",
    learn_runs.status,
    learn_runs.task,
    learn_runs.duration_ms,
    learn_runs.good,
    json_object(
        'toolSequence', coalesce(taught::JSON->'$.tools', '[]'::JSON),
        'parallelExecutions', coalesce(taught::JSON->'$.beside', '[]'::JSON),
        'mcpUsage', coalesce(taught::JSON->'$.servers', '[]'::JSON),
        'duration', duration_ms,
        'filesModified', list_sort(list_distinct(list_concat(
            coalesce(files_modified, []), coalesce(from_json(taught::JSON->'$.files', '["VARCHAR"]'), [])
        )))
    ) AS "successPatterns",
    json_object(
        'errors', from_json(
            coalesce(taught::JSON->'$.failures', '[]'), '[{"tool":"VARCHAR","status":"VARCHAR","said":"VARCHAR"}]'
        ),
        'reasons', list_sort(list_distinct(list_filter(
            list_concat(coalesce(objections, []), [reason, refused_because]), lambda said: said IS NOT NULL
        )))
    ) AS failures,
    json_object('newPatterns', coalesce(noticed.patterns, []), 'findings', coalesce(sent.findings, [])) AS discoveries,
    json_object(
        'messagesReceived', coalesce(received.messages, 0),
        'messagesSent', coalesce(sent.messages, 0),
        'assistanceRequests', coalesce(sent.requests, 0),
        'handoffs', coalesce(taken.handoffs, []),
        'collaborators', list_sort(list_distinct(list_concat(coalesce(sent.peers, []), coalesce(taken.givers, []))))
    ) AS collaboration,
    json_object(
        'success', CASE WHEN good IS NULL THEN NULL ELSE good > 0.5 END,
        'qualityScore', quality,
        'requiresRework', rework
    ) AS outcomes,
    learn_runs.position
FROM learn_runs
LEFT JOIN sent ON learn_runs.run = sent.run
LEFT JOIN received ON learn_runs.run = received.run
LEFT JOIN taken ON learn_runs.run = taken.run
LEFT JOIN noticed ON learn_runs.run = noticed.run
