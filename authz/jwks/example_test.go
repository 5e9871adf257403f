package jwks_test

import (
	"context"
	"fmt"

	"github.com/claimgate/claimgate/authz/jwks"
)

func Example() {
	registry := jwks.NewRegistry(jwks.Options{})
	source, err := registry.Source(jwks.SourceSpec{
		Issuer: "https://id.example.com/",
		Inline: `{"keys": [
			{"kid": "2026-03", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
			{"kid": "sealing", "kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "enc"}
		]}`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := source.KeySet(context.Background(), "2026-03")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Len(), set.HasKID("2026-03"))
	for _, warning := range source.Warnings() {
		fmt.Println(warning)
	}
	// Output:
	// 1 true
	// key 2 (kid "sealing") is skipped: its use is not "sig", nor another that uses admits
}
