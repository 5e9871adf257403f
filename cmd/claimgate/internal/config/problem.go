package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/claimgate/claimgate/cmd/claimgate/internal/config/yamldoc"
)

// Problem is one mistake at one place of a file.
type Problem struct {
	File         string
	Line, Column int
	Path         string // field path, as in `tenants[1].headers[0].name`
	Message      string
	Mend         string
	Warning      bool // does not stop the configuration
}

// String renders the problem on one line: file:line:column: path: message;
// mend.
func (p Problem) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Warning {
		text.WriteString("warning: ")
	}
	if p.Path != "" {
		text.WriteString(p.Path + ": ")
	}
	text.WriteString(p.Message)
	if p.Mend != "" {
		text.WriteString("; " + p.Mend)
	}
	return text.String()
}

// Problems is a list of mistakes in file order. It is an error.
type Problems []Problem //nolint:errname // a list of problems, which is an error only where it is returned as one

// Error renders one problem a line: file:line:column: path: message; mend.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// split sorts the problems and parts mistakes from warnings.
func (p Problems) split() (mistakes, warnings Problems) {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for _, problem := range p {
		if problem.Warning {
			warnings = append(warnings, problem)
		} else {
			mistakes = append(mistakes, problem)
		}
	}
	return mistakes, warnings
}

// source is one file that was read. The tree of the main file is kept; that of
// a tenant file is made anew where a place in it is needed, since ten thousand
// of them would only fill the memory.
type source struct {
	name string            // as the operator wrote it, for problems
	text []byte            // of a tenant file
	yaml *yamldoc.Document // of the main file; nil where it could not be parsed
}

// place is one field of one file.
type place struct {
	source *source
	path   string
}

// at returns the place of a field below.
func (p place) at(path string) place {
	if p.path != "" && path != "" && path[0] != '[' {
		path = "." + path
	}
	return place{p.source, p.path + path}
}

func (p place) item(path string, i int) place { return p.at(fmt.Sprintf("%s[%d]", path, i)) }

// report gathers problems.
type report struct {
	problems Problems
	meant    []fieldRef // fields that unknown fields were taken for
	parsed   *source    // whose tree is the next field
	tree     *yamldoc.Document
}

// fieldRef is a field of a file.
type fieldRef struct{ file, path string }

// document returns the tree of a file. The last one is remembered, since most
// reports are about one file.
func (r *report) document(of *source) *yamldoc.Document {
	if of.yaml != nil || of.text == nil {
		return of.yaml
	}
	if r.parsed != of {
		r.parsed = of
		r.tree, _ = yamldoc.Parse(of.text, tenantLimits)
	}
	return r.tree
}

// line renders a place for a message about another one.
func (r *report) line(p place) string {
	return fmt.Sprintf("%s:%d", p.source.name, r.document(p.source).Position(p.path).Line)
}

// written reports whether the field stands in its file.
func (r *report) written(p place) bool { return r.document(p.source).Has(p.path) }

func (r *report) problem(at place, message, mend string) {
	position := r.document(at.source).Position(at.path)
	r.problems = append(r.problems, Problem{File: at.source.name, Line: position.Line, Column: position.Column,
		Path: at.path, Message: message, Mend: mend})
}

func (r *report) warn(at place, message, mend string) {
	r.problem(at, message, mend)
	r.problems[len(r.problems)-1].Warning = true
}

// further notes a problem unless it may be a consequence of a known one: one
// about the same field, a field that holds it or one below it.
func (r *report) further(at place, message, mend string) {
	if !r.touches(at.source.name, at.path) {
		r.problem(at, message, mend)
	}
}

func (r *report) touches(file, path string) bool {
	if path == "" {
		return false
	}
	return slices.ContainsFunc(r.problems, func(known Problem) bool {
		return !known.Warning && known.File == file && (below(known.Path, path) || below(path, known.Path))
	})
}

// mistakes counts what is no warning.
func (r *report) mistakes() int {
	count := 0
	for _, p := range r.problems {
		if !p.Warning {
			count++
		}
	}
	return count
}

// shape takes over what the YAML decoder found.
func (r *report) shape(from *source, found []yamldoc.Problem) {
	for _, p := range found {
		r.problems = append(r.problems, Problem{File: from.name, Line: p.Line, Column: p.Column,
			Path: p.Path, Message: p.Message, Mend: p.Mend})
		if p.Meant != "" {
			r.meant = append(r.meant, fieldRef{from.name, p.Meant})
		}
	}
}

// unrelated returns those of the later problems that cannot be a consequence
// of one of r's. What is compiled as a whole, such as a rule, has none while
// its shape is wrong.
func (r *report) unrelated(later Problems) Problems {
	return slices.DeleteFunc(later, func(p Problem) bool {
		if slices.Contains(r.meant, fieldRef{p.File, p.Path}) {
			return true
		}
		return r.touches(p.File, compiledWhole.FindString(p.Path)) || r.touches(p.File, p.Path)
	})
}

var compiledWhole = regexp.MustCompile(`^.*\b(rules|require|public)\[[0-9]+\]`)

// below reports whether inner is outer or a field below it.
func below(outer, inner string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && (outer == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}
