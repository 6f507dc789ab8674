-- How many messages there are.
SELECT count(*) FROM messages WHERE $session::VARCHAR IS NULL OR session = $session
