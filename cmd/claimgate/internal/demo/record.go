package demo

import (
	"sync"
	"time"

	"github.com/claimgate/claimgate/authz"
)

// Record is what the server itself concluded about one request.
type Record struct {
	Reason, Rule, Tenant, Issuer string
	Cached                       bool
	Fault                        error // what a recovered panic said
}

// maxRecords bounds the memory of a recorder.
const maxRecords = 4096

// recorder is an envoy.Observer that remembers the last decisions by id.
type recorder struct {
	mu      sync.Mutex
	records map[string]Record
	order   []string
}

// Checked implements envoy.Observer.
func (r *recorder) Checked(_ *authz.Request, d *authz.Decision, _ time.Duration, fault error) {
	record := Record{
		Reason: d.Reason.String(), Rule: d.Rule, Tenant: d.Tenant, Issuer: d.Issuer, Cached: d.Cached, Fault: fault,
	}
	id := d.ID.String()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.records == nil {
		r.records = make(map[string]Record)
	}
	if len(r.order) == maxRecords {
		delete(r.records, r.order[0])
		r.order = r.order[1:]
	}
	r.records[id] = record
	r.order = append(r.order, id)
}

func (r *recorder) find(id string) (Record, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record, ok := r.records[id]
	return record, ok
}
