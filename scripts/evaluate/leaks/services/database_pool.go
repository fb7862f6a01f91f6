package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"time"
)

// An orderList has a small pool; requests queue for its connections at times.
type orderList struct{ db *sql.DB }

func newOrderList(*environment) http.Handler {
	db := openTable()
	db.SetMaxOpenConns(2)
	db.SetConnMaxLifetime(3 * time.Second)
	return &orderList{db}
}

func (o *orderList) count(ctx context.Context) (int, error) {
	rows, err := o.db.QueryContext(ctx, "SELECT id, name FROM customers")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	time.Sleep(10 * time.Millisecond)
	return n, rows.Err()
}

func (o *orderList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	n, err := o.count(ctx)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, number(r), n)
}
