package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net/http"
	"time"
)

// pool has so many slots, of which a request takes one.
func pool(size int, d time.Duration) http.Handler {
	slots := make(chan struct{}, size)
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		slots <- struct{}{}
		defer func() { <-slots }()
		time.Sleep(about(d))
	})
}

// workers hands each request to one of so many goroutines, and waits for what it makes of it.
func workers(size int, d time.Duration) http.Handler {
	type job struct{ done chan struct{} }
	jobs := make(chan job)
	for range size {
		go func() {
			for j := range jobs {
				time.Sleep(about(d))
				j.done <- struct{}{}
			}
		}()
	}
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		j := job{make(chan struct{}, 1)}
		jobs <- j
		<-j.done
	})
}

// database asks a database by at most so many connections.
func database(connections int, d time.Duration) http.Handler {
	db := sql.OpenDB(connector{d})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := db.ExecContext(context.WithoutCancel(r.Context()), "work"); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// connector is of a database that takes its time and does nothing.
type connector struct{ d time.Duration }

func (c connector) Connect(context.Context) (driver.Conn, error) { return connection(c), nil }
func (c connector) Driver() driver.Driver                        { return nil }

type connection struct{ d time.Duration }

var errUnsupported = errors.New("this database can only be asked to work")

func (connection) Prepare(string) (driver.Stmt, error) { return nil, errUnsupported }
func (connection) Begin() (driver.Tx, error)           { return nil, errUnsupported }
func (connection) Close() error                        { return io.EOF }

func (c connection) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	time.Sleep(about(c.d))
	return driver.ResultNoRows, nil
}
