package jwks

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
)

const maxCABytes = 1 << 20

// sourceFiles are the contents of the files that a spec names.
type sourceFiles struct {
	keys []byte
	ca   []byte
	pool *x509.CertPool // nil for the system's
}

// readFiles reads the files of a spec, once.
func (s SourceSpec) readFiles() (sourceFiles, error) {
	var files sourceFiles
	if s.File != "" {
		keys, err := readFile(s.File, maxBodyBytes)
		if err != nil {
			return sourceFiles{}, specError("JWKS file: %w", err)
		}
		files.keys = keys
	}
	if s.CAFile == "" || s.static() {
		return files, nil
	}
	ca, err := readFile(s.CAFile, maxCABytes)
	if err != nil {
		return sourceFiles{}, specError("CA file: %w", err)
	}
	files.ca, files.pool = ca, x509.NewCertPool()
	if !files.pool.AppendCertsFromPEM(ca) {
		return sourceFiles{}, specError("CA file %s holds no certificate: it must be PEM with BEGIN CERTIFICATE blocks", s.CAFile)
	}
	return files, nil
}

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int64) (_ []byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path) //nolint:gosec // the configuration names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s is larger than %d KiB", path, limit>>10)
	}
	return text, nil
}
