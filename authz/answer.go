package authz

import (
	"strconv"

	"github.com/claimgate/claimgate/policy"
)

// allow is the one place where a decision becomes an allow: the headers are
// set or removed, or there is none.
func (j *judgement) allow(reason Reason, rule string, keepsToken bool) {
	if !j.credentials().soundQuery(j.req.Query) {
		j.deny(RequestInvalid) // what is to be withheld could not be
		return
	}
	kept := j.kept(keepsToken)
	d := j.decision(reason)
	refused := j.headers(kept)
	if refused == "" {
		refused = j.withhold(kept)
	}
	if refused != "" {
		j.deny(HeaderValueRefused)
		d.Header = refused
		return
	}
	if reason == PreflightPassed {
		j.withholdOverrides()
	}
	d.Rule = rule
	d.ShadowRule = j.shadowRule
	d.ResponseHeaders = j.responseHeaders()
	d.Metadata = j.metadata()
	d.Verdict = Allow // last, so that nothing that goes wrong before allows
}

// headers computes what an allow does to the headers of the request: each owned
// one is set or removed. A refusal names the header.
func (j *judgement) headers(kept *CredentialSpec) (refused string) {
	var bits uint64
	j.room.set, j.room.removing = j.room.set[:0], false
	if j.tenant != nil { // before a tenant is known nothing is set
		j.room.set, bits, refused = j.tenant.plan.headers.apply(j, j.room.set)
	}
	if refused != "" {
		return refused
	}
	j.out.Set = j.room.set
	key := removeKey{set: bits, authorization: kept == nil || kept.Header != authorizationHeader, unseen: j.hidesHeaders()}
	j.remove(key)
	return ""
}

// metadata computes the dynamic metadata of an allow.
func (j *judgement) metadata() []MetadataField {
	var plan metadataPlan
	if j.tenant != nil {
		plan = j.tenant.plan.metadata
	}
	j.room.metadata = plan.apply(j, j.room.metadata[:0])
	return j.room.metadata
}

// denyByPolicy says what the policy refused. An outcome that it does not know
// is a denial.
func (j *judgement) denyByPolicy(result *policy.Result) {
	switch result.Outcome {
	case policy.ScopeMissing:
		j.deny(ScopeMissing)
		j.out.Scopes = result.Scopes
	case policy.RequireFailed:
		j.deny(RequireFailed)
		j.out.Rule = "require[" + strconv.Itoa(result.Rule) + "]"
	case policy.DeniedByRule:
		j.deny(PolicyDenied)
		j.out.Rule = j.policy().RuleName(result.Rule)
	default:
		j.deny(PolicyDenied)
	}
}

// deny is the one place where refusals are made. A reason that would allow is
// a mistake of ours and denies.
func (j *judgement) deny(reason Reason) {
	if reason.Verdict() == Allow || reason >= reasonCount {
		reason = Internal
	}
	d := j.decision(reason)
	d.Verdict = reason.Verdict()
	if j.snapshot != nil {
		d.Realm = j.snapshot.realm
	}
	if d.Verdict == Challenge || reason == ScopeMissing {
		d.ResourceMetadata = j.resource().challengeURL()
	}
	d.ResponseHeaders = j.responseHeaders()
	j.room.metadata = append(j.room.metadata[:0],
		MetadataField{Name: metadataDecisionID, Text: j.idText},
		MetadataField{Name: metadataReason, Text: reason.String()},
	)
	d.Metadata = j.room.metadata
}

// decision empties the decision but for what is known of the request so far. It
// denies.
func (j *judgement) decision(reason Reason) *Decision {
	d := j.out
	d.Reset()
	d.Reason, d.ID, d.Hint = reason, j.id, j.hint
	if j.entry != nil {
		d.Entry = j.entry.name
	}
	if j.tenant != nil {
		d.Tenant = j.tenant.name
	}
	if j.issuer != nil {
		d.Issuer = j.issuer.Name()
		d.Subject = j.verified.Subject
		d.Cached = j.verified.Cached
	}
	return d
}

// responseHeaders computes the headers for the client.
func (j *judgement) responseHeaders() []Header {
	if j.snapshot == nil || j.snapshot.decisionIDHeader == "" || j.idText == "" {
		return nil
	}
	j.room.response[0] = Header{Name: j.snapshot.decisionIDHeader, Value: j.idText}
	return j.room.response[:]
}
