-- Work handed over, with when it last changed.
SELECT handoff, session, giver, taker, task, urgency, status,
    coalesce(completed_at, rejected_at, accepted_at, offered_at) AS changed_at
FROM handoffs
WHERE ($session::VARCHAR IS NULL OR session = $session) AND status = $status
