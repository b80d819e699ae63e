package verifier

// Of any check.
var (
	notReached     = say("not-reached", "Not looked at, because an earlier check did not get this far.")
	tooLargeToRead = say("too-large", "Too large to be looked at: {Detail}.")
)

// Of the format.
var (
	formatSound            = say("format.sound", "Well-formed, and every rule of the data model holds.")
	formatConforms         = say("format.conforms", "Well-formed, and every rule of the data model and of the application profile {Profile} holds.")
	formatAsMade           = say("format.as-made", "It is what it was made of.")
	formatNotAsMade        = say("format.not-as-made", "It seals something else than what it was made of.")
	formatWithdrawal       = say("format.withdrawal", "The issuer's word that a credential was withdrawn stands in its place.")
	formatWithdrawalOfNone = say("format.withdrawal-of-nobody", "This is not a credential: it says that one was withdrawn, and nobody in the trust file answers for that.")
	formatUnopened         = say("format.unopened", "Not looked at, because the seal did not open.")
	formatNoCredential     = say("format.no-credential", "This is not a sealed credential that can be read: {Detail}.")
	formatEnvelope         = say("format.envelope", "The envelope of the credential cannot be read: {Why}.")
	formatNoneInPDF        = say("format.none-in-pdf", "No sealed file is in this PDF as an issuer of ours puts it there: it is no certificate or another program saved it anew. Give it as it was downloaded or give the sealed file itself.")
	formatPDFInPDF         = say("format.pdf-in-pdf", "The file attached to this PDF is a PDF again.")
	formatDigits           = say("format.digits", "The digits of this offline code cannot be read: perhaps some are missing. Scan it again.")
	formatNewerCode        = say("format.newer-code", "This offline code is of a kind that is not known here. It may be newer than this program: use the other code of the certificate.")
	formatUnreadable       = say("format.unreadable", "The content cannot be read.")
	formatContexts         = say("format.contexts", "The content names contexts that are not known here, or that contradict each other.")
	formatTooLarge         = say("format.too-large", "The content is too large to be looked at.")
	formatKeyword          = say("format.keyword", "The content holds a keyword where a term is expected.")
	formatRule             = say("format.rule", "The content breaks a rule of the data model.")
	formatNotConforming    = say("format.not-conforming", "Sealed, but not a conforming European Digital Credential.")
	formatUndefined        = say("format.undefined", "The content holds terms that its contexts do not define.")
	formatNotComparable    = say("format.not-comparable", "The content cannot be held against its application profile.")
	formatTooCostly        = say("format.too-costly", "Working out what the proof seals would take too long.")

	remarkInPDF           = say("format.in-pdf", "It was attached to a PDF: the file inside was checked, and what the pages show was not compared with it.")
	remarkBesideEnvelope  = say("format.beside-envelope", "Its envelope says more, which nobody sealed and which was not looked at: {Names}.")
	remarkConcealed       = say("format.concealed", "Its holder chose what to show: {Count} places are sealed in it that are not shown.")
	remarkBroken          = say("format.broken", "{Detail}")
	remarkUndefined       = say("format.undefined-terms", "Not defined: {Terms}")
	remarkNotUnderstood   = say("format.not-understood", "Sealed, but not understood: {Terms}")
	remarkNoProfile       = say("format.no-profile", "No application profile that is known here is declared.")
	remarkShapesUnchecked = say("format.shapes-unchecked", "The shapes of the application profile were not checked.")
)

// Of the rules of elm and contexts that a document breaks, by their ids. Which place
// of it and what exactly is wrong there is the detail.
var brokenRules = func() map[string]*Sentence {
	all := map[string]*Sentence{}
	for _, rule := range []string{
		"json-syntax", "json-duplicate", "json-case", "json-number", "json-utf8", "json-depth", "json-members", "json-name", "json-size",
		"vc-object", "vc-context", "vc-type", "vc-id", "vc-issuer", "vc-subject", "vc-date", "vc-period", "vc-text", "vc-status", "vc-schema", "vc-evidence",
		"vc-terms", "vc-refresh", "vc-render", "vc-confidence", "vc-related-resource", "vc-proof", "vc-claims", "elm-type", "elm-date", "elm-duration",
		"context-unknown", "context-inline", "context-missing", "context-order", "context-conflict", "context-digest",
		"keyword", "relative-iri", "blank-node", "language-tag", "malformed", "budget",
		"shape-min-count", "shape-max-count", "shape-class", "shape-datatype", "shape-node-kind", "shape-has-value", "shape-node", "shape-or",
		"shape-unique-lang", "shape-max-inclusive", "vocabulary-closed", "vocabulary-misplaced",
	} {
		all[rule] = say("rule."+rule, "{Detail}")
	}
	return all
}()

// broke is the sentence that a rule is broken. A test holds that each rule has its own.
func broke(rule string) *Sentence {
	if s := brokenRules[rule]; s != nil {
		return s
	}
	return remarkBroken // unreachable
}

// Of envelopes: why one cannot be read.
var (
	envelopeContext = say("envelope.context", "the first context of an {Type} is {Context}")
	envelopeType    = say("envelope.type", "an {Type} is of no other type")
	envelopeID      = say("envelope.id", "the id of an {Type} is a data: URL")
	envelopeNotYet  = say("envelope.not-yet", "{Media} is not read here yet")
	envelopeMedia   = say("envelope.media", "data of media type {Media} is not read here, only {Only}")
	envelopeCompact = say("envelope.compact", "{Media} is a compact token")
)

// Of the seal.
var (
	sealExact           = say("seal.exact", "Exactly what {Issuer} sealed ({Algorithm}).")
	sealExactByStranger = say("seal.exact-by-stranger", "Exactly what was sealed ({Algorithm}), with a key that nobody here answers for.")
	sealLogged          = say("seal.logged", "Exactly what {Issuer} sealed ({Algorithm}). Its key became known to others on {Lost}; before that, on {Head}, it was on the issuer's log.")
	sealNone            = say("seal.none", "The document carries no seal: anybody could have written it.")
	sealHeader          = say("seal.header", "The header of the seal breaks a rule: {Detail}.")
	sealAlgorithm       = say("seal.algorithm", "Sealed with an algorithm that is not allowed: {Detail}.")
	sealKeyPolicy       = say("seal.key-policy", "Sealed with a key that must not be used for this: {Detail}.")
	sealChanged         = say("seal.changed", "The seal does not fit: the document was changed after sealing, or somebody else sealed it.")
	sealUnknownKey      = say("seal.unknown-key", "The seal was made with a key that nobody here knows.")
	sealUncheckable     = say("seal.uncheckable", "The seal was made with a key that nobody here knows, so it could not be checked.")
	sealNotByNamed      = say("seal.not-by-named", "It names an issuer of the trust file, but is not sealed with a key of that issuer.")
	sealOfUnreadable    = say("seal.of-unreadable", "The seal is intact, but what it seals cannot be read, so nobody can say whose it should be.")
	sealTwoPlaces       = say("seal.two-places", "The proof does not say which of two places holds what is said of {ID}.")
	sealNotCanonical    = say("seal.not-canonical", "What the proof seals cannot be worked out: {Detail}.")
	sealInFuture        = say("seal.in-future", "The seal claims to have been made in the future.")
	sealHeaderIssuer    = say("seal.header-issuer", "The header of the seal names another issuer than the credential.")
	sealCertificateUse  = say("seal.certificate-use", "The certificate is not one for seals.")
	sealCertificateThen = say("seal.certificate-period", "The seal's certificate was not valid at the time of sealing.")
	sealCertificateOf   = say("seal.certificate-of-other", "The seal's certificate is for another organisation than the issuer whom the credential names.")
	sealByOther         = say("seal.by-other", "Sealed by {Issuer}, but the credential names another issuer.")
	sealKeyOfOther      = say("seal.key-of-other", "Sealed with the key of somebody else than the issuer whom the credential names.")
	sealKeyLost         = say("seal.key-lost", "Sealed with a key after it had become known to others.")
	sealKeyLostLater    = say("seal.key-lost-later", "The key became known to others later, and nothing proves that the seal is older than that.")
	sealKeyPurpose      = say("seal.key-purpose", "Sealed with a key that is not for sealing.")
	sealKeyTooEarly     = say("seal.key-too-early", "Sealed with a key that was not yet in use at that time.")
	sealKeyTooLate      = say("seal.key-too-late", "Sealed with a key that was no longer in use at that time.")

	remarkNoPath             = say("seal.no-path", "No path leads from the seal's certificate to an anchor of that issuer. Where the file does not bring the certificates in between, the trust file must.")
	remarkSeals              = say("seal.several", "It carries {Count} seals, all intact. This is said of the issuer's.")
	remarkCertificateUnasked = say("seal.certificate-unasked", "Whether the seal's certificate was withdrawn by its authority was not asked.")
	remarkCertificateEnded   = say("seal.certificate-ended", "The seal's certificate ended on {Date}. It was valid when the seal, by its own word, was made.")
	remarkLogPinned          = say("seal.log-pinned", "The head of log {Log} that proves it is one that the operator saw at the time.")
	remarkLogOtherKey        = say("seal.log-other-key", "The head of log {Log} that proves it is sealed with another key of the issuer.")
	remarkLog                = say("seal.log", "The issuer's log was asked for a proof: {Why}.")
)

// Of an issuer's log: why it proves nothing.
var (
	logNoAddress   = say("log.no-address", "it has no address here, or the credential no id")
	logNone        = say("log.none", "it has none")
	logNoProof     = say("log.no-proof", "what it answered is none")
	logUnsealed    = say("log.unsealed", "its head is not sealed with a key of the issuer")
	logOtherTree   = say("log.other-tree", "its head is of another tree")
	logSameKey     = say("log.same-key", "its head is sealed with the same key")
	logLostKey     = say("log.lost-key", "its head is sealed with a key that became known to others, too")
	logAfterLoss   = say("log.after-loss", "its head is from after the loss of the key")
	logKeyNotInUse = say("log.key-not-in-use", "its head is sealed with a key that was not in use then")
	logOtherSeal   = say("log.other-seal", "the log has another seal of it")
	logBroken      = say("log.broken", "{Detail}")
)

// Of what is fetched: why there is no answer.
var (
	fetchStatus  = say("fetch.status", "answered with status {Status}")
	fetchAddress = say("fetch.address", "address not allowed")
	fetchLate    = say("fetch.late", "no answer in time")
	fetchNone    = say("fetch.none", "no answer")
	fetchTooMuch = say("fetch.too-much", "answer too large")
	fetchBusy    = say("fetch.busy", "too many hosts are being asked for their keys")
)

// Of the issuer.
var (
	issuerKnown       = say("issuer.known", "{Issuer} is known from the trust file.")
	issuerEnded       = say("issuer.ended", "The trust file vouches for {Issuer} until {Date} only, and this was sealed later.")
	issuerSealNotGood = say("issuer.seal-not-good", "Who issued this cannot be said, because the seal is not good.")
	issuerOfNobody    = say("issuer.of-nobody", "Nobody in the trust file answers for the issuer.")
	issuerKeyOfNobody = say("issuer.key-of-nobody", "Nobody in the trust file answers for the issuer or the key.")
	issuerNoTrust     = say("issuer.no-trust", "No trust file is configured, so nobody could be confirmed.")
	issuerTrustToCome = say("issuer.trust-to-come", "The trust file is of {Date}, which is yet to come: the clock of this machine is wrong, or the file is.")
	issuerTrustEnded  = say("issuer.trust-ended", "The trust file ended on {Date} and must be renewed before anybody can be confirmed.")

	remarkCalled         = say("issuer.called", "The credential calls its issuer {Name}.")
	remarkEnded          = say("issuer.institution-ended", "This institution ended on {Date}.")
	remarkSuccessor      = say("issuer.successor", "Its successor is {Name}.")
	remarkCustodian      = say("issuer.custodian", "Its records are kept by {Name}.")
	remarkKeysNotHad     = say("issuer.keys-not-had", "The keys of {DID} could not be had from its host: {Why}.")
	remarkKeyUnpublished = say("issuer.key-unpublished", "The host of {DID} does not publish this key.")
	keysBroken           = say("issuer.keys-broken", "{Detail}")
)

// Of accreditation.
var (
	accreditedBy          = say("accreditation.by", "{Body} was accredited by {Agency} on the day of the award, {Date}.")
	accreditedNot         = say("accreditation.not", "{Body} was not accredited on the day of the award, {Date}, by the trust file.")
	accreditedByOwnWord   = say("accreditation.stated", "The issuer itself states in the credential that there was an accreditation on the day of the award. Nobody else has confirmed that here.")
	accreditedOnlyByOwn   = say("accreditation.stated-only", "The issuer states an accreditation in the credential; the trust file knows of none.")
	accreditationUnknown  = say("accreditation.unknown", "Neither the trust file nor the credential says anything about accreditation on the day of the award.")
	accreditationUndated  = say("accreditation.undated", "The credential has no awarding date for which accreditation could be looked up.")
	accreditationOfNobody = say("accreditation.of-nobody", "Not looked up, because the issuer is not confirmed.")
)

// Of revocation.
var (
	notRevoked           = say("revocation.not-revoked", "The issuer has neither revoked nor suspended it.")
	revocationNone       = say("revocation.none", "There is no status to ask for.")
	revocationRevoked    = say("revocation.revoked", "The issuer has revoked it.")
	revokedReplaced      = say("revocation.replaced", "The issuer has revoked it: it was replaced on {Date}. Ask its holder for the new one.")
	revokedForError      = say("revocation.for-error", "The issuer has revoked it on {Date}, because it contained an error.")
	revokedForKey        = say("revocation.for-key", "The issuer has revoked it on {Date}, because the key that it was sealed with is no longer safe.")
	revocationSuspended  = say("revocation.suspended", "The issuer has suspended it for the time being.")
	revocationUnreadable = say("revocation.unreadable", "The status of this credential is not written in a form that can be read.")
	revocationTooMany    = say("revocation.too-many", "It has {Count} status entries, where at most {Most} are read.")
	revocationContent    = say("revocation.content", "Not asked, because the content breaks a rule.")
	revocationOfNobody   = say("revocation.of-nobody", "Not asked: status lists are fetched only for issuers that are confirmed.")
	revocationEntry      = say("revocation.entry", "Its status entry breaks a rule.")
	revocationUnknown    = say("revocation.unknown", "Whether it was revoked could not be found out.")
	revocationList       = say("revocation.list", "Whether it was revoked could not be found out, because the issuer's list breaks a rule.")

	remarkNotOffered = say("revocation.not-offered", "the issuer offers no revocation for it")
	remarkRenewed    = say("revocation.renewed", "The issuer offers a renewed one.")
	remarkStatus     = say("revocation.status", "The issuer's message on it: {Text}")
	remarkPurpose    = say("revocation.purpose", "{Purpose}: {Why}")
)

// Of a status entry and its list: why there is no answer that counts.
var (
	entryType       = say("entry.type", "status entry breaks a rule: entry without a type")
	entryOtherType  = say("entry.other-type", "status of type {Type} is not read")
	entryPurpose    = say("entry.purpose", "status entry breaks a rule: entry without a purpose")
	entryNotPurpose = say("entry.other-purpose", "a purpose that is not known here")
	entryID         = say("entry.id", "status entry breaks a rule: its id is that of the list")
	entryIndex      = say("entry.index", "status entry breaks a rule: {Detail}")
	entrySize       = say("entry.size", "status entry breaks a rule: statusSize is not a number from 1 to {Most}")
	entryMessages   = say("entry.messages", "status entry breaks a rule: statusSize {Size} without its {Messages} messages")
	entryMessage    = say("entry.message", "status entry breaks a rule: statusMessage is not a list of status and message")
	entryReference  = say("entry.reference", "status entry breaks a rule: statusReference is not a URL")
	entryAddress    = say("entry.address", "status entry breaks a rule: statusListCredential: {Detail}")
	entryForbidden  = say("entry.forbidden", "statusListCredential: {Detail}")
	entryHost       = say("entry.host", "the list is on a host that the trust file does not name for the issuer")
	entryOtherUse   = say("entry.other-use", "status entry breaks a rule: the list is for another purpose")
	entryOutside    = say("entry.outside", "status entry breaks a rule: the index lies outside the list")

	listNotFetched   = say("list.not-fetched", "the list could not be fetched: {Why}")
	listTooLarge     = say("list.too-large", "status list breaks a rule: it is too large")
	listUnsealed     = say("list.unsealed", "status list breaks a rule: it is not sealed as it should be: {Detail}")
	listConcealing   = say("list.concealing", "status list breaks a rule: it is sealed in a form in which parts of it can be kept back")
	listNoCredential = say("list.no-credential", "status list breaks a rule: it is not a credential by its form: {Why}")
	listSealOfNobody = say("list.seal-of-nobody", "status list breaks a rule: it is not sealed by an issuer of the trust file: {Why}")
	listSealOfOther  = say("list.seal-of-other", "status list breaks a rule: it is sealed by another issuer")
	listOtherType    = say("list.other-type", "status list breaks a rule: it is a credential of another type")
	listOtherAddress = say("list.other-address", "status list breaks a rule: it is another list than the one at this address")
	listWithStatus   = say("list.with-status", "status list breaks a rule: it has a status of its own, which is not looked up")
	listNoPeriod     = say("list.no-period", "status list breaks a rule: it has no period of validity that can be read")
	listNotYet       = say("list.not-yet", "status list breaks a rule: it is not valid yet")
	listOutOfDate    = say("list.out-of-date", "status list breaks a rule: it is out of date")
	listOlder        = say("list.older", "status list breaks a rule: it is older than one that was seen before")
	listNoPurpose    = say("list.no-purpose", "status list breaks a rule: it has no purpose")
	listSize         = say("list.size", "status list breaks a rule: it has a statusSize that is not a positive number")
	listTTL          = say("list.ttl", "status list breaks a rule: it has a ttl that is not a number of milliseconds")
	listTooShort     = say("list.too-short", "status list breaks a rule: it is too short")
	listTooShortFor  = say("list.too-short-for", "status list breaks a rule: it is too short for entries of {Bits} bits")
	listNotDecodable = say("list.not-decodable", "status list breaks a rule: it cannot be decoded: {Detail}")
	listOtherKind    = say("list.other-kind", "status list breaks a rule: it is of another kind than the entry")
	listOtherSize    = say("list.other-size", "status list breaks a rule: its entries have another size")
)

// Of the period.
var (
	periodOpen       = say("expiry.open", "Valid without an end.")
	periodUntil      = say("expiry.until", "Valid until {Date}.")
	periodEnded      = say("expiry.ended", "Validity ended on {Date}.")
	periodToCome     = say("expiry.to-come", "Not valid before {Date}.")
	periodUnreadable = say("expiry.unreadable", "The period of validity cannot be read.")
)

// Of the supplement.
var (
	supplementComplete  = say("supplement.complete", "All {Count} mandatory elements of Annex I are there.")
	supplementMissing   = say("supplement.missing", "{Count} of {All} mandatory elements of Annex I are missing.")
	supplementNotShown  = say("supplement.missing-or-not-shown", "{Count} of {All} mandatory elements of Annex I are missing or not shown.")
	supplementOther     = say("supplement.other-model", "Not a credential of the European Learning Model, so the elements of Annex I were not looked for.")
	supplementOfExtract = say("supplement.extract", "This is an extract for a printed code. The whole credential is asked for the elements of Annex I; the learner has it.")

	remarkMissing  = say("supplement.which-missing", "Missing: {Elements}.")
	remarkReasoned = say("supplement.which-reasoned", "Answered by a reason: {Elements}.")
	remarkUnstated = say("supplement.which-unstated", "Not stated: {Elements}.")
)

// Of the holder.
var (
	ownerProved       = say("owner.proved", "Presented with the key that it was issued to, for this occasion.")
	ownerNotPresented = say("owner.not-presented", "Nobody has proved to be the holder: the credential was not presented from a wallet.")
	ownerOfNobody     = say("owner.of-nobody", "Nobody has proved to be the holder of the presentation that it came in.")
	ownerOccasion     = say("owner.occasion", "The presentation that it came in was made for another occasion, so it proves nothing of who shows it now.")
	ownerOther        = say("owner.other", "It was issued to another holder than the one who presented it.")
	ownerUnbound      = say("owner.unbound", "It does not say which wallet it was issued to, so a wallet cannot prove whose it is.")
	ownerUnasked      = say("owner.unasked", "It was presented with the key that it was issued to, but nobody asked for that now: it may have been kept and shown again.")
)

// Of a presentation.
var (
	presentationSound      = say("presentation.sound", "Well-formed, with {Count} credentials.")
	presentationUnreadable = say("presentation.unreadable", "This is not a presentation that can be read: {Detail}.")
	presentationEnvelope   = say("presentation.envelope", "The envelope of the presentation cannot be read: {Why}.")
	presentationRule       = say("presentation.rule", "The presentation breaks a rule: {Detail}.")
	presentationTooLarge   = say("presentation.too-large", "Too large to be looked at.")
	presentationUndefined  = say("presentation.undefined", "The presentation holds terms that its contexts do not define: {Detail}.")
	presentationContexts   = say("presentation.contexts", "The presentation cannot be read by its contexts: {Detail}.")
	presentationSealed     = say("presentation.sealed", "Sealed by {Holder}, whose key it is.")
	presentationOther      = say("presentation.other-holder", "It names another holder than the one whose key it is sealed with.")
	presentationUnsealed   = say("presentation.unsealed", "Nobody proved to be the holder: the presentation carries no seal.")
	presentationSeals      = say("presentation.several-seals", "It is proved by several, where one proof of one holder is expected.")
	presentationTooCostly  = say("presentation.too-costly", "Too costly to be checked, so nobody can say whether the proof fits.")
	presentationChanged    = say("presentation.changed", "The seal does not fit: the presentation was changed, or somebody else sealed it.")
	presentationUnknownKey = say("presentation.unknown-key", "Who holds the key could not be found out, so nobody proved to be the holder.")
	presentationEnded      = say("presentation.ended", "The presentation ended on {Date}.")
	presentationToCome     = say("presentation.to-come", "The presentation does not hold before {Date}.")
	presentationNow        = say("presentation.now", "The presentation sets no limit that is over.")
	presentationEmpty      = say("presentation.empty", "The presentation holds no credential.")

	challengeAnswered = say("challenge.answered", "It answers the challenge that was asked.")
	challengeOther    = say("challenge.other", "It does not answer the challenge that was asked: it was made for another occasion.")
	challengeUnasked  = say("challenge.unasked", "No challenge was asked for, so it may have been made for another occasion.")
	challengeOfNobody = say("challenge.of-nobody", "Nobody proved to be the holder, so nobody answered the challenge.")
	domainMeant       = say("domain.meant", "It was made for whom asked for it.")
	domainOther       = say("domain.other", "It was not made for whom asked for it.")
	domainUnasked     = say("domain.unasked", "No domain was asked for.")
	domainOfNobody    = say("domain.of-nobody", "Nobody proved to be the holder, so nobody said for whom it was made.")

	remarkSame = say("presentation.same", "Credential {Number} is the same as another one and is listed once.")
)

// Of a file among several.
var fileNotUnpacked = say("file.not-unpacked", "The file cannot be taken out of the ZIP.")
