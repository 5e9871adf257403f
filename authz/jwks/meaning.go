package jwks

// Meaning says in words what a result means for an operator and where to look,
// without anything that came from the network. It is "" for what is no
// failure.
func (r FetchResult) Meaning() string {
	switch r {
	case FetchTimeout:
		return "the key server did not answer in time: is it slow or unreachable from here? keys.timeout is the limit"
	case FetchDial:
		return "no connection to the key server, or it broke: check name resolution, routes and firewalls from here"
	case FetchTLS:
		return "no trusted TLS connection: check the key server's certificate and name, this machine's clock, and keys.caFile"
	case FetchStatus:
		return "the key server answered with an HTTP status other than 200: ask it for its discovery document from here"
	case FetchTooLarge:
		return "the answer has too many bytes or keys: is this the URL of a key set?"
	case FetchMalformed:
		return "the answer is not the JSON document that was asked for: is the URL right?"
	case FetchNoUsableKey:
		return "the key set holds no key that can be used: are its kty, use, alg and size those of an allowed algorithm?"
	case FetchIssuerMismatch:
		return "the discovery document names another issuer: write issuer exactly as the document and the tokens do"
	case FetchAddressRefused:
		return "the address or scheme of the key server is not allowed: see keys.allowPrivateAddresses and keys.insecureHTTP"
	case FetchRedirect:
		return "the key server redirects, which is never followed: write the final URL as jwksUri"
	case FetchCredential:
		return "the token for the key server cannot be read: look at the file that keys.bearerTokenFile names"
	case FetchOK, FetchNotModified, FetchCanceled:
	}
	return ""
}
