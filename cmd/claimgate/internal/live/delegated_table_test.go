package live

import "strings"

// delegatedAttack is one row: what a file tries, the file, and the first problem
// behind its path. NAME is the tenant.
type delegatedAttack struct{ what, file, want string }

const allowAll = "policy: {rules: [{name: all, action: allow, anyToken: true}]}\n"

func mineWith(fields string) string {
	return "issuers:\n  - {name: mine, issuer: https://id.NAME.example, audiences: [https://NAME.example.com], algorithms: [ES256], " + fields + "}\n"
}

func delegatedAttacks() []delegatedAttack {
	var all []delegatedAttack
	for _, group := range [][]delegatedAttack{
		placeAttacks(), headerAttacks(), labelAttacks(), userAttacks(), issuerAttacks(), openingAttacks(), serverAttacks(), networkAttacks(), yamlAttacks(), costAttacks(),
	} {
		all = append(all, group...)
	}
	return all
}

// To take a host, a prefix or another's place.
func placeAttacks() []delegatedAttack {
	return []delegatedAttack{
		{"a host of its own", "hosts: [mallory.example]\n", "1:8: hosts: hosts is never for a delegated file: which hosts a tenant has is for the platform to say, and a file lists entries"},
		{"the host of a neighbour", "hosts: [victim.api.example.com]\n", "1:8: hosts: hosts is never for a delegated file: which hosts a tenant has is for the platform to say, and a file lists entries"},
		{"the host of a tenant of the platform", "hosts: [platform.example]\n", "1:8: hosts: hosts is never for a delegated file: which hosts a tenant has is for the platform to say, and a file lists entries"},
		{"every host", "hosts: ['*']\n", "1:8: hosts: hosts is never for a delegated file: which hosts a tenant has is for the platform to say, and a file lists entries"},
		{"hosts of the wrong type", "hosts: {a: b}\n", "1:8: hosts: this needs a list, but is a mapping"},
		{"an entry that is not given", "entries: [internal]\n", `1:11: entries[0]: the grant of this directory does not give the entry "internal"`},
		{"an entry that is not given beside one that is", "entries: [own, internal]\n", `1:16: entries[1]: the grant of this directory does not give the entry "internal"`},
		{"an entry by another case", "entries: [OWN]\n", `1:11: entries[0]: the grant of this directory does not give the entry "OWN"`},
		{"an entry that does not exist", "entries: [\"{tenant}.example.com\"]\n", `1:11: entries[0]: the grant of this directory does not give the entry "{tenant}.example.com"`},
		{"to yield to a tenant", "yieldsTo: [victim]\n", "1:11: yieldsTo: yieldsTo is never for a delegated file: which hosts a tenant has is for the platform to say, and a file lists entries"},
		{"a name of its own", "name: victim\n", `1:1: name: there is no field "name" here`},
		{"an entry of its own", "entries: [{name: mine, hosts: ['*']}]\n", "1:11: entries[0]: this needs a text, but is a mapping"},
	}
}

// To set a header that is not its own.
func headerAttacks() []delegatedAttack {
	return []delegatedAttack{
		{"a header that is not given", "headers: [{name: x-role, value: admin}]\n", `1:18: headers[0].name: the grant of this directory does not give the header "x-role"`},
		{"a header that is not given, by another case", "headers: [{name: X-Role, value: admin}]\n", `1:18: headers[0].name: the grant of this directory does not give the header "x-role"`},
		{"a header with underscores", "headers: [{name: x_version, value: v2}]\n", `1:18: headers[0].name: the grant of this directory does not give the header "x_version"`},
		{"a header of tenantDefaults", "headers: [{name: x-tenant, value: victim}]\n", `1:18: headers[0].name: the grant of this directory does not give the header "x-tenant"`},
		{"a header that is not owned", "headers: [{name: x-forwarded-for, value: 10.0.0.1}]\n", `1:18: headers[0].name: the grant of this directory does not give the header "x-forwarded-for"`},
		{"the host header", "headers: [{name: host, value: victim.example}]\n", `1:18: headers[0].name: the grant of this directory does not give the header "host"`},
		{"the authorization header", "headers: [{name: authorization, value: Basic YTpi}]\n", `1:18: headers[0].name: the grant of this directory does not give the header "authorization"`},
		{"a pseudo header", "headers: [{name: ':path', value: /vault}]\n", `1:18: headers[0].name: the grant of this directory does not give the header ":path"`},
		{"a line break in a value", allowAll + "headers: [{name: x-version, value: \"v1\\r\\nx-role: admin\"}]\n", "2:36: headers[0].value: holds what a header cannot carry as it stands: `%`, a control or non-ASCII byte, or a space at an end"},
		{"a given header twice", "headers: [{name: x-version, value: v2}, {name: X-VERSION, value: v3}]\n", "1:48: headers[1].name: this header is set twice"},
		{"metadata that the proxy acts by", "dynamicMetadata: {plan: {value: gold}}\n", "1:18: dynamicMetadata: dynamicMetadata is never for a delegated file: the proxy acts by it"},
	}
}

// To give itself a label.
func labelAttacks() []delegatedAttack {
	return []delegatedAttack{
		{"a label", "labels: {plan: gold}\n", "1:9: labels: labels is never for a delegated file: the grant sets labels"},
		{"the realm of a neighbour", "labels: {realm: victim}\n", "1:9: labels: labels is never for a delegated file: the grant sets labels"},
		{"no labels", "labels: {}\n", "1:9: labels: labels is never for a delegated file: the grant sets labels"},
		{"a label that nobody set", allowAll + "headers: [{name: x-version, tenant: labels.secret}]\n", `2:37: headers[0].tenant: the tenant has no property "labels.secret"`},
		{"a label in a condition that nobody set", "policy: {rules: [{name: r, action: allow, when: [{tenant: labels.secret, equals: x}]}]}\n", `1:9: policy: a rule reads "labels.secret", which the tenant does not have`},
	}
}

// To get at another's users or tokens.
func userAttacks() []delegatedAttack {
	return []delegatedAttack{
		{"the id of a neighbour", "ids: {idp: victim}\n", "1:6: ids: ids is never for a delegated file: an id makes tokens good, and that of the tenant is its name"},
		{"the id of a tenant of the platform", "ids: {idp: org-platform}\n", "1:6: ids: ids is never for a delegated file: an id makes tokens good, and that of the tenant is its name"},
		{"to share tokens", "sharedTokens: true\n", "1:15: sharedTokens: sharedTokens is never for a delegated file: it makes tokens good for other tenants"},
		{"not to share tokens", "sharedTokens: false\n", "1:15: sharedTokens: sharedTokens is never for a delegated file: it makes tokens good for other tenants"},
		{"tokens handed on", "forwardOriginalToken: true\n", "1:23: forwardOriginalToken: forwardOriginalToken is never for a delegated file: it hands tokens on"},
		{"an issuer that is not given", "issuers: [private]\n", `1:11: issuers[0]: the grant of this directory does not give the issuer "private"`},
		{"an issuer that is not given, with an end", "issuers: [{name: private, until: 2126-01-01T00:00:00Z}]\n", `1:11: issuers[0]: the grant of this directory does not give the issuer "private"`},
		{"an issuer template that is not given", "issuers: [realms]\n", `1:11: issuers[0]: the grant of this directory does not give the issuer "realms"`},
		{"an issuer that does not exist", "issuers: [nobody]\n", `1:11: issuers[0]: the grant of this directory does not give the issuer "nobody"`},
		{"all of an issuer whose audiences are parts", "issuers: [parts]\n", "1:11: issuers[0]: the tokens of this issuer are told apart by their audiences alone"},
		{"all of it until an end", "issuers: [{name: parts, until: 2126-01-01T00:00:00Z}]\n", "1:11: issuers[0]: the tokens of this issuer are told apart by their audiences alone"},
		{"an audience of a neighbour", "issuers: [{name: parts, audiences: [part-victim]}]\n", `1:37: issuers[0].audiences[0]: the grant of this directory does not give the audience "part-victim"`},
		{"an audience of a neighbour beside its own", "issuers: [{name: parts, audiences: [part-NAME, part-victim]}]\n", `1:51: issuers[0].audiences[1]: the grant of this directory does not give the audience "part-victim"`},
		{"an audience by another case", "issuers: [{name: parts, audiences: [PART-NAME]}]\n", `1:37: issuers[0].audiences[0]: the grant of this directory does not give the audience "PART-NAME"`},
		{"an audience of the main file that is not given", "issuers: [{name: idp, audiences: [arena]}]\n", `1:35: issuers[0].audiences[0]: the grant of this directory does not give the audience "arena"`},
		{"more of a given issuer", "issuers: [{name: idp, algorithms: [ES256]}]\n", `1:23: issuers[0].algorithms: there is no field "algorithms" here`},
		{"the claim of a given issuer", "issuers: [{name: idp, tenantClaim: sub}]\n", `1:23: issuers[0].tenantClaim: there is no field "tenantClaim" here`},
	}
}

// Issuers of its own that are not its own.
func issuerAttacks() []delegatedAttack {
	const keys = "jwks: {keys: [{kty: OKP, crv: Ed25519, kid: k1, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}]}"
	mine := func(issuer string) string {
		return "issuers:\n  - {name: mine, issuer: " + issuer + ", audiences: [https://NAME.example.com], algorithms: [EdDSA], " + keys + "}\n"
	}
	return []delegatedAttack{
		{"an issuer of a neighbour with keys of its own", mine("https://id.victim.example"), `2:5: issuers[0]: tenants "victim" and "NAME" both admit issuer "https://id.victim.example"`},
		{"an issuer of the main file with keys of its own", mine("https://private.example.com"), "2:26: issuers[0].issuer: this is an issuer of the main file (private)"},
		{"one that looks like it", mine("https://PRIVATE.example.com/"), "2:26: issuers[0].issuer: this is an issuer of the main file (private)"},
		{"a given issuer with keys of its own", mine("https://id.example.com"), "2:26: issuers[0].issuer: this is an issuer of the main file (idp)"},
		{"an issuer that a template makes for a tenant", mine("https://login.example.com/realms/head-office"), "2:26: issuers[0].issuer: this is an issuer of the main file (realms)"},
		{"an issuer that a template may make for a tenant to come", mine("https://login.example.com/realms/to-come"), "2:26: issuers[0].issuer: this is an issuer of the main file (realms)"},
		{"an issuer that a claim names", mine("https://login.example.net/f8cdef31/v2.0"), "2:26: issuers[0].issuer: this is an issuer of the main file (entra)"},
		{"every issuer, by a claim", mine(`"https://login.example.org/{tid}"`), "2:26: issuers[0].issuer: a delegated file writes its URLs exactly"},
		{"a template of the tenant", mine(`"https://login.example.org/{tenant.labels.realm}"`), "2:26: issuers[0].issuer: a delegated file writes its URLs exactly"},
		{"a template of the tenant in the place of its keys", mineWith(`jwksUri: "https://keys.example.org/{tenant.name}"`), "2:126: issuers[0].jwksUri: a delegated file writes its URLs exactly"},
		{"the name of an issuer of the main file", strings.Replace(mine("https://id.NAME.example"), "name: mine", "name: private", 1), "2:12: issuers[0].name: the main file has an issuer private already"},
		{"an audience that is not given", strings.Replace(mineWith("types: [JWT]"), "https://NAME.example.com", "arena", 1), `2:66: issuers[0].audiences[0]: the grant of this directory does not give the audience "arena"`},
		{"an audience of a neighbour at an issuer of its own", strings.Replace(mineWith("types: [JWT]"), "https://NAME.example.com", "https://victim.example.com", 1), `2:66: issuers[0].audiences[0]: the grant of this directory does not give the audience "https://victim.example.com"`},
		{"no audience", "issuers: [{name: mine, issuer: https://id.NAME.example, algorithms: [ES256]}]\n", "1:11: issuers[0].audiences: this field is missing"},
		{"an empty list of audiences", "issuers: [{name: mine, issuer: https://id.NAME.example, audiences: [], algorithms: [ES256]}]\n", "1:71: issuers[0].audiences: the list is empty"},
		{"another claim in the place of the audience", mineWith("audienceClaim: client_id"), "2:132: issuers[0].audienceClaim: audienceClaim is never for an issuer of a delegated file"},
		{"a tenant claim", mineWith("tenantClaim: org"), "2:130: issuers[0].tenantClaim: tenantClaim is never for an issuer of a delegated file"},
		{"a readiness of the whole process", mineWith("required: true"), "2:127: issuers[0].required: required is never for an issuer of a delegated file"},
		{"a readiness of nobody", mineWith("required: false"), "2:127: issuers[0].required: required is never for an issuer of a delegated file"},
		{"tokens in another header", mineWith("fromHeaders: [{name: x-role}]"), "2:130: issuers[0].fromHeaders: fromHeaders is never for an issuer of a delegated file"},
		{"tokens in a cookie", mineWith("fromCookies: [session]"), "2:130: issuers[0].fromCookies: fromCookies is never for an issuer of a delegated file"},
		{"tokens in URLs", mineWith("fromParams: [token]"), "2:129: issuers[0].fromParams: fromParams is never for an issuer of a delegated file"},
		{"a symmetric algorithm", strings.Replace(mineWith("types: [JWT]"), "ES256", "HS256", 1), "2:109: issuers[0].algorithms[0]: HMAC algorithms are never accepted: whoever can verify such a token can forge it"},
		{"no algorithm", strings.Replace(mineWith("types: [JWT]"), "ES256", "none", 1), "2:109: issuers[0].algorithms[0]: tokens without a signature are never accepted"},
		{"a skew of hours", mineWith("clockSkew: 10h"), "2:128: issuers[0].clockSkew: the greatest skew is 5m"},
	}
}

// To pass what should not pass.
func openingAttacks() []delegatedAttack {
	return []delegatedAttack{
		{"a public route", "public: [{name: all, paths: ['/**']}]\n", "1:9: public: public is never for a delegated file: it passes requests without a token"},
		{"no public route", "public: []\n", "1:9: public: public is never for a delegated file: it passes requests without a token"},
		{"preflights", "preflight: allow\n", "1:12: preflight: preflight is never for a delegated file: it passes requests without a token"},
		{"shadow", "mode: shadow\n", "1:7: mode: mode is never for a delegated file: it passes what the policy denies"},
		{"the mode that there is", "mode: enforce\n", "1:7: mode: mode is never for a delegated file: it passes what the policy denies"},
		{"a rule in shadow", "policy: {rules: [{name: r, action: deny, mode: shadow}]}\n", "1:48: policy.rules[0].mode: shadow is never for a delegated file"},
		{"insecure shadow", "insecureShadow: {until: 2026-12-01T00:00:00Z}\n", "1:17: insecureShadow: insecureShadow is never for a delegated file: it passes what the policy denies"},
		{"relaxed paths", "pathRelaxations: [double-slash]\n", "1:18: pathRelaxations: pathRelaxations is never for a delegated file: how the upstream reads paths is for the platform to say"},
		{"a document of its own", "resourceMetadata: {resource: https://victim.api.example.com}\n", "1:19: resourceMetadata: resourceMetadata is never for a delegated file: it is answered without a token"},
		{"to lift its suspension", "suspended: false\n", "1:12: suspended: the grant of this directory does not give the field suspended"},
		{"the name of a rule of the defaults", "policy: {rules: [{name: vault, action: allow, anyToken: true}]}\n", `1:25: policy.rules[0].name: "vault" is the name of a rule of an earlier part already`},
		{"a policy that does not exist", "policy: {use: [nothing]}\n", `1:16: policy.use[0]: there is no policy "nothing"`},
		{"public below policy", "policy: {public: [{name: all, paths: ['/**']}]}\n", `1:10: policy.public: there is no field "public" here`},
		{"fields of the main file", "tenantDefaults: {mode: shadow}\n", `1:1: tenantDefaults: there is no field "tenantDefaults" here`},
		{"a grant of its own", "delegated: {fields: [hosts]}\n", `1:1: delegated: there is no field "delegated" here`},
	}
}

// To read files of the server, its environment and its settings.
func serverAttacks() []delegatedAttack {
	return []delegatedAttack{
		{"a key set of the server's", mineWith("jwksFile: /etc/passwd"), "2:127: issuers[0].jwksFile: jwksFile is never for an issuer of a delegated file"},
		{"authorities of the server's", mineWith("keys: {caFile: /etc/ssl/cert.pem}"), "2:132: issuers[0].keys.caFile: keys.caFile is never for an issuer of a delegated file"},
		{"a bearer token of the server's", mineWith("keys: {bearerTokenFile: /var/run/secrets/token}"), "2:141: issuers[0].keys.bearerTokenFile: keys.bearerTokenFile is never for an issuer of a delegated file"},
		{"a file in the place of a text", "policy: {rules: [{name: r, action: allow, when: [{claim: sub, equals: {file: /etc/passwd}}]}]}\n", `1:72: policy.rules[0].when[0].equals.file: there is no field "file" here`},
		{"the environment in the place of a text", "headers: [{name: x-version, value: {env: HOME}}]\n", "1:36: headers[0].value: this needs a text, but is a mapping"},
		{"a secret by reference", "log: {hashKey: env:HOME}\n", `1:1: log: there is no field "log" here`},
		{"keys asked for all the time", mineWith("keys: {refreshInterval: 1ms}"), "2:141: issuers[0].keys.refreshInterval: keys.refreshInterval is never for an issuer of a delegated file"},
		{"unknown keys asked for all the time", mineWith("keys: {unknownKidCooldown: 1ms}"), "2:144: issuers[0].keys.unknownKidCooldown: keys.unknownKidCooldown is never for an issuer of a delegated file"},
		{"requests that wait", mineWith("keys: {unknownKidWait: 1h}"), "2:140: issuers[0].keys.unknownKidWait: keys.unknownKidWait is never for an issuer of a delegated file"},
		{"fetches that wait", mineWith("keys: {timeout: 10h}"), "2:133: issuers[0].keys.timeout: keys.timeout is never for an issuer of a delegated file"},
		{"failures without a pause", mineWith("keys: {maxBackoff: 1ms}"), "2:136: issuers[0].keys.maxBackoff: keys.maxBackoff is never for an issuer of a delegated file"},
		{"keys for ever", mineWith("keys: {maxStale: 90000h}"), "2:134: issuers[0].keys.maxStale: keys.maxStale is never for an issuer of a delegated file"},
	}
}

// To reach the network inside.
func networkAttacks() []delegatedAttack {
	at := func(issuer string) string {
		return "issuers:\n  - {name: mine, issuer: \"" + issuer + "\", audiences: [https://NAME.example.com], algorithms: [ES256]}\n"
	}
	return []delegatedAttack{
		{"private addresses", mineWith("keys: {allowPrivateAddresses: true}"), "2:147: issuers[0].keys.allowPrivateAddresses: keys.allowPrivateAddresses is never for an issuer of a delegated file"},
		{"no private addresses", mineWith("keys: {allowPrivateAddresses: false}"), "2:147: issuers[0].keys.allowPrivateAddresses: keys.allowPrivateAddresses is never for an issuer of a delegated file"},
		{"plain text", mineWith("keys: {insecureHTTP: true}"), "2:138: issuers[0].keys.insecureHTTP: keys.insecureHTTP is never for an issuer of a delegated file"},
		{"an issuer without TLS", at("http://id.NAME.example"), "2:26: issuers[0].issuer: the URLs of a delegated file begin with https://"},
		{"keys without TLS", mineWith("jwksUri: http://keys.NAME.example"), "2:126: issuers[0].jwksUri: the URLs of a delegated file begin with https://"},
		{"this machine", at("https://127.0.0.1:9192"), "2:26: issuers[0].issuer: only the main file may name a loopback address"},
		{"this machine by name", at("https://localhost:9192"), "2:26: issuers[0].issuer: only the main file may name a loopback address"},
		{"this machine by another form", at("https://[::ffff:127.0.0.1]"), "2:26: issuers[0].issuer: only the main file may name a loopback address"},
		{"this machine by a name with a dot", mineWith("jwksUri: https://localhost./keys"), "2:126: issuers[0].jwksUri: only the main file may name a loopback address"},
		{"a private address", mineWith("jwksUri: https://10.0.0.1/keys"), "2:126: issuers[0].jwksUri: the keys are of no use: JWKS URI: this address is not allowed: private ones need allowPrivateAddresses: true, link-local and multicast ones are always refused"},
		{"the metadata service", mineWith("jwksUri: https://169.254.169.254/latest/meta-data"), "2:126: issuers[0].jwksUri: the keys are of no use: JWKS URI: this address is not allowed: private ones need allowPrivateAddresses: true, link-local and multicast ones are always refused"},
		{"a private address of IPv6", at("https://[fd00::1]"), "2:26: issuers[0].issuer: the keys are of no use: issuer: this address is not allowed: private ones need allowPrivateAddresses: true, link-local and multicast ones are always refused"},
		{"a private address behind NAT64", at("https://[64:ff9b::a00:1]"), "2:26: issuers[0].issuer: the keys are of no use: issuer: this address is not allowed: private ones need allowPrivateAddresses: true, link-local and multicast ones are always refused"},
		{"no address at all", at("https://0.0.0.0"), "2:26: issuers[0].issuer: the keys are of no use: issuer: this address is not allowed: private ones need allowPrivateAddresses: true, link-local and multicast ones are always refused"},
		{"a file by URL", mineWith("jwksUri: file:///etc/passwd"), "2:126: issuers[0].jwksUri: the URLs of a delegated file begin with https://"},
		{"a user in a URL", mineWith("jwksUri: https://id.example.com@10.0.0.1/keys"), "2:126: issuers[0].jwksUri: the URL holds a user name or password"},
	}
}

// To confuse the reader.
func yamlAttacks() []delegatedAttack {
	return []delegatedAttack{
		{"an alias", "policy: &p {rules: [{name: r, action: allow, anyToken: true}]}\nrequire: *p\n", "1:9: policy: anchors are not supported"},
		{"an anchor", "entries: &e [own]\n", "1:10: entries: anchors are not supported"},
		{"an alias to hosts", "entries: &e [own]\nhosts: *e\n", "1:10: entries: anchors are not supported"},
		{"a merge", "<<: {hosts: [victim.api.example.com]}\n", "1:1: merges are not supported"},
		{"a tag", "entries: !!seq [own]\n", "1:10: entries: tags are not supported"},
		{"a tag of a field", "!!str hosts: [victim.api.example.com]\n", "1:1: tags are not supported"},
		{"a field twice", "entries: [own]\nentries: [internal]\n", `2:1: entries: "entries" is written twice, first on line 1`},
		{"a field in quotes", "\"hosts\": [victim.api.example.com]\n", "1:10: hosts: hosts is never for a delegated file: which hosts a tenant has is for the platform to say, and a file lists entries"},
		{"a field by an escape", "\"\\x68osts\": [victim.api.example.com]\n", "1:13: hosts: hosts is never for a delegated file: which hosts a tenant has is for the platform to say, and a file lists entries"},
		{"a field by another case", "Hosts: [victim.api.example.com]\n", `1:1: Hosts: there is no field "Hosts" here`},
		{"a second document", "entries: [own]\n---\nhosts: [victim.api.example.com]\n", "2:1: a second document begins here"},
		{"a bomb of aliases", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nentries: *c\n", `1:1: a: there is no field "a" here`},
		{"a deep list", "entries: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n", "1:74: this is nested more than 64 deep"},
		{"a deep condition", "require: [" + strings.Repeat("{not: ", 40) + "{claim: sub, exists: true}" + strings.Repeat("}", 40) + "]\n", "1:59: require[0].not.not.not.not.not.not.not.not: is nested deeper than 8"},
		{"control bytes", "entries: [\"own\x1b[2J\"]\n", "1:15: control characters are not allowed"},
		{"no text", "\xff\xfe\x00", "1:1: the file is not UTF-8 text"},
		{"nothing", "# nothing\n", "1:1: the file is empty"},
	}
}

// To take memory and time.
func costAttacks() []delegatedAttack {
	rule := func(k int, when string) string {
		return "    - {name: r" + strings.Repeat("i", k%50) + strings.Repeat("v", k/50) + ", action: allow, when: [" + when + "]}\n"
	}
	rules := func(n int, when string) string {
		var text strings.Builder
		text.WriteString("policy:\n  rules:\n")
		for k := range n {
			text.WriteString(rule(k, when))
		}
		return text.String()
	}
	issuers := "issuers:\n"
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		issuers += "  - {name: " + name + ", issuer: https://" + name + ".NAME.example, audiences: [https://NAME.example.com], algorithms: [ES256]}\n"
	}
	return []delegatedAttack{
		{"a large file", delegatedTenant + "# " + strings.Repeat("x", 64<<10) + "\n", "1:1: the file has more than 65536 bytes"},
		{"many rules", rules(201, "{claim: sub, exists: true}"), "2:3: policy.rules: the file has 201 rules, and a delegated file has at most 200"},
		{"many issuers", issuers, "1:1: issuers: the file has 6 issuers, and a delegated file has at most 5"},
		{"long lists", "require:\n" + strings.Repeat("  - {claim: sub, in: ["+strings.Repeat("a, ", 99)+"b]}\n", 10), "1:1: the lists of the file have 1010 elements, and a delegated file has at most 1000"},
		{"many conditions", "require:\n" + strings.Repeat("  - {claim: sub, exists: true}\n", 1001), "1:1: the lists of the file have 1001 elements, and a delegated file has at most 1000"},
		{"expressions that cost much together", rules(6, "{cel: 'claims.a.exists(x, x == claims.b)'}"), "1:1: policy: the CEL expressions of the file may cost 60000 units in one evaluation, and those of a delegated file at most 50000"},
		{"an expression that costs much alone", rules(1, "{cel: 'claims.a.all(x, claims.b.all(y, claims.c.all(z, x == y && y == z)))'}"), "3:45: policy.rules[0].when[0].cel: could cost more than 16777216 units with a large token"},
		{"an expression without end", rules(1, "{cel: '"+strings.Repeat("(", 200)+"true"+strings.Repeat(")", 200)+"'}"), "3:45: policy.rules[0].when[0].cel: is wrong at character 1: expression recursion limit exceeded: 32"},
		{"a regular expression that costs much", rules(1, "{claim: sub, matches: '((a{100}){100}){100}'}"), "3:61: policy.rules[0].when[0].matches: is not a regular expression: invalid repeat count: `{100}`"},
		{"regular expressions that cost much together", rules(5, "{claim: sub, matches: '(a|b|c){250}'}"), "1:1: policy: the regular expressions of the file compile to 3760 instructions, and those of a delegated file to at most 2048"},
		{"a regular expression that is none", rules(1, "{claim: sub, matches: '(a'}"), "3:61: policy.rules[0].when[0].matches: is not a regular expression: missing closing ): `(a`"},
		{"a large text", rules(1, "{claim: sub, equals: "+strings.Repeat("x", 2000)+"}"), "3:60: policy.rules[0].when[0].equals: is 2000 bytes long, more than 1024"},
		{"a large number", rules(1, "{claim: n, equals: 1e999999999}"), "3:58: policy.rules[0].when[0].equals: the number is out of bounds"},
	}
}
