package admin

import (
	"fmt"
	"strings"
	"time"
)

// Certificate is what a listener serves TLS with.
type Certificate struct {
	Listener string    `json:"listener"`
	Kind     string    `json:"kind"` // the certificate itself, or the authorities of clients
	NotAfter time.Time `json:"notAfter"`
}

// writeCertificates tells when certificates end.
func writeCertificates(page *strings.Builder, all []Certificate) {
	now := time.Now()
	for _, c := range all {
		if left := c.NotAfter.Sub(now).Truncate(time.Minute); left > 0 {
			fmt.Fprintf(page, "TLS       %s: %s ends %s, in %s\n", c.Listener, c.Kind, stamp(c.NotAfter), left)
		} else {
			fmt.Fprintf(page, "EXPIRED   %s: %s ended %s\n", c.Listener, c.Kind, stamp(c.NotAfter))
		}
	}
}
