package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A server that is read-only by intent, or whose disk has no room, says so, and
// goes on with what others rely on: no load balancer must take it away.
func TestServerThatDoesNotIssue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "uni")
	key := regexp.MustCompile(`indeks_\w+`).FindString(indeks(t, "init", dir, "--institution", "../../examples/institution.json"))
	const course = "../../examples/data-stewardship/course.json"
	indeks(t, "issue", course, "../../examples/data-stewardship/list.csv", "--config", dir)
	raw, err := os.ReadFile(course)
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(filepath.Join(dir, configName))
	if err != nil {
		t.Fatal(err)
	}
	auth := []string{"Authorization", "Bearer " + key, "Content-Type", "application/json"}
	for _, tt := range []struct {
		name, config, problem, ready string
		revoke                       int
	}{
		{"read-only", "read_only: true\n", "about:blank", "read-only by configuration", http.StatusServiceUnavailable},
		{"no room", "disk: {stop_mib: 1073741824, reserve_mib: 1}\n", "urn:indeks:disk-low", "no room on the disk", http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, configName), append(config, tt.config...), 0o600); err != nil {
				t.Fatal(err)
			}
			base, stop := serveIssuer(t, dir)
			defer stop()
			status, header, body := request(t, "POST", base+"/api/v1/courses", string(raw), auth...)
			if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, `"type":"`+tt.problem+`"`) {
				t.Errorf("putting a course: %d, Retry-After %q, %s", status, header.Get("Retry-After"), body)
			}
			if status, _, body := request(t, "POST", base+"/api/v1/credentials/MC-2026-00001/revoke", `{"reason": "a test"}`, auth...); status != tt.revoke {
				t.Errorf("revoking: %d, want %d: %s", status, tt.revoke, body)
			}
			if status, _, _ := request(t, "GET", base+"/status/r1", ""); status != http.StatusOK {
				t.Errorf("a status list: %d", status)
			}
			status, _, body = request(t, "GET", base+"/api/v1/credentials/MC-2026-00001", "", auth...)
			if status != http.StatusOK {
				t.Errorf("a record: %d", status)
			}
			if tt.revoke != http.StatusOK { // a learner who writes is not told to try again in seconds
				page := regexp.MustCompile(`/h/[0-9A-Z]{26}`).FindString(body)
				status, _, body := request(t, "POST", base+page+"/report", "text=a+mistake", "Content-Type", "application/x-www-form-urlencoded")
				if status != http.StatusServiceUnavailable || !strings.Contains(body, "<h1>This is not possible at the moment</h1>") {
					t.Errorf("a learner's report at %s: %d %s", page, status, body)
				}
			}
			if status, _, body := request(t, "GET", base+"/readyz", ""); status != http.StatusOK || !strings.Contains(body, tt.ready) {
				t.Errorf("/readyz: %d %s", status, body)
			}
		})
	}
}
