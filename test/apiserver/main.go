// A Kubernetes API server and its etcd on loopback ports, for tests: real, without controllers, gone when its starter is.
//
// It writes one line of JSON when both serve, then reads commands from standard input, one JSON object a line, and answers each with one
// line. When standard input ends, or on a signal, it kills both and removes its folder.
//
//	apiserver [-audit] [-- flags of kube-apiserver]
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// What a user of this program may ask for.
type command struct {
	// stop, start, wipe, save, restore, certificate
	Do string `json:"do"`
	// start: flags of kube-apiserver instead of those before; absent: the same.
	Flags []string `json:"flags"`
	// certificate: whose, and for how many seconds.
	User    string   `json:"user"`
	Groups  []string `json:"groups"`
	Seconds int      `json:"seconds"`
}

type answer struct {
	Done        string `json:"done,omitempty"`
	Error       string `json:"error,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
}

func main() {
	if len(os.Args) > 1 {
		embedded(os.Args[1], os.Args[2:])
	}
	// Children die with the thread that started them.
	runtime.LockOSThread()
	audit := flag.Bool("audit", false, "write an audit log into the folder")
	flag.Parse()

	folder, err := os.MkdirTemp("", "sallyport-apiserver-")
	if err != nil {
		fail(err)
	}
	stage := &stage{folder: folder, audit: *audit, flags: flag.Args(), died: make(chan error, 2)}
	err = run(stage)
	stage.kill()
	// A killed server may still be writing as its folder goes.
	if removed := os.RemoveAll(folder); removed != nil {
		removed = os.RemoveAll(folder)
		err = errors.Join(err, removed)
	}
	if err != nil {
		fail(err)
	}
}

func run(stage *stage) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	lines := make(chan string)
	go read(lines)

	if err := stage.prepare(); err != nil {
		return err
	}
	if err := stage.start(lines, signals); err != nil {
		return err
	}
	say(stage.description())
	for {
		select {
		case <-signals:
			return nil
		case err := <-stage.died:
			return err
		case line, more := <-lines:
			if !more {
				return nil
			}
			result, err := obey(stage, line, lines, signals)
			if errors.Is(err, errAbandoned) {
				return nil
			}
			if err != nil {
				result = answer{Error: err.Error()}
			}
			say(result)
		}
	}
}

func obey(stage *stage, line string, lines <-chan string, signals <-chan os.Signal) (answer, error) {
	var wanted command
	if err := json.Unmarshal([]byte(line), &wanted); err != nil {
		return answer{}, err
	}
	done := answer{Done: wanted.Do}
	switch wanted.Do {
	case "stop":
		return done, stage.stop()
	case "start":
		if wanted.Flags != nil {
			stage.flags = wanted.Flags
		}
		return done, stage.start(lines, signals)
	case "wipe":
		return done, stage.wipe()
	case "save":
		return done, stage.save()
	case "restore":
		return done, stage.restore()
	case "certificate":
		var err error
		done.Certificate, done.Key, err = stage.clientCertificate(wanted.User, wanted.Groups, wanted.Seconds)
		return done, err
	}
	return answer{}, fmt.Errorf("unknown command %q", wanted.Do)
}

func read(lines chan<- string) {
	defer close(lines)
	reader := bufio.NewReader(os.Stdin)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			if err != io.EOF {
				fmt.Fprintln(os.Stderr, err)
			}
			return
		}
		lines <- line
	}
}

func say(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
