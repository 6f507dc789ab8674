-- One pattern as it is.
SELECT * FROM patterns WHERE pattern = $pattern
