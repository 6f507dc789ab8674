-- What was discovered, by whom, with what speaks for and against it.
SELECT pattern, name, type, agent, confidence, confirmations, contradictions, coalesce(len(evidence), 0) AS evidence,
    context, solution, happened_at, session
FROM patterns
WHERE $session::VARCHAR IS NULL OR session = $session
