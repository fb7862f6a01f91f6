package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

const tenants = 38

func reconcile(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/tenants/tenant-%03d/objects/object-%d", i%tenants, i%977), ""}
}

func quote(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/quotes/article-%d", i%5000), ""}
}

// price is the pricing service: 91 to 112 ms for an answer.
func price(w http.ResponseWriter, r *http.Request) {
	if wait(r.Context(), 91*time.Millisecond+rand.N(21*time.Millisecond)) {
		fmt.Fprintln(w, 100+rand.N(9900))
	}
}

func lookUpFlag(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/tenants/tenant-%d/flags/checkout-v2", i*31%500), ""}
}

const (
	subscribers = 4000
	topics      = 200
)

func subscribe(ctx context.Context, g *generator) error {
	for i := range subscribers {
		body, err := g.do(ctx, request{http.MethodPost, fmt.Sprintf("/topics/topic-%d/devices", i%topics), ""})
		if err != nil {
			return err
		}
		var answer struct{ Device string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			return err
		}
		g.devices = append(g.devices, answer.Device)
	}
	return nil
}

// publishOrFetch is one publication to two fetches.
func publishOrFetch(i int, g *generator) request {
	if i%3 == 0 {
		return request{http.MethodPost, fmt.Sprintf("/topics/topic-%d/events", i/3%topics), "order shipped"}
	}
	return request{http.MethodGet, "/devices/" + g.devices[i*17%len(g.devices)] + "/mailbox", ""}
}

func sendBatch(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/batches/batch-%d?receivers=8", i), ""}
}

// useHotel uses the routes in turn.
func useHotel(i int, _ *generator) request {
	n := i / len(hotelRoutes)
	r := hotelRoutes[i%len(hotelRoutes)]
	return request{r.method, fmt.Sprintf(r.path, n*r.step%r.of), ""}
}

var hotelRoutes = []struct {
	method, path string // with the number of the room, guest or booking
	step, of     int
}{
	{http.MethodPost, "/brochures/hotel-%d", 1, 12},
	{http.MethodPost, "/bookings/b%d", 1, 9999},
	{http.MethodGet, "/rooms/%d", 7, 400},
	{http.MethodGet, "/rates/%d", 11, 400},
	{http.MethodPost, "/refunds/b%d", 1, 9999},
	{http.MethodGet, "/transfers/b%d", 1, 9999},
	{http.MethodPost, "/doors/%d", 1, 8},
	{http.MethodPost, "/offers/guest-%d", 3, 10},
	{http.MethodPost, "/cleanings/%d", 13, 400},
	{http.MethodPost, "/minibar/%d", 17, 400},
	{http.MethodPost, "/messages/guest-%d", 1, 20},
}

func askForParcel(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/parcels/%06d", i*37), ""}
}

// trackParcel is the carrier. It does not know every fourth parcel, and says so at length.
func trackParcel(w http.ResponseWriter, r *http.Request) {
	wait(r.Context(), 2*time.Millisecond+rand.N(4*time.Millisecond))
	if strings.HasSuffix(r.URL.Path, "3") || strings.HasSuffix(r.URL.Path, "6") {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintln(w, strings.Repeat("<p>Please check the number of your parcel.</p>\n", 150))
		return
	}
	fmt.Fprintln(w, `{"place": "on its way"}`)
}

func lookUpCard(i int, _ *generator) request {
	return request{http.MethodGet, fmt.Sprintf("/cards/%d", i*7%1400), ""}
}

func reloadTenant(i int, _ *generator) request {
	return request{http.MethodPost, fmt.Sprintf("/tenants/tenant-%d/reload", i%6), ""}
}

const desks = 6

func staffDesks(ctx context.Context, g *generator) error {
	for i := range desks {
		if _, err := g.do(ctx, request{http.MethodPost, fmt.Sprintf("/desks/desk-%d/staff", i), ""}); err != nil {
			return err
		}
	}
	return nil
}

// useAgency is two polls for a headline to one digest, four stories of the wire, two stories for
// a desk, and a new team at one.
func useAgency(i int, _ *generator) request {
	switch i % 10 {
	case 0, 1:
		return request{http.MethodGet, "/headlines", ""}
	case 2:
		return request{http.MethodGet, "/digest", ""}
	case 3, 4, 5, 6:
		return request{http.MethodGet, fmt.Sprintf("/wire/story-%d", i), ""}
	case 7, 8:
		return request{http.MethodPost, fmt.Sprintf("/desks/desk-%d/stories", i%desks), ""}
	}
	return request{http.MethodPost, fmt.Sprintf("/desks/desk-%d/staff", i/10%desks), ""}
}

// sendStory is the wire service. Some stories take longer.
func sendStory(w http.ResponseWriter, r *http.Request) {
	wait(r.Context(), 20*time.Millisecond+rand.N(200*time.Millisecond))
	fmt.Fprintln(w, strings.Repeat("a paragraph\n", 20))
}
