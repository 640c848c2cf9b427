/**
 * The schema, in steps: the number of a step is its place in this list, from 1, and is kept in `user_version`. A step
 * that was published is never changed; a change of the schema is a new step.
 *
 * Instants are REAL, as any number of milliseconds is allowed; SQLite keeps a whole one as an integer.
 */
export const migrations: readonly string[] = [
  `
  -- One row: what is known of the whole.
  CREATE TABLE state (
    last_uid_validity INTEGER NOT NULL,
    next_blob INTEGER NOT NULL DEFAULT 1
  ) STRICT;

  -- Message bytes. refs counts the messages and queue entries that refer to a blob. Ids are taken from next_blob and never
  -- used again, so that one that is out of date cannot name the mail of somebody else.
  CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    refs INTEGER NOT NULL
  ) STRICT;

  -- The bytes of a blob in pieces: id is the blob * 65536 + the number of the piece.
  CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    data BLOB NOT NULL
  ) STRICT;

  -- Blobs that nothing refers to, gone grace milliseconds after the sweep that set the instant.
  CREATE TABLE doomed (
    blob INTEGER PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    grace INTEGER NOT NULL,
    gone_at REAL
  ) STRICT;

  CREATE TABLE mailboxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid_next INTEGER NOT NULL DEFAULT 1,
    modseq INTEGER NOT NULL DEFAULT 1,
    messages INTEGER NOT NULL DEFAULT 0,
    unseen INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    tombstones INTEGER NOT NULL DEFAULT 0,
    special_use TEXT,
    subscribed INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account, name)
  ) STRICT;

  -- flags is a JSON array, or '' for none.
  CREATE TABLE messages (
    mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
    uid INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    flags TEXT NOT NULL,
    internal_date REAL NOT NULL,
    saved_at REAL NOT NULL,
    size INTEGER NOT NULL,
    blob INTEGER NOT NULL,
    prefix BLOB,
    PRIMARY KEY (mailbox, uid)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX messages_by_modseq ON messages (mailbox, modseq);

  CREATE TABLE tombstones (
    mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
    modseq INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, uid)
  ) STRICT, WITHOUT ROWID;

  -- Queue entries. message is the first entry of the same message; sender and address repeat, for filters, what is in
  -- the JSON of envelope and recipient.
  CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    blob INTEGER NOT NULL,
    size INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipient TEXT NOT NULL,
    address TEXT NOT NULL,
    destination TEXT NOT NULL,
    submitter TEXT,
    queued_at REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'leased', 'held', 'dead')),
    due_at REAL NOT NULL,
    due_before REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    warned INTEGER NOT NULL DEFAULT 0,
    hold_after INTEGER NOT NULL DEFAULT 0,
    token TEXT,
    problem TEXT,
    history TEXT NOT NULL DEFAULT '[]'
  ) STRICT;
  CREATE INDEX entries_by_message ON entries (message);
  CREATE INDEX entries_by_state ON entries (state, id);
  CREATE INDEX entries_by_lane ON entries (destination, due_at, id) WHERE state IN ('waiting', 'leased');
  CREATE INDEX entries_to_hold ON entries (due_at) WHERE hold_after = 1;

  -- When the first entry of each destination is due: destinations at their limit are passed over whole.
  CREATE TABLE lanes (
    destination TEXT PRIMARY KEY,
    due_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lanes_by_due ON lanes (due_at);

  -- What became of accepted batches, in the order of their acceptance.
  CREATE TABLE accepted (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at REAL NOT NULL,
    result TEXT NOT NULL
  ) STRICT;

  CREATE TABLE locks (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    expires_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- What commits changed, for the other processes on this file; origin is who made the commit. The last rows are kept, so
  -- that seq goes on from them.
  CREATE TABLE changes (
    seq INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    kind TEXT NOT NULL,
    account TEXT,
    mailbox TEXT,
    modseq INTEGER,
    before_modseq INTEGER,
    before_uid_next INTEGER
  ) STRICT;
  `,
  `
  -- Whose an entry is: lanes are those of one owner to one destination, so that senders at their limit are passed over
  -- whole, too.
  ALTER TABLE entries ADD COLUMN owner TEXT NOT NULL DEFAULT '';
  UPDATE entries SET owner = coalesce(submitter, lower(substr(sender, instr(sender, '@') + 1)));
  DROP INDEX entries_by_lane;
  CREATE INDEX entries_by_lane ON entries (owner, destination, due_at, id) WHERE state IN ('waiting', 'leased');

  DROP TABLE lanes;
  CREATE TABLE lanes (
    owner TEXT NOT NULL,
    destination TEXT NOT NULL,
    due_at REAL NOT NULL,
    PRIMARY KEY (owner, destination)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lanes_by_due ON lanes (due_at);
  CREATE INDEX lanes_by_owner ON lanes (owner, due_at);
  INSERT INTO lanes (owner, destination, due_at)
    SELECT owner, destination, min(due_at) FROM entries WHERE state IN ('waiting', 'leased')
    GROUP BY owner, destination;
  `,
  `
  -- A message of one piece lies in the row of its blob, and most blobs have one reference: only how many others have is
  -- written down, so that what is stored once and removed once is one row of one table. Blobs in doomed have none.
  CREATE TABLE shared (
    blob INTEGER PRIMARY KEY,
    refs INTEGER NOT NULL CHECK (refs > 1)
  ) STRICT;
  INSERT INTO shared (blob, refs) SELECT id, refs FROM blobs WHERE refs > 1;
  ALTER TABLE blobs DROP COLUMN refs;
  -- NULL where the bytes are in chunks: longer messages, and those that were stored before.
  ALTER TABLE blobs ADD COLUMN data BLOB;

  -- What became of accepted batches, by the hour they came in: the last one is kept, and the one before.
  ALTER TABLE accepted RENAME TO accepted_before;
  CREATE TABLE accepted (
    hour INTEGER NOT NULL,
    id TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (hour, id)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO accepted (hour, id, result) SELECT CAST(at / 3600000 AS INTEGER), id, result FROM accepted_before;
  DROP TABLE accepted_before;
  `,
  `
  -- Small values by space and key; count is what was added to one.
  CREATE TABLE records (
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    count INTEGER NOT NULL DEFAULT 0,
    expires_at REAL,
    PRIMARY KEY (space, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX records_by_expiry ON records (expires_at) WHERE expires_at IS NOT NULL;
  `,
  `
  -- Finished attempts, so that one more does not write those before it anew; number is the count of the entry then.
  CREATE TABLE attempts (
    entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (entry, number)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO attempts (entry, number, record)
    SELECT entries.id, json_each.key + 1, json_each.value FROM entries, json_each(entries.history);
  ALTER TABLE entries DROP COLUMN history;
  `,
]
