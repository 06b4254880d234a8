-- Members of the team, their roles and API tokens, and the audit log.

-- A member who has ended stays: records, events and the audit log name the id.
CREATE TABLE members (
  id         TEXT PRIMARY KEY,
  email      TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  roles      TEXT NOT NULL,              -- JSON list of ids
  team       TEXT NOT NULL,              -- a path, such as sales/east; empty: none
  manager    TEXT,                       -- members.id
  deputy     TEXT,                       -- members.id: stands in until away_until
  away_until INTEGER,
  ended_at   INTEGER,
  created_at INTEGER NOT NULL,
  version    INTEGER NOT NULL,           -- counts edits: of two at once, one is refused
  link_mails TEXT NOT NULL DEFAULT '[]'  -- JSON list: when sign-in links were lately mailed
) STRICT;
-- store/members.rs OWNERS
CREATE INDEX members_team ON members (team) WHERE team <> '';
CREATE INDEX members_manager ON members (manager) WHERE manager IS NOT NULL;
CREATE INDEX members_deputy ON members (deputy) WHERE deputy IS NOT NULL;

-- Roles of the deployment's own; the built-in ones are code (domain/access/built_in.rs).
CREATE TABLE roles (
  id         TEXT PRIMARY KEY,
  definition TEXT NOT NULL               -- JSON
) STRICT, WITHOUT ROWID;

-- API tokens that members made. Those in the secret API_TOKENS are not here.
CREATE TABLE api_tokens (
  hash       TEXT PRIMARY KEY,           -- SHA-256 of the token
  id         TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL UNIQUE,       -- the audit log names it
  member     TEXT,                       -- members.id: ends with the member; NULL: of a program
  roles      TEXT NOT NULL,              -- JSON list of ids
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  used_at    INTEGER,                    -- noted every ten minutes
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL               -- an actor
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id     TEXT PRIMARY KEY,               -- a UUID version 7: in order of time
  at     INTEGER NOT NULL,
  actor  TEXT NOT NULL,
  action TEXT NOT NULL,
  kind   TEXT NOT NULL,
  object TEXT NOT NULL,                  -- an id, never an address; empty: none
  detail TEXT NOT NULL                   -- JSON
) STRICT, WITHOUT ROWID;
-- store/audit.rs list, of one object or of one actor; erasures.rs forget_detail
CREATE INDEX audit_object ON audit (object, id) WHERE object <> '';
CREATE INDEX audit_actor ON audit (actor, id);

-- Of a member's session; NULL: it was begun by a configured API token.
ALTER TABLE sessions ADD COLUMN member TEXT;
