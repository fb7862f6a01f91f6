package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

type weather struct {
	env    *environment
	client *http.Client
}

func newWeather(env *environment) http.Handler {
	return &weather{env: env, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 10, ResponseHeaderTimeout: 10 * time.Second}}}
}

func (s *weather) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := "/quick"
	if number(r)%3 == 0 {
		path = "/error" // a station that is being serviced
	}
	f, err := s.forecast(path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintln(w, f)
}

func (s *weather) forecast(path string) (map[string]any, error) {
	resp, err := s.client.Get(s.env.upstream + path) // want "leak/select"
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("station: %s", resp.Status) // mend: resp.Body.Close(); return nil, fmt.Errorf("station: %s", resp.Status)
	}
	defer resp.Body.Close()
	var f map[string]any
	return f, json.NewDecoder(resp.Body).Decode(&f)
}
