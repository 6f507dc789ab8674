-- The messages that belong together with one: its thread, what it answers, and what answers it.
WITH it AS (SELECT message, thread, in_reply_to FROM messages WHERE message = $message)
SELECT m.message, m.happened_at, m.sender, m.recipient, m.type, left(m.payload::VARCHAR, 400) AS payload
FROM messages m, it
WHERE m.session IS NOT DISTINCT FROM $session AND (m.message = it.message OR m.thread = it.thread OR m.message = it.in_reply_to
    OR m.in_reply_to = it.message OR (m.in_reply_to = it.in_reply_to AND it.in_reply_to IS NOT NULL))
ORDER BY m.position
LIMIT 200
