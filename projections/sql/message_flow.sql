-- Who talks to whom about what: messages by session, sender, recipient and type.
SELECT session, sender, recipient, type, count(*) AS messages, min(happened_at) AS first_at, max(happened_at) AS last_at
FROM messages
GROUP BY session, sender, recipient, type
