package e2e

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// trap is one way in which authorizers of this kind were, or can be, got past.
type trap struct {
	id    string // what it is about, and which; of a known hole its identifier
	cases string // patterns of ids of the catalogue
	tests string // tests that hold what no single request can show
}

// TestP1EveryTrapHasItsCase holds that nothing in the list is without a case or
// a test, that each name in it exists, and that every case belongs to a trap.
func TestP1EveryTrapHasItsCase(t *testing.T) {
	all, tests := attacked(t).attacks(), testNames(t)
	listed, used := map[string]bool{}, map[string]bool{}
	for _, trap := range slices.Concat(algorithmTraps(), signatureTraps(), encodingTraps(), claimTraps(), requestTraps(), knownHoles()) {
		if listed[trap.id] {
			t.Errorf("%q is listed twice", trap.id)
		}
		listed[trap.id] = true
		if trap.cases+trap.tests == "" {
			t.Errorf("%q has neither a case nor a test", trap.id)
		}
		for pattern := range strings.FieldsSeq(trap.cases) {
			matched := false
			for _, x := range all {
				if ok, err := path.Match(pattern, x.id); err != nil {
					t.Fatal(err)
				} else if ok {
					matched, used[x.id] = true, true
				}
			}
			if !matched {
				t.Errorf("%q: no case is named %s", trap.id, pattern)
			}
		}
		for name := range strings.FieldsSeq(trap.tests) {
			if !tests[name] {
				t.Errorf("%q: no test is named %s", trap.id, name)
			}
		}
	}
	for _, x := range all {
		if !used[x.id] {
			t.Errorf("case %s belongs to no trap", x.id)
		}
	}
	t.Logf("%d traps, %d cases", len(listed), len(used))
}

// testNames lists all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	const root = "../../../.."
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && file != root && strings.HasPrefix(entry.Name(), ".") {
			return cmpSkip(err)
		}
		if !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(file)
		for _, found := range declared.FindAllStringSubmatch(string(text), -1) {
			names[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func cmpSkip(err error) error {
	if err == nil {
		return fs.SkipDir
	}
	return err
}

func algorithmTraps() []trap {
	return []trap{
		{"algorithm: none in every case of its letters", "alg-[nN][oO][nN][eE]-*", ""},
		{"algorithm: empty, missing, no text", "alg-empty alg-missing alg-number alg-list alg-null alg-true alg-object", ""},
		{"algorithm: spaces, case and look-alikes", "alg-trailing-space alg-leading-space alg-lower alg-nul alg-newline alg-fullwidth alg-prefix alg-longer alg-list-text alg-uri", ""},
		{"algorithm: HMAC keyed with what is public", "hmac-*", "TestP1AlgorithmAttacks"},
		{"algorithm: PSS on a PKCS #1 key and the reverse", "cross-ps-on-rs cross-rs-on-ps cross-rs-not-admitted cross-ps384-not-admitted rsa-sig-pss pss-sig-pkcs1", ""},
		{"algorithm: another curve than the key's", "cross-es* cross-other-kid", "TestCurveIsBoundToAlgorithm"},
		{"algorithm: families that are not admitted", "alg-es256k alg-rsa* alg-dir alg-a128kw alg-pbes2 alg-ed448 alg-mldsa alg-rs1 alg-rs384 alg-rs512 alg-ps256 alg-es256 alg-eddsa cross-ed448 cross-ed-lower cross-rs-on-es ed-sig-name", ""},
		{"header: a key of the attacker's own", "own-key-* offers-* kid-own-key kid-missing-own-key", ""},
		{"header: kid as a path, a query, a command, an address", "kid-traversal kid-absolute kid-sql kid-union kid-command kid-ldap kid-template kid-url kid-file kid-wildcard kid-escaped kid-proto", ""},
		{"header: kid of odd bytes or length", "kid-nul kid-newline kid-del kid-c1 kid-zero-width kid-combining kid-lone-surrogate kid-256-bytes kid-257-bytes kid-5-KiB kid-64-KiB", ""},
		{"header: kid that is nearly the right one", "kid-case kid-space kid-prefix kid-longer kid-confusable kid-null-text kid-thumbprint", ""},
		{"header: kid that is no text", "kid-number kid-list kid-object kid-null kid-false", ""},
		{"header: kid of another tenant", "kid-other-tenants foreign-same-kid*", "TestP2TokenOfOneTenantIsGoodNowhereElse"},
		{"header: kid empty or missing", "kid-empty kid-missing-* jwks-no-kid", "TestP3NoKIDNeverFetches"},
		{"header: crit unknown, empty, no list, twice", "crit-*", ""},
		{"header: b64 false, attached and detached", "b64-*", ""},
		{"header: compressed or encrypted content", "zip enc", ""},
		{"header: typ of another profile", "typ-*", "TestP1TypesOfTheIssuer"},
		{"header: a token within a token", "cty-* shape-nested*", ""},
		{"header: a member twice, or in other letters", "header-twice-* header-case header-fold", ""},
		{"header: JSON that two readers read differently", "header-null header-list header-text header-number header-empty-object header-blank header-garbage header-second header-comment header-comma header-bom header-utf16 header-nul header-invalid-utf8 header-lone-surrogate header-cut header-quotes", ""},
		{"header: too deep or too large", "header-deep header-large", "TestP8TokenLimits"},
	}
}

func signatureTraps() []trap {
	return []trap{
		{"signature: empty, truncated, longer", "*-sig-empty *-sig-short *-sig-tail *-sig-half *-sig-long *-sig-led *-sig-twice *-sig-one-byte shape-no-signature", ""},
		{"signature: a bit flipped, zeros, ones, reversed", "*-sig-*-bit *-sig-zero *-sig-ones *-sig-reversed curves-sig-*-zero", ""},
		{"signature: of other content", "*-sig-other-* *-sig-of-claims-alone", ""},
		{"signature: by another key, or over another digest", "*-sig-attacker *-sig-stranger *-sig-twin *-sig-ecdsa *-sig-p384 *-sig-sha* *-sig-bare ec-sig-hmac", ""},
		{"signature: r or s of 0, 1, n - 1, n and more", "ec-sig-r0* ec-sig-s0 ec-sig-r1-s1 ec-sig-rn* ec-sig-sn ec-sig-n-minus-1 ec-sig-beyond-n ec-sig-negated-r", ""},
		{"signature: ECDSA in another form", "ec-sig-der ec-sig-wide ec-sig-text ec-sig-swapped curves-sig-*-short curves-sig-*-as-for-256 curves-sig-*-swapped", ""},
		{"signature: the other s, which is valid, is no second identity", "", "TestP4SignatureIsPartOfTheKey TestP1ECDSASignatureAttacks"},
		{"signature: Ed25519 of small order, S + L, other variants", "ed-sig-s-plus-l ed-sig-identity-r ed-sig-swapped ed-sig-high-bits ed-sig-ph ed-sig-ctx jwks-ed-small-order jwks-ed-zero", ""},
		{"signature: RSA number out of range", "rsa-sig-plus-n rsa-sig-n-minus rsa-sig-is-n rsa-sig-is-1", ""},
		{"signature: PKCS #1 padding variants", "rsa-sig-garbage rsa-sig-block-* rsa-sig-fill rsa-sig-no-* rsa-sig-long-length rsa-sig-digest-only", ""},
		{"signature: PSS with another salt length", "pss-sig-salt-*", "TestP1PSSSaltLengths"},
		{"signature: by a key that was rotated out", "", "TestP3WithdrawnKeyStopsWorking TestP3AWithdrawnKeyRefusesCachedTokens TestP4WithdrawnKeyStopsACachedToken"},
		{"signature: by another issuer's key of the same kid", "rsa-sig-twin foreign-renamed*", "TestP2ACachedTokenLosesItsKeyToAnotherIssuer"},
		{"keys: RSA of 512, 1024, 1536 bits", "jwks-rsa-*", ""},
		{"keys: RSA exponent 1, even, huge; modulus that is none", "jwks-e-* jwks-n-*", ""},
		{"keys: RSA modulus of the generator of CVE-2017-15361", "", "TestNewKeyRefuses"},
		{"keys: EC off the curve, at infinity, of another curve", "jwks-off-curve jwks-infinity jwks-wrong-curve jwks-secp256k1", ""},
		{"keys: OKP of wrong length or another curve", "jwks-ed-short jwks-x25519", ""},
		{"keys: a secret or a private key in a key set", "jwks-oct* jwks-private-* issuer-set-oct issuer-set-private", ""},
		{"keys: for encryption, for signing, for no algorithm of ours", "jwks-enc jwks-use-* jwks-ops-* jwks-alg-*", ""},
		{"keys: kty of another family", "jwks-kty-*", ""},
		{"keys: one kid twice, also of another kty", "jwks-doubled jwks-doubled-kty jwks-twice-*", ""},
		{"keys: kid that is no text", "jwks-kid-* jwks-nul-kid jwks-kkkk*", ""},
		{"keys: a chain or an address of another key", "jwks-x5?-of-another", ""},
		{"keys: a document that is no key set", "issuer-set-*", "TestP3BadAnswersLeaveTheKeysInForce"},
		{"keys: a discovery document of another issuer, or one that leads inside", "issuer-doc-*", ""},
	}
}

func encodingTraps() []trap {
	return []trap{
		{"encoding: padding", "encoding-*-padding* encoding-*-equals encoding-standard-padded encoding-*-one-more", ""},
		{"encoding: the standard alphabet", "encoding-*-plus encoding-*-slash encoding-standard-alphabet", ""},
		{"encoding: trailing bits", "encoding-*-bits", "TestP1TrailingBits"},
		{"encoding: CR, LF, space, tab, NUL in any part", "encoding-*-cr encoding-*-lf encoding-*-crlf encoding-*-fold encoding-*-nul encoding-*-space encoding-*-tab", ""},
		{"encoding: other bytes in any part", "encoding-*-tilde encoding-*-percent encoding-*-unicode encoding-*-latin1 encoding-*-quote encoding-*-comma encoding-*-semicolon", ""},
		{"encoding: escaped and fullwidth dots", "encoding-escaped-dots encoding-fullwidth-dots", ""},
		{"encoding: BOM, UTF-16, UTF-32", "encoding-bom header-bom header-utf16 json-bom json-utf16le json-utf32", ""},
		{"encoding: invalid UTF-8, lone surrogates, overlong forms", "json-invalid-utf8 json-overlong json-cesu json-beyond json-*-surrogate* json-surrogate-* json-two-high header-invalid-utf8 header-lone-surrogate", ""},
		{"encoding: another text around the token", "encoding-hex encoding-quoted encoding-angles encoding-twice-encoded encoding-raw-claims encoding-swapped-case encoding-reversed", ""},
		{"shape: 1, 2, 4, 5, 6, 1000 parts", "shape-1-part shape-2-parts shape-4-parts shape-6-parts shape-1000-parts shape-dots-* shape-A.A.A shape-AA.AA.AA", ""},
		{"shape: leading, trailing, double dots, empty parts", "shape-leading-dot shape-trailing-dot shape-double-dot shape-no-header shape-no-claims", ""},
		{"shape: encrypted tokens", "shape-jwe*", ""},
		{"shape: JSON serialisations", "shape-jws-* shape-polyglot", ""},
		{"shape: what is no JWT", "shape-paseto* shape-macaroon shape-uuid shape-null shape-undefined shape-bool shape-basic shape-saml shape-github shape-sdjwt shape-template shape-one-char", ""},
		{"size: 16 KiB and one byte, 60 KiB, 1 MB", "size-*", "TestP8TokenLimits"},
		{"JSON: a member twice, on any level", "json-twice-* foreign-twice", "TestP1JSONAttacks"},
		{"JSON: names in other letters, folded", "claim-EXP claim-only-Exp claim-AUD claim-renamed-* foreign-folded foreign-upper claim-org-renamed", ""},
		{"JSON: depth 17, 33, 5000, 10000", "json-value-depth-*", ""},
		{"JSON: a hundred thousand elements", "json-100k-elements json-value-2049-values json-value-5000-objects", ""},
		{"JSON: null, a list, a text at the top", "json-top-*", ""},
		{"JSON: trailing garbage", "json-garbage json-second json-newline-second json-nul json-bracket json-cut", ""},
		{"JSON: comments and other dialects", "json-comment json-block-comment json-quotes json-comma json-commas json-nbsp json-vt json-bare-name json-number-name json-no-value json-no-colon json-equals", ""},
		{"JSON: texts that are none", "json-control json-raw-nul json-*-escape json-value-unclosed", ""},
		{"JSON: __proto__", "foreign-proto kid-proto", ""},
		{"JSON: numbers that are none, huge exponents, -0, 1e999", "json-value-nan json-value-infinity json-value-hex json-value-plus json-value-zero-led json-value-dot-* json-value-minus json-value-exp-* json-value-upper-true json-value-undefined json-value-underscore json-value-digits-129 json-value-undelimited json-value-mixed claim-*-1e999 claim-*-minus-zero", ""},
	}
}

func claimTraps() []trap {
	return []trap{
		{"time: exp missing, null, zero, negative", "claim-no-exp claim-*-null claim-*-zero claim-*-minus-zero claim-*-negative* claim-exp-2-31", ""},
		{"time: a date that is no number", "claim-???-text claim-???-word claim-???-iso claim-???-true claim-???-list claim-???-object", ""},
		{"time: fractions and other units", "claim-???-half claim-???-tiny claim-???-millis claim-???-micros claim-???-nanos claim-exp-fraction claim-exp-1", ""},
		{"time: beyond every range", "claim-???-1e300 claim-???-minus-1e300 claim-???-9.2e18 claim-???-2-6* claim-???-year-10000", "TestP1NumericDates"},
		{"time: exp over, on the exact side of the skew", "claim-exp-ago claim-exp-beyond-skew", "TestTimeBoundaries"},
		{"time: nbf and iat ahead", "claim-nbf-ahead claim-nbf-beyond-skew claim-iat-ahead claim-iat-after-exp", "TestTimeBoundaries"},
		{"time: exp before nbf", "claim-nbf-after-exp", ""},
		{"time: older than the issuer's tokens may get", "strict-claim-*", "TestTokenAgeNeedsIat TestP4AgeLimitWhileCached"},
		{"time: exp elsewhere than in the claims", "claim-exp-within claim-exp-in-header*", ""},
		{"issuer: missing or no text", "*claim-no-iss claim-iss-list claim-iss-object claim-iss-number claim-iss-null claim-iss-true claim-iss-empty", ""},
		{"issuer: nearly the same string", "claim-iss-*", ""},
		{"issuer: another tenant's", "foreign-*", "TestP2IssuersAreIsolated TestP2NothingIsShared"},
		{"audience: missing, empty, of wrong type", "claim-no-aud claim-aud-empty* claim-aud-null claim-aud-number claim-aud-true claim-aud-object* claim-aud-nested claim-aud-mixed* claim-aud-with-empty", ""},
		{"audience: nearly the same string, or many others", "claim-aud-* claim-azp-for-aud", ""},
		{"audience: ours beside another party's", "", "TestP2SharedIssuersAreProblems TestP4NarrowedAudiencesCountForCachedTokens"},
		{"subject: empty, no text, too long, missing", "claim-sub-* claim-no-sub", ""},
		{"scope: list, comma, substring, spaces", "claim-rule-scope-*", ""},
		{"tenant claim: of another tenant, nobody's, of wrong type", "claim-org-* claim-no-org claim-org-renamed claim-rule-tenant-*", "TestP2OddTenantClaims"},
		{"tokens of another kind", "claim-foreign-* dpop-proof introspection typ-*", ""},
		{"cnf without a proof", "claim-cnf-*", ""},
		{"claims that a client chose, under a name that a policy reads", "claim-mapped-* foreign-within", ""},
		{"policy: values that a loose comparison takes for the right ones", "claim-rule-* claim-banned* cel-claim-*", ""},
		{"cache: the same token elsewhere, under other settings, after a reload", "", "TestP4OtherSettings TestP4EachRequestIsJudgedAnew TestP4NewPolicyCountsAtOnce TestP4CachedPlacesEqualFreshOnes TestP2ACachedTokenLosesItsKeyToAnotherIssuer"},
		{"cache: expiry and keys while a token is cached", "", "TestP4ExpiryWhileCached TestP4CachedTokenExpires TestP4KeysChangeWhileCached TestP4KeysUnavailableWhileCached"},
		{"reload: one request sees one configuration", "", "TestSwapUnderLoad TestP6NobodyElseNotices"},
	}
}

func requestTraps() []trap {
	return []trap{
		{"credential: two Authorization headers, joined or not", "credential-twice* credential-thrice credential-comma* credential-digest message-case-twice message-alone-upper places-two-headers places-twice places-comma", ""},
		{"credential: the scheme's spelling and what follows it", "credential-scheme* credential-empty credential-none credential-tab* credential-space-* credential-*nbsp* credential-ideographic-space credential-vt credential-ff credential-nul credential-lf credential-cr credential-crlf-header credential-no-space credential-colon* credential-equals credential-slash credential-twice-scheme credential-quoted credential-parameter* credential-angles credential-word-after credential-realm credential-fullwidth credential-cyrillic credential-bom credential-escaped-space credential-plus credential-header-in-header credential-zero-width", ""},
		{"credential: another scheme is none", "credential-bare credential-*-scheme credential-negotiate credential-bearer-dot credential-optional-*", ""},
		{"credential: in a place that is not configured", "credential-in-*", ""},
		{"credential: in several configured places", "places-none places-empty* places-scheme places-underscore places-junk places-header-and-cookie places-bare-authorization", ""},
		{"credential: cookies of one name, of odd forms", "places-cookie*", ""},
		{"credential: query parameters twice, escaped, under aliases", "places-query-*", "TestP7RemovedParameters"},
		{"path: escaped slash, backslash, NUL, bad escapes", "path-escaped-* path-backslash* path-slash-backslash path-nul* path-bad-escape path-short-escape* path-unicode-escape relaxed-backslash relaxed-nul", "TestP1PathAttacks"},
		{"path: double slashes", "path-double-slash* path-triple-slash relaxed-double*", ""},
		{"path: dot segments, escaped too", "path-dot* path-half-escaped* path-above-root path-many-dots relaxed-dot-* relaxed-twice-escaped-dots", ""},
		{"path: parameters", "path-*parameter* path-session relaxed-*parameter* relaxed-escaped-semicolon relaxed-empty-parameter", ""},
		{"path: fragment, absolute form, asterisk, empty", "path-fragment* path-absolute* path-no-slash path-asterisk path-colon path-at path-query-only path-empty", ""},
		{"path: raw spaces, control bytes, bytes outside ASCII", "path-raw-* path-fullwidth path-overlong-*", "TestP1Bytes"},
		{"path: escaped twice", "path-double-escape-* path-triple-escape relaxed-double-escape", ""},
		{"path: what two readers take for an authority", "path-authority relaxed-double-led relaxed-not-any", ""},
		{"path: too long, too many segments", "path-long* path-many-segments", ""},
		{"path: what the rules say, in every spelling", "path-secret* path-elsewhere path-root path-upper path-longer path-query-path relaxed-*", "TestP1PathsAgreeWithEnvoy TestDenyRulesSeeThroughEscapes"},
		{"path: a public route is no way around", "path-open-*", "TestP1PublicRoutes"},
		{"host: port, case, trailing dot, userinfo, brackets, commas", "host-*", "TestHosts"},
		{"method: other letters, unknown ones, HEAD, overrides", "method-[a-bd-tv-z]* method-65-bytes method-colon method-comma method-unicode", ""},
		{"method: CONNECT and upgrades", "method-connect* method-upgrade-*", ""},
		{"preflight: what only looks like one", "preflight-*", "TestP1Preflight TestP1PreflightCarriesNoCredential"},
		{"identity headers of the client, on every allow", "", "TestP5AttackInProcess TestP5AttackThroughEnvoy TestP5ForgedHeadersNeverArrive"},
		{"forwarded, original and certificate headers of the client", "path-x-* host-forwarded", ""},
		{"claims whose values no header may hold", "claim-header-*", "TestP5EncodingsAreInjective TestP5HeaderInjection"},
		{"header values that an expression reads", "cel-header-*", "TestP1ExpressionsOnAmbiguousHeaders"},
		{"header names are told in lower case", "", "TestP5AttackInProcess"},
		{"message: missing parts", "message-empty message-no-* message-empty-http message-*-empty message-nil-entry", "TestP1MissingStructuresDeny"},
		{"message: parts that contradict each other", "message-*-differs message-path-* message-host-header message-both message-value-and-raw message-pseudo-* message-unknown-pseudo", ""},
		{"message: header names and values of no header", "message-name-* message-value-*", ""},
		{"message: too many and too large parts", "message-many-* message-large-*", "TestP8RequestLimits"},
		{"message: bytes that are none", "bytes-*", "TestP1UndecodableDenies"},
		{"place: context and host of two tenants, unknown ones", "place-* tenant-*", "TestP2Places TestP1UnknownPlaceLooksLikeNoToken"},
	}
}

// knownHoles are those of proxies and authorizers that were published.
func knownHoles() []trap {
	return []trap{
		{"CVE-2019-9900: NUL in header values", "path-nul* path-raw-nul host-nul* message-value-nul credential-nul", ""},
		{"CVE-2019-18802: white space after a value", "credential-space-end credential-tab-end host-space-end host-tab method-space", ""},
		{"CVE-2020-25017: only the first of several values compared", "credential-twice-* cel-header-twice preflight-two-*", ""},
		{"CVE-2019-9901, CVE-2021-31920: paths that are not normalised", "path-dot* path-double-slash*", ""},
		{"CVE-2021-29492: escaped slashes", "path-escaped-slash* path-escaped-backslash relaxed-*escaped*", ""},
		{"CVE-2021-32777: only the last of several values sent", "credential-twice credential-twice-first cel-header-comma", ""},
		{"CVE-2021-32779: fragments", "path-fragment*", ""},
		{"CVE-2023-27487, CVE-2024-45806: x-envoy headers of the client", "path-x-envoy-original path-x-original path-x-rewrite", ""},
		{"CVE-2023-27488, CVE-2024-23324: bytes that break the message open the door", "bytes-*-utf8 path-raw-byte host-byte", "TestP1UnencodableDenies"},
		{"CVE-2026-26308: several values matched as one", "cel-header-comma cel-header-twice preflight-comma-*", ""},
		{"CVE-2026-73551: parameters on dot segments", "path-dot-dot-parameter* relaxed-dot-dot-parameter", ""},
		{"CVE-2026-73511: parameters of segments", "path-parameter* path-session", ""},
		{"CVE-2026-73553: one path judged, another routed", "", "TestP1PathsAgreeWithEnvoy TestWhatWasJudgedIsWhatArrives"},
		{"CVE-2026-73552: expressions on bytes that are no UTF-8", "header-bytes-*", ""},
		{"CVE-2026-47205, CVE-2026-73547, CVE-2026-50572: requests without a path", "path-empty message-no-http message-path-empty method-connect", ""},
		{"CVE-2026-73548, CVE-2025-64763: upgrades with early data", "method-upgrade-* preflight-upgrade", ""},
		{"CVE-2026-26205: `//x` read as an authority", "path-authority path-triple-slash", ""},
		{"GHSA-p224-6x5r-fjpm: dots below a public route", "path-open-*", ""},
		{"GHSA-vhr5-ggp3-qq85: a forwarded scheme believed", "path-x-forwarded-proto", ""},
		{"GHSA-4mq7-pvjg-xp2r: a cached verdict of another issuer", "", "TestP4OtherSettings TestP2ACachedTokenLosesItsKeyToAnotherIssuer"},
		{"CVE-2025-30204: a million dots", "shape-dots-* shape-1000-parts", ""},
	}
}
