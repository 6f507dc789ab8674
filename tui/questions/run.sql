-- One run as it is.
FROM agent_runs WHERE run = $run
