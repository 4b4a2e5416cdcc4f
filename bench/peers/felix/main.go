// Felix on the load of the label index: Calico's own published index, driven by the same calls as ours and printing the same figures.
// bench/label-index-felix.bench.ts builds it and runs both.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/projectcalico/calico/felix/labelindex"
	"github.com/projectcalico/calico/libcalico-go/lib/selector"
)

type bench struct {
	load   load
	order  string
	kind   string
	index  *labelindex.SelectorAndNamedPortIndex
	reader reader
}

func main() {
	endpoints := flag.Int("endpoints", 100_000, "`number` of endpoints")
	selectors := flag.Int("selectors", 1000, "`number` of selectors besides the broad ones")
	relabels := flag.Int("relabels", 20_000, "`number` of endpoints to relabel")
	newSelectors := flag.Int("new-selectors", 1000, "`number` of selectors to add at the end")
	order := flag.String("order", "selectors-first", "selectors-first or endpoints-first")
	kind := flag.String("kind", "plain", "plain, or outside: with network sets, ports and sets of named ports")
	flag.Parse()

	b := &bench{
		load: load{
			endpoints:  *endpoints,
			selectors:  *selectors,
			namespaces: max(10, *endpoints/250),
			outside:    *kind == "outside",
		},
		order: *order,
		kind:  *kind,
		index: labelindex.NewSelectorAndNamedPortIndex(),
	}
	b.index.OnMemberAdded = b.reader.added
	b.index.OnMemberRemoved = b.reader.removed
	if err := b.run(*relabels, *newSelectors); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (b *bench) run(relabels, newSelectors int) error {
	before, _ := usage()
	taken, err := b.fill()
	if err != nil {
		return err
	}
	after, peak := usage()
	err = b.print(
		b.figure("load", "s", taken.Seconds()),
		b.withMembers(b.figure("load/cpu", "s", (after-before).Seconds())),
		b.figure("peak-rss", "MB", peak),
		b.figure("heap", "MB", heapMB()),
	)
	if err != nil {
		return err
	}

	err = b.measure("relabel", relabels, func(k int) func() error {
		return b.setEndpoint(b.load.endpoint(int(hash(k, 77)%uint32(b.load.endpoints)), 100))
	})
	if err != nil {
		return err
	}
	err = b.measure("add-selector", newSelectors, func(k int) func() error {
		return b.setSelector(b.load.set(b.load.selectors + k))
	})
	if err != nil {
		return err
	}
	return b.measure("relabel-namespace", min(200, b.load.namespaces), func(x int) func() error {
		return b.setParent(x, 1)
	})
}

// fill loads everything and returns the time spent in the index.
func (b *bench) fill() (taken time.Duration, err error) {
	each := func(count int, prepare func(n int) func() error) {
		for n := 0; n < count && err == nil; n++ {
			var one time.Duration
			one, err = timed(prepare(n))
			taken += one
		}
	}
	addSelectors := func() {
		each(len(broad), func(n int) func() error {
			return b.setSelector(ipSet{id: fmt.Sprintf("broad-%d", n), selector: broad[n]})
		})
		each(b.load.selectors, func(j int) func() error { return b.setSelector(b.load.set(j)) })
	}

	each(b.load.namespaces, func(x int) func() error { return b.setParent(x, 0) })
	if b.order == "selectors-first" {
		addSelectors()
	}
	each(b.load.endpoints, func(i int) func() error { return b.setEndpoint(b.load.endpoint(i, 0)) })
	each(b.load.networkSets(), func(x int) func() error { return b.setEndpoint(b.load.networkSet(x)) })
	if b.order == "endpoints-first" {
		addSelectors()
	}
	return taken, err
}

// batch is how many calls are made ready at a time, as for ours.
const batch = 100

// measure times each of the calls, which are made ready first, and prints the usual and the slow ones.
func (b *bench) measure(what string, count int, prepare func(k int) func() error) error {
	sample := make([]time.Duration, 0, count)
	var cpu time.Duration
	for first := 0; first < count; first += batch {
		var calls []func() error
		for k := first; k < min(count, first+batch); k++ {
			calls = append(calls, prepare(k))
		}
		before, _ := usage()
		for _, call := range calls {
			taken, err := timed(call)
			if err != nil {
				return err
			}
			sample = append(sample, taken)
		}
		after, _ := usage()
		cpu += after - before
	}
	return b.print(
		b.figure(what+"/p50", "us", micros(quantile(sample, 0.5))),
		b.figure(what+"/p99", "us", micros(quantile(sample, 0.99))),
		b.figure(what+"/mean", "us", micros(mean(sample))),
		b.withMembers(b.figure(what+"/cpu", "us", micros(cpu/time.Duration(count)))),
	)
}

// timed runs one call of the index; what it needs was made before, since the making is no work of the index.
func timed(call func() error) (time.Duration, error) {
	start := time.Now()
	err := call()
	return time.Since(start), err
}

func (b *bench) setEndpoint(e endpoint) func() error {
	return func() error {
		b.index.UpdateEndpointOrSet(e.id, e.labels, e.nets, e.ports, e.parents)
		return nil
	}
}

func (b *bench) setParent(x, later int) func() error {
	id, labels := b.load.parent(x, later)
	return func() error {
		b.index.UpdateParentLabels(id, labels)
		return nil
	}
}

// setSelector starts from the text, as ours does.
func (b *bench) setSelector(s ipSet) func() error {
	return func() error {
		parsed, err := selector.Parse(s.selector)
		if err != nil {
			return err
		}
		b.index.UpdateIPSet(s.id, parsed, s.protocol, s.namedPort)
		return nil
	}
}

func (b *bench) figure(what, unit string, value float64) figure {
	return figure{
		Bench:     "peer/felix/label-index/" + what,
		Unit:      unit,
		Value:     rounded(value),
		Endpoints: b.load.endpoints,
		Selectors: b.load.selectors,
		Order:     b.order,
		Kind:      b.kind,
	}
}

// withMembers adds what the sets hold by now, for comparison with another index on the same load.
func (b *bench) withMembers(f figure) figure {
	f.Members, f.Checksum = b.reader.members, b.reader.checksum
	return f
}

func (b *bench) print(figures ...figure) error {
	for _, f := range figures {
		if err := f.print(); err != nil {
			return err
		}
	}
	return nil
}
