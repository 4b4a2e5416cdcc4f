package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// Patience with a machine that is busy with other things.
const (
	patienceToStart = 3 * time.Minute
	patienceToStop  = 20 * time.Second
)

// errAbandoned: whoever wanted the servers is gone.
var errAbandoned = errors.New("abandoned while starting")

// stage is one API server with its etcd: a folder, two ports, and two processes while it is up.
type stage struct {
	folder string
	audit  bool
	flags  []string

	apiPort, etcdPort, peerPort int
	authority                   *authority
	client                      *http.Client
	etcd, api                   *server
	// A server that ended unasked.
	died chan error
}

func (s *stage) path(name string) string { return filepath.Join(s.folder, name) }

func (s *stage) url() string { return fmt.Sprintf("https://127.0.0.1:%d", s.apiPort) }

func (s *stage) etcdURL() string { return fmt.Sprintf("http://127.0.0.1:%d", s.etcdPort) }

// description is what the starter needs to know.
func (s *stage) description() map[string]string {
	told := map[string]string{
		"url":         s.url(),
		"etcd":        s.etcdURL(),
		"kubeconfig":  s.path("kubeconfig"),
		"ca":          s.path("ca.crt"),
		"certificate": s.path("admin.crt"),
		"key":         s.path("admin.key"),
		"log":         s.path("kube-apiserver.log"),
	}
	if s.audit {
		told["audit"] = s.path("audit.log")
	}
	return told
}

// prepare makes what stays the same for the life of the stage: ports, keys, certificates, the admin's kubeconfig.
func (s *stage) prepare() error {
	for _, port := range []*int{&s.apiPort, &s.etcdPort, &s.peerPort} {
		free, err := freePort()
		if err != nil {
			return err
		}
		*port = free
	}
	return errors.Join(s.makeKeys(), s.writeAuditPolicy())
}

// freePort avoids the range from which the kernel takes ports for connections that leave: ours must be free again after a restart.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
		last = err
	}
	return 0, last
}

func (s *stage) writeAuditPolicy() error {
	policy := `{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"Metadata"}]}`
	return os.WriteFile(s.path("audit-policy.json"), []byte(policy), 0o600)
}

func (s *stage) etcdArguments() []string {
	peer := fmt.Sprintf("http://127.0.0.1:%d", s.peerPort)
	return []string{
		"--data-dir=" + s.path("etcd"),
		"--listen-client-urls=" + s.etcdURL(),
		"--advertise-client-urls=" + s.etcdURL(),
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=default=" + peer,
		// Nobody needs this data after a crash of the machine.
		"--unsafe-no-fsync",
		"--log-level=warn",
	}
}

func (s *stage) apiArguments() []string {
	arguments := []string{
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", s.apiPort),
		"--advertise-address=127.0.0.1",
		// Endpoints of Service `kubernetes` may not be on loopback; nothing here uses them.
		"--endpoint-reconciler-type=none",
		"--etcd-servers=" + s.etcdURL(),
		"--cert-dir=" + s.path("generated"),
		"--tls-cert-file=" + s.path("serving.crt"),
		"--tls-private-key-file=" + s.path("serving.key"),
		"--client-ca-file=" + s.path("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + s.path("service-accounts.pub"),
		"--service-account-signing-key-file=" + s.path("service-accounts.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
	}
	if s.audit {
		arguments = append(arguments, "--audit-policy-file="+s.path("audit-policy.json"), "--audit-log-path="+s.path("audit.log"))
	}
	return append(arguments, s.flags...)
}

// start brings up what is down and waits until it serves; it gives up when the starter is gone.
func (s *stage) start(lines <-chan string, signals <-chan os.Signal) error {
	var err error
	if s.etcd == nil {
		if s.etcd, err = s.spawn("etcd", s.etcdArguments()); err != nil {
			return err
		}
	}
	if s.api == nil {
		if s.api, err = s.spawn("kube-apiserver", s.apiArguments()); err != nil {
			return err
		}
	}
	deadline := time.After(patienceToStart)
	for !s.serves() {
		select {
		case <-deadline:
			return fmt.Errorf("kube-apiserver does not serve after %s:\n%s", patienceToStart, tail(s.path("kube-apiserver.log")))
		case err := <-s.died:
			return errors.Join(err, s.stop())
		case <-signals:
			return errAbandoned
		case _, more := <-lines:
			if !more {
				return errAbandoned
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// serves: ready, and the namespaces that every cluster has are there; the server makes them on its own a moment after it is ready.
func (s *stage) serves() bool {
	for _, path := range []string{
		"/readyz",
		"/api/v1/namespaces/default",
		"/api/v1/namespaces/kube-system",
		"/api/v1/namespaces/kube-public",
		"/api/v1/namespaces/kube-node-lease",
	} {
		response, err := s.client.Get(s.url() + path)
		if err != nil {
			return false
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return false
		}
	}
	return true
}

// stop ends both as their package would, the API server first. What they stored stays.
func (s *stage) stop() error {
	s.client.CloseIdleConnections()
	for _, server := range []**server{&s.api, &s.etcd} {
		if *server != nil {
			(*server).end(syscall.SIGTERM)
			*server = nil
		}
	}
	return nil
}

func (s *stage) kill() {
	for _, server := range []*server{s.api, s.etcd} {
		if server != nil {
			server.end(syscall.SIGKILL)
		}
	}
}

// wipe forgets everything that was stored: the next start has a new history.
func (s *stage) wipe() error {
	if s.etcd != nil {
		return errors.New("stop before wiping")
	}
	return os.RemoveAll(s.path("etcd"))
}

// save keeps a copy of everything that is stored, restore brings the copy back, as from a backup.
func (s *stage) save() error { return s.copyStore("etcd", "saved") }

func (s *stage) restore() error { return s.copyStore("saved", "etcd") }

func (s *stage) copyStore(from, to string) error {
	if s.etcd != nil {
		return errors.New("stop before copying what is stored")
	}
	if err := os.RemoveAll(s.path(to)); err != nil {
		return err
	}
	return os.CopyFS(s.path(to), os.DirFS(s.path(from)))
}

// server is one child process.
type server struct {
	process *os.Process
	// Closed when it has ended.
	ended chan struct{}
	asked atomic.Bool
}

func (s *stage) spawn(name string, arguments []string) (*server, error) {
	program, err := os.Executable()
	words := append([]string{name}, arguments...)
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		program, err = filepath.Join(assets, name), nil
		words = arguments
	}
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(s.path(name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	child := exec.Command(program, words...)
	child.Stdout, child.Stderr = log, log
	child.SysProcAttr = dieWithParent()
	if err := child.Start(); err != nil {
		return nil, err
	}
	started := &server{process: child.Process, ended: make(chan struct{})}
	go func() {
		err := child.Wait()
		close(started.ended)
		if !started.asked.Load() {
			s.died <- fmt.Errorf("%s ended: %v\n%s", name, err, tail(s.path(name+".log")))
		}
	}()
	return started, nil
}

func (s *server) end(how syscall.Signal) {
	s.asked.Store(true)
	_ = s.process.Signal(how)
	select {
	case <-s.ended:
	case <-time.After(patienceToStop):
		_ = s.process.Kill()
		<-s.ended
	}
}

// tail is the end of a log, for people.
func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	const most = 4_000
	if len(content) > most {
		content = content[len(content)-most:]
	}
	return string(content)
}
