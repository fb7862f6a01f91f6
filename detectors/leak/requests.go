package leak

import (
	"slices"

	"go-debug/analyze/evidence"
)

// abandonedSeries counts the requests whose client has gone: net/http has a goroutine listen for the
// client while a handler runs, which ends when the client hangs up. Handlers that have not read the
// whole body and hijacked connections have none either; of those, the ones that are reading the body would
// see themselves that the client has gone.
func abandonedSeries(snaps []*evidence.Snapshot) series {
	handlers := seriesOf(snaps, func(g *evidence.Group) bool {
		return g.Stack.Contains(connServe) && g.Stack.Contains("net/http.serverHandler.ServeHTTP") && !g.Stack.Contains(bodyRead)
	})
	listeners := seriesOf(snaps, func(g *evidence.Group) bool { return g.Stack.Contains(backgroundRead) })
	for i := range handlers {
		handlers[i] = max(0, handlers[i]-listeners[i])
	}
	return slices.Clip(handlers)
}

const bodyRead = "net/http.(*body).Read"
