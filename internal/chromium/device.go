package chromium

// Device is an authenticator of W3C Web Authentication that a page has at hand, as the one
// that is built into a computer: the browser makes passkeys in it and signs with them.
// It asks its owner who they are without being seen.
type Device struct {
	p  *Page
	id string
}

// Device puts a device at the page's hand, whose owner it knows.
func (p *Page) Device() *Device {
	p.t.Helper()
	var added struct{ AuthenticatorID string }
	p.call("WebAuthn.enable", nil, nil)
	p.call("WebAuthn.addVirtualAuthenticator", object{"options": object{"protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
		"hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true}}, &added)
	return &Device{p, added.AuthenticatorID}
}

// Knows says whether who is there is the one whom the device knows.
func (d *Device) Knows(owner bool) {
	d.p.t.Helper()
	d.p.call("WebAuthn.setUserVerified", object{"authenticatorId": d.id, "isUserVerified": owner}, nil)
}

// Passkeys is how many passkeys are in it, and for which names of servers.
func (d *Device) Passkeys() (servers []string) {
	d.p.t.Helper()
	var answer struct{ Credentials []struct{ RPID string } }
	d.p.call("WebAuthn.getCredentials", object{"authenticatorId": d.id}, &answer)
	for _, c := range answer.Credentials {
		servers = append(servers, c.RPID)
	}
	return servers
}
