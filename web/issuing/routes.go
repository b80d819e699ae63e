// Package issuing is the issuer's server: the API for registrars, the learners'
// pages and downloads, the status lists and the published keys. It translates
// between HTTP and package issuer and decides nothing.
package issuing

import (
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"indeks/accounts"
	"indeks/issuer"
	"indeks/keys"
	"indeks/mail"
	"indeks/paper"
	"indeks/store"
	"indeks/web"
)

//go:embed pages
var pagesFS embed.FS

// Config is what the server serves.
type Config struct {
	Issuer       *issuer.Issuer
	Store        store.Store
	Institution  issuer.Institution
	APIKeys      []APIKey
	KnownKeys    func() []APIKey       // in their place, those of now; nil: they do not change
	WrongKeys    web.Rate              // of requests with a wrong API key, per address; zero: not limited
	VCAPI        bool                  // serve the issuer's part of the VC-API, for credentials of any kind
	VCAPIForm    keys.Form             // of what it issues where the request does not say: VCJWT or DataIntegrity, "": VCJWT
	Backups      *issuer.Keeper        // nil: none are made
	Archives     *issuer.ArchiveKeeper // nil: none are made
	Verifier     Examiner              // of what other providers have sealed; nil: nothing is recognised
	Batches      *issuer.Batches       // nil: they are taken and not worked on
	ListBody     int64                 // of a request with a class list or many drafts, in bytes; 0: 32 MiB
	DraftsAtOnce int                   // that are issued while the client waits, more become a batch; 0: 500
	ReadOnly     bool                  // by configuration: Store takes no change
	SeveralNodes bool                  // others may issue from the same records, with key files of their own

	Accounts     *accounts.Accounts // who may sign in at the desk; nil: those in Store, without a provider
	ProviderName string             // of the button that leads to the provider, "": that of the kit
	NoPasswords  bool               // only the provider says who somebody is
	Demo         *Demo              // nil: this is none
	Settings     string             // the configuration as the desk shows it, without what is secret

	Disk *store.Disk // told of by /readyz, nil: it is not looked at
	Kit  web.Config  // its Rate is that of the API, per key
}

// APIKey is a key of the API: the server knows its digest only.
type APIKey struct {
	Name   string
	SHA256 [32]byte
	Roles  []Role // none: Registrar
}

// server holds what the handlers share.
type server struct {
	Config
	kit         *web.Kit
	catalogue   *issuer.Catalogue
	wrongKeys   *web.Limiter
	review      review
	pages       map[string]bool // routes of GET, for those who are led back
	description []byte
	pins        chan struct{} // holds one token for each PIN that is being hashed
}

// New returns the server's router.
func New(c Config) (*echo.Echo, error) {
	if c.Issuer == nil || c.Store == nil {
		return nil, errors.New("building the issuer's server: no issuer or no store")
	}
	if c.Batches == nil {
		c.Batches = issuer.NewBatches(issuer.BatchConfig{Issuer: c.Issuer})
	}
	if c.ListBody == 0 {
		c.ListBody = 32 << 20
	}
	if c.DraftsAtOnce == 0 {
		c.DraftsAtOnce = 500
	}
	if c.KnownKeys == nil {
		c.KnownKeys = func() []APIKey { return c.APIKeys }
	}
	if c.Accounts == nil {
		c.Accounts = accounts.New(accounts.Config{Store: c.Store, Origin: c.Institution.PublicBase})
	}
	c.Kit.HTTPS = strings.HasPrefix(c.Institution.PublicBase, "https://")
	pages, err := fs.Sub(pagesFS, "pages")
	if err != nil {
		return nil, err
	}
	kit, err := web.New(c.Kit, pages, pageFuncs)
	if err != nil {
		return nil, err
	}
	kit.Map(
		web.Row{Is: store.ErrNotFound, Status: http.StatusNotFound, Title: "No such credential"},
		web.Row{Is: store.ErrErased, Status: http.StatusGone, Type: "urn:indeks:erased", Title: "Erased from the register"},
		web.Row{Is: store.ErrConflict, Status: http.StatusConflict, Title: "The same key was used for another request"},
		web.Row{Is: store.ErrNumberTaken, Status: http.StatusConflict, Title: "The certificate number is already used"},
		web.Row{Is: store.ErrTooMany, Status: http.StatusConflict, Title: "There are too many of them: end some first"},
		web.Row{Is: store.ErrExternalTaken, Status: http.StatusConflict, Title: "The external id is already used"},
		web.Row{Is: store.ErrCourseUsed, Status: http.StatusConflict, Title: "The version was awarded under and does not change"},
		web.Row{Is: store.ErrState, Status: http.StatusConflict, Title: "Not possible in the credential's state"},
		web.Row{Is: store.ErrReadOnly, Status: http.StatusServiceUnavailable, Retry: 60, Title: "Records are read-only: nothing is issued or changed", Text: "problem.stopped"},
		web.Row{Is: store.ErrDiskLow, Status: http.StatusServiceUnavailable, Retry: 300, Type: "urn:indeks:disk-low", Title: "No room: nothing is issued until there is, revoking works", Text: "problem.stopped"},
		web.Row{Is: issuer.ErrBatchState, Status: http.StatusConflict, Title: "Not possible in the batch's state"},
		web.Row{Is: issuer.ErrBatchProblems, Status: http.StatusConflict, Title: "The batch has rows with problems"},
		web.Row{Is: issuer.ErrBatchGone, Status: http.StatusConflict, Title: "The rows of the batch are removed"},
		web.Row{Is: issuer.ErrBatchLimit, Status: http.StatusTooManyRequests, Retry: 60, Title: "Too many batches or rows wait"},
		web.Row{Is: issuer.ErrClock, Status: http.StatusServiceUnavailable, Retry: 300, Type: "urn:indeks:clock", Title: "The server's clock is in doubt: nothing is signed until it is right or confirmed", Text: "problem.stopped"},
		web.Row{Is: issuer.ErrNoCorrection, Status: http.StatusConflict, Title: "No new award can be drawn up from it"},
		web.Row{Is: issuer.ErrNotRecognisable, Status: http.StatusUnprocessableEntity, Title: "Nothing in it can be recognised"},
		web.Row{Is: issuer.ErrDecidedSince, Status: http.StatusConflict, Title: "Another decision was made since"},
		web.Row{Is: issuer.ErrBulkCount, Status: http.StatusConflict, Title: "The number confirmed is not the number found"},
		web.Row{Is: keys.ErrNoKey, Status: http.StatusServiceUnavailable, Retry: 60, Title: "No key is left to seal with", Text: "problem.stopped"},
		web.Row{Is: keys.ErrRingChanged, Status: http.StatusConflict, Title: "The key file was changed beside the server: start the server again"},
		web.Row{Is: issuer.ErrBulkState, Status: http.StatusConflict, Title: "Not possible in the state of the bulk change"},
		web.Row{Is: paper.ErrGlyph, Status: http.StatusUnprocessableEntity, Type: "urn:indeks:glyph", Title: "The PDF cannot show a character of the name, the title or the institution"},
		web.Row{Is: issuer.ErrNoPost, Status: http.StatusConflict, Type: "urn:indeks:no-mail", Title: "No mail server is configured"},
		web.Row{Is: issuer.ErrNoAddress, Status: http.StatusConflict, Title: "No e-mail address is known"},
		web.Row{Is: mail.ErrAddress, Status: http.StatusUnprocessableEntity, Title: "Not an e-mail address"},
		web.Row{Is: mail.ErrReport, Status: http.StatusUnprocessableEntity, Title: "Not a report of delivery"},
		web.Row{Is: issuer.ErrNoExtract, Status: http.StatusConflict, Type: "urn:indeks:no-offline-code", Title: "There is no offline code for it"},
		web.Row{Is: store.ErrRevision, Status: http.StatusConflict, Title: "It was changed since it was read"},
		web.Row{Is: issuer.ErrSameActor, Status: http.StatusForbidden, Title: "Who asked for it cannot decide on it"},
		web.Row{Is: issuer.ErrDecided, Status: http.StatusConflict, Title: "It was decided already"},
		web.Row{Is: issuer.ErrApprovalEnded, Status: http.StatusConflict, Title: "Nobody decided on it in time"},
		web.Row{Is: issuer.ErrOtherDraft, Status: http.StatusConflict, Title: "What waits is something else than what was looked at"},
		web.Row{Is: accounts.ErrProvider, Status: http.StatusBadGateway, Title: "The sign-in of the institution does not answer", Text: "problem.provider"},
		web.Row{Is: issuer.ErrNoCryptosuite, Status: http.StatusBadRequest, Type: malformedValue, Title: "No proof of Data Integrity can be made"},
		web.Row{Is: issuer.ErrRefused, Status: http.StatusInternalServerError, Title: "The issuer's own verifier refused the credential; nothing was handed out"},
	)
	s := &server{pages: map[string]bool{}, Config: c, kit: kit, catalogue: issuer.NewCatalogue(c.Institution, c.Store, nil), wrongKeys: web.NewLimiter(c.WrongKeys), description: description(c.VCAPI), pins: make(chan struct{}, pinsAtOnce)}
	c.Kit.Metrics.Figures("list", figureHelp, s.figures)
	c.Kit.Metrics.Figures("state", batchFigureHelp, s.batchFigures)
	c.Kit.Metrics.Figures("", letterFigureHelp, s.letterFigures)
	e := kit.Echo()

	// Pages. A link is 26 symbols that nobody can guess.
	e.GET("/", s.getHome)
	e.GET("/h/:link", s.getCredential)
	e.POST("/h/:link/device", s.postDevice)
	e.POST("/h/:link/report", s.postLearnerReport)
	e.POST("/h/:link/answers", s.postAnswers)
	e.GET("/h/:link/shares", s.getShares)
	e.POST("/h/:link/shares", s.postShare)
	e.POST("/h/:link/shares/:share/:step", s.postShareStep)
	e.GET("/h/:link/collection", s.getCollection)
	e.POST("/h/:link/collection", s.postCollection, kit.LimitBody(maxFile))
	e.GET("/h/:link/collection/:id", s.getCollected)
	e.POST("/h/:link/collection/:step", s.postCollectionStep)
	e.GET("/h/:link/stack", s.getStack)
	e.GET("/h/:link/:file", s.getDownload)
	e.GET("/h/:link/offline", s.getOffline)
	e.GET("/h/:link/offline/:kind", s.getOfflineFile)

	// What learners show. The key of a private link is in the part of the address that
	// no browser sends.
	e.GET("/s/:sid", s.getShare)
	e.POST("/s/open", s.postOpenShare, web.ForPrograms)
	e.POST("/s/view", s.postViewShare)
	e.POST("/s/examine", s.postExamine, web.ForPrograms, kit.LimitBody(issuer.MaxCollectedFile*3/2))
	e.GET("/p/:page", s.getPublicPage)
	e.GET("/p/:page/credential.sd-jwt", s.getPublicFile, web.ForPrograms)
	e.GET("/p/:page/badge.svg", s.getBadge)

	// Where a learner looks at a name before it is sealed.
	e.GET("/n/:link", s.getName)
	e.POST("/n/:link/:answer", s.postName)

	// A batch, for whoever has its link.
	page := kit.LimitBody(c.ListBody + 1<<20)
	e.GET("/b/:link", s.getBatchPage)
	e.GET("/b/:link/results.csv", s.getBatchPageResults)
	e.POST("/b/:link", s.postBatchPage, page)
	e.POST("/b/:link/:step", s.postBatchStep)

	// The catalogue, for everybody.
	e.GET("/catalogue", s.getCatalogue)
	e.GET("/catalogue.json", s.getCatalogueJSON)
	e.GET("/catalogue/feed.atom", s.getFeed)
	e.GET("/catalogue/guide", s.getGuide)
	e.GET("/catalogue/:id", s.getOffer)
	e.GET("/catalogue/:id/:version", s.getOffer)

	// For verifiers: what a printed id stands for, status lists, keys, contexts.
	e.GET("/credentials/:public", s.getToken)
	e.GET("/credentials/:public/proof", s.getProof)
	e.GET("/credentials/:public/withdrawal", s.getWithdrawal)
	e.GET("/status/:list", s.getStatusList)
	e.GET("/log", s.getLogs)
	e.GET("/log/:log/checkpoint", s.getCheckpoint)
	e.GET("/log/:log/tile/*", s.getTile)
	e.GET("/.well-known/did.json", s.getDID)
	e.GET("/.well-known/jwks.json", s.getJWKS)
	e.GET("/.well-known/jwt-vc-issuer", s.getJWTVCIssuer)
	e.GET("/contexts/elm/v1", s.getELMContext)
	e.GET("/schemas/course/v1", s.getCourseSchema)

	// The API of shares, which is the learner's.
	shares := e.Group("/api/v1/shares", s.requireLink)
	shares.POST("", s.postAPIShare)
	shares.GET("", s.getAPIShares)
	shares.PATCH("/:share", s.patchAPIShare)
	shares.DELETE("/:share", s.deleteAPIShare)

	// API.
	rate := kit.LimitRate(clientName)
	api := e.Group("/api/v1", s.requireKey, rate)
	registrar, approver, auditor, reader, admin := may(Registrar), may(Approver), may(Auditor, Admin), may(readers...), may(Admin)
	api.POST("/credentials", s.postCredential, registrar)
	api.GET("/credentials", s.getRecords, reader)
	api.GET("/credentials/:id", s.getRecord, reader)
	api.GET("/credentials/:id/certificate.pdf", s.getCertificate, reader)
	api.GET("/credentials/:id/offline", s.getOfflineCode, reader)
	api.POST("/credentials/:id/correct", s.postCorrection, registrar)
	api.POST("/credentials/:id/revoke", s.postChange((*issuer.Issuer).Revoke), registrar)
	api.POST("/credentials/:id/suspend", s.postChange((*issuer.Issuer).Suspend), registrar)
	api.POST("/credentials/:id/reinstate", s.postChange((*issuer.Issuer).Reinstate), registrar)
	api.POST("/bulk", s.postBulk, admin)
	api.GET("/bulk", s.getBulks, reader)
	api.GET("/bulk/:id", s.getBulk, reader)
	api.POST("/bulk/:id/stop", s.postStopBulk, admin)
	api.POST("/bulk/:id/continue", s.postContinueBulk, admin)
	api.POST("/recognitions", s.postRecognition, registrar, kit.LimitBody(maxFile))
	api.GET("/recognitions", s.getRecognitions, reader)
	api.GET("/recognitions/:id", s.getRecognition, reader)
	api.POST("/recognitions/:id/decisions", s.postDecision, registrar)
	api.POST("/credentials/:id/erase-delivery", s.postEraseDelivery, registrar)
	api.GET("/credentials/:id/letters", s.getLettersOf, registrar)
	api.POST("/credentials/:id/letters", s.postLetter, registrar)
	api.POST("/credentials/:id/address", s.postAddress, registrar)
	api.GET("/letters", s.getLetters, registrar)
	api.POST("/letters", s.postLetters, registrar)
	api.POST("/letters/reports", s.postReport, registrar, kit.LimitBody(mail.MaxReport))
	api.POST("/erasures", s.postErasure, registrar)
	api.GET("/erasures", s.getErasures, reader)
	api.POST("/erasures/:id/confirm", s.postConfirmErasure, approver)
	api.POST("/erasures/:id/refuse", s.postRefuseErasure, approver)
	api.GET("/keys", s.getKeys, reader)
	api.POST("/keys/:key/compromise", s.postKeyCompromise, admin)
	api.GET("/compromises", s.getCompromises, reader)
	api.POST("/compromises/:id/confirm", s.postConfirmCompromise, may(Approver, Admin))
	api.POST("/compromises/:id/refuse", s.postRefuseCompromise, may(Approver, Admin))
	api.GET("/approvals", s.getApprovals, reader)
	api.GET("/approvals/:id", s.getApproval, reader)
	api.POST("/approvals/:id/approve", s.postApprove, approver)
	api.POST("/approvals/:id/reject", s.postReject, approver)
	api.GET("/name-checks", s.getNameChecks, reader)
	api.GET("/name-checks/:id", s.getNameCheck, reader)
	api.POST("/name-checks/:id/release", s.postReleaseName, registrar)
	api.POST("/name-checks/:id/drop", s.postDropName, registrar)
	list := kit.LimitBody(c.ListBody)
	api.POST("/drafts", s.postDrafts, registrar, list)
	api.POST("/courses/:id/batches", s.postBatch, registrar, list)
	api.POST("/courses/:id/:version/batches", s.postBatch, registrar, list)
	api.GET("/batches", s.getBatches, reader)
	api.GET("/batches/:batch", s.getBatch, reader)
	api.GET("/batches/:batch/results", s.getResults, reader)
	api.GET("/batches/:batch/results.csv", s.getResultsCSV, reader)
	api.GET("/batches/:batch/previews", s.getPreviews, reader)
	api.POST("/batches/:batch/list", s.postList, registrar, list)
	for step := range batchSteps {
		api.POST("/batches/:batch/"+step, s.postStep(step), registrar)
	}
	api.POST("/courses", s.postCourse, registrar)
	courseReader := may(courseReaders...)
	api.GET("/courses", s.getCourses, courseReader)
	api.GET("/courses/:id", s.getCourse, courseReader)
	api.GET("/courses/:id/answers", s.getAnswers, courseReader)
	api.GET("/courses/:id/:version", s.getCourseFile, courseReader)
	api.GET("/reports", s.getReports, reader)
	api.POST("/reports/:id/close", s.postCloseReport, registrar)
	api.GET("/audit", s.getAudit, auditor)
	api.POST("/backups", s.postBackup, admin)
	api.GET("/backups", s.getBackups, admin)
	api.POST("/archives", s.postArchive, admin)
	api.GET("/archives", s.getArchives, admin)

	// The registrar's desk. Bodies with a class list are let in before the form is read.
	e.GET(signInPath, s.getSignIn)
	e.POST(signInPath, s.postSignIn)
	e.POST(signInPath+"/passkey", s.postSignInPasskey)
	e.POST(signInPath+"/passkey/offer", s.postSignInOffer)
	e.GET(providerPath, s.getDepart)
	e.GET(ReturnPath, s.getReturn)
	e.POST("/desk/batches", s.postDeskBatches, page, s.signedIn, rate, registrar)
	e.POST("/desk/batches/:batch", s.postDeskBatch, page, s.signedIn, rate, registrar)
	e.POST("/desk/recognitions", s.postDeskRecognitions, kit.LimitBody(maxFile), s.signedIn, rate, registrar)
	d := e.Group("/desk", s.signedIn, rate)
	d.GET("/set-up", s.getSetUp)
	d.POST("/set-up", s.postSetUp)
	d.GET("/set-up/code.svg", s.getSetUpCode)
	d.GET("/again", s.getAgain)
	d.POST("/again", s.postAgain)
	d.POST("/again/offer", s.postAgainOffer)
	d.POST("/sign-out", s.postSignOut)
	d.GET("/stay", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	d.GET("/passkeys", s.getPasskeys, s.fresh)
	d.POST("/passkeys/offer", s.postPasskeyOffer, s.fresh)
	d.POST("/passkeys/add", s.postPasskey("add"), s.fresh)
	d.POST("/passkeys/remove", s.postPasskey("remove"), s.fresh)
	d.POST("/passkeys/password", s.postPasskey("password"), s.fresh)
	d.GET("", s.getDesk, may(Roles...))
	d.GET("/records", s.getDeskRecords, reader)
	d.POST("/records", s.postDeskRecords, reader)
	d.GET("/records/:id", s.getDeskRecord, reader)
	d.GET("/records/:id/certificate.pdf", s.getCertificate, reader)
	d.GET("/records/:id/correct", s.getCorrect, registrar, s.fresh)
	d.POST("/records/:id/correct", s.postCorrect, registrar, s.fresh)
	d.GET("/records/:id/:act", s.getRecordAct, registrar, s.fresh)
	d.POST("/records/:id/:act", s.postRecordAct, registrar, s.fresh)
	d.GET("/letters", s.getDeskLetters, registrar, s.fresh)
	d.POST("/letters", s.postDeskLetters, registrar, s.fresh)
	d.GET("/issue", s.getDeskIssue, registrar)
	d.POST("/issue", s.postDeskIssue, registrar)
	d.GET("/batches", s.getDeskBatches, reader)
	d.GET("/batches/:batch", s.getDeskBatch, reader)
	d.GET("/batches/:batch/results.csv", s.getDeskResults, reader)
	d.POST("/batches/:batch/:step", s.postDeskStep, registrar)
	d.GET("/approvals", s.getDeskApprovals, reader)
	d.GET("/approvals/:id", s.getDeskApproval, reader)
	d.POST("/approvals/:id/:decision", s.postDeskApproval, approver)
	d.POST("/approvals/people", s.postConfirmAccount, may(Approver, Admin), s.fresh)
	d.GET("/names", s.getDeskNames, reader)
	d.POST("/names/:id/:decision", s.postDeskName, registrar)
	d.GET("/courses", s.getDeskCourses, courseReader)
	d.GET("/courses/form", s.getCourseForm, registrar)
	d.POST("/courses/form", s.postCourseForm, registrar)
	d.GET("/courses/:id/:version", s.getDeskCourse, courseReader)
	d.GET("/recognitions", s.getDeskRecognitions, reader)
	d.GET("/recognitions/:id", s.getDeskRecognition, reader)
	d.POST("/recognitions/:id", s.postDeskRecognition, registrar)
	d.POST("/recognitions/:id/erase", s.postDeskRecognitionErase, registrar)
	d.GET("/erasures", s.getDeskErasures, reader)
	d.POST("/erasures/:id/:decision", s.postDeskErasure, approver, s.fresh)
	d.GET("/reports", s.getDeskReports, reader)
	d.POST("/reports/:id", s.postDeskReport, registrar)
	d.GET("/bulk", s.getDeskBulk, admin, s.fresh)
	d.POST("/bulk", s.postDeskBulk, admin, s.fresh)
	d.GET("/bulk/:id", s.getDeskBulkOne, admin)
	d.POST("/bulk/:id/:step", s.postDeskBulkOne, admin)
	d.GET("/review", s.getDeskReview, courseReader)
	d.GET("/keys", s.getDeskKeys, reader)
	d.GET("/keys/:key/compromise", s.getCompromise, admin, s.fresh)
	d.POST("/keys/:key/compromise", s.postCompromise, admin, s.fresh)
	d.POST("/keys/waiting/:id/:decision", s.postCompromiseDecision, may(Approver, Admin), s.fresh)
	d.GET("/keys/:key/reissue", s.getReissue, admin, s.fresh)
	d.POST("/keys/:key/reissue", s.postReissue, admin, s.fresh)
	d.GET("/log", s.getDeskLog, auditor)
	d.POST("/log", s.postDeskLog, auditor)
	d.GET("/settings", s.getDeskSettings, auditor)
	d.POST("/backups", s.postDeskBackup, admin)
	d.POST("/archives", s.postDeskArchive, admin, s.fresh)
	d.POST("/copies/verify", s.postDeskVerify, admin)
	d.GET("/copies/:file", s.getDeskCopy, admin, s.fresh)
	d.GET("/accounts", s.getDeskAccounts, admin, s.fresh)
	d.POST("/accounts/:do", s.postDeskAccount, admin, s.fresh)

	// VC-API (W3C Credentials Community Group).
	if c.VCAPI {
		e.POST("/credentials/issue", s.postStatement, web.ForPrograms, s.requireKey, rate, registrar)
		e.POST("/credentials/status", s.postStatementStatus, web.ForPrograms, s.requireKey, rate, registrar)
	}

	e.GET("/openapi.json", s.getDescription)
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", kit.Ready(s.conditions))
	e.GET("/robots.txt", func(c echo.Context) error {
		return c.String(http.StatusOK, "User-agent: *\nAllow: /catalogue\nDisallow: /\n")
	})
	for _, route := range e.Routes() {
		if route.Method == http.MethodGet {
			s.pages[route.Path] = true
		}
	}
	return e, nil
}
