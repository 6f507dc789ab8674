-- Every readable event of the log: where it stands, what it is about, who witnessed it, and its stored state (JSON text, as it
-- stands in the log; an older schema version is shown in the shape of this one).
SELECT position, stream, version, kind, happened_at, recorded_at, session, run, agent, source, cause, correlation, data
FROM everything
WHERE readable
