-- Narrows to sessions whose request, messages or tool parameters hold a text; `$held_sessions` do in a large field.
AND (
    contains(lower(concat_ws(' ', session, source, project, request)), $find)
    OR session IN $held_sessions
    OR session IN (SELECT session FROM messages WHERE contains(lower(payload::VARCHAR), $written))
    OR session IN (
        SELECT session FROM tool_calls WHERE contains(lower(tool), $find) OR contains(lower(params::VARCHAR), $written)
    )
)
