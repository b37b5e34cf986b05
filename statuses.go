package carafe

import (
	"fmt"
	"net/http"
)

// statusTexts has the codes that can be aborted with and that error handlers can be registered for, each
// with what its error page says. Source: werkzeug.exceptions.default_exceptions.
var statusTexts = map[int]string{
	400: "The browser (or proxy) sent a request that this server could not understand.",
	401: "The server could not verify that you are authorized to access the URL requested. You either supplied the wrong credentials (e.g. a bad password), or your browser doesn't understand how to supply the credentials required.",
	403: "You don't have the permission to access the requested resource. It is either read-protected or not readable by the server.",
	404: "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.",
	405: "The method is not allowed for the requested URL.",
	406: "The resource identified by the request is only capable of generating response entities which have content characteristics not acceptable according to the accept headers sent in the request.",
	408: "The server closed the network connection because the browser didn't finish the request within the specified time.",
	409: "A conflict happened while processing the request. The resource might have been modified while the request was being processed.",
	410: "The requested URL is no longer available on this server and there is no forwarding address. If you followed a link from a foreign page, please contact the author of this page.",
	411: "A request with this method requires a valid <code>Content-Length</code> header.",
	412: "The precondition on the request for the URL failed positive evaluation.",
	413: "The data value transmitted exceeds the capacity limit.",
	414: "The length of the requested URL exceeds the capacity limit for this server. The request cannot be processed.",
	415: "The server does not support the media type transmitted in the request.",
	416: "The server cannot provide the requested range.",
	417: "The server could not meet the requirements of the Expect header",
	418: "This server is a teapot, not a coffee machine",
	421: "The server is not able to produce a response.",
	422: "The request was well-formed but was unable to be followed due to semantic errors.",
	423: "The resource that is being accessed is locked.",
	424: "The method could not be performed on the resource because the requested action depended on another action and that action failed.",
	428: "This request is required to be conditional; try using \"If-Match\" or \"If-Unmodified-Since\".",
	429: "This user has exceeded an allotted request count. Try again later.",
	431: "One or more header fields exceeds the maximum size.",
	451: "Unavailable for legal reasons.",
	500: "The server encountered an internal error and was unable to complete your request. Either the server is overloaded or there is an error in the application.",
	501: "The server does not support the action requested by the browser.",
	502: "The proxy server received an invalid response from an upstream server.",
	503: "The server is temporarily unable to service your request due to maintenance downtime or capacity problems. Please try again later.",
	504: "The connection to an upstream server timed out.",
	505: "The server does not support the HTTP protocol version used in the request.",
}

// werkzeugPhrases are the reason phrases that Werkzeug has and net/http has not, or spells otherwise.
var werkzeugPhrases = map[int]string{
	203: "Non Authoritative Information",
	207: "Multi Status",
	306: "Switch Proxy",
	449: "Retry With",
	511: "Network Authentication Failed",
}

// reasonPhrase is the name of a status in an error page; "" for a code that nobody has named.
func reasonPhrase(code int) string {
	if p, ok := werkzeugPhrases[code]; ok {
		return p
	}
	return http.StatusText(code)
}

// checkStatus refuses what net/http cannot send as a final status.
//
// Unlike Flask, which lets any number onto the wire: below 100 and above 999 is no HTTP, and 1xx other than
// 101 is an interim answer that a client goes on waiting after (RFC 9110, 15.2).
func checkStatus(code int) error {
	if code == http.StatusSwitchingProtocols || code >= 200 && code <= 999 {
		return nil
	}
	return fmt.Errorf("carafe: %d cannot be the status of a response: use 200 to 999, or 101", code)
}

// bodyAllowed says whether a response of this status has a body at all (RFC 9110, 6.4.1).
func bodyAllowed(code int) bool {
	return code >= 200 && code != http.StatusNoContent && code != http.StatusNotModified
}
