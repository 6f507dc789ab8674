-- Who got which message, and how far it came: queued, delivered, acknowledged or expired. A message to named runs is
-- queued for each of them until a fact of that run says more; of one that only others' recordings tell of, nobody knows
-- how far it came.
-- key: message
-- kinds: message.*
WITH known AS (
    SELECT
        message,
        recipient,
        run,
        arg_min(session, rank) AS session,
        min(happened_at) FILTER (kind = 'message.delivered') AS delivered_at,
        min(happened_at) FILTER (kind = 'message.acknowledged') AS acknowledged_at,
        min(happened_at) FILTER (kind = 'message.expired') AS expired_at,
        arg_min(reason, rank) FILTER (kind = 'message.expired') AS reason,
        count(*) FILTER (kind = 'message.acknowledged') > 0 AS acknowledged,
        count(*) FILTER (kind = 'message.delivered') > 0 AS delivered
    FROM ranked
    WHERE kind <> 'message.sent'
    GROUP BY message, recipient, run
),

addressed AS (
    SELECT
        message,
        arg_min(recipient, rank) AS recipient,
        unnest(arg_min(recipient_runs, rank)) AS run,
        arg_min(session, rank) AS session,
        bool_or(source IN ('conductor', 'mcp', 'user')) AS on_our_bus
    FROM ranked
    WHERE kind = 'message.sent'
    GROUP BY message
)

SELECT
    message,
    recipient,
    run,
    session,
    CASE WHEN acknowledged THEN 'acknowledged' WHEN delivered THEN 'delivered' ELSE 'expired' END AS state,
    delivered_at,
    acknowledged_at,
    expired_at,
    reason
FROM known
UNION ALL
SELECT DISTINCT
    message,
    recipient,
    run,
    session,
    CASE WHEN on_our_bus THEN 'queued' ELSE 'unknown' END,
    NULL::TIMESTAMP,
    NULL::TIMESTAMP,
    NULL::TIMESTAMP,
    NULL
FROM addressed
ANTI JOIN known USING (message, run)
