package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"sync"
	"time"
)

// openTable opens a database of one table with 30 rows of id and name, in memory.
func openTable() *sql.DB { return sql.OpenDB(tableConnector{}) }

type tableConnector struct{}

func (tableConnector) Connect(context.Context) (driver.Conn, error) {
	time.Sleep(time.Millisecond)
	return &tableConn{}, nil
}
func (c tableConnector) Driver() driver.Driver { return c }

func (c tableConnector) Open(string) (driver.Conn, error) { return c.Connect(context.Background()) }

type tableConn struct{}

func (*tableConn) Prepare(query string) (driver.Stmt, error) { return &tableStmt{query}, nil }
func (*tableConn) Close() error                              { return nil }
func (c *tableConn) Begin() (driver.Tx, error)               { return c, nil }
func (*tableConn) Commit() error                             { return nil }
func (*tableConn) Rollback() error                           { return nil }

type tableStmt struct{ query string }

func (*tableStmt) Close() error  { return nil }
func (*tableStmt) NumInput() int { return -1 }

func (s *tableStmt) Exec([]driver.Value) (driver.Result, error) {
	time.Sleep(time.Millisecond)
	return driver.RowsAffected(1), nil
}

func (s *tableStmt) Query([]driver.Value) (driver.Rows, error) {
	time.Sleep(time.Millisecond)
	if s.query == "SELECT id FROM customers" {
		return &tableRows{columns: []string{"id"}}, nil
	}
	return &tableRows{columns: []string{"id", "name"}}, nil
}

type tableRows struct {
	columns []string

	mu   sync.Mutex
	next int
}

func (r *tableRows) Columns() []string { return r.columns }
func (r *tableRows) Close() error      { return nil }

func (r *tableRows) Next(dest []driver.Value) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == 30 {
		return io.EOF
	}
	row := []driver.Value{int64(r.next), fmt.Sprintf("customer %d", r.next)}
	copy(dest, row)
	r.next++
	return nil
}
