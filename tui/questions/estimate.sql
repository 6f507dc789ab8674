-- What was expected of a run last, before it ran; an interval with the positions that it rests on.
SELECT duration_ms_low, duration_ms, duration_ms_high, tokens, chance, evidence, position
FROM estimates
WHERE subject = $run
ORDER BY position DESC
LIMIT 1
