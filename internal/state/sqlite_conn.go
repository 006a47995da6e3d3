package state

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	modernc "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// A conn is a connection to SQLite for one goroutine. It stands on the driver, without database/sql, whose pool and
// locks one connection does not need: they are half of what an attempt costs.
type conn struct {
	driver.Conn
	args []driver.NamedValue // of the statement that runs
	dest []driver.Value      // and its row
	open []driver.Stmt
}

const mostValues = 10

// dial opens a file that is there, or a database in memory where path is empty.
func dial(path string) (*conn, error) {
	name := ":memory:"
	if path != "" {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		name = (&url.URL{Scheme: "file", Path: abs}).String() // so that a ? in it is part of it
	}
	c, err := (&modernc.Driver{}).Open(name)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, args: make([]driver.NamedValue, mostValues), dest: make([]driver.Value, mostValues)}, nil
}

// A stmt is a prepared statement.
type stmt struct {
	conn *conn
	driver.Stmt
}

func (c *conn) prepare(query string) (stmt, error) {
	s, err := c.Prepare(query)
	if err != nil {
		return stmt{}, fmt.Errorf("%w in %s", err, query)
	}
	c.open = append(c.open, s)
	return stmt{c, s}, nil
}

// Close ends the statements, too: with one left SQLite would keep the file open.
func (c *conn) Close() error {
	var errs []error
	for _, s := range c.open {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.Conn.Close())...)
}

// exec runs statements that take no values.
func (c *conn) exec(query string) error {
	_, err := c.Conn.(driver.ExecerContext).ExecContext(context.Background(), query, nil)
	return err
}

// number is what a statement gives that gives one.
func (c *conn) number(query string) (int64, error) {
	s, err := c.Prepare(query)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	var n int64
	found, err := stmt{c, s}.first(func(v []driver.Value) { n, _ = v[0].(int64) })
	if err == nil && !found {
		err = fmt.Errorf("no result of %s", query)
	}
	return n, err
}

// values are the arguments of a statement: numbers and bytes. They are the connection's until the next statement.
func (c *conn) values(vs []driver.Value) []driver.NamedValue {
	for i, v := range vs {
		c.args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return c.args[:len(vs)]
}

// run writes, and returns how many rows it changed.
func (s stmt) run(vs ...driver.Value) (int64, error) {
	r, err := s.Stmt.(driver.StmtExecContext).ExecContext(context.Background(), s.conn.values(vs))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// each gives every row to take, which keeps none of it but numbers and bytes.
func (s stmt) each(take func([]driver.Value), vs ...driver.Value) (err error) {
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(context.Background(), s.conn.values(vs))
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	dest := s.conn.dest[:len(rows.Columns())]
	for {
		if err := rows.Next(dest); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		take(dest)
	}
}

// first is each for a statement that gives a row at most.
func (s stmt) first(take func([]driver.Value), vs ...driver.Value) (found bool, err error) {
	err = s.each(func(v []driver.Value) {
		found = true
		take(v)
	}, vs...)
	return found, err
}

// code is the primary code of an error of SQLite; 0 where it is none.
func code(err error) int {
	if e, ok := errors.AsType[*modernc.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

func locked(err error) bool { return code(err) == codes.SQLITE_BUSY }

// advise adds to an error of SQLite which file it is about, and what to do.
func advise(name string, err error) error {
	switch code(err) {
	case codes.SQLITE_NOTADB:
		return fmt.Errorf("%s is not an SQLite database: move it away, or set another file", name)
	case codes.SQLITE_CORRUPT:
		return fmt.Errorf("%s is damaged (%w): move it away with its -wal, and a new one is made", name, err)
	case codes.SQLITE_FULL:
		return fmt.Errorf("%s cannot grow (%w): free disk space", name, err)
	case codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN:
		return fmt.Errorf("%s cannot be written (%w): the user of helogate must own it and its directory", name, err)
	case codes.SQLITE_BUSY:
		return fmt.Errorf("%s is locked by another process (%w): find it with fuser", name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}
