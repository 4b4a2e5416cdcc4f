package main

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const ids = 1 << 16

// given is a new address that came in an answer.
type given struct {
	name    int
	address uint32
}

// cluster asks for all names in turns, from one address, and takes the time from when a question is sent to when its answer is there: the kernel
// notes that, so that a cluster that shares the machine with the program under test is no slower than one that does not.
type cluster struct {
	fd     int
	names  []name
	kernel *kernel
	next   int
	sent   int64
	// By id: when the question was sent, in nanoseconds; 0: it is answered.
	sentAt  [ids]atomic.Int64
	askedAt [ids]atomic.Int32
	first   int64
	late    []int64

	// What answers brought.
	mutex             sync.Mutex
	counts            bool
	all, fresh        []int64
	answered, refused int64
	given             []given
	tooEarly          int
	problem           error
}

// results of a run.
type results struct {
	// From question to answer: all, and those with a new address.
	All   quantiles `json:"all"`
	Fresh quantiles `json:"fresh"`
	// How much later than they were due questions were sent.
	Late    quantiles `json:"late"`
	Refused int64     `json:"refused"`
	Lost    int64     `json:"lost"`
	// New addresses, and of these the ones that were not in the kernel when their answer came, and at the end.
	Given    int `json:"given"`
	TooEarly int `json:"tooEarly"`
	Gone     int `json:"gone"`
	// What resolver and cluster took of the machine.
	Cores float64 `json:"cores"`
}

// quantiles of a sample, in milliseconds.
type quantiles struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
	Most  float64 `json:"most"`
}

func newCluster(address, proxy string, names []name, kernel *kernel, questions int) (*cluster, error) {
	fd, err := datagrams(address, 0)
	if err != nil {
		return nil, err
	}
	asked, err := address4(proxy)
	if err != nil {
		return nil, err
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1); err != nil {
		return nil, err
	}
	made := &cluster{fd: fd, names: names, kernel: kernel}
	made.late, made.all, made.fresh = room(questions), room(questions), room(questions)
	return made, syscall.Connect(fd, &syscall.SockaddrInet4{Port: dnsPort, Addr: asked})
}

func room(size int) []int64 { return make([]int64, 0, size) }

func (c *cluster) heard() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.answered > 0
}

// begin forgets what was asked so far; nothing of it is under way.
func (c *cluster) begin() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.first, c.answered, c.refused = c.sent, 0, 0
}

// count has times of answers kept from now on, or no more.
func (c *cluster) count(counts bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.counts = counts
}

// ask sends one question. Nobody may be there to take it yet.
func (c *cluster) ask() {
	c.sent++
	id := int(c.sent) & (ids - 1)
	c.next = (c.next + 7) % len(c.names)
	question := c.names[c.next].question
	binary.BigEndian.PutUint16(question, uint16(id))
	c.askedAt[id].Store(int32(c.next))
	c.sentAt[id].Store(time.Now().UnixNano())
	send(c.fd, question)
}

// pace sends so many questions a second, each when it is due: one after the other, as those of many clients come.
func (c *cluster) pace(perSecond, seconds int, counts bool) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	started := time.Now()
	for n := range perSecond * seconds {
		due := started.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
		for time.Until(due) > 0 {
			sleepUntil(due)
		}
		if counts {
			c.late = append(c.late, int64(time.Since(due)))
		}
		c.ask()
	}
}

// receive takes answers until the program ends. Whoever gets a new address may connect: so it has to be in the kernel by now.
func (c *cluster) receive() {
	runtime.LockOSThread()
	buffer := make([]byte, 2048)
	control := make([]byte, 64)
	part := syscall.Iovec{Base: &buffer[0], Len: uint64(len(buffer))}
	for {
		header := syscall.Msghdr{Iov: &part, Iovlen: 1, Control: &control[0], Controllen: uint64(len(control))}
		length, isThere := receiveMessage(c.fd, &header)
		if !isThere || length < headerBytes {
			continue
		}
		at := timeOf(control)
		id := binary.BigEndian.Uint16(buffer)
		asked := int(c.askedAt[id].Load())
		// What comes so late that its id was used again is lost.
		if !bytes.HasPrefix(buffer[headerBytes:length], c.names[asked].question[headerBytes:]) {
			continue
		}
		if since := c.sentAt[id].Swap(0); since > 0 {
			c.take(asked, addressOf(buffer[:length]), at-since)
		}
	}
}

func (c *cluster) take(asked int, address uint32, took int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if address == 0 {
		c.refused++
		return
	}
	c.answered++
	if c.counts {
		c.all = append(c.all, took)
	}
	if !isNew(address) {
		return
	}
	if c.counts {
		c.fresh = append(c.fresh, took)
	}
	one := given{name: asked, address: address}
	c.given = append(c.given, one)
	if !c.isThere(one) {
		c.tooEarly++
	}
}

func (c *cluster) isThere(one given) bool {
	isThere, err := c.kernel.has(c.names[one.name].set, one.address)
	if err != nil {
		c.problem = err
	}
	return isThere
}

func (c *cluster) results() (results, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	found := results{
		All: of(c.all), Fresh: of(c.fresh), Late: of(c.late), Refused: c.refused,
		Lost: c.sent - c.first - c.answered - c.refused, Given: len(c.given), TooEarly: c.tooEarly,
	}
	for _, one := range c.given {
		if !c.isThere(one) {
			found.Gone++
		}
	}
	return found, c.problem
}

// timeOf reads when the kernel took a message, in nanoseconds.
func timeOf(control []byte) int64 {
	seconds := binary.NativeEndian.Uint64(control[syscall.SizeofCmsghdr:])
	return int64(seconds)*1e9 + int64(binary.NativeEndian.Uint64(control[syscall.SizeofCmsghdr+8:]))
}

func of(sample []int64) quantiles {
	if len(sample) == 0 {
		return quantiles{}
	}
	sorted := slices.Sorted(slices.Values(sample))
	at := func(q float64) float64 { return float64(sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]) / 1e6 }
	return quantiles{Count: len(sample), P50: at(0.5), P99: at(0.99), Most: at(1)}
}
