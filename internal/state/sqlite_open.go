package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// The file is marked as ours, so that no other's database is taken for one, and with the version of its schema.
const (
	applicationID = 0x68676174 // "hgat"
	schemaVersion = 1
)

// Keys are the order of the table itself: what is asked is found in one tree, and read in the order of keys, page by page.
// A page of 2 KiB holds some twenty records; larger ones would only make more to write of each random record.
const schema = `
	CREATE TABLE records (
		kind    INTEGER NOT NULL, -- the place in Kinds, from 1
		key     BLOB    NOT NULL,
		first   INTEGER NOT NULL, -- this and other times: Unix milliseconds, 0 is none
		last    INTEGER NOT NULL,
		passed  INTEGER NOT NULL,
		count   INTEGER NOT NULL,
		value   BLOB    NOT NULL,
		expires INTEGER NOT NULL,
		PRIMARY KEY (kind, key)
	) WITHOUT ROWID;
	CREATE TABLE counts (kind INTEGER PRIMARY KEY, records INTEGER NOT NULL);
	INSERT INTO counts VALUES (1, 0), (2, 0), (3, 0), (4, 0);`

const pageSize = 2048

// settings are those of a connection. Twenty thousand pages of the log are 40 MB: with a million records each commit under load
// changes thousands, and what is changed again before it goes to the file is written there once.
const settings = `
	PRAGMA busy_timeout = 5000;
	PRAGMA synchronous = NORMAL;
	PRAGMA cache_size = -131072; -- KiB, which a million records need
	PRAGMA temp_store = MEMORY;
	PRAGMA journal_size_limit = 67108864;
	PRAGMA wal_autocheckpoint = 20000;`

// openTable opens the file, or makes it.
func openTable(path string, most int64) (t *table, err error) {
	if path != "" {
		if err := prepareFile(path); err != nil {
			return nil, err
		}
	}
	t = &table{path: path, most: most, swept: place{kind: 1}}
	if t.conn, err = dial(path); err != nil {
		return nil, advise(t.name(), err)
	}
	defer func() {
		if err != nil {
			t.conn.Close()
		}
	}()
	if err := t.conn.exec(settings); err != nil {
		return nil, advise(t.name(), err)
	}
	if err := t.makeSchema(); err != nil {
		return nil, err
	}
	if err := t.prepare(); err != nil {
		return nil, advise(t.name(), err)
	}
	// From here on the keeper is patient itself: SQLite would look ever more seldom whether another process is done.
	if err := t.conn.exec("PRAGMA busy_timeout = 10"); err != nil {
		return nil, advise(t.name(), err)
	}
	return t, nil
}

// prepareFile makes the file, its owner's alone, or sees whether what is there may be trusted. SQLite gives the files that it
// puts beside it the same mode.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: make its directory, which the user of helogate must own", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: the user of helogate must own the file and its directory", err)
	case err != nil:
		return err
	}
	defer f.Close()
	is, err := f.Stat()
	if err != nil {
		return err
	}
	if !is.Mode().IsRegular() {
		return fmt.Errorf("%s is no file (%s)", path, is.Mode())
	}
	if is.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s has mode %04o, so others can write to it and let in anybody: chmod 600 it", path, is.Mode().Perm())
	}
	return nil
}

// makeSchema makes the tables of a new file, and sees that an old one is ours and of this version.
func (t *table) makeSchema() error {
	c := t.conn
	version, err := c.number("PRAGMA user_version")
	if err != nil {
		return advise(t.name(), err)
	}
	id, err := c.number("PRAGMA application_id")
	if err != nil {
		return advise(t.name(), err)
	}
	things, err := c.number("SELECT count(*) FROM sqlite_schema")
	switch {
	case err != nil:
		return advise(t.name(), err)
	case things > 0 && id != applicationID || things == 0 && version != 0:
		return fmt.Errorf("%s is a database of another program: name another file", t.name())
	case version > schemaVersion:
		return fmt.Errorf("%s is of a newer helogate (schema %d, here %d): upgrade, or name another file", t.name(), version, schemaVersion)
	case version == schemaVersion:
		return nil
	}
	// The size of a page is chosen before there are any; of two processes that begin the file at once, one is the first.
	err = c.exec(fmt.Sprintf(`PRAGMA page_size = %d; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE`, pageSize))
	if err != nil {
		return advise(t.name(), err)
	}
	if version, err = c.number("PRAGMA user_version"); err == nil && version == schemaVersion {
		return c.exec("ROLLBACK")
	}
	err = c.exec(schema + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", applicationID, schemaVersion))
	if err != nil {
		c.exec("ROLLBACK") //nolint:errcheck // the connection goes
		return advise(t.name(), err)
	}
	return nil
}
