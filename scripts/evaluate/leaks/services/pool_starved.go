package main

import (
	"database/sql"
	"fmt"
	"net/http"
)

type reports struct{ db *sql.DB }

func newReports(*environment) http.Handler {
	db := openTable()
	db.SetMaxOpenConns(4)
	return &reports{db: db}
}

func (s *reports) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	go s.build(number(r))
	fmt.Fprintln(w, "building")
}

func (s *reports) build(n int) (int, error) {
	tx, err := s.db.Begin() // want "leak/select"
	if err != nil {
		return 0, err
	}
	var total int
	if err := tx.QueryRow("SELECT id FROM customers").Scan(&total); err != nil {
		return 0, err
	}
	if n%3 == 0 {
		return total, nil // mend: tx.Rollback(); return total, nil
	}
	return total, tx.Commit()
}
