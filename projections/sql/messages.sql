-- Every message between agents, people and the conductor: who said what to whom, in answer to what.
-- key: message
-- kinds: message.*
SELECT
    message,
    arg_min(session, rank) FILTER (kind = 'message.sent') AS session,
    arg_min(sender, rank) AS sender,
    arg_min(recipient, rank) FILTER (kind = 'message.sent') AS recipient,
    arg_min(type, rank) AS type,
    coalesce(arg_min(priority, rank), 'normal') AS priority,
    arg_min(payload, rank) AS payload,
    arg_min(in_reply_to, rank) AS in_reply_to,
    arg_min(happened_at, rank) FILTER (kind = 'message.sent') AS happened_at,
    min(position) FILTER (kind = 'message.sent') AS position,
    arg_min(run, rank) FILTER (kind = 'message.sent') AS run,
    arg_min(thread, rank) AS thread,
    arg_min(topic, rank) AS topic,
    arg_min(expires_at, rank) AS expires_at
FROM ranked
GROUP BY message
HAVING count(*) FILTER (kind = 'message.sent') > 0
