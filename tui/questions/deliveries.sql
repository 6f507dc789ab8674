-- Who got a message, and how far it came.
SELECT recipient, run, state, delivered_at, acknowledged_at, expired_at, reason
FROM deliveries WHERE message = $message ORDER BY recipient, run
