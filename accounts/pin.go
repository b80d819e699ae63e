package accounts

// PINCost is that of a PIN, which anybody may try who has the link that it belongs
// to: 19 MiB, as OWASP names it, so that many at once cost no machine. What holds
// against guessing is that there are few tries.
var PINCost = Cost{Memory: 19 << 10, Passes: 2, Threads: 1}

// HashPIN hashes a PIN as passwords are.
func HashPIN(pin string) string { return PINCost.hash(pin) }

// PINMatches reports whether a PIN is the one that was hashed.
func PINMatches(hash, pin string) bool { return matches(hash, pin) }
