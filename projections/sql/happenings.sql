-- Every readable event with what its telling needs: whose it is, of which call or message, and its stored state.
-- internal:
SELECT position, happened_at, kind, session, run, agent, "call", message, tool, type, sender, status, data
FROM facts
