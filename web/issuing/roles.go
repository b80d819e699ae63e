package issuing

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/web"
)

// Role is what an API key may do. A key may have several.
type Role string

const (
	Registrar Role = "registrar" // issues, withdraws, keeps the courses
	Approver  Role = "approver"  // decides on what another one has asked for
	Auditor   Role = "auditor"   // reads
	Admin     Role = "admin"     // all of a registrar, and what concerns the whole register
)

// Roles are all of them.
var Roles = []Role{Registrar, Approver, Auditor, Admin}

// roles are those of a key: without any it is a registrar's, as keys were before
// there were roles, and an admin is one too.
func (k APIKey) roles() []Role {
	switch {
	case len(k.Roles) == 0:
		return []Role{Registrar}
	case slices.Contains(k.Roles, Admin):
		return append(slices.Clone(k.Roles), Registrar)
	}
	return k.Roles
}

// readers may look at what is on record.
var readers = []Role{Registrar, Approver, Auditor}

// may lets those in whose key has one of the roles. Every route of the API says
// which: a test holds them to testdata/roles.txt.
func may(allowed ...Role) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !hasRole(c, allowed...) {
				var names []string
				for _, r := range allowed {
					names = append(names, string(r))
				}
				return &web.Problem{Status: http.StatusForbidden, Title: "API key without the role for this",
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
