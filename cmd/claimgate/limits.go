package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/claimgate/claimgate/authz"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/envoy"
	"github.com/claimgate/claimgate/policy"
)

// newLimitsTopic is a page of help, no command: `claimgate help limits`.
func newLimitsTopic() *cobra.Command {
	topic := &cobra.Command{
		Use:   "limits",
		Short: "Every limit on a request, a token and a policy, and what happens beyond it",
	}
	topic.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		_ = write(cmd.OutOrStdout(), limitsPage()) // as cobra does with its own pages
	})
	return topic
}

// limit is one line of the page. The amounts of constants that other packages
// keep to themselves stand here once more; a test compares all of them.
type limit struct {
	what   string
	amount int
	bytes  bool
	beyond string // a reason, or what else happens
	source string // the constant, as package.name, or the field of the configuration that changes it
	test   string // the one that holds it, in the package of the constant
}

const limitsIntroduction = `What is bounded, up to where, and what happens beyond: a reason as 'claimgate help
reasons' explains it, or what stands there. "unknown" is a condition that is
neither true nor false: no allow rule holds by it, and a deny rule denies. In
brackets the constant or the field of the configuration, and the test that holds
it. 'claimgate help config' has the limits that can be changed.

Signatures are checked by half of the processors (GOMAXPROCS) at a time, rounded
up, so that tokens that are verified already pass meanwhile. Tenants, and
entries while the tenant is not known yet, have equal shares of that time, and so
have the clients of each by their addresses. A token that could not be verified before its request's
deadline, or within a second, does not wait: it is answered with overloaded, that
is 503 with Retry-After. The metrics claimgate_verification... tell of it.
`

func limitsPage() string {
	var page strings.Builder
	page.WriteString(limitsIntroduction)
	for _, group := range limits() {
		fmt.Fprintf(&page, "\n%s\n", group.title)
		for _, l := range group.limits {
			fmt.Fprintf(&page, "  %-46s %8s  %s\n      [%s, %s]\n", l.what, l.size(), l.beyond, l.source, l.test)
		}
	}
	return page.String()
}

// size writes the amount for people.
func (l *limit) size() string {
	const kib, mib = 1 << 10, 1 << 20
	switch {
	case l.bytes && l.amount%mib == 0:
		return fmt.Sprint(l.amount/mib, " MiB")
	case l.bytes && l.amount%kib == 0:
		return fmt.Sprint(l.amount/kib, " KiB")
	case l.bytes:
		return fmt.Sprint(l.amount, " B")
	}
	return fmt.Sprint(l.amount)
}

type limitGroup struct {
	title  string
	limits []limit
}

func limits() []limitGroup {
	return []limitGroup{
		{"A check of Envoy's", checkLimits()},
		{"A token", tokenLimits()},
		{"What is kept and what waits", storeLimits()},
		{"What a token and a request can cost a policy", evaluationLimits()},
		{"What a policy may hold", policyLimits()},
		{"What a delegated tenant file may hold", delegatedLimits()},
		{"What is answered", answerLimits()},
		{"What is traced", tracingLimits()},
	}
}

func checkLimits() []limit {
	const invalid = "request_invalid"
	return []limit{
		{"message", envoy.DefaultMaxMessageBytes, true, "a gRPC error, which Envoy's failure mode governs", "envoy.DefaultMaxMessageBytes", "TestP1LargeMessages"},
		{"checks in progress", envoy.DefaultMaxInFlight, false, "overloaded", "envoy.DefaultMaxInFlight", "TestP1OverloadDenies"},
		{"streams of a connection", envoy.DefaultMaxConcurrentStreams, false, "HTTP/2 makes the proxy wait", "envoy.DefaultMaxConcurrentStreams", "TestP8Defaults"},
		{"metadata of a call", 64 << 10, true, "a gRPC error", "envoy.maxMetadataList", "TestTransportLimits"},
		{"headers of a request", 256, false, invalid, "envoy.maxHeaderLines", "TestP8RequestLimits"},
		{"names and values of all headers", 256 << 10, true, invalid, "envoy.maxHeaderBytes", "TestP8RequestLimits"},
		{"path and query", 64 << 10, true, invalid, "envoy.maxTargetBytes", "TestP8RequestLimits"},
		{"path without query", authz.MaxPathBytes, true, "path_not_canonical", "authz.MaxPathBytes", "TestCanonicalPath"},
		{"method", 64, true, invalid, "envoy.maxMethodBytes", "TestP8RequestLimits"},
		{"host as sent", 512, true, "host_invalid", "envoy.maxHostBytes", "TestP8ContextAndHost"},
		{"context extensions", 256, false, invalid, "envoy.maxContextPairs", "TestP8ContextAndHost"},
	}
}

func tokenLimits() []limit {
	const malformed, held = "token_malformed", "TestP8TokenLimits"
	return []limit{
		{"token", token.MaxTokenBytes, true, "token_too_large", "authz/token.MaxTokenBytes", held},
		{"header of a token, encoded", token.MaxHeaderBytes, true, "token_too_large", "authz/token.MaxHeaderBytes", held},
		{"values in the header", 64, false, malformed, "authz/token.maxHeaderNodes", held},
		{"kid", token.MaxKIDBytes, true, malformed, "authz/token.MaxKIDBytes", held},
		{"values in the claims", 2048, false, malformed, "authz/token.maxNodes", held},
		{"depth of the claims", token.MaxDepth, false, malformed, "authz/token.MaxDepth", held},
		{"digits and signs of a number", 128, true, malformed, "authz/token.maxNumberBytes", held},
	}
}

func storeLimits() []limit {
	return []limit{
		{"verified tokens", 50_000, false, "those not asked for lately go, of whoever has most", "cache.tokens", "TestP8CacheIsBounded"},
		{"verifications waiting, of one tenant or entry", 512, false, "overloaded", "authz/token.maxQueue", "TestP8TheQueueOfAPayerIsBounded"},
		{"the same of one of its clients", 128, false, "overloaded", "authz/token.maxClientQueue", "TestP8FloodOfOneClientLeavesRoomForOthers"},
		{"verifications waiting in all", 2048, false, "overloaded", "authz/token.maxQueueTotal", "TestP8TheQueueIsBounded"},
		{"requests waiting for the verification of a token like theirs", 128, false, "they take a turn of their own", "authz/token.maxJoined", "TestP8WaitingForAVerificationIsBounded"},
		{"the same in all", 512, false, "they take a turn of their own", "authz/token.maxJoinedTotal", "TestP8WaitingForAVerificationIsBounded"},
		{"requests waiting for keys, of one issuer", 64, false, "keys_pending", "authz/jwks.maxWaiting", "TestP3UnknownKIDFetchesOnce"},
		{"requests waiting for keys in all", 1024, false, "keys_pending, but for the first ones of an issuer", "authz/jwks.maxWaitingTotal", "TestP8WaitingForKeysIsBoundedInAll"},
		{"first ones of their issuers waiting beside them", 256, false, "keys_pending", "authz/jwks.maxWaitingFirst", "TestP8WaitingForKeysIsBoundedInAll"},
		{"absent kids remembered, of one issuer", 1024, false, "a further one is asked for again", "authz/jwks.maxAbsent", "TestAbsentKIDs"},
		{"key fetches at a time, of each of three kinds", 32, false, "the next ones wait their turn", "authz/jwks.defaultMaxFetches", "TestP3TenThousandIssuersAtBoot"},
		{"body of a key set", 512 << 10, true, "the fetch fails; the old keys stay", "authz/jwks.maxBodyBytes", "TestFetchResults"},
		{"keys of a set", 100, false, "the fetch fails; the old keys stay", "authz/jwks.maxKeys", "TestFetchResults"},
		{"what is appended to the order of tenants", 16 << 20, true, "all of it is written anew", "cmd/claimgate/internal/live.maxJournalBytes", "TestP8TheJournalIsBoundedInBytes"},
	}
}

func evaluationLimits() []limit {
	const undecided = "unknown"
	return []limit{
		{"text that a regular expression reads", 2 << 10, true, undecided, "policy.maxMatched", "TestTexts"},
		{"elements of a list that is referred to", 1 << 10, false, undecided, "policy.maxReferenced", "TestIn"},
		{"pairs that two lists of a token make", 1 << 14, false, undecided, "policy.maxCompared", "TestContainsAnyAndAll"},
		{"cost of one CEL evaluation, in its units", 10_000, false, undecided, "policy.maxCELCost", "TestP8AnExpressionIsStopped"},
		{"lists of a token that a CEL expression reads", 64, false, undecided, "policy.maxCELLists", "TestP8AnExpressionReadsFewLists"},
	}
}

func policyLimits() []limit {
	const mistake = "the policy does not load"
	return []limit{
		{"rules", policy.MaxRules, false, mistake, "policy.MaxRules", "TestCompileRules"},
		{"conditions of one rule, nested ones included", 64, false, mistake, "policy.maxNodes", "TestCompileConditions"},
		{"depth of conditions", 8, false, mistake, "policy.maxDepth", "TestCompileConditions"},
		{"elements of a list", 1024, false, mistake, "policy.maxElements", "TestCompileComparisons"},
		{"text to compare with", 1 << 10, true, mistake, "policy.maxString", "TestCompileComparisons"},
		{"instructions of a regular expression", 1 << 10, false, mistake, "policy.maxExpression", "TestCompileComparisons"},
		{"instructions of all of a policy", 1 << 13, false, mistake, "policy.maxProgram", "TestNamedExpressionsAreCountedAtEachUse"},
		{"CEL expression", 2 << 10, true, mistake, "policy.maxSource", "TestCompileCEL"},
		{"CEL expressions of a policy", 64, false, mistake, "policy.maxCEL", "TestJoinProblems"},
	}
}

func delegatedLimits() []limit {
	const mistake, held, constant = "the file is bad", "TestDelegatedLimits", "cmd/claimgate/internal/config.maxDelegated"
	return []limit{
		{"size", 64 << 10, true, mistake, constant + "Bytes", held},
		{"rules", 200, false, mistake, constant + "Rules", held},
		{"issuers", 5, false, mistake, constant + "Issuers", held},
		{"elements of all its lists", 1000, false, mistake, constant + "Items", held},
		{"cost of its CEL expressions, each at its most", 50_000, false, mistake, constant + "CEL", held},
		{"instructions of its regular expressions", 2048, false, mistake, constant + "Program", held},
	}
}

func answerLimits() []limit {
	return []limit{
		{"owned header names", authz.MaxOwnedHeaders, false, "the main file does not load", "authz.MaxOwnedHeaders", "TestLargestOwnedSet"},
		{"value of an injected header", authz.MaxHeaderValueBytes, true, "header_value_refused, or left out by oversize: omit", "authz.MaxHeaderValueBytes", "TestHeaderLimits"},
		{"values of all injected headers", authz.MaxHeaderTotalBytes, true, "header_value_refused, or left out by oversize: omit", "authz.MaxHeaderTotalBytes", "TestHeaderLimits"},
		{"dynamic metadata", authz.MaxMetadataBytes, true, "the field is left out", "authz.MaxMetadataBytes", "TestMetadata"},
		{"depth of a field of the metadata", authz.MaxMetadataDepth, false, "the field is left out", "authz.MaxMetadataDepth", "TestMetadata"},
	}
}

func tracingLimits() []limit {
	const telemetry = "cmd/claimgate/internal/telemetry."
	return []limit{
		{"traceparent of a call", 256, true, "there is no parent", telemetry + "maxTraceparent", "TestParents"},
		{"tracestate of a call", 512, true, "the parent is followed without it", telemetry + "maxTracestate", "TestTraceState"},
		{"spans that wait or are on their way", 2048, false, "a further one is dropped and counted", telemetry + "maxSpans", "TestCollectorThatHangs"},
		{"spans of one export", 512, false, "the next ones go with another", telemetry + "maxBatch", "TestCollectorThatHangs"},
		{"answer of the collector", 64 << 10, true, "the export failed", telemetry + "maxTraceReply", "TestP7CollectorsWordsGoNowhere"},
	}
}
