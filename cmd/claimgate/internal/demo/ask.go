package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// decisionHeader is the response header that the examples choose for the
// decision id.
const decisionHeader = "x-decision-id"

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// Ask sends the request of a step and tells what came of it.
func (s *Stack) Ask(ctx context.Context, client *http.Client, step Step, watch []string) (Outcome, error) {
	if step.Before != nil {
		if err := step.Before(s); err != nil {
			return Outcome{}, err
		}
	}
	req, err := s.request(ctx, step)
	if err != nil {
		return Outcome{}, err
	}
	res, err := client.Do(req)
	if err != nil {
		return Outcome{}, fmt.Errorf("demo: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return Outcome{}, fmt.Errorf("demo: %w", err)
	}
	return s.outcome(res, body, watch)
}

func (s *Stack) request(ctx context.Context, step Step) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, step.method(), "http://"+s.Front+step.Target, nil)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	req.Host = step.Host
	if step.Header != nil {
		if req.Header, err = step.Header(s); err != nil {
			return nil, err
		}
	}
	return req, nil
}

func (s *Stack) outcome(res *http.Response, body []byte, watch []string) (Outcome, error) {
	out := Outcome{Status: res.StatusCode, Challenge: challengeError(res.Header), Saw: notReached}
	if record, ok := s.Gate.Decision(res.Header.Get(decisionHeader)); ok {
		out.Reason = record.Reason
	}
	if res.StatusCode != http.StatusOK {
		return out, nil
	}
	var seen Seen
	if err := json.Unmarshal(body, &seen); err != nil {
		return Outcome{}, fmt.Errorf("demo: the upstream's answer: %w", err)
	}
	out.Saw = strings.Join(seen.With(watch), " ")
	return out, nil
}

// challengeError returns the error code of the challenge, "none" for one
// without and "" without a challenge.
func challengeError(h http.Header) string {
	challenge := h.Get("WWW-Authenticate")
	if challenge == "" {
		return ""
	}
	if found := regexp.MustCompile(`\berror="([a-z_]+)"`).FindStringSubmatch(challenge); found != nil {
		return found[1]
	}
	return noError
}
