package main

import (
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// figure is one JSON line, of the same form as in bench/figure.ts.
type figure struct {
	Bench     string      `json:"bench"`
	Unit      string      `json:"unit"`
	Value     json.Number `json:"value"`
	Members   int         `json:"members,omitempty"`
	Checksum  uint32      `json:"checksum,omitempty"`
	Endpoints int         `json:"endpoints"`
	Selectors int         `json:"selectors"`
	Order     string      `json:"order"`
	Kind      string      `json:"kind"`
}

func (f figure) print() error {
	return json.NewEncoder(os.Stdout).Encode(f)
}

// rounded has four significant digits.
func rounded(value float64) json.Number {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 4, 64), 64)
	return json.Number(strconv.FormatFloat(short, 'f', -1, 64))
}

// quantile is the q-quantile (0 to 1) of a sample, by the nearest rank.
func quantile(sample []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(sample))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func micros(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000
}

func mean(sample []time.Duration) time.Duration {
	var sum time.Duration
	for _, one := range sample {
		sum += one
	}
	return sum / time.Duration(len(sample))
}

// usage is the CPU time of all threads, the collector's included, and the largest resident size so far in MB.
func usage() (cpu time.Duration, peakMB float64) {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		panic(err)
	}
	return time.Duration(own.Utime.Nano() + own.Stime.Nano()), float64(own.Maxrss) / 1024
}

// heapMB is what is alive after a collection.
func heapMB() float64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc) / (1 << 20)
}
