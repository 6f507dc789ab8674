-- One tool call as it is, with all its parameters and its result.
SELECT * FROM tool_calls WHERE call = $call
