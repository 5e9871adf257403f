package authz

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"testing"
)

// planSpec is what a tenant injects in these tests.
func planSpec(plans *Plans, owned *OwnedHeaders, name, tenant string) *TenantSpec {
	value := "v"
	return &TenantSpec{
		Name: name, Labels: map[string]string{"plan": "gold-" + name}, Plans: plans, Owned: owned,
		Headers: []HeaderSpec{
			{Name: "x-a", Source: SourceSpec{Tenant: tenant}}, {Name: "x-b", Source: SourceSpec{Claim: []string{"sub"}}, Required: true},
			{Name: "x-c", Source: SourceSpec{Value: &value}},
		},
		Metadata: []MetadataSpec{{Name: "plan", Source: SourceSpec{Tenant: "labels.plan"}}},
	}
}

func ownedABC(t *testing.T) *OwnedHeaders {
	t.Helper()
	owned, problems := NewOwnedHeaders([]string{"x-a", "x-b", "x-c"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return owned
}

// Tenants that write the same share what it is compiled to; what they are called
// and labelled stays their own.
func TestPlansAreShared(t *testing.T) {
	owned := ownedABC(t)
	plans := NewPlans()
	var found problems
	acme, acmeTexts := compilePlan(planSpec(plans, owned, "acme", "name"), &found)
	globex, globexTexts := compilePlan(planSpec(plans, owned, "globex", "name"), &found)
	other, _ := compilePlan(planSpec(plans, owned, "acme", "labels.plan"), &found)
	elsewhere, _ := compilePlan(planSpec(plans, ownedABC(t), "acme", "name"), &found)
	alone, _ := compilePlan(planSpec(nil, owned, "acme", "name"), &found)
	if len(found.list) > 0 {
		t.Fatal(found.list)
	}
	if acme != globex {
		t.Error("equal plans are compiled twice")
	}
	if other == acme || elsewhere == acme || alone == acme {
		t.Error("different plans are one")
	}
	if !reflect.DeepEqual(acmeTexts, []string{"acme", "gold-acme"}) || !reflect.DeepEqual(globexTexts, []string{"globex", "gold-globex"}) {
		t.Errorf("%q, %q", acmeTexts, globexTexts)
	}
}

// A plan with a mistake is never kept, and a tenant that lacks what a plan of
// others reads is told so, at every field.
func TestPlansOfMistakes(t *testing.T) {
	owned, plans := ownedABC(t), NewPlans()
	bad := planSpec(plans, owned, "acme", "name")
	bad.Headers[1].Name = "x-not-owned"
	for range 2 {
		var found problems
		if compilePlan(bad, &found); len(found.list) != 1 || found.list[0].Path != "headers[1].name" {
			t.Errorf("%v", found.list)
		}
	}
	var found problems
	good, _ := compilePlan(planSpec(plans, owned, "acme", "labels.plan"), &found)
	poor := planSpec(plans, owned, "poor", "labels.plan")
	poor.Labels = nil
	if compilePlan(poor, &found); len(found.list) != 2 || found.list[0].Path != "headers[0].tenant" || found.list[1].Path != "dynamicMetadata[0].tenant" {
		t.Errorf("%v", found.list)
	}
	runtime.KeepAlive(good)
}

// Plans keep nothing that nobody has.
func TestPlansAreForgotten(t *testing.T) {
	owned, plans := ownedABC(t), NewPlans()
	var found problems
	for i := range 20 {
		spec := planSpec(plans, owned, "acme", "name")
		spec.Headers[1].Source.Claim[0] = fmt.Sprint("claim-", i)
		compilePlan(spec, &found)
	}
	left := func() int {
		plans.mu.Lock()
		defer plans.mu.Unlock()
		return len(plans.known)
	}
	if left() == 0 {
		t.Fatal("nothing was kept at all")
	}
	for range 1000 {
		runtime.GC()
		if left() == 0 {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d plans are kept that nobody has", left())
}

func TestPlansConcurrently(t *testing.T) {
	owned, plans := ownedABC(t), NewPlans()
	made := make([]*plan, 64)
	var group sync.WaitGroup
	for i := range made {
		group.Go(func() {
			var found problems
			made[i], _ = compilePlan(planSpec(plans, owned, fmt.Sprint("t", i), "name"), &found)
		})
	}
	group.Wait()
	for _, p := range made {
		if p != made[0] || p == nil {
			t.Fatal("equal plans are compiled twice")
		}
	}
}

// Each field of what is compiled counts for whether two plans are equal.
func TestPlanKey(t *testing.T) {
	seen := map[string]string{}
	try := func(what string, spec *TenantSpec) {
		t.Helper()
		key := planKey(spec)
		if other, taken := seen[key]; taken {
			t.Errorf("%s is %s", what, other)
		}
		seen[key] = what
	}
	try("nothing", &TenantSpec{})
	try("metadata", &TenantSpec{Metadata: []MetadataSpec{{}}})
	header := func(change func(*HeaderSpec)) *TenantSpec {
		spec := &TenantSpec{Headers: []HeaderSpec{{}}}
		change(&spec.Headers[0])
		return spec
	}
	try("a header", header(func(*HeaderSpec) {}))
	fields := reflect.TypeFor[HeaderSpec]()
	for i := range fields.NumField() {
		if name := fields.Field(i).Name; name != "Source" {
			try(name, header(func(h *HeaderSpec) { setOther(t, reflect.ValueOf(h).Elem().Field(i)) }))
		}
	}
	sources := reflect.TypeFor[SourceSpec]()
	for i := range sources.NumField() {
		try(sources.Field(i).Name, header(func(h *HeaderSpec) { setOther(t, reflect.ValueOf(&h.Source).Elem().Field(i)) }))
	}
	for _, path := range [][]string{{}, {"a", "b"}, {`a""b`}, {`a","b`}, {"ab"}, {"a", "b", ""}} {
		try(fmt.Sprintf("%q", path), header(func(h *HeaderSpec) { h.Source.Claim = path }))
	}
	for _, text := range []string{"\xff", "\ufffd", "\xfe"} {
		try(fmt.Sprintf("%q", text), header(func(h *HeaderSpec) { h.Source.Value = &text }))
	}
}

// setOther sets a field to something that is not its zero value.
func setOther(t *testing.T, field reflect.Value) {
	t.Helper()
	switch field.Kind() {
	case reflect.String:
		field.SetString("x")
	case reflect.Bool:
		field.SetBool(true)
	case reflect.Uint8:
		field.SetUint(1)
	case reflect.Slice:
		field.Set(reflect.ValueOf([]string{"x"}))
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	default:
		t.Fatalf("a field of kind %s", field.Kind())
	}
}
