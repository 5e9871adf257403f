package demo

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// ports hands out listeners on loopback: on the port that the example's files
// name where it is free, else on one that the system chooses.
type ports struct {
	replaced map[int]int // written -> in use
}

// listen returns a listener for the port that the files name.
func (p *ports) listen(ctx context.Context, port int) (net.Listener, error) {
	l, err := listenLoopback(ctx, port)
	if err != nil {
		if l, err = listenLoopback(ctx, 0); err != nil {
			return nil, fmt.Errorf("demo: no port to listen on: %w", err)
		}
	}
	p.replaced[port] = portOf(l.Addr())
	return l, nil
}

// leave lets another process listen on the port if it is free now, and has it
// ask the system for one otherwise.
func (p *ports) leave(ctx context.Context, port int) {
	p.replaced[port] = 0
	if l, err := listenLoopback(ctx, port); err == nil {
		_ = l.Close()
		p.replaced[port] = port
	}
}

func listenLoopback(ctx context.Context, port int) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// portText matches the two ways in which the examples write a port.
const portText = `(127\.0\.0\.1:|\bport_value: )(\d+)\b`

// apply replaces the ports in the text of one file.
func (p *ports) apply(text []byte) []byte {
	pattern := regexp.MustCompile(portText)
	return pattern.ReplaceAllFunc(text, func(found []byte) []byte {
		parts := pattern.FindSubmatch(found)
		port, err := strconv.Atoi(string(parts[2]))
		if err != nil {
			return found
		}
		in, ok := p.replaced[port]
		if !ok {
			return found
		}
		return strconv.AppendInt(parts[1][:len(parts[1]):len(parts[1])], int64(in), 10)
	})
}

// copyTree writes the files of an example to dir with the ports in use.
func (p *ports) copyTree(dir string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(path))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, p.apply(text), 0o600)
	})
}
