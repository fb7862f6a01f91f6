package evidence

import (
	"cmp"
	"slices"
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
	// Dropped counts goroutines beyond the bound on distinct groups. Coarsened counts those among
	// them that made room for other snapshots.
	Dropped   int `json:"dropped"`
	Coarsened int `json:"coarsened,omitempty"`
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
	// MinMinutes and MaxMinutes bound the "N minutes" of the headers. The runtime counts them
	// from the start of the collection before the first one that met the goroutine blocked, so
	// they are too high by up to one collection interval (an idle program collects every two
	// minutes), and too low only for what blocked before the program's first collection.
	// Goroutines without one count as 0: under a minute, not met blocked by a collection other
	// than the program's first, or marked as leaked.
	MinMinutes int `json:"min_minutes"`
	MaxMinutes int `json:"max_minutes"`
	// Labels are the pprof labels that all goroutines of the group share, "k=v", sorted.
	Labels []string `json:"labels,omitempty"`
}

// Key names what the goroutines of a group have in common across snapshots, builds and Go
// versions: what they wait for, their functions and their creator. It holds no line,
// address, id, argument or count. Captures without creators (protobuf, debug=1) have keys of
// their own; StackKey joins them with the others.
func (g *Group) Key() string {
	key := string(g.Wait) + g.functions()
	if g.CreatedBy.Function != "" {
		key += "\ncreated by " + NormalFunction(g.CreatedBy.Function)
	}
	return key
}

// StackKey is the part of Key that every format shows. It leaves out the creator, the
// direction of a channel operation and what makes a wait endless (a nil channel, a select
// without cases): debug=1 dumps show none of them.
func (g *Group) StackKey() string {
	class := g.Wait
	switch class {
	case WaitChanSend, WaitChanRecv, WaitNilChan:
		class = WaitChan
	case WaitNoCases:
		class = WaitSelect
	}
	return string(class) + g.functions()
}

// functions are the names on the stack, a line break before each. The Go distribution's
// count only where there are no others, because formats and Go versions differ in how many
// of them they show. A function counts once: how deep a recursion is makes no other place.
func (g *Group) functions() string {
	var b strings.Builder
	_, user := g.Stack.User()
	seen := map[string]bool{}
	for _, f := range g.Stack {
		if seen[f.Function] || user && f.Std() || !user && isInternal(f) || f.IsWrapper() {
			continue
		}
		seen[f.Function] = true
		b.WriteByte('\n')
		b.WriteString(NormalFunction(f.Function))
	}
	return b.String()
}

// isInternal reports the frames below the standard library's API: one format prints them
// and another leaves them out.
func isInternal(f Frame) bool {
	pkg := f.Package()
	return pkg == "" || pkg == "runtime" || strings.HasPrefix(pkg, "internal/") || strings.HasPrefix(pkg, "runtime/internal/") ||
		strings.HasPrefix(f.Function, "sync.runtime_")
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
