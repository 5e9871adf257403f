package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const maxPage = 16 << 20 // metrics of very many tenants

var errPage = errors.New("the page was not served")

// fetch returns a page of loopback.
func fetch(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: callLimit}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s", errPage, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxPage))
}
