// Package mail writes letters and hands them to a mail server: what learners are
// told of their credentials, as plain text and HTML in their language, and no more
// of a credential than its title and who issued it.
//
// Most readers want [Letter.Write], which puts a letter into words, and
// [Session.Send], which has one delivered and says what came of it. [ParseReport]
// reads what comes back when a letter could not be delivered after all (RFC 3464).
//
// It signs nothing (DKIM, RFC 6376): that is for the server that the letters are
// handed to, which answers for the domain they are from.
package mail
