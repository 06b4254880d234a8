-- The words of records whose kind is searched (`search = true`); other kinds have no row here. FTS5
-- is not used: a database with a virtual table cannot be exported.

-- A page is a range of this key: the words that begin with a text, in one part of the records of one
-- kind. Ids sort by the time at which their records were made.
CREATE TABLE words (
  kind      TEXT NOT NULL,
  part      TEXT NOT NULL,              -- the fields that the word reveals, joined by `+`
  word      TEXT NOT NULL,
  record_id TEXT NOT NULL,
  PRIMARY KEY (kind, part, word, record_id)
) STRICT, WITHOUT ROWID;

-- The same by record: a query looks its further terms up here, and a change of a record finds the
-- words that it no longer has.
CREATE TABLE record_words (
  kind      TEXT NOT NULL,
  record_id TEXT NOT NULL,
  words     TEXT NOT NULL,              -- JSON: part -> words
  PRIMARY KEY (kind, record_id)
) STRICT, WITHOUT ROWID;
