package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
)

type tlsParts = *tls.Config

// tlsConfig is the TLS configuration that the settings come to, nil without TLS.
func (c *Config) tlsConfig() (*tls.Config, error) {
	var conf *tls.Config
	if c.TLSCertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCertFile, c.TLSKeyFile)
		if err != nil {
			return nil, fmt.Errorf("server: TLS certificate %s with key %s: %w", c.TLSCertFile, c.TLSKeyFile, err)
		}
		conf = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: c.nextProtos()}
		if err := c.clientAuth(conf); err != nil {
			return nil, err
		}
	}
	if c.TLSConfig != nil {
		conf = c.TLSConfig(conf)
	}
	return conf, nil
}

func (c *Config) nextProtos() []string {
	var list []string
	for _, p := range c.Protocols {
		list = append(list, map[string]string{"h1": "http/1.1", "h2": "h2"}[p])
	}
	return slices.Compact(list)
}

func (c *Config) clientAuth(conf *tls.Config) error {
	if c.TLSClientAuth == "none" || c.TLSClientAuth == "" {
		return nil
	}
	conf.ClientAuth = tls.VerifyClientCertIfGiven
	if c.TLSClientAuth == "required" {
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	pem, err := os.ReadFile(c.TLSClientCAFile)
	if err != nil {
		return fmt.Errorf("server: tls_client_auth is %s: tls_client_ca_file: %w", c.TLSClientAuth, err)
	}
	conf.ClientCAs = x509.NewCertPool()
	if !conf.ClientCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("server: tls_client_ca_file %s holds no certificate", c.TLSClientCAFile)
	}
	return nil
}

// makeTLS reads the certificates for this service: a reload makes new services, and so reads them again.
func (s *service) makeTLS() (err error) {
	s.lim.tls, err = s.cfg.tlsConfig()
	return err
}
