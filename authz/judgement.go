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
	snapshot *Snapshot
	req      *Request
	id       DecisionID
	idText   string
	now      time.Time
	tenant   *Tenant // nil until the place is known

	issuer   *token.Issuer // the tenant's own; nil without a verified token
	verified token.Verified
	claims   claimView
	sent     headerView
	input    policy.Input
	asked    question
}

// question is what the policy was asked.
type question uint8

const (
	nothing     question = iota
	publicRules          // EvaluatePublic
	allRules             // Evaluate
)

// evaluate asks the policy.
func (j *judgement) evaluate(q question) policy.Result {
	j.asked = q
	if q == allRules {
		return j.tenant.policy.Evaluate(&j.input)
	}
	return j.tenant.policy.EvaluatePublic(&j.input)
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
	case j.req.Path.Oddities != 0 || !strings.HasPrefix(j.req.Path.Canonical, "/"):
		return PathNotCanonical, false
	case j.req.Method == "CONNECT" || !isTokenText(j.req.Method):
		return RequestInvalid, false
	case j.snapshot.removal.dropsGuarded(&j.req.Headers):
		return RequestInvalid, false
	}
	return 0, true
}

// enter prepares what the tenant's policy is asked with: no token so far.
func (j *judgement) enter(t *Tenant, now time.Time) {
	j.tenant, j.now = t, now
	j.sent = headerView{headers: &j.req.Headers, filtered: j.hidesHeaders()}
	j.input = policy.Input{
		Method:      j.req.Method,
		Path:        j.req.Path.Canonical,
		LenientPath: j.req.Path.Lenient,
		Upgrade:     j.req.Upgrade,
		Headers:     &j.sent,
		RemoteIP:    j.req.RemoteIP,
		Now:         now,
	}
}

// hidesHeaders reports whether the request may have headers that we do not see.
func (j *judgement) hidesHeaders() bool { return j.req.Filtered || j.snapshot.filters }

// isPreflight recognises a CORS preflight, which never carries a credential
// (Fetch standard, section 4.8) and never asks for another method than the one
// it is sent with.
func (j *judgement) isPreflight() bool {
	if !j.tenant.preflight || j.req.Method != "OPTIONS" || j.req.Upgrade != "" {
		return false
	}
	return j.sendsOnce("origin") && j.sendsOnce("access-control-request-method") && !j.sends("authorization") &&
		!j.sends("x-http-method-override") && !j.sends("x-http-method") && !j.sends("x-method-override")
}

func (j *judgement) sendsOnce(name string) bool {
	value, count := j.req.Headers.Get(name)
	return count == 1 && value != ""
}

func (j *judgement) sends(name string) bool {
	_, count := j.req.Headers.Get(name)
	return count > 0
}

// decidePreflight passes a preflight that no deny rule refuses.
func (j *judgement) decidePreflight() Decision {
	result := j.evaluate(publicRules)
	if result.Outcome != policy.Allowed {
		return j.denyByPolicy(&result)
	}
	return j.allow(PreflightPassed, "", false)
}

// decidePublic passes a request on a public route. With `token: none` no
// credential is read. With `token: optional` one that is sent must verify and
// satisfy `require` and the deny rules; a header of another scheme is a
// credential that does not.
func (j *judgement) decidePublic(ctx context.Context, route *policy.Public) Decision {
	keepsToken := route.Token == policy.TokenNone && route.ForwardAuthorization
	if route.Token != policy.TokenNone && j.sends("authorization") {
		if reason, ok := j.authenticate(ctx); !ok {
			return j.deny(reason)
		}
		keepsToken = route.ForwardAuthorization || j.tenant.forwardToken
	}
	result := j.evaluate(publicRules)
	if result.Outcome != policy.Allowed {
		return j.denyByPolicy(&result)
	}
	return j.allow(PublicRoute, route.Name, keepsToken)
}

// decideByPolicy demands a token and asks the rules.
func (j *judgement) decideByPolicy(ctx context.Context) Decision {
	if reason, ok := j.authenticate(ctx); !ok {
		return j.deny(reason)
	}
	result := j.evaluate(allRules)
	if result.Outcome != policy.Allowed {
		return j.denyByPolicy(&result)
	}
	return j.allow(Allowed, j.tenant.policy.RuleName(result.Rule), j.tenant.forwardToken)
}

// authenticate reads and verifies the one credential. The issuer is taken from
// the tenant, not from the verified token, which a cache may have kept since
// an earlier generation.
func (j *judgement) authenticate(ctx context.Context) (Reason, bool) {
	raw, reason, ok := credential(&j.req.Headers)
	if !ok {
		return reason, false
	}
	verified, err := j.tenant.verifier.Verify(ctx, raw, j.now)
	if err != nil {
		return reasonOf(err), false
	}
	if verified.Issuer == nil || verified.Claims == nil || verified.Claims.Kind() != token.Object {
		return Internal, false
	}
	issuer := j.tenant.issuer(verified.Issuer.URL())
	if issuer == nil {
		return Internal, false
	}
	j.issuer, j.verified = issuer, verified
	j.claims = claimView{root: verified.Claims}
	j.input.Claims = &j.claims
	j.input.IssuerName, j.input.IssuerURL = issuer.Name(), issuer.URL()
	return 0, true
}
