-- The latest plan of a session.
SELECT phases, tasks FROM plans WHERE session = $session ORDER BY position DESC LIMIT 1
