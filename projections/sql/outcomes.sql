-- How good the result of a run was, and by whose judgement.
SELECT subject, session, run, agent, verdict, quality, rework, "by", reason, happened_at, position
FROM facts
WHERE kind = 'outcome.judged'
