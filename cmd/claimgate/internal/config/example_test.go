package config_test

import (
	"fmt"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config"
)

func Example() {
	document, err := config.Load("testdata/good/one-tenant.yaml")
	if err != nil {
		fmt.Println(err) // every problem, one a line
		return
	}
	built, err := document.Build(config.Runtime{Generation: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(built.Snapshot.TenantNames(), built.Settings.Listen.Address)

	_, err = config.Load("testdata/bad/shape-operator-misspelt.yaml")
	fmt.Println(err)
	// Output:
	// [acme] 127.0.0.1:9191
	// testdata/bad/shape-operator-misspelt.yaml:10:54: tenants[0].policy.rules[0].when[0].equal: there is no field "equal" here; did you mean equals?
}
