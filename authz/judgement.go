package authz

import (
	"context"
	"strings"
	"time"

	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/policy"
)

// judgement is one request on its way to a decision.
type judgement struct {
	out      *Decision
	room     *room
	snapshot *Snapshot
	req      *Request
	sees     survey // of the request's headers
	id       DecisionID
	idText   string
	now      time.Time
	entry    *entry  // nil without one
	tenant   *Tenant // nil until the place, or a claim, names it
	unknown  *entry  // below which the path names no tenant; only its challenge counts

	grant    *grant        // the tenant's own; nil without a verified token
	issuer   *token.Issuer // of the grant
	verified token.Verified
	place    *CredentialSpec // where the verified token stands
	claims   claimView
	mapped   mappedView
	sent     headerView
	input    policy.Input
	asked    question

	hint       string // about a token that was refused
	shadowRule string // first deny rule in shadow that would have denied
}

// question is what the policy was asked.
type question uint8

const (
	nothing     question = iota
	publicRules          // EvaluatePublic
	allRules             // Evaluate
)

// policy returns the policy of the tenant, or of the entry before a tenant is
// known.
func (j *judgement) policy() *policy.Policy {
	if j.tenant != nil {
		return j.tenant.policy
	}
	return j.entry.public
}

// publicRoute returns the public route that the request takes: of the entry, or
// of a tenant that is known.
func (j *judgement) publicRoute() *policy.Public {
	if j.entry != nil {
		if route := j.entry.public.MatchPublic(&j.input); route != nil {
			return route
		}
	}
	if j.tenant == nil {
		return nil
	}
	return j.tenant.policy.MatchPublic(&j.input)
}

// evaluate asks the policy.
func (j *judgement) evaluate(q question) policy.Result {
	j.asked = q
	var result policy.Result
	if q == allRules {
		result = j.policy().Evaluate(&j.input)
	} else {
		result = j.policy().EvaluatePublic(&j.input)
	}
	j.shadowRule = j.policy().RuleName(result.Shadow)
	return result
}

// admit refuses what cannot be judged, before a tenant is asked for.
func (j *judgement) admit(ctx context.Context) (Reason, bool) {
	switch {
	case j.snapshot == nil:
		return TenantUnavailable, false
	case ctx.Err() != nil:
		return DeadlineExceeded, false
	case j.req == nil:
		return RequestInvalid, false
	case j.req.Fault != NoFault:
		return j.req.Fault, false
	case j.req.Path.Oddities&^Relaxable != 0 || !strings.HasPrefix(j.req.Path.Canonical, "/"):
		return PathNotCanonical, false
	case j.req.Method == "CONNECT" || !isTokenText(j.req.Method):
		return RequestInvalid, false
	}
	if j.snapshot.removal.survey(&j.req.Headers, &j.sees); j.sees.drops {
		return RequestInvalid, false
	}
	return 0, true
}

// enter prepares what the policy is asked with: no token so far.
func (j *judgement) enter(at *scope, now time.Time) {
	j.entry, j.tenant, j.now = at.entry, at.tenant, now
	j.sent = headerView{headers: &j.req.Headers, filtered: j.hidesHeaders()}
	in := &j.input // empty so far; filled in place, since a literal would be copied
	in.Method, in.Path, in.LenientPath = j.req.Method, at.path, at.lenient
	in.Upgrade, in.Query, in.Host, in.Scheme = j.req.Upgrade, j.req.Query, j.req.Host, j.req.Scheme
	in.RemoteIP, in.Principal, in.Context = j.req.RemoteIP, j.req.Principal, j.req.Context
	in.Headers, in.Now = &j.sent, now
	if at.tenant != nil {
		in.Tenant = (*tenantView)(at.tenant)
	}
}

// admitsPath reports whether the place admits all that is odd about the path.
// One that it does not admit is refused once a token has verified, so that
// without one the answer is that of an unknown place.
func (j *judgement) admitsPath() bool { return j.req.Path.Oddities&^j.relaxations() == 0 }

// relaxations returns the oddities that are admitted so far: those of the entry,
// and of the tenant once it is known.
func (j *judgement) relaxations() Oddity {
	var admitted Oddity
	if j.entry != nil {
		admitted |= j.entry.relaxations
	}
	if j.tenant != nil {
		admitted |= j.tenant.relaxations
	}
	return admitted
}

// hidesHeaders reports whether the request may have headers that we do not see.
func (j *judgement) hidesHeaders() bool { return j.req.Filtered || j.snapshot.filters }

// isPreflight recognises a CORS preflight, which never carries a credential
// (Fetch standard, section 4.8) and never asks for another method than the one
// it is sent with.
func (j *judgement) isPreflight() bool {
	if !j.allowsPreflight() || j.req.Method != "OPTIONS" || j.req.Upgrade != "" || !j.admitsPath() {
		return false
	}
	return j.sendsOnce("origin") && j.sendsOnce("access-control-request-method") && !j.credentials().present(j.req) && !j.sendsOverride()
}

// allowsPreflight reports whether the entry or the tenant admits preflights.
func (j *judgement) allowsPreflight() bool {
	return j.entry != nil && j.entry.preflight || j.tenant != nil && j.tenant.preflight
}

// sendsOnce reports whether a header of a preflight is there once. Its value
// then has neither comma nor space, by which a proxy may have joined two lines
// even where lines are not joined as a rule.
func (j *judgement) sendsOnce(name string) bool {
	value, count := j.req.Headers.Get(name)
	return count == 1 && value != "" && !strings.ContainsAny(value, ", \t")
}

// decidePreflight passes a preflight that no deny rule refuses.
func (j *judgement) decidePreflight() {
	result := j.evaluate(publicRules)
	if result.Outcome != policy.Allowed {
		j.denyByPolicy(&result)
		return
	}
	j.allow(PreflightPassed, "", false)
}

// decidePublic passes a request on a public route. With `token: none` no
// credential is read. With `token: optional` one that is sent must verify and
// satisfy `require` and the deny rules; a header of another scheme is a
// credential that does not.
func (j *judgement) decidePublic(ctx context.Context, route *policy.Public) {
	keepsToken := route.Token == policy.TokenNone && route.ForwardAuthorization
	if route.Token != policy.TokenNone && j.credentials().present(j.req) {
		if reason, ok := j.authenticate(ctx); !ok {
			j.deny(reason)
			return
		}
		keepsToken = route.ForwardAuthorization || j.tenant.forwardToken // a token names a tenant
	}
	result := j.evaluate(publicRules)
	if result.Outcome != policy.Allowed {
		j.denyByPolicy(&result)
		return
	}
	j.allow(PublicRoute, route.Name, keepsToken)
}

// decideByPolicy demands a token and asks the rules.
func (j *judgement) decideByPolicy(ctx context.Context) {
	if reason, ok := j.authenticate(ctx); !ok {
		j.deny(reason)
		return
	}
	if !j.admitsPath() {
		j.deny(PathNotCanonical)
		return
	}
	result := j.evaluate(allRules)
	if result.Outcome != policy.Allowed {
		j.denyByPolicy(&result)
		return
	}
	j.allow(Allowed, j.tenant.policy.RuleName(result.Rule), j.tenant.forwardToken)
}

// authenticate reads and verifies the one credential. Its alphabet counts once it
// is refused: one that was verified, or that the cache knows, has a narrower one,
// and a verifier refuses every other before it looks for a key. The issuer is taken from
// the tenant, not from the verified token, which a cache may have kept since
// an earlier generation.
func (j *judgement) authenticate(ctx context.Context) (Reason, bool) {
	places := j.credentials()
	found, reason, ok := places.read(j.req, &j.sees)
	if !ok {
		return reason, false
	}
	verified, err := j.verify(ctx, found.raw)
	if err != nil {
		return j.refuseToken(&found, err), false
	}
	if verified.Issuer == nil || verified.Claims == nil || verified.Claims.Kind() != token.Object {
		return Internal, false
	}
	tenant, grant, reason, ok := j.granted(&verified)
	switch {
	case !ok:
		return reason, false
	case grant.issuer.alone != places && !grant.issuer.admits(found.place):
		return NoToken, false
	}
	if reason, ok := grant.check(verified.Claims, j.now); !ok {
		return reason, false
	}
	j.tenant, j.input.Tenant = tenant, (*tenantView)(tenant)
	j.grant, j.issuer = grant, verified.Issuer
	j.verified = verified
	j.place = found.place
	j.claims = claimView{root: verified.Claims}
	j.mapped.claims, j.mapped.issuer, j.mapped.asked = &j.claims, grant.issuer, 0
	j.input.Claims, j.input.Mapped = &j.claims, &j.mapped
	j.input.IssuerName, j.input.IssuerURL = verified.Issuer.Name(), verified.IssuerURL
	return 0, true
}

// refuseToken tells why a token that did not verify is refused.
func (j *judgement) refuseToken(found *bearer, err error) Reason {
	switch {
	case found.joined():
		return SeveralTokens
	case !isToken68(found.raw):
		return TokenMalformed // not even the shape of some token
	}
	j.hint = token.Hint(err)
	return reasonOf(err)
}

// verify verifies a token at the expense of the client and the tenant or, before a
// tenant is known, the entry.
func (j *judgement) verify(ctx context.Context, raw string) (token.Verified, error) {
	if j.tenant != nil {
		return j.tenant.verifier.VerifyFrom(ctx, raw, j.now, j.req.RemoteIP)
	}
	return j.entry.verifier.VerifyFrom(ctx, raw, j.now, j.req.RemoteIP)
}

// granted returns the tenant that a verified token is for, with its grant: the
// tenant of the place, or the one that the token names.
func (j *judgement) granted(verified *token.Verified) (*Tenant, *grant, Reason, bool) {
	if j.tenant != nil {
		own := j.tenant.grant(verified.Issuer)
		return j.tenant, own, Internal, own != nil
	}
	found, reason, ok := j.entry.findTenant(verified)
	if ok && found.tenant.suspended {
		return nil, nil, TenantSuspended, false
	}
	return found.tenant, found.grant, reason, ok
}
