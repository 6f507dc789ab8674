-- Who talks to whom, how much, and when first.
SELECT sender, coalesce(recipient, 'unknown') AS recipient, sum(messages)::BIGINT AS messages, min(first_at) AS first_at
FROM message_flow
WHERE $session::VARCHAR IS NULL OR session = $session
GROUP BY ALL
ORDER BY messages DESC, first_at
