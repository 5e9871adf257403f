package admin

import (
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
)

// Accepted is how many requests of a tenant came with an accepted token of an
// issuer since the start. Both are names of the configuration, or stand for the
// rest where there are too many to be counted one by one.
type Accepted struct {
	Tenant, Issuer string
	Requests       uint64
}

// tokens serves /tokens: what each issuer still brings, in the order given. One
// that is not listed brought nothing since the start.
func (o *PageOptions) tokens(w http.ResponseWriter, _ *http.Request) {
	var all []Accepted
	if o.Accepted != nil {
		all = o.Accepted()
	}
	var page strings.Builder
	page.WriteString("Requests with an accepted token since the start, by the issuer's name and by tenant.\nWho is not listed brought none.\n\n")
	table := tabwriter.NewWriter(&page, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "ISSUER\tTENANT\tREQUESTS")
	for _, a := range all {
		fmt.Fprintf(table, "%s\t%s\t%d\n", a.Issuer, a.Tenant, a.Requests)
	}
	_ = table.Flush() // a strings.Builder never fails
	writeText(w, http.StatusOK, page.String())
}
