package netwait

import "go-debug/analyze"

var rules = []analyze.Rule{
	{
		ID: rulePool, Title: "queries wait for a connection of database/sql longer than they take", Severity: analyze.Medium,
		Remedy: "Give connections back sooner (close Rows and Tx before other work), make the slow query faster, or raise SetMaxOpenConns to what the database can serve; DB.Stats counts the waits.",
		Doc: "The goroutines stand in (*DB).conn, in a select: the pool is at SetMaxOpenConns and all connections are in use. What they wait is added to the latency of each request, " +
			"and not to the time that the database measures.",
	},
	{
		ID: ruleOpen, Title: "sql.Open is called again and again, and its pools are not closed", Severity: analyze.High,
		Remedy: "Call sql.Open once, as the program starts, and share the *sql.DB: it is a pool, safe for concurrent use. Close the others.",
		Doc: "Each sql.DB has a goroutine that opens connections, (*DB).connectionOpener, until it is closed. Their number is the number of pools. A pool for each request " +
			"also makes a connection for each request, and leaves it open.",
	},
	{
		ID: ruleSlowClients, Title: "requests wait for clients that send or take nothing", Severity: analyze.Medium,
		Remedy: "Set ReadTimeout and WriteTimeout of http.Server, or a deadline for each request with http.ResponseController; ReadHeaderTimeout for the header alone.",
		Doc: "Each such request holds its goroutine, its buffers and a descriptor until the client goes on or the connection breaks, which TCP notices after minutes or hours. " +
			"A few hundred clients that do so on purpose (slowloris) exhaust a server without timeouts.",
	},
	{
		ID: ruleHandshakes, Title: "TLS handshakes take a large share of the CPU", Severity: analyze.Medium,
		Remedy: "Keep connections: one http.Client and Transport for all requests, bodies read to the end and closed, MaxIdleConnsPerHost at the number used at once, no DisableKeepAlives; servers need an IdleTimeout above the clients' pauses. Else session tickets make handshakes cheaper.",
		Doc:    "A full handshake costs half a millisecond to several of CPU on each side, a request on a connection that is kept some microseconds.",
	},
	{
		ID: rulePolling, Title: "asking the kernel which connections are ready takes a large share of the CPU", Severity: analyze.Low,
		Remedy: "Send and read more at a time: put several small messages into one packet, buffer writes and flush them together, read ahead with a bufio.Reader.",
		Doc:    "Each time that all goroutines wait, the runtime asks the kernel (epoll, kqueue) what has arrived. With many tiny messages it asks for every few of them.",
	},
}
