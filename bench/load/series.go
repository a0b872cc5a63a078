package main

import (
	"bytes"
	"sort"
	"sync"
	"time"
)

// Second is what was seen of the requests that were due in one second of the run.
type Second struct {
	Requests int            `json:"requests"`
	P50      float64        `json:"p50_ms"`
	P99      float64        `json:"p99_ms"`
	Longest  float64        `json:"max_ms"`
	Cold     int            `json:"cold"`
	ColdP99  float64        `json:"cold_p99_ms"`
	Statuses map[int]int    `json:"statuses"`
	Faults   map[string]int `json:"faults"`
	Said     map[string]int `json:"said"`  // answers by what their sources said: "order ok/lake, payment ok/rest, ..."
	Cache    map[string]int `json:"cache"` // answers by what the cache said: hit, fwd=miss, fwd=bypass

	latencies []float64
	cold      []float64
}

// Seen is what became of one request.
type Seen struct {
	due    time.Time
	ms     float64
	status int // 0: no answer
	cold   bool
	fault  string
	said   string
	cache  string
}

// Series gathers what all connections see, second by second; nothing when nobody asked for it.
type Series struct {
	begun   time.Time
	lock    sync.Mutex
	seconds []*Second
}

func (s *Series) note(seen Seen) {
	if s == nil {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	at := max(0, int(seen.due.Sub(s.begun)/time.Second))
	for len(s.seconds) <= at {
		s.seconds = append(s.seconds, &Second{
			Statuses: map[int]int{}, Faults: map[string]int{}, Said: map[string]int{}, Cache: map[string]int{},
		})
	}
	second := s.seconds[at]
	second.Requests++
	if seen.fault != "" {
		second.Faults[seen.fault]++
	}
	if seen.status == 0 {
		return
	}
	second.Statuses[seen.status]++
	second.latencies = append(second.latencies, seen.ms)
	if seen.cold {
		second.cold = append(second.cold, seen.ms)
	}
	if seen.said != "" {
		second.Said[seen.said]++
	}
	if seen.cache != "" {
		second.Cache[seen.cache]++
	}
}

func (s *Series) summed() []*Second {
	if s == nil {
		return nil
	}
	for _, second := range s.seconds {
		second.P50, second.P99, second.Longest = quantiles(second.latencies)
		_, second.ColdP99, _ = quantiles(second.cold)
		second.Cold = len(second.cold)
	}
	return s.seconds
}

// quantiles gives the median, the 99th percentile and the greatest; it sorts what it is given.
func quantiles(values []float64) (float64, float64, float64) {
	n := len(values)
	if n == 0 {
		return 0, 0, 0
	}
	sort.Float64s(values)
	return values[n/2], values[n*99/100], values[n-1]
}

// cacheStatus reads how the service's cache answered (RFC 9211) from an answer's head.
func cacheStatus(head []byte) string {
	for _, line := range bytes.Split(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("cache-status")) {
			for _, part := range bytes.Split(value, []byte(";"))[1:] {
				return string(bytes.TrimSpace(part)) // the first parameter: hit, or why it was not
			}
		}
	}
	return ""
}
