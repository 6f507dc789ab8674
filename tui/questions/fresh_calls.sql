-- Nothing: it only lets the store bring `tool_calls` up to date by itself, so that no later question waits for all.
SELECT call FROM tool_calls LIMIT 0
