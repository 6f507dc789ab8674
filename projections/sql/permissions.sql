-- One row a call that waits or waited for a person's word; `approvals` says how it stands.
-- internal:
-- key: approval
-- kinds: approval.*
SELECT
    approval,
    arg_min(session, rank) FILTER (kind = 'approval.requested') AS session,
    arg_min(run, rank) FILTER (kind = 'approval.requested') AS run,
    arg_min(agent, rank) FILTER (kind = 'approval.requested') AS agent,
    arg_min(call, rank) AS call,
    arg_min(tool, rank) AS tool,
    arg_min(params, rank) AS params,
    arg_min(reason, rank) FILTER (kind = 'approval.requested') AS reason,
    arg_min(happened_at, rank) FILTER (kind = 'approval.requested') AS requested_at,
    arg_min(verdict, rank) AS verdict,
    arg_min("by", rank) AS answered_by,
    arg_min(reason, rank) FILTER (kind = 'approval.given') AS answer,
    arg_min(happened_at, rank) FILTER (kind = 'approval.given') AS answered_at
FROM ranked
GROUP BY approval
