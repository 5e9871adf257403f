package policy_test

import (
	"fmt"

	"github.com/claimgate/claimgate/policy"
)

func ordersPolicy() policy.Spec {
	readers := policy.Literal{Kind: policy.String, String: "orders:read"}
	return policy.Spec{Rules: []policy.RuleSpec{
		{
			Name: "read", Action: policy.Allow, Methods: []string{"GET"}, Paths: []string{"/orders/**"},
			When: []policy.Condition{{Claim: []string{"scope"}, HasScope: &policy.Operand{Literal: &readers}}},
		},
		{
			Name: "own-profile", Action: policy.Allow, Paths: []string{"/users/{id}/**"},
			When: []policy.Condition{{Claim: []string{"sub"}, Equals: &policy.Operand{Path: "id"}}},
		},
	}}
}

func Example() {
	compiled, problems := policy.Compile(ordersPolicy())
	if len(problems) > 0 {
		fmt.Println(problems)
		return
	}
	claims := claimsOf(object{"sub": "u-1", "scope": "orders:read"})
	for _, path := range []string{"/orders/7", "/users/u-1", "/users/u-2"} {
		result := compiled.Evaluate(&policy.Input{Method: "GET", Path: path, Claims: claims})
		fmt.Println(path, result.Outcome, compiled.RuleName(result.Rule))
	}
	// Output:
	// /orders/7 allowed read
	// /users/u-1 allowed own-profile
	// /users/u-2 no_rule
}

func ExampleCompile_problems() {
	_, problems := policy.Compile(policy.Spec{Rules: []policy.RuleSpec{
		{Name: "read", Action: policy.Allow, Methods: []string{"get"}, Paths: []string{"/orders/**/items"}},
	}})
	for _, problem := range problems {
		fmt.Println(problem.Error())
	}
	// Output:
	// rules[0].methods[0]: is "get", and methods are case-sensitive; write GET
	// rules[0].paths[0]: has `**` elsewhere than as its whole last segment; end the pattern with `/**`, or write a single `*`
	// rules[0].when: is missing on an allow rule; add conditions, or write `anyToken: true` to admit every verified token
}

func ExamplePolicy_Explain() {
	compiled, _ := policy.Compile(ordersPolicy())
	trace := compiled.Explain(&policy.Input{
		Method: "GET", Path: "/users/u-2",
		Claims: claimsOf(object{"sub": "u-1"}),
	}, false)
	fmt.Println(trace.Result.Outcome)
	for _, rule := range trace.Rules {
		if !rule.Applies {
			fmt.Printf("%s does not apply: %s\n", rule.Name, rule.Why)
			continue
		}
		fmt.Println(rule.Name, "is", rule.Truth)
		for _, c := range rule.When {
			fmt.Printf("  %s\n  expected %s, was %s\n", c.Text, c.Expected, c.Actual)
		}
	}
	// Output:
	// no_rule
	// read does not apply: path /users/u-2 matches none of /orders/**
	// own-profile is false
	//   {claim: sub, equals: {path: id}}
	//   expected exactly {path: id} (u-2), was u-1
}

func ExampleJoin() {
	compiler := new(policy.Compiler)
	standard, _ := compiler.Compile(ordersPolicy())
	own, _ := compiler.Compile(policy.Spec{Rules: []policy.RuleSpec{{
		Name: "own-region",
		When: []policy.Condition{{CEL: `has(claims.region) && request.headers["x-region"] != claims.region`}},
	}}})
	joined, problems := policy.Join(standard, own)
	if len(problems) > 0 {
		fmt.Println(problems)
		return
	}
	for _, region := range []string{"eu", "us"} {
		result := joined.Evaluate(&policy.Input{
			Method: "GET", Path: "/orders/7", Headers: headers{"x-region": {region}},
			Claims: claimsOf(object{"scope": "orders:read", "region": "eu"}),
		})
		fmt.Println(region, result.Outcome, joined.RuleName(result.Rule))
	}
	// Output:
	// eu allowed read
	// us denied_by_rule own-region
}
