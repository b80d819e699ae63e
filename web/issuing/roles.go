package issuing

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/web"
)

// Role is what an API key may do, or who is signed in at the desk. Both may have
// several.
type Role string

const (
	Registrar Role = "registrar" // issues, withdraws, keeps the courses
	Approver  Role = "approver"  // decides on what another one has asked for
	Auditor   Role = "auditor"   // reads
	Reviewer  Role = "reviewer"  // of quality: reads courses, and counts in which nobody is found
	Admin     Role = "admin"     // all of a registrar, and what concerns the whole register
)

// Roles are all of them.
var Roles = []Role{Registrar, Approver, Auditor, Reviewer, Admin}

// roles are those of a key: without any it is a registrar's, as keys were before
// there were roles, and an admin is one too.
func (k APIKey) roles() []Role {
	if len(k.Roles) == 0 {
		return []Role{Registrar}
	}
	return all(k.Roles)
}

// all are the roles that come with those that somebody was given.
func all(given []Role) []Role {
	if slices.Contains(given, Admin) {
		return append(slices.Clone(given), Registrar)
	}
	return given
}

// readers may look at what is on record.
var readers = []Role{Registrar, Approver, Auditor}

// courseReaders may look at courses, on which nobody stands.
var courseReaders = append(slices.Clone(readers), Reviewer)

// may lets those in who have one of the roles. Every route of the API and of the desk says
// which: a test holds them to testdata/roles.txt.
func may(allowed ...Role) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !hasRole(c, allowed...) {
				var names []string
				for _, r := range allowed {
					names = append(names, string(r))
				}
				return &web.Problem{Status: http.StatusForbidden, Title: "API key without the role for this", Text: problemRole,
					Detail: "in the file of API keys, the word " + strings.Join(names, " or ") + " stands behind the digest of such a key"}
			}
			return next(c)
		}
	}
}

func hasRole(c echo.Context, allowed ...Role) bool {
	has, _ := c.Get(rolesKey).([]Role)
	return slices.ContainsFunc(has, func(r Role) bool { return slices.Contains(allowed, r) })
}
