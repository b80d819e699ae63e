package issuer

import (
	"cmp"
	"time"

	"indeks/mail"
)

// Post is how letters to learners go out. Whatever is told of is put into the queue
// in the step in which it becomes so, and [Issuer.RunLetters] sends it.
type Post struct {
	Server    mail.Server
	From      mail.Address
	Contact   mail.Address      // whom learners write to, and object to; zero: From
	PerMinute int               // messages of all nodes together; 0: 120
	GiveUp    time.Duration     // after which a letter that no server took is refused; 0: 72 hours
	Objection map[string]string // by language, what is said besides of how to object
	// Count, unless nil, is told what became of a letter: "sent", "later", "refused" or
	// "bounced".
	Count func(outcome string)
}

const (
	perMinute = 120
	giveUp    = 72 * time.Hour
)

// Test is a message with which the mail server is tried, in the first of the languages
// wanted that letters have.
func (p *Post) Test(to mail.Address, names map[string]string, now time.Time, wanted ...string) *mail.Message {
	lang := mail.Language(wanted...)
	name := named(names, lang)
	return &mail.Message{ID: now.UTC().Format("20060102") + "." + NewPublicID(""), From: p.From, To: to, Sender: name, ReplyTo: p.contact(), Date: now,
		Letter: &mail.Letter{Kind: mail.Test, Lang: lang, Institution: name, Contact: p.contact().String(), At: now}}
}

// contact is whom learners write to.
func (p *Post) contact() mail.Address {
	if p.Contact == (mail.Address{}) {
		return p.From
	}
	return p.Contact
}

func (p *Post) perMinute() int        { return cmp.Or(p.PerMinute, perMinute) }
func (p *Post) giveUp() time.Duration { return cmp.Or(p.GiveUp, giveUp) }

func (p *Post) count(outcome string) {
	if p.Count != nil {
		p.Count(outcome)
	}
}
