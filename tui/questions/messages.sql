-- Messages with how far they came: the least of their deliveries.
SELECT m.message, m.happened_at, m.sender, m.recipient, m.type, m.priority,
    coalesce(d.state, 'unknown') AS state, left(m.payload::VARCHAR, 400) AS payload, m.session, m.position
FROM messages m
LEFT JOIN (
    SELECT message, arg_min(state, list_position(['expired', 'unknown', 'queued', 'delivered', 'acknowledged'], state)) AS state
    FROM deliveries WHERE $session::VARCHAR IS NULL OR session = $session GROUP BY message
) d ON d.message = m.message
WHERE ($session::VARCHAR IS NULL OR m.session = $session)
    AND ($find = '' OR contains(lower(concat_ws(' ', m.sender, m.recipient, m.type)), $find)
        OR contains(lower(m.payload::VARCHAR), $written) OR m.message IN $held)
