-- Work handed from one agent to another: offered, accepted, rejected or completed, with what was wrong with it.
-- key: handoff
-- kinds: handoff.*
SELECT
    handoff,
    arg_min(session, rank) AS session,
    arg_min(giver, rank) AS giver,
    arg_min(taker, rank) AS taker,
    arg_min(task, rank) AS task,
    coalesce(arg_min(urgency, rank), 'normal') AS urgency,
    CASE
        WHEN count(*) FILTER (kind = 'handoff.completed') > 0 THEN 'completed'
        WHEN count(*) FILTER (kind = 'handoff.rejected') > 0 THEN 'rejected'
        WHEN count(*) FILTER (kind = 'handoff.accepted') > 0 THEN 'accepted'
        ELSE 'offered'
    END AS status,
    arg_min(happened_at, rank) FILTER (kind = 'handoff.offered') AS offered_at,
    arg_min(happened_at, rank) FILTER (kind = 'handoff.accepted') AS accepted_at,
    arg_min(problems, rank) AS problems,
    arg_min(happened_at, rank) FILTER (kind = 'handoff.rejected') AS rejected_at,
    arg_min(happened_at, rank) FILTER (kind = 'handoff.completed') AS completed_at,
    arg_min(status, rank) FILTER (kind = 'handoff.completed') AS outcome,
    arg_min(run, rank) FILTER (kind = 'handoff.offered') AS giver_run,
    arg_min(taker_run, rank) AS taker_run,
    arg_min(used, rank) AS used,
    arg_min(package, rank) AS package
FROM ranked
GROUP BY handoff
