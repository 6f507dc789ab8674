-- Events that this version cannot read.
SELECT count(*) FROM dead_letters
