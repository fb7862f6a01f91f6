package main

import (
	"math"
	"testing"
	"time"
)

func TestTruthOf(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(0, int64(s*1e9)) }
	span := func(from, to float64) visit { return visit{Start: at(from).UnixNano(), End: int64(to * 1e9)} }
	visits := []visit{span(1, 3), span(5, 15), span(8, 9), span(9, 0)} // the last is open
	qps, flight := truthOf(visits, period{at(2), at(12)}, true)
	// Two ended; 1 + 7 + 1 + 3 seconds of stay in ten.
	if qps != 0.2 || math.Abs(flight-1.2) > 1e-9 {
		t.Errorf("%v per second, %v in flight", qps, flight)
	}
}

func TestMade(t *testing.T) {
	var level, growing []visit
	for i := range int64(300) {
		begin := i * 1e8
		level = append(level, visit{Start: begin, End: begin + 1e9})
		growing = append(growing, visit{Start: begin})
	}
	over := period{time.Unix(0, 0), time.Unix(30, 0)}
	if made(level, over) || !made(growing, over) {
		t.Error("a level load piled up, or a growing one did not")
	}
}

func TestApart(t *testing.T) {
	for _, c := range []struct{ lower, upper, least, most, want float64 }{
		{90, 90, 80, 100, 0}, {90, 90, 100, 80, 0}, {10, 200, 80, 100, 0}, {60, 60, 80, 100, -0.25}, {110, 120, 80, 100, 0.1},
	} {
		if got := apart(c.lower, c.upper, c.least, c.most); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v to %v is %v from %v to %v, want %v", c.lower, c.upper, got, c.least, c.most, c.want)
		}
	}
}
