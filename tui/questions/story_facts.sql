-- Where each fact of a session was told first, up to a position.
SELECT kind, fact, min(position) AS first FROM happenings
WHERE session = $session AND position <= $upto AND fact IS NOT NULL
GROUP BY ALL
