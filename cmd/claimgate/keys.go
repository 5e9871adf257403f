package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimgate/claimgate/authz/jwks"
	"github.com/claimgate/claimgate/authz/token"
	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

// keysOptions are the flags of keys.
type keysOptions struct {
	config, issuer, tenant string
	jwksURI, caFile        string
	private, insecureHTTP  bool
}

func newKeysCommand() *cobra.Command {
	var opts keysOptions
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Fetch and show the keys of issuers",
		Long: `Fetches the keys of issuers once, by the same rules as serve, and shows what
becomes of each key: usable, denied, of no use to the issuer's algorithms, or
skipped and why. It asks no running claimgate; the admin page shows what one has.

With a configuration it shows the issuers of the main file, and with --tenant
also those that are made for that tenant or that it wrote. --issuer picks one by
its name or its URL. Where stateDir can be read, it says how old the kept keys
are. Without a configuration --issuer is the URL of any issuer.

Exit codes: 0 every issuer shown has a usable key, 1 one has none, or a file
cannot be read, 2 the configuration is invalid.`,
		Example: `  claimgate keys --issuer https://id.example.com/
  claimgate keys --issuer https://id.example.com/ --jwks-uri https://id.example.com/keys
  claimgate keys --config claimgate.yaml
  claimgate keys --config claimgate.yaml --tenant acme --issuer keycloak`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showKeys(cmd.Context(), opts, streams{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.config, "config", "c", "", "configuration file (default $CLAIMGATE_CONFIG, or else claimgate.yaml)")
	flags.StringVar(&opts.issuer, "issuer", "", "name or URL of one issuer; without --config the URL of any")
	flags.StringVar(&opts.tenant, "tenant", "", "tenant whose own issuers are shown, too")
	flags.StringVar(&opts.jwksURI, "jwks-uri", "", "URL of the key set, in place of discovery; without a configuration")
	flags.StringVar(&opts.caFile, "ca-file", "", "PEM bundle of certificate authorities; without a configuration")
	flags.BoolVar(&opts.private, "allow-private-addresses", false, "allow private and loopback addresses; without a configuration")
	flags.BoolVar(&opts.insecureHTTP, "insecure-http", false, "allow plain http; without a configuration")
	return cmd
}

// keyRing is an issuer whose keys are to be shown.
type keyRing struct {
	config.IssuerKeys

	store *jwks.Store // nil: what is kept is not known
}

func showKeys(ctx context.Context, opts keysOptions, std streams) error {
	rings, err := keyRings(opts, std.err)
	if err != nil {
		return err
	}
	bare := 0
	for i := range rings {
		seen, err := jwks.Inspect(ctx, rings[i].Source, jwks.Options{})
		if err != nil {
			return &failure{code: exitTrouble, err: err}
		}
		text, usable := rings[i].describe(&seen)
		if err := write(std.out, text); err != nil {
			return err
		}
		if usable == 0 {
			bare++
		}
	}
	if bare > 0 {
		return &failure{code: exitTrouble, err: errors.New(count(bare, "issuer") + " without a usable key")}
	}
	return nil
}

// keyRings returns the issuers that are meant.
func keyRings(opts keysOptions, stderr io.Writer) ([]keyRing, error) {
	if opts.config == "" && strings.Contains(opts.issuer, "://") {
		return []keyRing{{IssuerKeys: config.IssuerKeys{Issuer: opts.issuer, Source: jwks.SourceSpec{
			Issuer: opts.issuer, URI: opts.jwksURI, CAFile: opts.caFile,
			AllowPrivateAddresses: opts.private, InsecureHTTP: opts.insecureHTTP,
		}}}}, nil
	}
	if opts.jwksURI != "" || opts.caFile != "" || opts.private || opts.insecureHTTP {
		return nil, &failure{exitTrouble, errors.New("the configuration says how keys are fetched"), "name a URL with --issuer and no --config, or leave these flags out"}
	}
	document, settings, err := configured(configPath(opts.config))
	if err != nil {
		return nil, invalid(err, stderr)
	}
	all := document.IssuerKeys(opts.tenant)
	wanted := slices.DeleteFunc(slices.Clone(all), func(i config.IssuerKeys) bool {
		return opts.issuer != "" && i.Name != opts.issuer && i.Issuer != opts.issuer
	})
	if len(wanted) == 0 {
		return nil, &failure{exitTrouble, errors.New("no issuer is meant"), "there are: " + namesOf(all) + "; --tenant adds those of one tenant"}
	}
	var store *jwks.Store
	if settings.StateDir != "" {
		store, _ = jwks.OpenStore(settings.StateDir, settings.StateKey) // it may be another user's, who serves
	}
	rings := make([]keyRing, len(wanted))
	for i := range wanted {
		rings[i] = keyRing{wanted[i], store}
	}
	return rings, nil
}

func configured(file string) (*config.Document, config.Settings, error) {
	document, err := config.Load(file)
	if err != nil {
		return nil, config.Settings{}, err
	}
	built, err := document.Build(config.Runtime{})
	if err != nil {
		return nil, config.Settings{}, err
	}
	return document, built.Settings, nil
}

func namesOf(all []config.IssuerKeys) string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	return cmp.Or(strings.Join(names[:min(len(names), 20)], ", "), "none")
}

// describe returns a page about one issuer and how many keys are usable.
func (r *keyRing) describe(seen *jwks.Inspection) (text string, usable int) {
	var page strings.Builder
	if r.Name != "" {
		fmt.Fprintf(&page, "%s  ", r.Name)
	}
	fmt.Fprintf(&page, "%s", r.Issuer)
	if r.Tenant != "" {
		fmt.Fprintf(&page, "  (tenant %s)", r.Tenant)
	}
	page.WriteString("\n")
	if seen.URL != "" {
		fmt.Fprintf(&page, "  from     %s, in %s\n", seen.URL, seen.Took.Round(time.Millisecond))
	}
	result := string(seen.Result)
	if meaning := seen.Result.Meaning(); meaning != "" {
		result += ": " + meaning
	}
	fmt.Fprintf(&page, "  result   %s\n", result)
	switch {
	case seen.Named != "":
		fmt.Fprintf(&page, "  named    %q\n", seen.Named) // whatever the network sent
	case seen.Status != 0:
		fmt.Fprintf(&page, "  status   %d\n", seen.Status)
	}
	if seen.Refresh > 0 {
		fmt.Fprintf(&page, "  refresh  in %s, 10 %% more or less\n", seen.Refresh)
	}
	if r.store != nil && !r.static() {
		fmt.Fprintf(&page, "  kept     %s\n", r.kept(seen.Source))
	}
	table := tabwriter.NewWriter(&page, 0, 4, 2, ' ', 0)
	if len(seen.Keys) > 0 {
		_, _ = fmt.Fprintln(table, "  KID\tALG\tTHUMBPRINT\tSTATUS") // a strings.Builder never fails
	}
	for _, key := range seen.Keys {
		status, good := r.judge(&key)
		if good {
			usable++
		}
		_, _ = fmt.Fprintf(table, "  %q\t%s\t%s\t%s\n", key.KID, cmp.Or(strings.Join(key.Algorithms, ","), "-"), cmp.Or(key.Thumbprint, "-"), status)
	}
	_ = table.Flush() // as above
	page.WriteString("\n")
	return page.String(), usable
}

func (r *keyRing) static() bool { return r.Source.Inline != "" || r.Source.File != "" }

// kept says how old what is kept of the issuer is.
func (r *keyRing) kept(source string) string {
	fetched, err := r.store.FetchedAt(source)
	switch {
	case err != nil:
		return "not usable: " + err.Error()
	case fetched.IsZero():
		return "none in stateDir"
	}
	return fmt.Sprintf("confirmed %s ago, in stateDir", time.Since(fetched).Round(time.Second))
}

// judge says what becomes of a key.
func (r *keyRing) judge(key *jwks.KeyView) (status string, usable bool) {
	switch {
	case key.Skipped != "":
		return fmt.Sprintf("skipped (%s): %s", key.Skipped, key.Why), false
	case token.Denied(r.Deny, key.KID, key.Thumbprint):
		return "denied by keys.deny", false
	case r.Algorithms != nil && !slices.ContainsFunc(key.Algorithms, func(a string) bool { return slices.Contains(r.Algorithms, a) }):
		return "of no use: the issuer accepts " + strings.Join(r.Algorithms, ", "), false
	case key.Issuer != "":
		return "usable for tokens of " + key.Issuer, true
	}
	return "usable", true
}
