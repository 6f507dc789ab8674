-- What was expected before it ran: an interval, never a single number. Evidence are positions in the log.
SELECT
    subject, session, run, agent, duration_ms_low, duration_ms, duration_ms_high, tokens, chance, evidence, happened_at,
    position
FROM facts
WHERE kind = 'estimate.made'
