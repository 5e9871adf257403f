// Package deps keeps the modules that packages under construction need. It goes
// with the last of them.
package deps

import (
	_ "cel.dev/cel-go/cel"
	_ "github.com/fsnotify/fsnotify"
)
