package queues

import "math"

// Models are the queues of the detector's documentation.
var Models = []Model{
	constant("M/M/1 at 50 %", 1, 0.5, 60),
	constant("M/M/1 at 80 %", 1, 0.8, 60),
	constant("M/M/1 at 90 %", 1, 0.9, 60),
	constant("M/M/1 at 95 %", 1, 0.95, 60),
	constant("M/M/8 at 80 %", 8, 0.8, 60),
	constant("M/M/8 at 95 %", 8, 0.95, 60),
	constant("M/M/1 at 80 %", 1, 0.8, 13),
	constant("M/M/1 at 90 %", 1, 0.9, 13),
	constant("M/M/1 at 95 %", 1, 0.95, 11),
	constant("M/M/8 at 90 %", 8, 0.9, 11),
	infinite("M/G/∞, deviation 1 ×", 1, 60),
	infinite("M/G/∞, deviation 3 ×", 3, 60),
	infinite("M/G/∞, deviation 3 ×", 3, 13),
	moving("ramp from 10 to 70 %", 8, 60, false, ramp(0.1, 0.7)),
	moving("ramp from 60 to 85 %", 8, 60, false, ramp(0.6, 0.85)),
	moving("ramp from 50 to 75 %", 1, 13, false, ramp(0.5, 0.75)),
	moving("half a wave, 10 to 90 %", 8, 13, false, func(t float64) float64 { return 0.5 - 0.4*math.Cos(math.Pi*max(t, 0)) }),
	moving("burst of 130 %, 5 s", 8, 60, false, func(t float64) float64 {
		if t > 0.4 && t < 0.485 {
			return 1.3
		}
		return 0.6
	}),
	traced(5, constant("M/M/1 at 80 %", 1, 0.8, 0)),
	traced(5, constant("M/M/1 at 95 %", 1, 0.95, 0)),
	traced(15, constant("M/M/1 at 95 %", 1, 0.95, 0)),
	traced(5, constant("M/M/8 at 95 %", 8, 0.95, 0)),
	traced(5, infinite("M/G/∞, deviation 1 ×", 1, 0)),
	traced(5, infinite("M/G/∞, deviation 3 ×", 3, 0)),
	traced(1, infinite("M/G/∞, deviation 3 ×", 3, 0)),
	traced(10, moving("ramp from 10 to 70 %", 8, 0, false, ramp(0.1, 0.7))),
	traced(10, moving("ramp from 60 to 85 %", 8, 0, false, ramp(0.6, 0.85))),
	traced(5, moving("half a wave, 10 to 90 %", 8, 0, false, func(t float64) float64 { return 0.5 - 0.4*math.Cos(math.Pi*max(t, 0)) })),
	moving("overload of 2 %", 8, 60, true, step(0, 0.6, 1.02)),
	moving("overload of 2 %", 8, 240, true, step(0, 0.6, 1.02)),
	moving("overload of 5 %", 8, 60, true, step(0, 0.6, 1.05)),
	moving("overload of 20 %", 8, 30, true, step(0, 0.6, 1.2)),
	moving("overload of 20 %", 8, 11, true, step(-0.1, 0.6, 1.2)),
	moving("overload that begins", 8, 30, true, step(0.4, 0.6, 1.3)),
	leaking("1 % of requests leak", 60, 0.01),
	leaking("1 % of requests leak", 13, 0.01),
	traced(10, moving("overload of 5 %", 8, 0, true, step(0, 0.6, 1.05))),
	traced(10, moving("overload of 20 %", 8, 0, true, step(0, 0.6, 1.2))),
	traced(5, moving("overload of 20 %", 8, 0, true, step(0, 0.6, 1.2))),
	traced(10, moving("overload that begins", 8, 0, true, step(0.4, 0.6, 1.3))),
	traced(10, leaking("5 % of requests leak", 0, 0.05)),
}

// perSecond is the rate of all models.
const perSecond = 200

func moving(name string, servers, scrapes int, diverges bool, load func(float64) float64) Model {
	peak := 0.0
	for i := -1000; i <= 1000; i++ {
		peak = max(peak, load(float64(i)/1000))
	}
	return Model{Name: name, Servers: servers, Rate: perSecond, Scrapes: scrapes, Every: 1, Load: load, Peak: peak, Spread: 1, Diverges: diverges}
}

func constant(name string, servers int, load float64, scrapes int) Model {
	return moving(name, servers, scrapes, false, func(float64) float64 { return load })
}

func infinite(name string, spread float64, scrapes int) Model {
	m := constant(name, 0, 1, scrapes)
	m.Spread = spread
	return m
}

func leaking(name string, scrapes int, share float64) Model {
	m := constant(name, 8, 0.7, scrapes)
	m.Leak, m.Diverges = share, true
	return m
}

// traced is a trace of so many seconds.
func traced(seconds int, m Model) Model {
	m.Scrapes, m.Traced = seconds+1, true
	return m
}

func ramp(from, to float64) func(float64) float64 {
	return func(t float64) float64 { return from + (to-from)*min(max(t, 0), 1) }
}

func step(at, before, after float64) func(float64) float64 {
	return func(t float64) float64 {
		if t < at {
			return before
		}
		return after
	}
}
