package verifier

// Of any check.
var (
	notReached     = say("not-reached", "Not checked, because an earlier check did not get this far.")
	tooLargeToRead = say("too-large", "Too large to be checked: {Detail}.")
)

// Of the format.
var (
	formatSound            = say("format.sound", "Well-formed, and it follows every rule of the data model.")
	formatConforms         = say("format.conforms", "Well-formed, and it follows every rule of the data model and of the application profile {Profile}.")
	formatAsMade           = say("format.as-made", "It matches what it was made from.")
	formatNotAsMade        = say("format.not-as-made", "It seals something different from what it was made from.")
	formatWithdrawal       = say("format.withdrawal", "In its place is the issuer's statement that a credential was revoked.")
	formatWithdrawalOfNone = say("format.withdrawal-of-nobody", "This is not a credential. It says that one was revoked, but nobody in the trust file vouches for that.")
	formatUnopened         = say("format.unopened", "Not checked, because the seal could not be opened.")
	formatNoCredential     = say("format.no-credential", "This is not a sealed credential that we can read: {Detail}.")
	formatEnvelope         = say("format.envelope", "The envelope of the credential cannot be read: {Why}.")
	formatNoneInPDF        = say("format.none-in-pdf", "This PDF does not contain a sealed file where our issuers put it: it is not a certificate, or another program saved it again. Use the PDF as it was downloaded, or use the sealed file itself.")
	formatPDFInPDF         = say("format.pdf-in-pdf", "The file attached to this PDF is another PDF.")
	formatDigits           = say("format.digits", "The digits of this offline code cannot be read. Some may be missing. Scan it again.")
	formatNewerCode        = say("format.newer-code", "We do not know this kind of offline code. It may be newer than this program. Use the other code on the certificate.")
	formatUnreadable       = say("format.unreadable", "The content cannot be read.")
	formatContexts         = say("format.contexts", "The content names contexts that are not known here or that contradict each other.")
	formatTooLarge         = say("format.too-large", "The content is too large to be checked.")
	formatKeyword          = say("format.keyword", "The content has a keyword where a term is expected.")
	formatRule             = say("format.rule", "The content breaks a rule of the data model.")
	formatNotConforming    = say("format.not-conforming", "Sealed, but not a conforming European Digital Credential.")
	formatUndefined        = say("format.undefined", "The content has terms that its contexts do not define.")
	formatNotComparable    = say("format.not-comparable", "The content cannot be compared with its application profile.")
	formatTooCostly        = say("format.too-costly", "Working out what the proof seals would take too long.")

	remarkInPDF           = say("format.in-pdf", "It was attached to a PDF. We checked the file inside, but did not compare it with what the pages show.")
	remarkBesideEnvelope  = say("format.beside-envelope", "Its envelope contains more, which nobody sealed and which we did not check: {Names}.")
	remarkConcealed       = say("format.concealed", "Its holder chose what to show: {Count} places are sealed in it that are not shown.")
	remarkBroken          = say("format.broken", "{Detail}")
	remarkUndefined       = say("format.undefined-terms", "Not defined: {Terms}")
	remarkNotUnderstood   = say("format.not-understood", "Sealed, but not understood: {Terms}")
	remarkNoProfile       = say("format.no-profile", "It does not declare an application profile that is known here.")
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
	envelopeType    = say("envelope.type", "an {Type} has no other type")
	envelopeID      = say("envelope.id", "the id of an {Type} is a data: URL")
	envelopeNotYet  = say("envelope.not-yet", "{Media} cannot be read here yet")
	envelopeMedia   = say("envelope.media", "data of media type {Media} cannot be read here, only {Only}")
	envelopeCompact = say("envelope.compact", "{Media} is a compact token")
)

// Of the seal.
var (
	sealExact           = say("seal.exact", "Exactly what {Issuer} sealed ({Algorithm}).")
	sealExactByStranger = say("seal.exact-by-stranger", "Exactly what was sealed ({Algorithm}), but nobody here vouches for the key.")
	sealLogged          = say("seal.logged", "Exactly what {Issuer} sealed ({Algorithm}). Others got hold of its key on {Lost}. Before that, on {Head}, it was in the issuer's log.")
	sealNone            = say("seal.none", "The document has no seal. Anyone could have written it.")
	sealHeader          = say("seal.header", "The header of the seal breaks a rule: {Detail}.")
	sealAlgorithm       = say("seal.algorithm", "Sealed with an algorithm that is not allowed: {Detail}.")
	sealKeyPolicy       = say("seal.key-policy", "Sealed with a key that must not be used for this: {Detail}.")
	sealChanged         = say("seal.changed", "The seal does not match. The document was changed after sealing, or someone else sealed it.")
	sealUnknownKey      = say("seal.unknown-key", "The seal was made with a key that nobody here knows.")
	sealUncheckable     = say("seal.uncheckable", "The seal was made with a key that nobody here knows, so it could not be checked.")
	sealNotByNamed      = say("seal.not-by-named", "It names an issuer in the trust file, but is not sealed with a key of that issuer.")
	sealOfUnreadable    = say("seal.of-unreadable", "The seal is intact, but what it seals cannot be read, so we cannot say whose it should be.")
	sealTwoPlaces       = say("seal.two-places", "The proof does not say which of two places holds the statements about {ID}.")
	sealNotCanonical    = say("seal.not-canonical", "What the proof seals cannot be worked out: {Detail}.")
	sealInFuture        = say("seal.in-future", "The seal claims to have been made in the future.")
	sealHeaderIssuer    = say("seal.header-issuer", "The header of the seal names a different issuer from the credential.")
	sealCertificateUse  = say("seal.certificate-use", "The certificate is not for making seals.")
	sealCertificateThen = say("seal.certificate-period", "The seal's certificate was not valid at the time of sealing.")
	sealCertificateOf   = say("seal.certificate-of-other", "The seal's certificate is for a different organisation from the issuer named in the credential.")
	sealByOther         = say("seal.by-other", "Sealed by {Issuer}, but the credential names a different issuer.")
	sealKeyOfOther      = say("seal.key-of-other", "Sealed with a key that does not belong to the issuer named in the credential.")
	sealKeyLost         = say("seal.key-lost", "Sealed with a key after others had got hold of it.")
	sealKeyLostLater    = say("seal.key-lost-later", "Others got hold of the key later, and nothing proves that the seal was made before that.")
	sealKeyPurpose      = say("seal.key-purpose", "Sealed with a key that is not for sealing.")
	sealKeyTooEarly     = say("seal.key-too-early", "Sealed with a key that was not yet in use at that time.")
	sealKeyTooLate      = say("seal.key-too-late", "Sealed with a key that was no longer in use at that time.")

	remarkNoPath             = say("seal.no-path", "The seal's certificate cannot be traced to an anchor of that issuer. If the file does not include the certificates in between, the trust file must.")
	remarkSeals              = say("seal.several", "It has {Count} seals, all intact. This is about the issuer's.")
	remarkCertificateUnasked = say("seal.certificate-unasked", "We did not check whether the seal's certificate was revoked by its authority.")
	remarkCertificateEnded   = say("seal.certificate-ended", "The seal's certificate expired on {Date}. It was valid when the seal was made, according to the seal itself.")
	remarkLogPinned          = say("seal.log-pinned", "The operator saw the head of log {Log} at the time, and it proves this.")
	remarkLogOtherKey        = say("seal.log-other-key", "The head of log {Log} that proves this is sealed with another key of the issuer.")
	remarkLog                = say("seal.log", "We asked the issuer's log for proof: {Why}.")
)

// Of an issuer's log: why it proves nothing.
var (
	logNoAddress   = say("log.no-address", "the log has no address here, or the credential has no ID")
	logNone        = say("log.none", "it has no proof")
	logNoProof     = say("log.no-proof", "its answer is not a proof")
	logUnsealed    = say("log.unsealed", "its head is not sealed with a key of the issuer")
	logOtherTree   = say("log.other-tree", "its head belongs to a different tree")
	logSameKey     = say("log.same-key", "its head is sealed with the same key")
	logLostKey     = say("log.lost-key", "its head is sealed with a key that others also got hold of")
	logAfterLoss   = say("log.after-loss", "its head is from after the loss of the key")
	logKeyNotInUse = say("log.key-not-in-use", "its head is sealed with a key that was not in use at that time")
	logOtherSeal   = say("log.other-seal", "the log has a different seal for it")
	logBroken      = say("log.broken", "{Detail}")
)

// Of what is fetched: why there is no answer.
var (
	fetchStatus  = say("fetch.status", "the answer had status {Status}")
	fetchAddress = say("fetch.address", "the address is not allowed")
	fetchLate    = say("fetch.late", "there was no answer in time")
	fetchNone    = say("fetch.none", "there was no answer")
	fetchTooMuch = say("fetch.too-much", "the answer was too large")
	fetchBusy    = say("fetch.busy", "too many hosts are being asked for their keys")
)

// Of the issuer.
var (
	issuerKnown       = say("issuer.known", "{Issuer} is in the trust file.")
	issuerEnded       = say("issuer.ended", "The trust file vouches for {Issuer} only until {Date}, and this was sealed later.")
	issuerSealNotGood = say("issuer.seal-not-good", "We cannot say who issued this, because the seal is not good.")
	issuerOfNobody    = say("issuer.of-nobody", "Nobody in the trust file vouches for the issuer.")
	issuerKeyOfNobody = say("issuer.key-of-nobody", "Nobody in the trust file vouches for the issuer or the key.")
	issuerNoTrust     = say("issuer.no-trust", "No trust file is set up, so no issuer can be confirmed.")
	issuerTrustToCome = say("issuer.trust-to-come", "The trust file is dated {Date}, which is in the future. Either the clock of this machine is wrong or the file is.")
	issuerTrustEnded  = say("issuer.trust-ended", "The trust file expired on {Date}. It must be renewed before any issuer can be confirmed.")

	remarkCalled         = say("issuer.called", "The credential calls its issuer {Name}.")
	remarkEnded          = say("issuer.institution-ended", "This institution closed on {Date}.")
	remarkSuccessor      = say("issuer.successor", "Its successor is {Name}.")
	remarkCustodian      = say("issuer.custodian", "{Name} holds its records.")
	remarkKeysNotHad     = say("issuer.keys-not-had", "We could not get the keys of {DID} from its host: {Why}.")
	remarkKeyUnpublished = say("issuer.key-unpublished", "The host of {DID} does not publish this key.")
	keysBroken           = say("issuer.keys-broken", "{Detail}")
)

// Of accreditation.
var (
	accreditedBy          = say("accreditation.by", "{Body} was accredited by {Agency} on the date of the award, {Date}.")
	accreditedNot         = say("accreditation.not", "According to the trust file, {Body} was not accredited on the date of the award, {Date}.")
	accreditedByOwnWord   = say("accreditation.stated", "The issuer itself states in the credential that there was an accreditation on the date of the award. Nobody else has confirmed that here.")
	accreditedOnlyByOwn   = say("accreditation.stated-only", "The issuer states an accreditation in the credential, but the trust file does not list one.")
	accreditationUnknown  = say("accreditation.unknown", "Neither the trust file nor the credential says anything about accreditation on the date of the award.")
	accreditationUndated  = say("accreditation.undated", "The credential has no awarding date, so we could not look up accreditation.")
	accreditationOfNobody = say("accreditation.of-nobody", "Not checked, because the issuer is not confirmed.")
)

// Of revocation.
var (
	notRevoked           = say("revocation.not-revoked", "The issuer has not revoked it or put it on hold.")
	revocationNone       = say("revocation.none", "There is no status to check.")
	revocationRevoked    = say("revocation.revoked", "The issuer has revoked it.")
	revokedReplaced      = say("revocation.replaced", "The issuer has revoked it: it was replaced on {Date}. Ask its holder for the new one.")
	revokedForError      = say("revocation.for-error", "The issuer revoked it on {Date}, because it contained an error.")
	revokedForKey        = say("revocation.for-key", "The issuer revoked it on {Date}, because the key it was sealed with is no longer safe.")
	revocationSuspended  = say("revocation.suspended", "The issuer has put it on hold for now.")
	revocationUnreadable = say("revocation.unreadable", "The status of this credential is not in a form that can be read.")
	revocationTooMany    = say("revocation.too-many", "It has {Count} status entries. We read {Most} at most.")
	revocationContent    = say("revocation.content", "Not checked, because the content breaks a rule.")
	revocationOfNobody   = say("revocation.of-nobody", "Not checked: we only fetch status lists of confirmed issuers.")
	revocationEntry      = say("revocation.entry", "Its status entry breaks a rule.")
	revocationUnknown    = say("revocation.unknown", "We could not find out whether it was revoked.")
	revocationList       = say("revocation.list", "We could not find out whether it was revoked, because the issuer's list breaks a rule.")

	remarkNotOffered = say("revocation.not-offered", "the issuer offers no revocation for it")
	remarkRenewed    = say("revocation.renewed", "The issuer offers a renewed version.")
	remarkStatus     = say("revocation.status", "Message from the issuer about it: {Text}")
	remarkPurpose    = say("revocation.purpose", "{Purpose}: {Why}")
)

// Of a status entry and its list: why there is no answer that counts.
var (
	entryType       = say("entry.type", "status entry breaks a rule: entry without a type")
	entryOtherType  = say("entry.other-type", "status of type {Type} cannot be read")
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
	entryHost       = say("entry.host", "the trust file does not name the host of the list for this issuer")
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
	periodOpen       = say("expiry.open", "Valid with no end date.")
	periodUntil      = say("expiry.until", "Valid until {Date}.")
	periodEnded      = say("expiry.ended", "Validity ended on {Date}.")
	periodToCome     = say("expiry.to-come", "Not valid before {Date}.")
	periodUnreadable = say("expiry.unreadable", "The validity period cannot be read.")
)

// Of the supplement.
var (
	supplementComplete  = say("supplement.complete", "All {Count} mandatory elements of Annex I are present.")
	supplementMissing   = say("supplement.missing", "{Count} of {All} mandatory elements of Annex I are missing.")
	supplementNotShown  = say("supplement.missing-or-not-shown", "{Count} of {All} mandatory elements of Annex I are missing or not shown.")
	supplementOther     = say("supplement.other-model", "Not a credential of the European Learning Model, so we did not look for the elements of Annex I.")
	supplementOfExtract = say("supplement.extract", "This is an extract from a printed code. The elements of Annex I are in the whole credential, which the learner has.")

	remarkMissing  = say("supplement.which-missing", "Missing: {Elements}.")
	remarkReasoned = say("supplement.which-reasoned", "Reason given instead: {Elements}.")
	remarkUnstated = say("supplement.which-unstated", "Not stated: {Elements}.")
)

// Of the holder.
var (
	ownerProved       = say("owner.proved", "Presented on this occasion with the key that it was issued to.")
	ownerNotPresented = say("owner.not-presented", "Nobody has proved to be the holder: the credential was not presented from a wallet.")
	ownerOfNobody     = say("owner.of-nobody", "Nobody has proved that they are the holder of the presentation it came in.")
	ownerOccasion     = say("owner.occasion", "The presentation it came in was made for a different occasion, so it does not prove who is showing it now.")
	ownerOther        = say("owner.other", "It was issued to a different holder from the one who presented it.")
	ownerUnbound      = say("owner.unbound", "It does not say which wallet it was issued to, so a wallet cannot prove who it belongs to.")
	ownerUnasked      = say("owner.unasked", "It was presented with the key it was issued to, but nobody asked for that now. It may have been kept and shown again.")
)

// Of a presentation.
var (
	presentationSound      = say("presentation.sound", "Well-formed, with {Count} credentials.")
	presentationUnreadable = say("presentation.unreadable", "This is not a presentation that we can read: {Detail}.")
	presentationEnvelope   = say("presentation.envelope", "The envelope of the presentation cannot be read: {Why}.")
	presentationRule       = say("presentation.rule", "The presentation breaks a rule: {Detail}.")
	presentationTooLarge   = say("presentation.too-large", "Too large to be checked.")
	presentationUndefined  = say("presentation.undefined", "The presentation has terms that its contexts do not define: {Detail}.")
	presentationContexts   = say("presentation.contexts", "The presentation cannot be read with its contexts: {Detail}.")
	presentationSealed     = say("presentation.sealed", "Sealed by {Holder}, who owns the key.")
	presentationOther      = say("presentation.other-holder", "It names a different holder from the owner of the key it is sealed with.")
	presentationUnsealed   = say("presentation.unsealed", "Nobody has proved that they are the holder: the presentation has no seal.")
	presentationSeals      = say("presentation.several-seals", "It has several proofs, but one proof by one holder is expected.")
	presentationTooCostly  = say("presentation.too-costly", "It would take too much work to check, so we cannot say whether the proof matches.")
	presentationChanged    = say("presentation.changed", "The seal does not match. The presentation was changed, or someone else sealed it.")
	presentationUnknownKey = say("presentation.unknown-key", "We could not find out who holds the key, so nobody has proved that they are the holder.")
	presentationEnded      = say("presentation.ended", "The presentation expired on {Date}.")
	presentationToCome     = say("presentation.to-come", "The presentation is not valid before {Date}.")
	presentationNow        = say("presentation.now", "The presentation has no time limit that has passed.")
	presentationEmpty      = say("presentation.empty", "The presentation does not contain a credential.")

	challengeAnswered = say("challenge.answered", "It answers the challenge.")
	challengeOther    = say("challenge.other", "It does not answer the challenge. It was made for a different occasion.")
	challengeUnasked  = say("challenge.unasked", "There was no challenge, so it may have been made for a different occasion.")
	challengeOfNobody = say("challenge.of-nobody", "Nobody has proved that they are the holder, so nobody answered the challenge.")
	domainMeant       = say("domain.meant", "It was made for whoever asked for it.")
	domainOther       = say("domain.other", "It was not made for whoever asked for it.")
	domainUnasked     = say("domain.unasked", "No domain was asked for.")
	domainOfNobody    = say("domain.of-nobody", "Nobody has proved that they are the holder, so nobody said who it was made for.")

	remarkSame = say("presentation.same", "Credential {Number} is the same as another one, so it is listed only once.")
)

// Of a file among several.
var fileNotUnpacked = say("file.not-unpacked", "The file cannot be extracted from the ZIP.")
