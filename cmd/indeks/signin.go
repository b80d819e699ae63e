package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	"indeks/accounts"
	"indeks/store"
	"indeks/web/issuing"
)

// SignIn says how people sign in at the issuer's server. Local accounts are there
// without it.
type SignIn struct {
	// Provider is an OpenID Connect provider, most often the institution's own sign-in.
	Provider ProviderConfig `yaml:"provider,omitempty"`
	// ProviderOnly lets nobody in with a password.
	ProviderOnly bool `yaml:"provider_only,omitempty"`
	// Idle is after which time without use a session is over, 0: 30 minutes; End after
	// which it is in any case, 0: 12 hours.
	Idle time.Duration `yaml:"idle,omitempty"`
	End  time.Duration `yaml:"end,omitempty"`
}

// ProviderConfig is a client of an OpenID Connect provider.
type ProviderConfig struct {
	// Issuer is its URL, below which /.well-known/openid-configuration lies; "": there
	// is none.
	Issuer string `yaml:"issuer,omitempty"`
	// Name is that of the button, such as the institution's sign-in.
	Name             string   `yaml:"name,omitempty"`
	ClientID         string   `yaml:"client_id,omitempty"`
	ClientSecretFile string   `yaml:"client_secret_file,omitempty"`
	Scopes           []string `yaml:"scopes,omitempty"` // default: openid and profile
	// RolesClaim is the claim of the id_token whose values Roles gives roles, with full
	// stops for a member of a member, such as realm_access.roles.
	RolesClaim string                    `yaml:"roles_claim,omitempty"`
	Roles      map[string][]issuing.Role `yaml:"roles,omitempty"`
	// People gives roles to single people, by their "sub".
	People map[string][]issuing.Role `yaml:"people,omitempty"`
}

// check names the first setting that makes no sense.
func (c *SignIn) check() error {
	p := &c.Provider
	u, err := url.Parse(p.Issuer)
	switch {
	case c.Idle < 0 || c.End < 0:
		return errors.New("idle and end are not negative")
	case p.Issuer == "" && c.ProviderOnly:
		return errors.New("provider_only: there is no provider, so nobody could sign in")
	case p.Issuer == "":
		return nil
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && !(u.Scheme == "http" && onThisMachine(u.Hostname())):
		return fmt.Errorf("provider.issuer: %q is not an https URL; http is for localhost only", p.Issuer)
	case p.ClientID == "":
		return errors.New("provider.client_id is missing")
	case len(p.Roles) > 0 && p.RolesClaim == "":
		return errors.New("provider.roles_claim is missing: roles are values of it")
	case len(p.Roles)+len(p.People) == 0:
		return errors.New("provider: neither roles nor people give anybody a role, so nobody could sign in")
	case p.Scopes != nil && !slices.Contains(p.Scopes, "openid"):
		return errors.New("provider.scopes lacks openid")
	}
	for name, list := range map[string]map[string][]issuing.Role{"roles": p.Roles, "people": p.People} {
		for who, roles := range list {
			for _, r := range roles {
				if !slices.Contains(issuing.Roles, r) {
					return fmt.Errorf("provider.%s: %s: %q is none of %s", name, who, r, issuing.Roles)
				}
			}
		}
	}
	return nil
}

// accounts are those of an institution.
func (c *Config) accounts(records store.Store) (*accounts.Accounts, error) {
	a := accounts.Config{Store: records, Idle: c.Issuer.SignIn.Idle, End: c.Issuer.SignIn.End, Origin: c.Issuer.PublicBase}
	if p := &c.Issuer.SignIn.Provider; p.Issuer != "" {
		a.Provider = &accounts.Provider{Issuer: p.Issuer, ClientID: p.ClientID, Redirect: c.Issuer.PublicBase + issuing.ReturnPath, Scopes: p.Scopes, RolesClaim: p.RolesClaim,
			Roles: rolesOf(p.Roles), People: rolesOf(p.People)}
		if p.ClientSecretFile != "" {
			raw, err := os.ReadFile(c.path(p.ClientSecretFile))
			if err != nil {
				return nil, fmt.Errorf("reading the secret of the sign-in: %w", err)
			}
			a.Provider.ClientSecret = trimLine(raw)
		}
	}
	return accounts.New(a), nil
}

func rolesOf(of map[string][]issuing.Role) map[string][]string {
	list := map[string][]string{}
	for who, roles := range of {
		list[who] = names(roles)
	}
	return list
}

func names(roles []issuing.Role) (list []string) {
	for _, r := range roles {
		list = append(list, string(r))
	}
	return list
}
