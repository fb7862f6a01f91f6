package trace

import (
	"bytes"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// What a stack says about requests is read off function names of go1.22 to go1.27. The frame directly below
// net/http's connection loop tells what a connection is doing; HTTP/2 has a goroutine a request, gRPC too, or
// a worker that takes one after the other.

// requestKind is how a goroutine serves requests.
type requestKind uint8

const (
	servesNothing  requestKind = iota
	servesConn                 // net/http.(*conn).serve: one request after the other
	servesStream               // a goroutine for one request: HTTP/2, gRPC, or a function that the user names
	servesWorker               // a worker of gRPC's
	watchesConn                // net/http's background read, which ends early when the client goes
	servesMultiple             // the connection of many streams, which are goroutines of their own
)

// requestRole is where in its work a goroutine is that serves requests.
type requestRole uint8

const (
	roleNone    requestRole = iota // nothing known: the stack is cut or not there
	roleRead                       // reads a request's head
	rolePeek                       // waits for the next request
	roleStart                      // begins to watch the connection: the handler is next
	roleHandler                    // in the handler
	roleFlush                      // the handler has returned, the rest of the reply is being written
	roleFinish                     // the handler has returned, and nobody knows whether the reply is written
	roleAfter                      // the reply is written
	roleHijack                     // the handler takes the connection over
	roleTake                       // a worker without a request
	roleLeft                       // the watch tells the handler that the client has gone
)

// requestStack is what one stack says.
type requestStack struct {
	kind     requestKind
	role     requestRole
	excluded bool // profiles and metrics: no work of the service
	network  bool // waits in the network poller
	system   bool // starts in the runtime: it is there for all the program, whoever had to make it
	final    bool // of roleFlush: writes the last of the reply, which is one system call unless it has to wait
	rank     uint8
	route    uint16 // of requestNames.routes; 0 when the stack does not show it
	protocol uint8  // of protocols
}

// The protocols, by requestStack.protocol.
var protocols = [...]string{"http/1", "http/2", "grpc", "function"}

const (
	overHTTP1 uint8 = iota
	overHTTP2
	overGRPC
	overFunction
)

// rankForeign is that of a route which is not the program's own: a proxy, a file server. Others have a higher
// one, the more handlers hand the request on: what middleware calls beats the middleware.
const rankForeign uint8 = 1

// nameClass is what a function's name says, by bits.
type nameClass uint16

const (
	nameServe    nameClass = 1 << iota // the connection loop
	nameStream                         // the root of one request
	nameWorker                         // gRPC's worker
	nameWatch                          // the background read
	nameMultiple                       // HTTP/2's connection loop
	nameDispatch                       // hands a request to a handler
	nameExcluded
	nameNetwork // the network poller
	nameHijack
	nameRuntime
	nameEnding // what HTTP/2 does once the handler has returned
)

const serveName = "net/http.(*conn).serve"

// classOfName is the class of a function; root is the one that the user names, or empty.
func classOfName(name, root string) (c nameClass) {
	if root != "" && name == root {
		c |= nameStream
	}
	switch {
	case name == serveName:
		c |= nameServe
	case name == "net/http.(*connReader).backgroundRead":
		c |= nameWatch
	case strings.HasSuffix(name, "erverConn).runHandler"):
		c |= nameStream
	case strings.Contains(name, "erverConn).runHandler.func"):
		c |= nameEnding
	case strings.HasSuffix(name, "erverConn).serve"):
		c |= nameMultiple
	case strings.HasPrefix(name, grpcServer):
		switch rest := name[len(grpcServer):]; {
		case strings.HasPrefix(rest, "serveStreams.func"), rest == "handleStream":
			c |= nameStream
		case rest == "serverWorker":
			c |= nameWorker
		}
		c |= nameDispatch
	case name == "net/http.(*ServeMux).ServeHTTP", name == "net/http.serverHandler.ServeHTTP", name == "net/http.HandlerFunc.ServeHTTP":
		c |= nameDispatch
	case strings.HasPrefix(name, "net/http/pprof."), strings.Contains(name, "promhttp.HandlerFor"), name == "expvar.expvarHandler":
		c |= nameExcluded
	case strings.HasPrefix(name, "internal/poll.(*pollDesc).wait"), name == "internal/poll.runtime_pollWait",
		strings.HasPrefix(name, "internal/poll.(*FD)."):
		c |= nameNetwork
	case name == "net/http.(*conn).hijackLocked":
		c |= nameHijack
	case strings.HasPrefix(name, "runtime.") && name != "runtime.corostart": // iter.Pull's are the program's
		c |= nameRuntime
	}
	return c
}

const grpcServer = "google.golang.org/grpc.(*Server)."

// isLibrary tells a dependency by where its file lies: module cache and -trimpath names hold a version,
// vendored ones their folder.
func isLibrary(file string) bool {
	return strings.Contains(file, "@v") || strings.Contains(file, "/vendor/")
}

// requestNames is what the stacks of one generation say about requests, by their ids there.
type requestNames struct {
	stacks []requestStack
	beyond map[uint64]requestStack // ids that the runtime does not hand out
	routes []string                // 0 is none
	byName map[string]uint16
}

func (n *requestNames) of(stack uint64) requestStack {
	if stack < uint64(len(n.stacks)) {
		return n.stacks[stack]
	}
	return n.beyond[stack]
}

// namesOf reads what a generation's stacks say. It is nil when none of them serves requests.
func namesOf(t *tables, root string) *requestNames {
	classes := make([]nameClass, len(t.texts))
	serving := false
	for i, text := range t.texts {
		if !bytes.Contains(text, []byte(".")) {
			continue
		}
		classes[i] = classOfName(string(text), root)
		serving = serving || classes[i]&(nameServe|nameStream|nameWorker) != 0
	}
	if !serving {
		return nil
	}
	n := &requestNames{routes: []string{""}, byName: map[string]uint16{}}
	r := stackReader{t: t, classes: classes, names: n}
	n.stacks = make([]requestStack, len(t.stacks.dense))
	for id, index := range t.stacks.dense {
		if index != 0 {
			n.stacks[id] = r.read(t.entries[index-1])
		}
	}
	for id, index := range t.stacks.sparse {
		if n.beyond == nil {
			n.beyond = map[uint64]requestStack{}
		}
		n.beyond[id] = r.read(t.entries[index])
	}
	return n
}

// stackReader reads stacks.
type stackReader struct {
	t       *tables
	classes []nameClass // by index of a text
	names   *requestNames
	frames  []stackFrame
}

type stackFrame struct {
	class    nameClass
	function int32 // index of its text, negative for none
	file     uint64
}

func (r *stackReader) read(e stackEntry) (s requestStack) {
	r.frames = r.frames[:0]
	c := cursor{b: e.frames}
	root := -1
	for i := range e.n {
		c.uvarint()
		fn, file := c.uvarint(), c.uvarint()
		c.uvarint()
		f := stackFrame{function: -1, file: file}
		if at, ok := r.t.strings.get(fn); ok {
			f.function, f.class = int32(at), r.classes[at]
		}
		if f.class&(nameServe|nameStream|nameWorker|nameWatch) != 0 {
			root = i
		}
		r.frames = append(r.frames, f)
	}
	if root < 0 || c.err != nil {
		s.system = len(r.frames) > 0 && r.frames[len(r.frames)-1].class&nameRuntime != 0
		return s
	}
	for _, f := range r.frames[:min(3, len(r.frames))] {
		s.network = s.network || f.class&nameNetwork != 0
	}
	inside := r.frames[:root]
	switch class := r.frames[root].class; {
	case class&nameWatch != 0:
		s.kind = watchesConn
		if n := len(inside); n > 0 && strings.HasPrefix(r.text(inside[n-1].function), "net/http.(*connReader).handleReadError") {
			s.role = roleLeft
		}
	case class&nameServe != 0:
		s.kind = servesConn
		r.connection(&s, inside)
	case class&nameWorker != 0:
		s.kind, s.protocol, s.role = servesWorker, overGRPC, roleTake
		for i := range inside {
			if inside[i].class&nameStream != 0 {
				s.role = roleHandler
				r.handler(&s, inside[:i])
				break
			}
		}
	default:
		s.protocol = r.protocol(root)
		if s.protocol == overFunction && root != len(r.frames)-1 {
			return requestStack{} // it may do so again and again, and nobody sees when
		}
		s.kind, s.role = servesStream, roleHandler
		r.handler(&s, inside)
	}
	return s
}

func (r *stackReader) protocol(root int) uint8 {
	switch name := r.text(r.frames[root].function); {
	case strings.HasPrefix(name, grpcServer):
		return overGRPC
	case strings.HasSuffix(name, "erverConn).runHandler"):
		return overHTTP2
	}
	return overFunction
}

func (r *stackReader) text(i int32) string {
	if i < 0 {
		return ""
	}
	return string(r.t.texts[i])
}

// connection tells what net/http's connection loop is doing from the frame that it calls.
func (r *stackReader) connection(s *requestStack, inside []stackFrame) {
	if len(inside) == 0 {
		s.role = roleNone // only its start: nothing is known yet
		return
	}
	below := inside[len(inside)-1]
	switch r.text(below.function) {
	case "bufio.(*Reader).Peek":
		s.role = rolePeek
	case "net/http.(*conn).readRequest":
		s.role = roleRead
	case "net/http.(*connReader).startBackgroundRead":
		s.role = roleStart
	case "net/http.serverHandler.ServeHTTP":
		s.role = roleHandler
		r.handler(s, inside)
	case "net/http.(*response).finishRequest":
		s.role = roleFinish
		if len(inside) > 1 {
			s.role = finishing(r.text(inside[len(inside)-2].function))
			s.final = r.finalFlush(inside)
		}
	case "net/http.(*conn).serve.func1", "net/http.(*conn).closeWriteAndWait", "net/http.(*conn).close":
		s.role = roleAfter
	default:
		// Hooks, deadlines and the like stand on both sides of the handler, and tell nothing.
		for _, f := range inside {
			if f.class&nameMultiple != 0 {
				s.kind = servesMultiple
			}
		}
	}
}

// finalFlush reports the write behind which there is no other for one reply. Of TLS a reply may take several.
// Where the server is closed during a write, what closes the connection is called from there too, and writes nothing.
func (r *stackReader) finalFlush(inside []stackFrame) bool {
	last := len(inside) - 2
	for i, name := range []string{"bufio.(*Writer).Flush", "net/http.checkConnErrorWriter.Write", "net.(*conn).Write"} {
		if last < i || r.text(inside[last-i].function) != name {
			return false
		}
	}
	return !slices.ContainsFunc(inside, func(f stackFrame) bool { return r.text(f.function) == "internal/poll.(*FD).writeUnlock" })
}

// finishing tells how far finishRequest is from the function that it calls. It flushes the reply, then waits for
// the background read, and lastly reads what is left of the request's body and removes its files. Where it was
// preempted itself it may be anywhere.
func finishing(called string) requestRole {
	switch {
	case called == "net/http.(*connReader).abortPendingRead", strings.HasSuffix(called, ".Close"), strings.HasSuffix(called, ".RemoveAll"):
		return roleAfter
	case evidence.Frame{Function: called}.Package() == "runtime", called == "":
		return roleFinish
	}
	return roleFlush
}

func (n *requestNames) route(name string) uint16 {
	name = strings.TrimSuffix(name, "-fm")
	if at, ok := n.byName[name]; ok {
		return at
	}
	const most = 1<<16 - 1
	if len(n.routes) > most {
		return 0
	}
	at := uint16(len(n.routes))
	n.routes = append(n.routes, name)
	n.byName[name] = at
	return at
}
