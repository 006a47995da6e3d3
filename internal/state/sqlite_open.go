package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// The file has an application id, so that another program's database is not taken for one, and with the version of its
// schema.
const (
	applicationID = 0x68676174 // "hgat"
	schemaVersion = 1
)

// Keys are the order of the table itself: what is asked is found in one tree, and read in the order of keys, page by
// page. A page of 2 KiB holds some twenty records; larger ones would only make more to write of each random record.
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

// settings are those of a connection. Twenty thousand pages of the log are 40 MB: with a million records each commit
// under load changes thousands, and what is changed again before it goes to the file is written there once.
const settings = `
	PRAGMA busy_timeout = 5000;
	PRAGMA synchronous = NORMAL;
	PRAGMA cache_size = -131072; -- KiB, which a million records need
	PRAGMA temp_store = MEMORY;
	PRAGMA journal_size_limit = 67108864;
	PRAGMA wal_autocheckpoint = 20000;`

// openTable opens the file, or makes it.
func openTable(path string, most int64) (*table, error) {
	t := &table{path: path, most: most, swept: place{kind: 1}}
	if path != "" {
		if err := prepareFile(path); err != nil {
			return nil, err
		}
	}
	c, err := dial(path)
	if err != nil {
		return nil, advise(t.name(), err)
	}
	t.conn = c
	if err := t.setUp(); err != nil {
		c.Close() //nolint:errcheck // the other error is the one to tell
		return nil, advise(t.name(), err)
	}
	return t, nil
}

// setUp makes a connection ready for the keeper.
func (t *table) setUp() error {
	if err := t.exec(settings); err != nil {
		return err
	}
	if err := t.agreeOnSchema(); err != nil {
		return err
	}
	if err := t.prepare(); err != nil {
		return err
	}
	// From here on the keeper is patient itself: SQLite would look ever more seldom whether another process is done.
	return t.exec("PRAGMA busy_timeout = 10")
}

// agreeOnSchema makes the tables, unless another process does so at the same time. SQLite waits for that process by
// itself, except where both switch to the write-ahead log: then it reports a lock at once, and this tries again.
func (t *table) agreeOnSchema() error {
	for began := time.Now(); ; {
		err := t.makeSchema()
		if !locked(err) || time.Since(began) > lockWait {
			return err
		}
		t.rollback()
		time.Sleep(time.Millisecond)
	}
}

// prepareFile makes the file, its owner's alone, or sees whether what is there may be trusted. SQLite gives the files
// that it puts beside it the same mode.
func prepareFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: create its directory, owned by the user of helogate", err)
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
		return fmt.Errorf("%s has mode %04o, so other users can write to it: chmod 600 it", path, is.Mode().Perm())
	}
	return nil
}

// makeSchema makes the tables of a new file, and checks that an old one has the application id and this version.
func (t *table) makeSchema() error {
	// All of what is read must be of one moment, or what another process makes meanwhile looks like another program's.
	if err := t.exec("BEGIN"); err != nil {
		return err
	}
	made, err := t.made()
	t.rollback()
	if made || err != nil {
		return err
	}
	// The size of a page is chosen before there are any; and of two processes that begin a file at once, one is the
	// first.
	if err := t.exec(fmt.Sprintf(`PRAGMA page_size = %d; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE`, pageSize)); err != nil {
		return err
	}
	if made, err = t.made(); made || err != nil {
		t.rollback()
		return err
	}
	return t.exec(schema + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", applicationID, schemaVersion))
}

// made says whether the tables are there. A database of another program, or of a later version, is an error.
func (t *table) made() (bool, error) {
	var version, id, things int64
	for query, n := range map[string]*int64{
		"PRAGMA user_version": &version, "PRAGMA application_id": &id, "SELECT count(*) FROM sqlite_schema": &things,
	} {
		var err error
		if *n, err = t.number(query); err != nil {
			return false, err
		}
	}
	switch {
	case id != applicationID && (things > 0 || version != 0):
		return false, errors.New("it is the database of another program: set another file")
	case version > schemaVersion:
		return false, fmt.Errorf("it was made by a newer helogate (schema %d, this one has %d): upgrade, or set another file", version, schemaVersion)
	}
	return version == schemaVersion, nil
}
