package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// admin is the base URL of Envoy's admin page.
type admin string

// maxAdminBytes bounds what is read of one answer.
const maxAdminBytes = 8 << 20

// get returns the body of an answer with status 200. It keeps no connection.
func (a admin) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, string(a)+path, nil)
	if err != nil {
		return "", fmt.Errorf("proxy: %w", err)
	}
	req.Close = true
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return "", fmt.Errorf("proxy: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAdminBytes))
	if err != nil {
		return "", fmt.Errorf("proxy: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("proxy: admin %s answers %d", path, res.StatusCode)
	}
	return string(body), nil
}

type listenerStatuses struct {
	Statuses []struct {
		Name    string `json:"name"`
		Address struct {
			Socket struct {
				Address string `json:"address"`
				Port    int    `json:"port_value"`
			} `json:"socket_address"`
			Pipe struct {
				Path string `json:"path"`
			} `json:"pipe"`
		} `json:"local_address"`
	} `json:"listener_statuses"`
}

// listeners returns the bound address of every listener by name. It fails while
// one of them has no port.
func (a admin) listeners(ctx context.Context) (map[string]string, error) {
	text, err := a.get(ctx, "/listeners?format=json")
	if err != nil {
		return nil, err
	}
	var answer listenerStatuses
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return nil, fmt.Errorf("proxy: listeners: %w", err)
	}
	addresses := make(map[string]string, len(answer.Statuses))
	for _, l := range answer.Statuses {
		switch {
		case l.Address.Pipe.Path != "":
			addresses[l.Name] = l.Address.Pipe.Path
		case l.Address.Socket.Port != 0:
			addresses[l.Name] = net.JoinHostPort(l.Address.Socket.Address, strconv.Itoa(l.Address.Socket.Port))
		default:
			return nil, fmt.Errorf("proxy: listener %q has no port yet", l.Name)
		}
	}
	return addresses, nil
}

func (a admin) stats(ctx context.Context, part string) (map[string]uint64, error) {
	text, err := a.get(ctx, "/stats?usedonly&filter="+url.QueryEscape(regexp.QuoteMeta(part)))
	if err != nil {
		return nil, err
	}
	values := make(map[string]uint64)
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(value, 10, 64); err == nil { // histograms are no numbers
			values[name] = n
		}
	}
	return values, nil
}
