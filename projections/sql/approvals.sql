-- Every call that waits or waited for a person's word, and what was answered by whom. Status is open until it is
-- approved, denied or expired; withdrawn when its run or session ended before an answer.
SELECT
    approval,
    permissions.session,
    permissions.run,
    permissions.agent,
    call,
    tool,
    params,
    permissions.reason,
    CASE
        WHEN verdict IS NOT NULL THEN verdict
        WHEN runs.ended_as IS NOT NULL OR session_spans.ended_as IS NOT NULL THEN 'withdrawn'
        ELSE 'open'
    END AS status,
    requested_at,
    answered_at,
    answered_by,
    answer
FROM permissions
LEFT JOIN runs ON permissions.run = runs.run
LEFT JOIN session_spans ON permissions.session = session_spans.session
