-- One row a session, as its own facts say it; `sessions` adds the counts and the status of what was never ended.
-- internal:
-- key: session
-- kinds: *
-- newest: session, source, kind
SELECT
    session,
    arg_min(product, rank) AS product,
    arg_min(project, rank) AS project,
    coalesce(
        arg_min(request, rank) FILTER (kind = 'session.started'),
        arg_min(
            CASE WHEN kind = 'message.sent' AND type = 'prompt' THEN data->>'$.payload.text' END, position
        ) FILTER (kind = 'message.sent' AND type = 'prompt')
    ) AS request,
    min(happened_at) AS started_at,
    max(happened_at) AS ended_at,
    arg_min(status, rank) FILTER (kind = 'session.ended') AS ended_as,
    arg_min(reason, rank) FILTER (kind = 'session.ended') AS reason,
    arg_min(workspace, rank) AS workspace,
    arg_min(branch, rank) AS branch,
    arg_min(client, rank) AS client,
    arg_min(parent, rank) FILTER (kind = 'session.forked') AS forked_from,
    bool_or(source = 'conductor') AS ours,
    -- A conductor that is silent longer than its lease is taken for dead.
    max(happened_at) FILTER (kind IN ('lease.taken', 'lease.renewed'))
    + to_seconds(arg_max(lease_seconds, position) FILTER (kind = 'lease.taken')) AS leased_until,
    count(*) AS events,
    max(position) AS position
FROM ranked
GROUP BY session
