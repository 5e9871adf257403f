package admin

import (
	"context"
	"net/http"
	"time"
)

// Action does something for the operator, within ctx, and reports what came of
// it: in words, and whether all that was asked for is in force.
type Action func(ctx context.Context) (done bool, report string)

// actionTime bounds an action; it is less than a server's write timeout.
const actionTime = 8 * time.Second

// serve runs the action for a POST. Whoever asks with a GET, as a link or a
// picture on somebody's page would, is refused.
func (a Action) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "this changes something: use POST", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actionTime)
	defer cancel()
	done, report := a(ctx)
	status := http.StatusOK
	if !done {
		status = http.StatusConflict
	}
	writeText(w, status, report)
}
