package jwks

import (
	"fmt"
	"strings"

	"github.com/claimgate/claimgate/authz/token"
)

// loadStatic parses the key set that a person wrote. Keys that are skipped
// become warnings; private keys and a set without a usable key are errors.
func loadStatic(spec SourceSpec, files sourceFiles) (*state, []string, error) {
	what, text := "inline JWKS", []byte(spec.Inline)
	if spec.File != "" {
		what, text = fmt.Sprintf("JWKS file %s", spec.File), files.keys
	}
	doc, err := parseKeySet(text, spec.Uses)
	if err != nil {
		return nil, nil, specError("%s: %w", what, err)
	}
	warnings := make([]string, 0, len(doc.skipped))
	for _, skip := range doc.skipped {
		if skip.private {
			return nil, nil, specError("%s: key %d holds private or symmetric key material: "+
				"publish public keys only, and replace this key where others may have read it", what, skip.index+1)
		}
		warnings = append(warnings, skip.String())
	}
	if len(doc.keys) == 0 {
		return nil, nil, specError("%s has no usable key: %s", what, reasons(warnings))
	}
	return &state{set: token.NewKeySet(doc.keys), skipped: doc.skips()}, warnings, nil
}

func reasons(warnings []string) string {
	if len(warnings) == 0 {
		return "its list of keys is empty"
	}
	return strings.Join(warnings, "; ")
}
