package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimgate/claimgate/authz"
)

// newReasonsTopic is a page of help, no command: `claimgate help reasons`.
func newReasonsTopic() *cobra.Command {
	topic := &cobra.Command{
		Use:   "reasons",
		Short: "What each reason of a decision means and what to do about it",
	}
	topic.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_ = write(cmd.OutOrStdout(), reasonsPage()) // as cobra does with its own pages
	})
	return topic
}

const reasonsIntroduction = `The reason of a decision stands in the log line with its decision id, and as the
label reason of claimgate_checks_total. Clients are told less. Below each reason
is its verdict, what it means, and what to look at.

`

func reasonsPage() string {
	var page strings.Builder
	page.WriteString(reasonsIntroduction)
	for _, reason := range authz.Reasons() {
		fmt.Fprintf(&page, "%s (%s)\n    %s\n", reason, reason.Verdict(), meaning(reason))
	}
	return page.String()
}

// meaning explains one reason; "" for one that it does not know.
func meaning(reason authz.Reason) string {
	if text := tokenMeaning(reason); text != "" {
		return text
	}
	switch reason {
	case authz.Internal:
		return "A fault of claimgate itself. The log has the place; please report it."
	case authz.Allowed:
		return "A rule of the tenant's policy allows the request."
	case authz.PublicRoute:
		return "A public route covers the request; no token is needed."
	case authz.PreflightPassed:
		return "A CORS preflight where the configuration says preflight: allow."
	case authz.ShadowPassed:
		return "Shadow mode passes what would have been denied; the log says as what."
	case authz.PlaceUnknown:
		return "No tenant is found by host, path prefix or context. Clients see what they see without a token. Compare the host with hosts and entries."
	case authz.ScopeMissing:
		return "An allow rule failed for want of a scope only. Clients are told which."
	case authz.PolicyDenied:
		return "A deny rule holds or cannot be decided (the line names it), or no allow rule holds. A condition on a header that the proxy does not send (allowed_headers) cannot be decided."
	case authz.RequireFailed:
		return "The token does not meet the tenant's require."
	case authz.HeaderValueRefused:
		return "A header that must be set has no value in the token, or one that no header may hold. See headers of the tenant."
	case authz.TenantUnknown, authz.TenantMismatch, authz.TenantConflict, authz.TenantSuspended, authz.TenantUnavailable:
		return tenantMeaning(reason)
	case authz.PathNotCanonical:
		return "Two readers of the path could disagree: dot segments, backslashes, //, %2F, ; and the like. Let the proxy normalise paths."
	case authz.HostInvalid:
		return "The host is empty or no host name."
	case authz.RequestInvalid:
		return "The proxy's message is incomplete or contradicts itself: a missing method, repeated pseudo headers. Check its ext_authz settings."
	case authz.KeysUnavailable:
		return "No keys of the token's issuer are in force. The log says why they cannot be fetched, the admin page too."
	case authz.KeysPending:
		return "The token names a key that is not known yet; a fetch is under way. If it goes on, the issuer is slow: see unknownKidWait."
	case authz.Overloaded:
		return "A limit on concurrent work is reached: of all checks, or of one tenant's verifications, as under a flood of bad tokens. Compare claimgate_checks_in_flight and claimgate_verification_seconds_total, and add replicas."
	case authz.DeadlineExceeded:
		return "The proxy's time for the check was over. Compare its timeout with claimgate_check_duration_seconds."
	case authz.MetadataDocument:
		return "The answer is the protected resource metadata of RFC 9728, not a refusal."
	}
	return ""
}

func tenantMeaning(reason authz.Reason) string {
	switch reason {
	case authz.TenantUnknown:
		return "The token's tenant claim names no tenant of this place and issuer."
	case authz.TenantMismatch:
		return "The token's tenant claim names another tenant than the host or context does."
	case authz.TenantConflict:
		return "Host and context of the request name different tenants. Compare the proxy's routes with hosts and entries."
	case authz.TenantSuspended:
		return "The tenant is suspended by the configuration."
	case authz.TenantUnavailable:
		return "The tenant's place is known, but its configuration is broken. `claimgate check` says where."
	}
	return ""
}

func tokenMeaning(reason authz.Reason) string {
	switch reason {
	case authz.NoToken:
		return "There is no bearer token in any place where the issuers of the tenant read one: Authorization, unless fromHeaders, fromCookies or fromParams say otherwise. What the proxy does not send (allowed_headers) is not there."
	case authz.TokenMalformed:
		return "The credential is no JWT that can be read one way only: alphabet, structure, repeated members, alg none."
	case authz.SeveralTokens:
		return "There is more than one credential."
	case authz.TokenTooLarge:
		return "The token, or its header, is longer than any token has to be (16 KiB in all)."
	case authz.TokenType:
		return "The typ of the token is not one of types: an ID token is no access token."
	case authz.AlgorithmRefused:
		return "The token's alg is not one of the issuer's algorithms."
	case authz.IssuerUnknown:
		return "The token's iss is, to the byte, none of the tenant's issuers: another tenant's token, or a slash too many."
	case authz.IssuerRetired:
		return "The tenant does not accept this issuer any more: see until."
	case authz.KeyUnknown:
		return "The issuer publishes no key with the token's kid, or none that fits its alg: an old token, or one of another realm."
	case authz.SignatureInvalid:
		return "The signature is not that of the key: a changed or forged token."
	case authz.AudienceRefused:
		return "The token is for another audience: compare audiences with its aud."
	case authz.AudienceAmbiguous:
		return "The token's audiences fit more than one tenant."
	case authz.Expired:
		return "The token's exp is over. If fresh tokens are refused, compare the clocks: claimgate's is the log's time."
	case authz.NotYetValid:
		return "The token's nbf or iat lies ahead by more than clockSkew. Compare the clocks: claimgate's is the log's time."
	case authz.TooOld:
		return "The token's iat is longer ago than maxTokenAge, whatever its exp says."
	case authz.ClaimsInvalid:
		return "A claim of RFC 7519 is missing or of a wrong type: exp, iat, nbf, sub and the like."
	case authz.BindingUnproved:
		return "The token is bound to a key (cnf), and possession of it is not proved."
	}
	return ""
}
