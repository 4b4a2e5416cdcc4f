// What stands around the DNS proxy in bench/dns.bench.ts: the resolver behind it and the cluster before it. A compiled program that makes no garbage and
// keeps each of its three threads in system calls, so that the machine is left to the program under test.
//
// It writes a line when its resolver listens, when the first answer came, when what counts begins and ends, and its results as JSON.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// patience is how long the first answer may take: rules have to be made before.
const patience = 60 * time.Second

func main() {
	resolver := flag.String("resolver", "", "`address` of the resolver")
	proxy := flag.String("proxy", "", "`address` of the program under test")
	client := flag.String("client", "", "`address` that questions come from")
	names := flag.String("names", "", "`file` of names, each with the set of its addresses")
	every := flag.Int("every", 20, "one answer in so many has a new address")
	perSecond := flag.Int("per-second", 10_000, "`number` of questions in a second")
	warm := flag.Int("warm", 5, "`seconds` before what counts")
	seconds := flag.Int("seconds", 20, "`seconds` of what counts")
	flag.Parse()
	// Threads stay in blocking system calls, each with a processor of Go's own: nothing is handed on, nobody has to watch.
	runtime.GOMAXPROCS(6)
	debug.SetGCPercent(-1)
	if err := run(*resolver, *proxy, *client, *names, *every, *perSecond, *warm, *seconds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(resolver, proxy, client, file string, every, perSecond, warm, seconds int) error {
	asked, err := readNames(file)
	if err != nil {
		return err
	}
	if err := serve(resolver, every); err != nil {
		return fmt.Errorf("resolver: %w", err)
	}
	fmt.Println("listening")
	kernel, err := openKernel()
	if err != nil {
		return fmt.Errorf("netlink: %w", err)
	}
	cluster, err := newCluster(client, proxy, asked, kernel, perSecond*(warm+seconds))
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	go cluster.receive()
	for started := time.Now(); !cluster.heard(); time.Sleep(100 * time.Millisecond) {
		if time.Since(started) > patience {
			return fmt.Errorf("no answer came in %v", patience)
		}
		cluster.ask()
	}
	fmt.Println("answered")
	time.Sleep(2 * time.Second)
	cluster.begin()
	cluster.pace(perSecond, warm, false)
	cluster.count(true)
	fmt.Println("begin")
	before := usage()
	cluster.pace(perSecond, seconds, true)
	spent := usage() - before
	fmt.Println("end")
	// Answers under way still count; a question that has none by now is lost.
	time.Sleep(time.Second)
	cluster.count(false)
	results, err := cluster.results()
	if err != nil {
		return fmt.Errorf("asking the kernel for elements: %w", err)
	}
	results.Cores = spent.Seconds() / float64(seconds)
	return json.NewEncoder(os.Stdout).Encode(results)
}

// name is one that is asked for, and the kernel's set of its addresses.
type name struct {
	question []byte
	set      string
}

func readNames(file string) ([]name, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	var names []name
	lines := bufio.NewScanner(opened)
	for lines.Scan() {
		text, set, found := strings.Cut(lines.Text(), " ")
		if !found {
			return nil, fmt.Errorf("%s: a line without a set: %q", file, lines.Text())
		}
		names = append(names, name{question: question(text), set: set})
	}
	return names, lines.Err()
}

func address4(text string) ([4]byte, error) {
	address, err := netip.ParseAddr(text)
	if err != nil || !address.Is4() {
		return [4]byte{}, fmt.Errorf("%q is no IPv4 address", text)
	}
	return address.As4(), nil
}
