-- One run as it is.
SELECT * FROM agent_runs WHERE run = $run
