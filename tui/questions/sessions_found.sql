-- Narrows to sessions whose request, messages or tool parameters hold a text.
AND (
    contains(lower(concat_ws(' ', session, source, project, request)), $find)
    OR session IN (SELECT session FROM messages WHERE contains(lower(payload::VARCHAR), $find))
    OR session IN (SELECT session FROM tool_calls WHERE contains(lower(concat_ws(' ', tool, params::VARCHAR)), $find))
)
