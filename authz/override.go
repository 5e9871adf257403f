package authz

// methodOverrides returns the headers by which some upstreams take a request for
// one of another method than it was sent with. Rules know nothing of them; an
// operator may own them, which removes them.
func methodOverrides() [3]string {
	return [3]string{"x-http-method-override", "x-http-method", "x-method-override"}
}

// sendsOverride reports whether the request has such a header, in whatever
// spelling some upstream takes for it.
func (j *judgement) sendsOverride() bool {
	for i := range j.req.Headers.Lines {
		for _, name := range methodOverrides() {
			if foldsTo(j.req.Headers.Lines[i].Name, name) {
				return true
			}
		}
	}
	return false
}

// withholdOverrides takes them out of a preflight, which passes without a token
// because of its method, where the proxy may hide them from us.
func (j *judgement) withholdOverrides() {
	if !j.hidesHeaders() {
		return
	}
	for _, name := range methodOverrides() {
		j.alsoRemove(name)
		if !j.snapshot.removal.rejects {
			for _, variant := range appendVariants(nil, name) {
				j.alsoRemove(variant)
			}
		}
	}
}
