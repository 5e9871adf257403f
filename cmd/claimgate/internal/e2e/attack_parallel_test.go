package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
)

// TestP2ParallelChecks sends tokens of many people of several tenants at once,
// again and again, fresh and cached, and between them what is refused. Memory
// serves one request after the other, and is overwritten in between: each answer
// must name the person of its own token, and a refusal nobody.
func TestP2ParallelChecks(t *testing.T) {
	a := attacked(t)
	for codec, connection := range map[string]*grpc.ClientConn{"own": a.connection, "generated": a.generated} {
		t.Run(codec, func(t *testing.T) {
			client := authv3.NewAuthorizationClient(connection)
			var wg sync.WaitGroup
			for worker := range 12 {
				tenant := []string{"rsa", "ec", "ed", "cors"}[worker%4]
				wg.Go(func() {
					if err := a.people(t.Context(), client, tenant, worker); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// people asks for several people of one tenant in turns.
func (a *arena) people(ctx context.Context, client authv3.AuthorizationClient, tenant string, worker int) error {
	const persons, rounds = 4, 12
	var requests [persons]wire
	var subjects [persons]string
	for i := range persons {
		subjects[i] = strings.Repeat(fmt.Sprintf("%s-%d-%d.", tenant, worker, i), 1+i*5)
		f := a.token(tenant, fmt.Sprint("parallel-", worker, i))
		f.claims.set("sub", quoted(subjects[i]))
		requests[i] = wire{method: "GET", path: "/any/x", host: tenant + ".test", token: f.String()}
		requests[i].authorize("Bearer " + requests[i].token)
		requests[i].add("x-user-id", "forged")
	}
	for round := range rounds {
		for i, w := range requests {
			forged := (round+i)%5 == 4
			if forged {
				w.headers = slices.Clone(w.headers)
				w.authorize("Bearer " + w.token[:len(w.token)-8] + "AAAAAAAA")
			}
			answer, err := client.Check(ctx, w.check(round%2 == 0))
			if err != nil {
				return err
			}
			if wrong := named(answer, subjects[i], forged); wrong != "" {
				return fmt.Errorf("%s, round %d: %s", subjects[i], round, wrong)
			}
		}
	}
	return nil
}

// named says what is wrong with an answer about a person, if anything is.
func named(answer *authv3.CheckResponse, subject string, forged bool) string {
	if forged {
		if answer.GetDeniedResponse() == nil || answer.GetStatus().GetCode() == 0 || strings.Contains(answer.String(), subject) {
			return "a forged token gets " + answer.String()
		}
		return ""
	}
	got := ""
	for _, option := range answer.GetOkResponse().GetHeaders() {
		if header := option.GetHeader(); header.GetKey() == "x-user-id" {
			got += header.GetValue()
		}
	}
	if answer.GetStatus().GetCode() != 0 || got != subject {
		return "the answer names " + got + ": " + answer.String()
	}
	return ""
}
