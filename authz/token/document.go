package token

import "unsafe"

// A document is one allocation without pointers, whatever it holds: its cells,
// the outermost one first and the children of each container in a row, and then
// all names and texts. So a cached token is nothing that the collector has to
// follow, and a Value that is in use keeps its whole document alive.

// cell is what a Value knows of itself.
type cell struct {
	kind      Kind
	tag       uint8  // of the name: see tagOf
	index     uint16 // of the cell in its document
	name      span   // within an Object; of the outermost cell: how many cells there are
	text      span   // of a String; a Num as it was written; the children of a List or Object
	digitsAt  uint8  // of a Num, from the start of its text
	digitsLen uint8  // of a Num; of a Bool 1 for true
	exp       int16  // of a Num
}

// tagOf tells most names apart that are of one length, so that Get reads hardly
// any text but what it looks for.
func tagOf(name string) uint8 {
	if name == "" {
		return 0
	}
	return name[0] + 31*name[len(name)-1]
}

// span is a part of the texts of a document, or a row of its cells.
type span struct{ at, n uint16 }

const (
	cellSize = unsafe.Sizeof(Value{})
	maxText  = 1<<16 - 1 // bytes of all names and texts of one document
)

// noCopy lets go vet find values that are copied.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// newDocument lays out a document and returns its outermost value.
func newDocument(root cell, cells []cell, text []byte) *Value {
	count := 1 + len(cells)
	doc := make([]Value, count+(len(text)+int(cellSize)-1)/int(cellSize))
	root.name = span{at: uint16(count)}
	doc[0].cell = root
	for i := range cells {
		doc[1+i].cell = cells[i]
		doc[1+i].index = uint16(1 + i)
	}
	if len(text) > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&doc[count])), len(text)), text) //nolint:gosec // the rest of doc is as long
	}
	return &doc[0]
}

// documentBytes returns what the document of n cells and that much text takes.
func documentBytes(cells, text int) int { return cells*int(cellSize) + text }

// root returns the outermost value of the document.
func (v *Value) root() *Value {
	return (*Value)(unsafe.Add(unsafe.Pointer(v), -int(v.index)*int(cellSize))) //nolint:gosec // within one document
}

// textOf returns a part of the texts.
func (v *Value) textOf(s span) string {
	if s.n == 0 {
		return ""
	}
	root := v.root()
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(root), int(root.name.at)*int(cellSize)+int(s.at))), int(s.n)) //nolint:gosec // within one document
}

// kid returns a child of a List or Object.
func (v *Value) kid(i int) *Value {
	return (*Value)(unsafe.Add(unsafe.Pointer(v), (int(v.text.at)+i-int(v.index))*int(cellSize))) //nolint:gosec // within one document
}

// kids returns the children of a List or Object.
func (v *Value) kids() []Value {
	if v.text.n == 0 {
		return nil
	}
	return unsafe.Slice(v.kid(0), int(v.text.n)) //nolint:gosec // within one document
}
