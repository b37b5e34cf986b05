package devserver_test

import (
	"crypto/tls"
	"net/http"
)

// insecureClient believes any certificate: the ad-hoc one is nobody's.
func insecureClient() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}, Timeout: patience}
}
