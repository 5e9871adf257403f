// Package admin holds the HTTP side of a claimgate process: health, metrics
// and a page for its operator. Three handlers for three listeners, since three
// audiences may see different things:
//
//	readiness := admin.NewReadiness(admin.Gates{Configured: ..., FetchesEnded: ...})
//	health := admin.HealthHandler(readiness)               // counts, no names
//	metrics := admin.MetricsHandler(gatherer, bearerToken) // tenant names
//	page := admin.PageHandler(admin.PageOptions{...})      // who is not ready, what is configured
//	server := admin.NewServer(health, log)
//
// Endpoints of the health listener:
//
//	/livez            200 while the process answers
//	/readyz           200 when it is fit for requests, else 503
//
// of the metrics listener:
//
//	/metrics          Prometheus text or OpenMetrics
//
// and of the admin listener:
//
//	/                 what is here and how it is
//	/livez, /readyz   as above; /readyz?verbose names who is not ready
//	/config           what is configured, in JSON
//	/keys             the state of every key source; /keys?issuer=... adds kids
//	                  and thumbprints of the keys in force
//	/tokens           what each issuer still brings, by tenant
//
// The admin listener can be given actions, such as /reload, which a POST runs.
// Everything else only reads: any method but GET and HEAD is refused. None of
// them shows a token, a key, a secret or a claim.
package admin
