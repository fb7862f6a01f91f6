package evidence

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Snapshot is the goroutines of one moment: a goroutine or goroutineleak profile, a
// debug=1 or debug=2 dump, or the dump in a crash log.
type Snapshot struct {
	Position
	// Part orders the dumps of one input, which share its position.
	Part   int    `json:"part,omitempty"`
	Kind   Kind   `json:"kind"`   // Goroutine or GoroutineLeak
	Format string `json:"format"` // pprof, debug1, debug2, crash
	// Total counts the goroutines that the capture lists. Declared is the total that its
	// header claims, 0 when it claims none.
	Total    int `json:"total"`
	Declared int `json:"declared"`
	// Complete is false when the dump was cut: Total is then a lower bound.
	Complete bool `json:"complete"`
	// HasIDs, HasStates and HasCreators say what the format holds: debug=2 has all three,
	// protobuf and debug=1 none of them.
	HasIDs      bool    `json:"has_ids"`
	HasStates   bool    `json:"has_states"`
	HasCreators bool    `json:"has_creators"`
	Groups      []Group `json:"groups"`
	// Dropped counts goroutines beyond the bound on distinct groups.
	Dropped int `json:"dropped"`
}

// MaxGroupIDs bounds the goroutine ids kept for one group.
const MaxGroupIDs = 100_000

// Group is the goroutines of one snapshot that share state, stack and creator.
type Group struct {
	// Wait is parsed from the state where the dump has one, else inferred from the stack.
	Wait Wait `json:"wait"`
	// State is the runtime's own wording ("chan send"), empty when the format has none.
	State     string `json:"state"`
	Stack     Stack  `json:"stack"`      // innermost first
	CreatedBy Frame  `json:"created_by"` // zero when unknown
	Count     int    `json:"count"`
	// Leaked counts the goroutines marked "(leaked)" by the runtime.
	Leaked int `json:"leaked"`
	// IDs are goroutine ids in ascending order, at most MaxGroupIDs; IDsDropped counts the rest.
	IDs        []uint64 `json:"ids,omitempty"`
	IDsDropped int      `json:"ids_dropped,omitempty"`
	// MinMinutes and MaxMinutes bound the "N minutes" of the headers; goroutines without
	// one count as 0, which means "under a minute, or blocked since before the first GC".
	MinMinutes int `json:"min_minutes"`
	MaxMinutes int `json:"max_minutes"`
	// Labels are the pprof labels that all goroutines of the group share, "k=v", sorted.
	Labels []string `json:"labels,omitempty"`
}

// Key identifies a group across snapshots of any format: wait reason and function names.
// It holds no line, address, id, argument or count, and no creator, because protobuf
// and debug=1 captures have none.
func (g *Group) Key() string {
	var b strings.Builder
	b.WriteString(string(g.Wait))
	for _, f := range g.Stack {
		if f.Std() && b.Len() > 0 && isPark(f.Function) {
			continue // runtime frames differ between formats
		}
		b.WriteByte('\n')
		b.WriteString(NormalFunction(f.Function))
	}
	return b.String()
}

// SiteKey is Key with the line of the innermost user frame: two blocking lines of one
// function are two sites.
func (g *Group) SiteKey() string {
	f, ok := g.Stack.User()
	if !ok {
		return g.Key()
	}
	return g.Key() + "\n@" + f.File + ":" + strconv.Itoa(f.Line)
}

// isPark reports the runtime frames that one format prints and another leaves out.
func isPark(function string) bool {
	return strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, "sync.runtime_") ||
		strings.HasPrefix(function, "internal/sync.runtime_") || strings.HasPrefix(function, "internal/poll.runtime_")
}

// SortGroups orders groups by count (descending), then by stack: the order of a snapshot.
func SortGroups(groups []Group) {
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.State, b.State),
			slices.CompareFunc(a.Stack, b.Stack, compareFrames), compareFrames(a.CreatedBy, b.CreatedBy),
			slices.Compare(a.Labels, b.Labels))
	})
}

func compareFrames(a, b Frame) int {
	return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}
