package devserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"slices"
	"time"
)

// Certificate is a certificate for a development server: one of its own making for hosts if cert is "adhoc", which browsers warn
// of, else that of the files cert and key. key may be "" if cert has both.
//
// The ad-hoc one is for localhost, *.localhost, the loopback addresses and hosts, and valid for a year. Unlike Werkzeug's it is not for "*", which
// no browser accepts.
//
// Source: werkzeug.serving.generate_adhoc_ssl_context.
func Certificate(cert, key string, hosts ...string) (*tls.Certificate, error) {
	if cert == "adhoc" {
		if key != "" {
			return nil, fmt.Errorf("devserver: a key file (%s) does not go with an ad-hoc certificate: name the certificate's file too", key)
		}
		return adhocCertificate(hosts)
	}
	if key == "" {
		key = cert
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("devserver: the certificate %s with the key %s: %w", cert, key, err)
	}
	return &pair, nil
}

func adhocCertificate(hosts []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		Subject:     pkix.Name{CommonName: "localhost", Organization: []string{"Carafe development server"}},
		DNSNames:    []string{"localhost", "*.localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if host != "" && !slices.Contains(template.DNSNames, host) {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// encodeCertificate is the certificate as PEM, for a child.
func encodeCertificate(cert *tls.Certificate) (chain, key string, err error) {
	for _, der := range cert.Certificate {
		chain += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return "", "", fmt.Errorf("devserver: the certificate's key: %w", err)
	}
	return chain, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func serverTLS(cert *tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*cert}}
}

// plainProtocols are those of a server without TLS: HTTP/1 and, where it is asked for, HTTP/2.
func plainProtocols(h2c bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(h2c)
	return p
}
