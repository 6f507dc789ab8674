-- The latest plan of a session.
SELECT phases, tasks, position FROM plans WHERE session = $session ORDER BY position DESC LIMIT 1
