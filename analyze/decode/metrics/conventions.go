package metrics

import (
	"path"
	"slices"
	"strings"
)

// role is what a metric tells about load.
type role uint8

const (
	roleNone       role = iota
	roleGoroutines      // gauge
	roleInFlight        // gauge: requests being served
	roleRequests        // counter: requests completed
	roleStarted         // counter: requests begun
	roleLatency         // histogram or summary of seconds, milliseconds or microseconds
	roleInfo            // go_info
	roleProcs           // gauge: GOMAXPROCS
	roleSetting         // how the program runs: evidence.Settings
	roleCPU             // counter: processor seconds of the process
	roleCollector       // counter: processor seconds of the collector
	roleCycles          // counter: collections
	roleHeapGoal        // gauge: bytes at which the next one ends
)

var roleNames = map[role]string{roleGoroutines: "goroutines", roleInFlight: "in_flight", roleRequests: "requests", roleStarted: "started", roleLatency: "latency"}

// family keeps metrics of one protocol together: requests of one and latencies of
// another would break Little's law.
type family uint8

const (
	familyRuntime family = iota
	familyGiven          // named by the user, whatever else there is
	familyHTTP
	familyGRPC
	familyController
	familyGeneric
)

// convention maps a metric name to a role. Patterns are those of path.Match; dots in names
// (OpenTelemetry without translation) are read as underscores.
type convention struct {
	role    role
	family  family
	pattern string
	unit    float64 // seconds per unit of a latency
	why     string
}

// table is conventions in order of preference; the index of one is its rank.
type table []convention

// conventions are in order of preference: of several metrics with one role the one that
// matches first supplies it.
var conventions = table{
	{roleInfo, familyRuntime, "go_info", 0, "client_golang: the Go version, a label"},
	{roleProcs, familyRuntime, "go_sched_gomaxprocs_threads", 0, "client_golang's Go collector: GOMAXPROCS"},
	{roleProcs, familyRuntime, "go_processor_limit", 0, "OpenTelemetry's runtime conventions: the same"},
	{roleSetting, familyRuntime, "go_build_info", 0, "client_golang's build info collector: the main module, a label"},
	{roleSetting, familyRuntime, "go_gc_gomemlimit_bytes", 0, "client_golang's Go collector: GOMEMLIMIT"},
	{roleSetting, familyRuntime, "go_memory_limit", 0, "OpenTelemetry's runtime conventions: the same"},
	{roleSetting, familyRuntime, "go_memory_limit_bytes", 0, "the same with its unit"},
	{roleSetting, familyRuntime, "go_gc_gogc_percent", 0, "client_golang's Go collector: GOGC"},
	{roleSetting, familyRuntime, "go_config_gogc", 0, "OpenTelemetry's runtime conventions: the same"},
	{roleSetting, familyRuntime, "go_config_gogc_percent", 0, "the same with its unit"},
	{roleSetting, familyRuntime, "container_spec_cpu_quota", 0, "cAdvisor: the container's CPU quota"},
	{roleSetting, familyRuntime, "container_spec_cpu_period", 0, "cAdvisor: its period"},
	{roleCPU, familyRuntime, "process_cpu_seconds_total", 0, "client_golang's process collector"},
	{roleCollector, familyRuntime, "go_cpu_classes_gc_total_cpu_seconds_total", 0, "client_golang's Go collector with all runtime metrics"},
	{roleCycles, familyRuntime, "go_gc_duration_seconds_count", 0, "client_golang's Go collector: a pause for each collection"},
	{roleHeapGoal, familyRuntime, "go_memstats_next_gc_bytes", 0, "client_golang's Go collector"},
	{roleHeapGoal, familyRuntime, "go_gc_heap_goal_bytes", 0, "the same among all runtime metrics"},
	{roleGoroutines, familyRuntime, "go_goroutines", 0, "client_golang's Go collector"},
	{roleGoroutines, familyRuntime, "go_goroutine_count", 0, "OpenTelemetry's runtime conventions"},
	{roleGoroutines, familyRuntime, "process_runtime_go_goroutines", 0, "OpenTelemetry's runtime metrics before they were stable"},

	{roleInFlight, familyHTTP, "http_server_active_requests", 0, "OpenTelemetry's HTTP conventions"},
	{roleInFlight, familyHTTP, "http_server_requests_in_flight", 0, "the usual name beside promhttp.InstrumentHandlerInFlight"},
	{roleInFlight, familyHTTP, "http_requests_in_flight", 0, "the same without the server"},
	{roleInFlight, familyHTTP, "*http*in_flight*", 0, "the same with the service's name as prefix"},
	{roleInFlight, familyHTTP, "*http*inflight*", 0, "the same in one word"},
	{roleInFlight, familyHTTP, "*http*_active_requests", 0, "OpenTelemetry's name with a prefix"},
	{roleRequests, familyHTTP, "http_requests_total", 0, "Prometheus' naming guide and promhttp.InstrumentHandlerCounter's example"},
	{roleRequests, familyHTTP, "http_server_requests_total", 0, "the same with the side named"},
	{roleRequests, familyHTTP, "*_http_requests_total", 0, "the same with the service's name as prefix"},
	{roleLatency, familyHTTP, "http_server_request_duration_seconds", 1, "OpenTelemetry's HTTP conventions"},
	{roleLatency, familyHTTP, "http_server_request_duration", 1, "the same untranslated: the convention fixes seconds"},
	{roleLatency, familyHTTP, "http_request_duration_seconds", 1, "Prometheus' naming guide"},
	{roleLatency, familyHTTP, "http_server_duration_milliseconds", 1e-3, "OpenTelemetry's HTTP conventions before they were stable"},
	{roleLatency, familyHTTP, "http_server_requests_seconds", 1, "Micrometer, which proxies imitate"},
	{roleLatency, familyHTTP, "*http*_duration_seconds", 1, "Prometheus' name with a prefix"},
	{roleLatency, familyHTTP, "*http*_duration_milliseconds", 1e-3, "the same in milliseconds"},
	{roleLatency, familyHTTP, "*http*_duration_ms", 1e-3, "the same, abbreviated"},
	{roleLatency, familyHTTP, "*http*_duration_microseconds", 1e-6, "client_golang before 0.9"},
	{roleLatency, familyHTTP, "*http*_latency_seconds", 1, "latency for duration"},
	{roleLatency, familyHTTP, "*http*_response_time_seconds", 1, "response time for duration"},

	{roleStarted, familyGRPC, "grpc_server_started_total", 0, "go-grpc-middleware's provider: in flight is started less handled"},
	{roleStarted, familyGRPC, "grpc_server_call_started_total", 0, "grpc-go's OpenTelemetry metrics"},
	{roleRequests, familyGRPC, "grpc_server_handled_total", 0, "go-grpc-middleware's provider"},
	{roleLatency, familyGRPC, "grpc_server_handling_seconds", 1, "go-grpc-middleware's provider"},
	{roleLatency, familyGRPC, "grpc_server_call_duration_seconds", 1, "grpc-go's OpenTelemetry metrics"},
	{roleLatency, familyGRPC, "rpc_server_duration_milliseconds", 1e-3, "otelgrpc"},
	{roleLatency, familyGRPC, "rpc_server_duration_seconds", 1, "otelgrpc with a seconds view"},

	{roleInFlight, familyController, "controller_runtime_active_workers", 0, "controller-runtime: reconciles at work"},
	{roleRequests, familyController, "controller_runtime_reconcile_total", 0, "controller-runtime"},
	{roleLatency, familyController, "controller_runtime_reconcile_time_seconds", 1, "controller-runtime"},

	{roleInFlight, familyGeneric, "*in_flight*", 0, "a gauge named so counts what is being served"},
	{roleInFlight, familyGeneric, "*inflight*", 0, "the same in one word"},
	{roleInFlight, familyGeneric, "*_active_requests", 0, "the same in other words"},
	{roleRequests, familyGeneric, "*requests_total", 0, "Prometheus' naming guide"},
	{roleLatency, familyGeneric, "*request_duration_seconds", 1, "Prometheus' naming guide"},
	{roleLatency, familyGeneric, "*request_duration_milliseconds", 1e-3, "the same in milliseconds"},
	{roleLatency, familyGeneric, "*request_duration_ms", 1e-3, "the same, abbreviated"},
	{roleLatency, familyGeneric, "*request_latency_seconds", 1, "latency for duration"},
}

// notServing are words of names that measure other things than requests served: the metrics
// endpoint itself (promhttp), calls that the program makes, and stores.
var notServing = []string{"promhttp", "client", "clients", "outgoing", "outbound", "egress", "upstream", "db", "sql", "redis", "kafka", "dns"}

// part says which series of a histogram or summary a sample is.
type part uint8

const (
	partValue part = iota
	partBucket
	partSum
	partCount
	partNative // a native histogram, which is one sample
)

// metric is a sample's name resolved: the convention's index (its rank), and the base name
// for the parts of a histogram. rank is -1 for names of no role.
type metric struct {
	base string
	part part
	rank int
}

// resolve maps a sample's name to its role.
func (t table) resolve(name string) metric {
	if m, ok := t.given(name); ok {
		return m
	}
	plain := strings.ReplaceAll(name, ".", "_")
	if slices.ContainsFunc(strings.Split(plain, "_"), func(w string) bool { return slices.Contains(notServing, w) }) {
		return metric{rank: -1}
	}
	for _, s := range []struct {
		suffix string
		part   part
	}{{"_bucket", partBucket}, {"_sum", partSum}, {"_count", partCount}} {
		if base, ok := strings.CutSuffix(plain, s.suffix); ok {
			if r := t.rankOf(base, true); r >= 0 {
				return metric{base: strings.TrimSuffix(name, s.suffix), part: s.part, rank: r}
			}
		}
	}
	return metric{base: name, part: partValue, rank: t.rankOf(plain, false)}
}

// native maps the name of a native histogram, which has no suffix, to its role.
func (t table) native(name string) metric {
	plain := strings.ReplaceAll(name, ".", "_")
	if m := t.resolve(name + "_count"); m.rank >= 0 && m.part == partCount {
		return metric{base: name, part: partNative, rank: m.rank}
	}
	return metric{base: plain, rank: -1}
}

func (t table) rankOf(name string, latency bool) int {
	for i, c := range t {
		if c.family == familyGiven || (c.role == roleLatency) != latency {
			continue
		}
		// A gauge has no counter's suffix: "…_in_flight_total" counts something else.
		if c.role == roleInFlight && (strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_seconds") ||
			strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count") || strings.HasSuffix(name, "_bucket")) {
			continue
		}
		if ok, err := path.Match(c.pattern, name); ok && err == nil {
			return i
		}
	}
	return -1
}

// routeLabels name the label that tells routes apart, best first.
var routeLabels = []string{"http_route", "route", "handler", "path", "endpoint", "uri", "grpc_method", "rpc_method", "controller"}

// statusLabels name the label that tells failed requests.
var statusLabels = []string{"http_response_status_code", "status_code", "code", "status", "grpc_code", "result"}

// failures are the values that mean the server failed, beside 5xx: gRPC's server-side codes and
// controller-runtime's error.
var failures = []string{"Unknown", "DeadlineExceeded", "ResourceExhausted", "Internal", "Unavailable", "DataLoss", "error"}

func isFailure(status string) bool {
	return len(status) == 3 && status[0] == '5' || slices.Contains(failures, status)
}

// isScrapeRoute reports the routes by which the program is observed: they are no service.
func isScrapeRoute(route string) bool {
	return route == "/metrics" || route == "metrics" || strings.HasPrefix(route, "/debug/pprof")
}
