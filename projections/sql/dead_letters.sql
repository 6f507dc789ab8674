-- Events that this version cannot read (unknown kind, newer schema, damaged), each with the reason.
SELECT position, stream, version, kind, reason
FROM unreadable
