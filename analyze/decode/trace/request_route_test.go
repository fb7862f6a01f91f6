package trace

import (
	"encoding/binary"
	"testing"
)

// readStack reads a stack, innermost first, and returns its route too.
func readStack(frames []testFrame) (string, requestStack) {
	t := &tables{texts: [][]byte{nil}}
	ids := map[string]uint64{"": 0}
	t.strings.dense = append(t.strings.dense, 1)
	id := func(text string) uint64 {
		if _, ok := ids[text]; !ok {
			ids[text] = uint64(len(t.texts))
			t.texts = append(t.texts, []byte(text))
			t.strings.dense = append(t.strings.dense, int32(len(t.texts)))
		}
		return ids[text]
	}
	e := stackEntry{n: len(frames)}
	for _, f := range frames {
		for _, n := range []uint64{0, id(f.function), id(f.file), 1} {
			e.frames = binary.AppendUvarint(e.frames, n)
		}
	}
	names := &requestNames{routes: []string{""}, byName: map[string]uint16{}}
	r := stackReader{t: t, names: names, classes: make([]nameClass, len(t.texts))}
	for i, text := range t.texts {
		r.classes[i] = classOfName(string(text), "")
	}
	s := r.read(e)
	return names.routes[s.route], s
}

type testFrame struct{ function, file string }

func TestRouteBehindRouters(t *testing.T) {
	const gin, echo, router, flight = "/mod/github.com/gin-gonic/gin@v1.12.0/gin.go", "/mod/github.com/labstack/echo/v4@v4.16.5/echo.go",
		"/mod/github.com/julienschmidt/httprouter@v1.3.0/router.go", "/mod/golang.org/x/sync@v0.25.0/singleflight.go"
	own := func(functions ...string) (out []testFrame) {
		for _, f := range functions {
			out = append(out, testFrame{f, "/src/shop/main.go"})
		}
		return out
	}
	served := []testFrame{ // the program's own middleware around whatever it is
		{"main.measured.func1", "/src/shop/main.go"},
		{"net/http.HandlerFunc.ServeHTTP", "/go/src/net/http/server.go"},
		{"net/http.serverHandler.ServeHTTP", "/go/src/net/http/server.go"},
		{"net/http.(*conn).serve", "/go/src/net/http/server.go"},
	}
	for _, c := range []struct {
		name, want string
		frames     []testFrame
	}{
		{"a router that calls its own kind of handler", "main.(*shop).cart",
			append(own("main.lookUp", "main.(*shop).cart"), testFrame{"github.com/julienschmidt/httprouter.(*Router).ServeHTTP", router})},
		{"middleware of the router", "main.(*shop).cart",
			append(append(append(own("main.(*shop).cart"), testFrame{"github.com/gin-gonic/gin.(*Context).Next", gin}), own("main.signedIn")...),
				testFrame{"github.com/gin-gonic/gin.(*Context).Next", gin}, testFrame{"github.com/gin-gonic/gin.(*Engine).ServeHTTP", gin})},
		{"middleware that closes over the next", "main.(*shop).cart",
			append(append(append(own("main.(*shop).cart"), testFrame{"github.com/labstack/echo/v4.(*Echo).add.func1", echo}), own("main.signedIn.func1.1")...),
				testFrame{"github.com/labstack/echo/v4.(*Echo).ServeHTTP", echo})},
		{"a part of a handler that the router calls", "main.(*shop).feed",
			append(append(append(own("main.(*shop).feed.func1"), testFrame{"github.com/gin-gonic/gin.(*Context).Stream", gin}), own("main.(*shop).feed")...),
				testFrame{"github.com/gin-gonic/gin.(*Context).Next", gin}, testFrame{"github.com/gin-gonic/gin.(*Engine).ServeHTTP", gin})},
		{"a dependency that is no router calls back", "main.(*shop).cart",
			append(append(append(own("main.load"), testFrame{"golang.org/x/sync/singleflight.(*Group).Do", flight}), own("main.(*shop).cart")...),
				testFrame{"github.com/julienschmidt/httprouter.(*Router).ServeHTTP", router})},
		{"a router that waits itself", "main.measured.func1",
			[]testFrame{{"github.com/julienschmidt/httprouter.(*Router).ServeHTTP", router}}},
		{"no router", "main.measured.func1", own("main.(*shop).cart")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, s := readStack(append(c.frames, served...)); got != c.want || s.role != roleHandler {
				t.Errorf("route %q, role %d; want %q in the handler", got, s.role, c.want)
			}
		})
	}
}

// What HTTP/2 does once the handler has returned names no route.
func TestRouteOfTheEnd(t *testing.T) {
	const bundle, function = "/go/src/net/http/h2_bundle.go", "net/http.(*http2serverConn).runHandler"
	for _, c := range []struct {
		name, want string
		frames     []testFrame
	}{
		{"the handler", "main.cart", []testFrame{{"main.cart", "/src/shop/main.go"}, {"net/http.HandlerFunc.ServeHTTP", "/go/src/net/http/server.go"}}},
		{"the last frame", "", []testFrame{{"net/http.(*http2responseWriter).handlerDone", bundle}, {function + ".func1", bundle}}},
	} {
		if got, s := readStack(append(c.frames, testFrame{function, bundle})); got != c.want || s.role != roleHandler {
			t.Errorf("%s: route %q, role %d; want %q", c.name, got, s.role, c.want)
		}
	}
}
