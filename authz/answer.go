package authz

import (
	"strconv"

	"github.com/claimgate/claimgate/policy"
)

// allow is the one place where a decision becomes an allow: the headers are
// set or removed, or there is none.
func (j *judgement) allow(reason Reason, rule string, keepsToken bool) Decision {
	if !j.credentials().soundQuery(j.req.Query) {
		return j.deny(RequestInvalid) // what is to be withheld could not be
	}
	kept := j.kept(keepsToken)
	set, remove, refused := j.headers(kept)
	if refused != "" {
		return j.refuseHeader(refused)
	}
	decision := j.decision(reason)
	decision.Verdict = Allow
	decision.Rule = rule
	decision.ShadowRule = j.shadowRule
	decision.Set = set[:len(set):len(set)]
	decision.Remove = remove
	if refused := j.withhold(&decision, kept); refused != "" {
		return j.refuseHeader(refused)
	}
	decision.ResponseHeaders = j.responseHeaders(set[len(set):])
	decision.Metadata = j.metadata()
	return decision
}

// headers computes what an allow does to the headers of the request: each owned
// one is set or removed. The list to set has room for one more. A refusal names
// the header.
func (j *judgement) headers(kept *CredentialSpec) (set []Header, remove []string, refused string) {
	var plan headerPlan // before a tenant is known nothing is set
	if j.tenant != nil {
		plan = j.tenant.plan.headers
	}
	set, bits, refused := plan.apply(j, make([]Header, 0, len(plan.headers)+1))
	if refused != "" {
		return nil, nil, refused
	}
	key := removeKey{set: bits, authorization: kept == nil || kept.Header != authorizationHeader, unseen: j.hidesHeaders()}
	return set, j.snapshot.removal.list(key, j.req.Headers.Lines), ""
}

// metadata computes the dynamic metadata of an allow.
func (j *judgement) metadata() []MetadataField {
	if j.tenant == nil {
		return metadataPlan(nil).apply(j)
	}
	return j.tenant.plan.metadata.apply(j)
}

// refuseHeader denies because a header cannot be sent as it would have to be.
func (j *judgement) refuseHeader(name string) Decision {
	decision := j.deny(HeaderValueRefused)
	decision.Header = name
	return decision
}

// denyByPolicy says what the policy refused. An outcome that it does not know
// is a denial.
func (j *judgement) denyByPolicy(result *policy.Result) Decision {
	var decision Decision
	switch result.Outcome {
	case policy.ScopeMissing:
		decision = j.deny(ScopeMissing)
		decision.Scopes = result.Scopes
	case policy.RequireFailed:
		decision = j.deny(RequireFailed)
		decision.Rule = "require[" + strconv.Itoa(result.Rule) + "]"
	case policy.DeniedByRule:
		decision = j.deny(PolicyDenied)
		decision.Rule = j.policy().RuleName(result.Rule)
	default:
		decision = j.deny(PolicyDenied)
	}
	return decision
}

// deny is the one place where refusals are made. A reason that would allow is
// a mistake of ours and denies.
func (j *judgement) deny(reason Reason) Decision {
	if reason.Verdict() == Allow || reason >= reasonCount {
		reason = Internal
	}
	decision := j.decision(reason)
	decision.Verdict = reason.Verdict()
	if j.snapshot != nil {
		decision.Realm = j.snapshot.realm
	}
	if decision.Verdict == Challenge || reason == ScopeMissing {
		decision.ResourceMetadata = j.resource().challengeURL()
	}
	decision.ResponseHeaders = j.responseHeaders(nil)
	decision.Metadata = []MetadataField{
		{Name: metadataDecisionID, Text: j.idText},
		{Name: metadataReason, Text: reason.String()},
	}
	return decision
}

// decision fills in what is known of the request so far. It denies.
func (j *judgement) decision(reason Reason) Decision {
	decision := Decision{Reason: reason, ID: j.id, Hint: j.hint}
	if j.entry != nil {
		decision.Entry = j.entry.name
	}
	if j.tenant != nil {
		decision.Tenant = j.tenant.name
	}
	if j.issuer != nil {
		decision.Issuer = j.issuer.Name()
		decision.Subject = j.verified.Subject
		decision.Cached = j.verified.Cached
	}
	return decision
}

// responseHeaders computes the headers for the client, in the room given.
func (j *judgement) responseHeaders(room []Header) []Header {
	if j.snapshot == nil || j.snapshot.decisionIDHeader == "" || j.idText == "" {
		return nil
	}
	return append(room, Header{Name: j.snapshot.decisionIDHeader, Value: j.idText})
}
