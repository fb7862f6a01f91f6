package inflight

import (
	"slices"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// Scrapes of two servers, whose collector cannot keep up with what they are asked from the fourth second on, as they came in:
// seconds, requests in flight, requests completed. Such a server tells all that have asked meanwhile the same, and then at once what
// has come since: rates between those scrapes are nonsense, and must not hide that requests pile up.
var lateAnswers = [][][3]float64{
	{
		{0.000, 0, 0}, {0.500, 4, 77}, {1.001, 0, 180}, {1.500, 1, 248}, {2.000, 1, 315}, {2.501, 0, 381},
		{3.000, 0, 438}, {3.500, 236, 584}, {4.000, 469, 754}, {4.501, 714, 921}, {5.001, 904, 1100}, {5.500, 998, 1242},
		{6.000, 1288, 1397}, {6.500, 1524, 1487}, {7.003, 1800, 1726}, {7.500, 1979, 1857}, {8.000, 2122, 2077}, {8.500, 2454, 2258},
		{9.000, 2500, 2310}, {9.501, 2876, 2744}, {10.232, 2876, 2744}, {10.500, 3160, 3101}, {11.734, 3245, 3256}, {12.104, 3280, 3256},
		{12.131, 3492, 3469}, {12.799, 3542, 3469}, {13.703, 3542, 3469}, {13.866, 3542, 3469}, {14.000, 3942, 3878}, {14.500, 4395, 4218},
	},
	{
		{0.000, 0, 0}, {0.501, 2, 69}, {1.000, 3, 129}, {1.500, 3, 196}, {2.001, 0, 257}, {2.501, 0, 326},
		{3.001, 0, 385}, {3.500, 178, 519}, {4.002, 349, 680}, {4.501, 501, 844}, {5.000, 641, 1016}, {5.501, 809, 1161},
		{6.001, 926, 1265}, {6.500, 1156, 1372}, {7.000, 1333, 1564}, {7.501, 1483, 1642}, {8.001, 1707, 1808}, {8.500, 1778, 2021},
		{11.202, 1773, 2117}, {11.356, 1773, 2117}, {11.357, 1851, 2211}, {11.397, 1851, 2211}, {11.397, 1851, 2211}, {11.514, 2500, 3122},
		{13.875, 2500, 3122}, {13.875, 2500, 3122}, {13.876, 2557, 3123}, {14.099, 2547, 3175}, {14.128, 2584, 3175}, {14.506, 2718, 3331},
	},
}

func TestLateAnswersHideNothing(t *testing.T) {
	for i, rows := range lateAnswers {
		l := evidence.Load{Source: "metrics", Kind: evidence.Metrics, Route: "all"}
		for seq, r := range rows {
			at := time.Unix(1_760_000_000, 0).Add(time.Duration(r[0] * float64(time.Second)))
			l.Points = append(l.Points, evidence.LoadPoint{At: at, Seq: seq, InFlight: &r[1], Requests: &r[2]})
		}
		if got := analyse(t, &evidence.Set{Loads: []evidence.Load{l}}).Load[0].Verdict; got != verdictGrowing {
			t.Errorf("server %d: %s, want growing", i, got)
		}
	}
}

func TestAnsweredAtOnce(t *testing.T) {
	points := func(flightAndRequests ...[2]float64) []evidence.LoadPoint {
		var out []evidence.LoadPoint
		for i, v := range flightAndRequests {
			out = append(out, evidence.LoadPoint{At: time.Unix(int64(i), 0), InFlight: &v[0], Requests: &v[1]})
		}
		return out
	}
	for _, c := range []struct {
		name   string
		points []evidence.LoadPoint
		want   []int
	}{
		{"the same twice, then progress", points([2]float64{1, 0}, [2]float64{40, 100}, [2]float64{40, 100}, [2]float64{40, 100}, [2]float64{90, 500}), []int{2, 3}},
		{"a server that never moves again", points([2]float64{1, 0}, [2]float64{40, 500}, [2]float64{40, 500}, [2]float64{40, 500}), nil},
		{"nobody asks", points([2]float64{1, 0}, [2]float64{0, 500}, [2]float64{0, 500}, [2]float64{9, 900}), nil},
		{"requests so rare that none in a second is no wonder", points([2]float64{1, 0}, [2]float64{1, 4}, [2]float64{1, 4}, [2]float64{1, 9}), nil},
		{"others in flight", points([2]float64{1, 0}, [2]float64{40, 100}, [2]float64{70, 100}, [2]float64{90, 500}), nil},
	} {
		var got []int
		for i, same := range answeredAtOnce(c.points) {
			if same {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
