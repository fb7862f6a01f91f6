package main

import (
	"database/sql"
	"fmt"
	"net/http"
)

type customers struct {
	env *environment
	db  *sql.DB
}

func newCustomers(env *environment) http.Handler { return &customers{env: env, db: openTable()} }

func (c *customers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, err := c.find(number(r) % 30)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, name)
}

func (c *customers) find(id int) (string, error) {
	rows, err := c.db.QueryContext(c.env.ctx, "SELECT id, name FROM customers") // want "leak/select"
	if err != nil {
		return "", err
	}
	for rows.Next() {
		var got int
		var name string
		if err := rows.Scan(&got, &name); err != nil {
			return "", err
		}
		if got == id {
			return name, nil // mend: rows.Close(); return name, nil
		}
	}
	return "", rows.Err()
}
