-- Every readable event of the log: where it stands, what it is about, who witnessed it, and its stored state as JSON.
SELECT position, stream, version, kind, happened_at, recorded_at, session, run, agent, source, cause, correlation, data
FROM facts
