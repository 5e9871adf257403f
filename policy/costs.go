package policy

// Costs is what the conditions of a policy may cost on each request, named ones
// counted at each use.
type Costs struct {
	Expressions int // units of its CEL expressions, each with its greatest, all evaluated
	Program     int // instructions of its regular expressions
}

// Costs tells what one evaluation of the policy costs at most. It is an estimate
// from above made at compile time; that of nil is zero.
func (p *Policy) Costs() Costs {
	if p == nil {
		return Costs{}
	}
	return Costs{Expressions: p.facts.units, Program: p.facts.program}
}
