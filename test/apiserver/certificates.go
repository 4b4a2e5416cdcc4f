package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"time"
)

const day = 24 * time.Hour

// authority signs the certificates of one stage.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "sallyport test CA"},
		NotBefore:             time.Now().Add(-day),
		NotAfter:              time.Now().Add(day),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return &authority{certificate, key}, err
}

// sign gives a certificate and its key as PEM. A life that is negative ended in the past.
func (a *authority) sign(subject pkix.Name, usage x509.ExtKeyUsage, life time.Duration) (certificate, key []byte, err error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    time.Now().Add(-day),
		NotAfter:     time.Now().Add(life),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{usage},
	}
	if usage == x509.ExtKeyUsageServerAuth {
		template.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, own.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	key, err = privatePEM(own)
	return asPEM("CERTIFICATE", raw), key, err
}

// makeKeys writes the authority, the server's certificate, the key of service accounts, and the admin's certificate and kubeconfig.
func (s *stage) makeKeys() error {
	var err error
	if s.authority, err = newAuthority(); err != nil {
		return err
	}
	ca := asPEM("CERTIFICATE", s.authority.certificate.Raw)
	serving, servingKey, err := s.authority.sign(pkix.Name{CommonName: "kube-apiserver"}, x509.ExtKeyUsageServerAuth, day)
	if err != nil {
		return err
	}
	who := pkix.Name{CommonName: "sallyport-test-admin", Organization: []string{"system:masters"}}
	admin, adminKey, err := s.authority.sign(who, x509.ExtKeyUsageClientAuth, day)
	if err != nil {
		return err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	accountsKey, err := privatePEM(accounts)
	if err != nil {
		return err
	}
	accountsPublic, err := x509.MarshalPKIXPublicKey(accounts.Public())
	if err != nil {
		return err
	}
	if err := s.makeClient(ca, admin, adminKey); err != nil {
		return err
	}
	kubeconfig, err := json.MarshalIndent(s.kubeconfig(ca, admin, adminKey), "", "  ")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"ca.crt":               ca,
		"serving.crt":          serving,
		"serving.key":          servingKey,
		"admin.crt":            admin,
		"admin.key":            adminKey,
		"service-accounts.key": accountsKey,
		"service-accounts.pub": asPEM("PUBLIC KEY", accountsPublic),
		"kubeconfig":           kubeconfig,
	} {
		if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) makeClient(ca, certificate, key []byte) error {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	s.client = &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}},
	}
	return nil
}

// kubeconfig is the admin's; JSON is YAML.
func (s *stage) kubeconfig(ca, certificate, key []byte) map[string]any {
	named := func(name, kind string, value any) []any { return []any{map[string]any{"name": name, kind: value}} }
	return map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": "test",
		"clusters":        named("test", "cluster", map[string]any{"server": s.url(), "certificate-authority-data": ca}),
		"users":           named("admin", "user", map[string]any{"client-certificate-data": certificate, "client-key-data": key}),
		"contexts":        named("test", "context", map[string]any{"cluster": "test", "user": "admin"}),
	}
}

// clientCertificate makes anybody known to the server.
func (s *stage) clientCertificate(user string, groups []string, seconds int) (certificate, key string, err error) {
	if user == "" || seconds == 0 {
		return "", "", errors.New("a certificate needs a user and a life in seconds")
	}
	who := pkix.Name{CommonName: user, Organization: groups}
	one, other, err := s.authority.sign(who, x509.ExtKeyUsageClientAuth, time.Duration(seconds)*time.Second)
	return string(one), string(other), err
}

func privatePEM(key *ecdsa.PrivateKey) ([]byte, error) {
	raw, err := x509.MarshalECPrivateKey(key)
	return asPEM("EC PRIVATE KEY", raw), err
}

func asPEM(kind string, raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
}
