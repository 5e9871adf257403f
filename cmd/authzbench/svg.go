package main

import (
	"fmt"
	"html"
	"strings"
)

// chart is a plot of horizontal bars, stacked where a bar has several parts.
type chart struct {
	title string
	unit  string
	parts []string // what the parts of a bar are; one or none needs no legend
	bars  []bar
}

// bar is one line of a chart. A whisker shows the least and the greatest of the
// whole.
type bar struct {
	label    string
	segments []float64
	whisker  *spread
}

// Measures of a chart in pixels.
const (
	labelWidth = 210
	plotWidth  = 470
	valueWidth = 80
	barHeight  = 16
	lineHeight = 24
	headHeight = 54
)

// colours of the parts of a bar, readable on white and on black.
func colours() []string { return []string{"#4878a8", "#c98b3f"} }

func (b *bar) sum() float64 {
	total := 0.0
	for _, s := range b.segments {
		total += s
	}
	return total
}

// svg draws the chart.
func (c *chart) svg() string {
	height := headHeight + len(c.bars)*lineHeight
	width := labelWidth + plotWidth + valueWidth
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(&out, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&out, `<text x="8" y="20" font-size="14" font-weight="bold">%s</text>`+"\n", html.EscapeString(c.title))
	c.legend(&out)
	scale := plotWidth / c.greatest()
	for i := range c.bars {
		c.bars[i].draw(&out, headHeight+i*lineHeight, scale)
	}
	out.WriteString("</svg>\n")
	return out.String()
}

func (c *chart) legend(out *strings.Builder) {
	x := 8
	for i, name := range c.parts {
		fmt.Fprintf(out, `<rect x="%d" y="30" width="10" height="10" fill="%s"/><text x="%d" y="39">%s</text>`+"\n", x, colours()[i], x+14, html.EscapeString(name))
		x += 34 + 7*len(name)
	}
	fmt.Fprintf(out, `<text x="%d" y="39" fill="#555555">%s</text>`+"\n", labelWidth, html.EscapeString(c.unit))
}

// greatest is the value at the right edge.
func (c *chart) greatest() float64 {
	top := 1e-9
	for i := range c.bars {
		top = max(top, c.bars[i].sum())
		if w := c.bars[i].whisker; w != nil {
			top = max(top, w.Max)
		}
	}
	return top
}

func (b *bar) draw(out *strings.Builder, y int, scale float64) {
	fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-6, y+12, html.EscapeString(b.label))
	x := float64(labelWidth)
	for i, s := range b.segments {
		fmt.Fprintf(out, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", x, y, s*scale, barHeight, colours()[i])
		x += s * scale
	}
	if w := b.whisker; w != nil {
		middle := y + barHeight/2
		fmt.Fprintf(out, `<path d="M%.1f %d H%.1f M%.1f %d v8 M%.1f %d v8" stroke="#222222" fill="none"/>`+"\n",
			labelWidth+w.Min*scale, middle, labelWidth+w.Max*scale, labelWidth+w.Min*scale, middle-4, labelWidth+w.Max*scale, middle-4)
		x = max(x, labelWidth+w.Max*scale)
	}
	fmt.Fprintf(out, `<text x="%.1f" y="%d">%s</text>`+"\n", x+6, y+12, short(b.sum()))
}

// short writes a figure with as many digits as count.
func short(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
