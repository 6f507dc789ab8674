-- One handoff with its package and what became of it.
SELECT * FROM handoffs WHERE handoff = $handoff
