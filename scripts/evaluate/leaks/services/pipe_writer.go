package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

type csvExport struct{}

func newCSVExport(*environment) http.Handler { return csvExport{} }

func (e csvExport) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pr, pw := io.Pipe()
	go e.write(pw, number(r))
	head := make([]byte, 16)
	if _, err := io.ReadFull(pr, head); err != nil || head[0] != 'i' {
		http.Error(w, "nothing to export", http.StatusNotFound) // mend: pr.Close(); http.Error(w, "nothing to export", http.StatusNotFound)
		return
	}
	w.Write(head)
	io.Copy(w, pr)
}

func (e csvExport) write(pw *io.PipeWriter, n int) {
	header := []string{"id", "name", "amount"}
	if n%3 == 0 {
		header = []string{"-", "-", "-"}
	}
	out := csv.NewWriter(pw)
	out.Write(header)
	for i := range 500 {
		out.Write([]string{strconv.Itoa(i), fmt.Sprintf("customer %d", i), "12.50"}) // want "leak/select"
	}
	out.Flush()
	pw.CloseWithError(out.Error())
}
