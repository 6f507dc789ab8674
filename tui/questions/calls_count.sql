-- How many calls there are of a session, of a tool, or that failed.
SELECT count(*) FROM calls
WHERE ($session::VARCHAR IS NULL OR session = $session)
    AND ($tool::VARCHAR IS NULL OR tool = $tool)
    AND (NOT $failed OR status NOT IN ('ok', 'unresolved'))
