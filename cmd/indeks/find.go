package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"indeks/store"
	"indeks/web/issuing"
)

type findCmd struct {
	configFlag
	serverFlag
	Name    string `arg:"" optional:"" help:"Words of the name, or how each one starts, in any order, with or without accents, in either script."`
	Number  string `help:"Certificate number, or how it starts."`
	Learner string `help:"The institution's number for the learner."`
	Course  string `help:"ID of the course."`
	From    string `help:"First awarding date." placeholder:"YYYY-MM-DD"`
	Until   string `help:"Last awarding date." placeholder:"YYYY-MM-DD"`
	Batch   string `help:"ID of the batch."`
	State   string `help:"reserved, issued, suspended, revoked, expired or erased."`
	Most    int    `help:"Maximum number of results." default:"50"`
}

func (*findCmd) Help() string {
	return `Finds credentials on record, most recently issued first. A question mark means that something is not recorded.

  indeks find "Jovanović Ana" --config uni
  indeks find --number MC-2026-000 --state revoked --config uni
  indeks find "jovan" --course data-stewardship --server http://localhost:8080 --api-key-file my-key`
}

func (cmd *findCmd) Run(ctx context.Context, con console) error {
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tNAME\tCOURSE\tVERSION\tRESULT\tASSESSED\tPRIOR LEARNING\tAWARDED\tSTATE")
	more := ""
	if cmd.Server != "" {
		var answer struct {
			Credentials []issuing.RecordView
			Next        string
		}
		query := url.Values{"limit": {strconv.Itoa(cmd.Most)}}
		for name, value := range map[string]string{"name": cmd.Name, "number": cmd.Number, "learner_id": cmd.Learner, "course": cmd.Course, "from": cmd.From, "until": cmd.Until, "batch": cmd.Batch, "state": cmd.State} {
			if value != "" {
				query.Set(name, value)
			}
		}
		if err := cmd.ask(ctx, http.MethodGet, "/api/v1/credentials?"+query.Encode(), nil, &answer); err != nil {
			return err
		}
		for _, r := range answer.Credentials {
			erased := slices.ContainsFunc(r.Erasures, func(e issuing.ErasedView) bool { return e.Class == store.Register })
			var a *store.Assessment
			if v := r.Assessment; v != nil {
				a = &store.Assessment{Result: v.Result, Date: v.Date, Assessors: v.Assessors, PriorLearning: v.PriorLearning}
			}
			fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", r.Number, r.GivenName, r.FamilyName, r.Course, r.Version, assessed(a), r.AwardingDate, foundState(r.State, erased, r.Expired))
		}
		more = answer.Next
	} else {
		records, err := cmd.read(ctx)
		if err != nil {
			return err
		}
		defer records.Close()
		q := store.Query{Name: cmd.Name, Number: cmd.Number, LearnerID: cmd.Learner, Course: cmd.Course, From: cmd.From, Until: cmd.Until, Batch: cmd.Batch, State: store.State(cmd.State), Now: time.Now()}
		found, next, err := records.Search(ctx, q, "", cmd.Most)
		if err != nil {
			return err
		}
		for _, r := range found {
			fmt.Fprintf(w, "%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", r.Number, r.GivenName, r.FamilyName, r.Course, r.CourseVersion, assessed(r.Assessment), r.AwardingDate, foundState(r.State, r.Erased(store.Register), r.Expired(q.Now)))
		}
		more = next
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if more != "" {
		fmt.Fprintln(con.out, "There are more: narrow it down, or raise --most.")
	}
	return nil
}

// assessed are the columns of how the learner came to the award; a question mark: not
// recorded.
func assessed(a *store.Assessment) string {
	if a == nil {
		return "?\t?\t?"
	}
	by := strings.Join(append(strings.Fields(a.Date), a.Assessors...), ", ")
	return orDash(a.Result) + "\t" + orDash(by) + "\t" + orDash(a.PriorLearning)
}

// foundState is how a record stands, in a word or two.
func foundState(state store.State, erased, expired bool) string {
	switch {
	case erased:
		return string(state) + ", erased"
	case expired:
		return "expired"
	}
	return string(state)
}
