-- One row a session, as its own facts say it; `sessions` adds the counts and the status of what was never ended.
-- Its beginning and its end are those of its own work, and this is the one definition of it: of an import what its
-- witnesses saw, of any other what was done in it. What is said of it afterwards, such as a judgement, a person's
-- message or a lapsed lease, is not its work, nor is a guest's in an import. The end of ours is the one that was told.
-- internal:
-- key: session
-- kinds: *
-- newest: session, source, kind
SELECT
    * EXCLUDE (told_end, seen_from, seen_until, done_from, done_until),
    CASE WHEN imported THEN seen_from ELSE done_from END AS started_at,
    CASE
        WHEN ours THEN coalesce(told_end, done_until)
        WHEN imported THEN seen_until
        ELSE done_until
    END AS ended_at
FROM (
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
        arg_min(status, rank) FILTER (kind = 'session.ended') AS ended_as,
        arg_min(happened_at, rank) FILTER (kind = 'session.ended') AS told_end,
        arg_min(reason, rank) FILTER (kind = 'session.ended') AS reason,
        arg_min(workspace, rank) AS workspace,
        arg_min(branch, rank) AS branch,
        arg_min(client, rank) AS client,
        arg_min(parent, rank) FILTER (kind = 'session.forked') AS forked_from,
        -- Who began it decides: a guest of an import, or the run that another program's session was, makes it not ours.
        bool_or(source = 'conductor' AND kind = 'session.started') AS ours,
        bool_or(witnessed) AND NOT bool_or(source = 'conductor' AND kind = 'session.started') AS imported,
        min(happened_at) FILTER (witnessed) AS seen_from,
        max(happened_at) FILTER (witnessed) AS seen_until,
        min(happened_at) FILTER (NOT afterwards) AS done_from,
        max(happened_at) FILTER (NOT afterwards) AS done_until,
        -- A conductor that is silent longer than its lease is taken for dead.
        max(happened_at) FILTER (kind IN ('lease.taken', 'lease.renewed'))
        + to_seconds(arg_max(lease_seconds, position) FILTER (kind = 'lease.taken')) AS leased_until,
        count(*) AS events,
        max(position) AS position
    FROM (
        SELECT
            *,
            source IN ('hook', 'transcript', 'otlp') AS witnessed,
            kind IN (
                'outcome.judged', 'lease.lapsed', 'cancel.requested', 'approval.given', 'message.expired'
            )
            OR (kind = 'message.sent' AND source = 'user')
            OR (kind IN ('message.delivered', 'message.acknowledged') AND recipient = 'human') AS afterwards
        FROM ranked
    )
    GROUP BY session
)
