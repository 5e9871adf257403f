package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// column is one column of the table; the last one has no width and wraps.
type column struct {
	title string
	width int
}

// lastWidth keeps the table within 120 columns.
const lastWidth = 29

func columns() []column {
	return []column{{"#", 2}, {"request", 25}, {"sent with", 26}, {"want", 4}, {"got", 3}, {"reason", 18}, {"upstream saw", 0}}
}

// printHead prints the head of the table.
func printHead(out io.Writer) {
	titles, rules := make([]string, 0, 7), make([]string, 0, 7)
	for _, c := range columns() {
		titles = append(titles, c.title)
		rules = append(rules, strings.Repeat("-", max(c.width, len(c.title))))
	}
	printCells(out, titles)
	printCells(out, rules)
}

// printRow prints one step and, where it came out otherwise, what is wrong.
func printRow(out io.Writer, n int, step Step, got Outcome) {
	saw := wrap(orNone(got.Saw), lastWidth)
	printCells(out, []string{
		strconv.Itoa(n),
		requestText(step),
		step.What,
		strconv.Itoa(step.Want.Status), strconv.Itoa(got.Status),
		orNone(got.Reason),
		saw[0],
	})
	for _, line := range saw[1:] {
		printCells(out, []string{"", "", "", "", "", "", line})
	}
	for _, difference := range differences(step.Want, got) {
		_, _ = fmt.Fprintf(out, "    UNEXPECTED %s\n", difference)
	}
}

func requestText(step Step) string {
	text := step.method() + " " + step.Target
	if step.Tenant != "" {
		text = fmt.Sprintf("%-6s %s", step.Tenant, text)
	}
	return text
}

// orNone keeps an empty cell from looking like a mistake.
func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

// differences says in which fields two outcomes differ.
func differences(want, got Outcome) []string {
	var out []string
	for _, field := range []struct{ name, want, got string }{
		{"status", strconv.Itoa(want.Status), strconv.Itoa(got.Status)},
		{"reason", want.Reason, got.Reason},
		{"challenge", want.Challenge, got.Challenge},
		{"headers at the upstream", want.Saw, got.Saw},
	} {
		if field.want != field.got {
			out = append(out, fmt.Sprintf("%s: want %q, got %q", field.name, field.want, field.got))
		}
	}
	return out
}

func printCells(out io.Writer, cells []string) {
	var b strings.Builder
	for i, c := range columns() {
		if i > 0 {
			b.WriteString("  ")
		}
		fmt.Fprintf(&b, "%-*s", c.width, cells[i])
	}
	_, _ = fmt.Fprintln(out, strings.TrimRight(b.String(), " "))
}

// wrap breaks a text at spaces into lines of at most width bytes, as far as its
// words allow.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
