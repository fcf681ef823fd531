package fault

// Codes of the local API and of who may call it.
const (
	HostRefused          Code = "host_refused"
	OriginRefused        Code = "origin_refused"
	CrossSiteRefused     Code = "cross_site_refused"
	TokenMissing         Code = "token_missing"
	TokenRefused         Code = "token_refused"
	CallNotPermitted     Code = "call_not_permitted"
	PageHeaderMissing    Code = "page_header_missing"
	ContentTypeRefused   Code = "content_type_refused"
	RequestInvalid       Code = "request_invalid"
	RequestTooLarge      Code = "request_too_large"
	RequestTooSlow       Code = "request_too_slow"
	TooManyRequests      Code = "too_many_requests"
	RouteUnknown         Code = "route_unknown"
	MethodRefused        Code = "method_refused"
	LinkRefused          Code = "link_refused"
	PairingUnknown       Code = "pairing_unknown"
	PairingCodeWrong     Code = "pairing_code_wrong"
	PairingRefused       Code = "pairing_refused"
	PairingEnded         Code = "pairing_ended"
	PairingStore         Code = "pairing_store"
	ReadUnknown          Code = "read_unknown"
	ReadNotJudged        Code = "read_not_judged"
	PersonalDataGone     Code = "personal_data_gone"
	PortraitUnavailable  Code = "portrait_unavailable"
	IdempotencyMismatch  Code = "idempotency_mismatch"
	TooManyReads         Code = "too_many_reads"
	AgentStopping        Code = "agent_stopping"
	ServiceNotConfigured Code = "service_not_configured"
	QueueNotConfigured   Code = "queue_not_configured"
)

var agentEntries = []Entry{
	{HostRefused, ExitUsage, "The request names another host than the agent's own addresses.", "Call the agent as 127.0.0.1, [::1] or localhost, with its port."},
	{OriginRefused, ExitUsage, "The web page that calls is not allowed to.", "Start the agent with --allow-origin and the exact origin of the page (scheme, host and port)."},
	{CrossSiteRefused, ExitUsage, "The request comes from another site without saying which.", "Call the API with fetch and CORS from an allowed origin; links, forms and images of other sites are refused."},
	{TokenMissing, ExitUsage, "The call needs a token or the page's cookie.", "Open the page with the one-time link that `passport-agent serve` prints, or pair the calling page."},
	{TokenRefused, ExitUsage, "The token or the cookie is not valid here.", "Open the page with a new one-time link, or pair the calling page again; a token counts for its own origin only."},
	{CallNotPermitted, ExitUsage, "This caller may not make this call.", "Use the desk page of the agent; paired pages and kiosks have fewer rights."},
	{PageHeaderMissing, ExitUsage, "A change by the page lacks its header.", "Send the header X-Passport-Agent: 1 with every call that changes something."},
	{ContentTypeRefused, ExitUsage, "The request has a content type that this call does not take.", "Send JSON as application/json; pictures as multipart/form-data or as their own type."},
	{RequestInvalid, ExitUsage, "The request is not what the API describes.", "Compare the request with /v1/openapi.json; the message names the field."},
	{RequestTooLarge, ExitUsage, "The request is larger than this call takes.", "Send less: the size limits stand in docs/api.md."},
	{RequestTooSlow, ExitUsage, "The request did not arrive in time.", "Send the request at once and whole; the time-outs stand in docs/api.md."},
	{TooManyRequests, ExitNotNow, "The caller sends requests too fast.", "Wait for the seconds in the header Retry-After; watch the event stream instead of polling."},
	{RouteUnknown, ExitUsage, "There is nothing at this address.", "Compare method and path with /v1/openapi.json."},
	{MethodRefused, ExitUsage, "This address does not take this method.", "Use the method that /v1/openapi.json gives for this path."},
	{LinkRefused, ExitUsage, "The one-time link has been used, or its time is over.", "Run `passport-agent serve --link` for a new one and open it within ten minutes."},
	{PairingUnknown, ExitUsage, "There is no such pairing.", "List the pairings; one that was revoked or never confirmed is gone."},
	{PairingCodeWrong, ExitUsage, "The code is not the one that the calling page shows.", "Type the code as the other page shows it; after five wrong ones the pairing has to be asked for again."},
	{PairingRefused, ExitUsage, "A person refused the pairing.", "Ask the person at the desk before the pairing is requested again."},
	{PairingEnded, ExitUsage, "The time for this pairing is over, or its token was fetched already.", "Request a new pairing and confirm it within five minutes."},
	{PairingStore, ExitUnexpected, "The file of pairings cannot be read or written.", "Check the permissions and the free space of the data folder; remove the file named in the message to start without pairings."},
	{ReadUnknown, ExitUsage, "There is no such reading, or it belongs to another caller.", "List your readings; they are forgotten an hour after their end."},
	{ReadNotJudged, ExitUsage, "The reading has not come to a verdict, so there is nothing to show.", "Wait for the phase `judged`, or look at the error of the reading."},
	{PersonalDataGone, ExitUsage, "The personal data of this reading has been erased.", "Read the document again; the time it is kept can be extended before its end."},
	{PortraitUnavailable, ExitUsage, "There is no portrait that could be shown.", "Look at the checks: a picture is decoded only when its hash is proved and its format is known."},
	{IdempotencyMismatch, ExitUsage, "The same idempotency key came with another request.", "Use a new Idempotency-Key for each new reading."},
	{TooManyReads, ExitNotNow, "Too many readings are under way.", "Cancel readings that are no longer wanted, or wait until some have ended."},
	{AgentStopping, ExitNotNow, "The agent is stopping.", "Wait until it has been started again."},
	{ServiceNotConfigured, ExitUsage, "The agent knows no Veriff integration to upload to.", "Set api_url, api_key and the secret in the configuration of the agent, or leave out the session."},
	{QueueNotConfigured, ExitUsage, "The agent runs without a queue.", "Give the agent a data folder that it may write, and start it again."},
}
