// The readers of the race: sessions that read over and over by HTTP, one path from every process after the other, and write
// down what they were shown and when.
//
//	reader PLAN RESULT     says "ready", reads from one line on standard input to the next, says "done"
//
// Times are nanoseconds of the machine's clock, which the writer's times are of, too. It ends by itself when it is told
// nothing for too long.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const patience = 20 * time.Second // for one answer

// Plan says who reads what.
type Plan struct {
	Addresses []string `json:"addresses"` // of the processes
	Sessions  int      `json:"sessions"`
	First     int      `json:"first"`  // number of the first session
	Tokens    []string `json:"tokens"` // one a session, from the beginning again when there are fewer
	Paths     []string `json:"paths"`  // drawn evenly
	Marks     []string `json:"marks"`  // what a version stands behind in the body of each path
	Tags      bool     `json:"tags"`   // send the newest ETag of a path back as If-None-Match
	Seed      uint64   `json:"seed"`
	LongestS  float64  `json:"longest_s"`
}

// Reads are columns, a row for each read: 304 shows the version that the session had.
type Reads struct {
	Session []int   `json:"session"`
	Process []int   `json:"process"`
	Path    []int   `json:"path"`
	Began   []int64 `json:"began"`
	Ended   []int64 `json:"ended"`
	Version []int   `json:"version"`
	Status  []int   `json:"status"` // 0: no answer
}

// Session is somebody with a token, and what they know of each path.
type Session struct {
	plan     *Plan
	number   int
	client   *http.Client
	random   *rand.Rand
	tags     []string
	versions []int
	reads    Reads
}

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: reader PLAN RESULT"))
	}
	plan := readPlan(os.Args[1])
	client := &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{MaxIdleConnsPerHost: plan.Sessions, DisableCompression: true},
	}
	sessions := make([]*Session, plan.Sessions)
	for i := range sessions {
		number := plan.First + i
		sessions[i] = &Session{
			plan: plan, number: number, client: client, random: rand.New(rand.NewPCG(plan.Seed, uint64(number))),
			tags: make([]string, len(plan.Paths)), versions: make([]int, len(plan.Paths)),
		}
	}
	told := bufio.NewReader(os.Stdin)
	fmt.Println("ready")
	if _, err := told.ReadString('\n'); err != nil {
		fail(err)
	}
	var stop atomic.Bool
	time.AfterFunc(time.Duration(plan.LongestS*float64(time.Second)), func() { stop.Store(true) })
	go func() {
		_, _ = told.ReadString('\n')
		stop.Store(true)
	}()
	var running sync.WaitGroup
	for _, session := range sessions {
		running.Add(1)
		go func() {
			defer running.Done()
			for !stop.Load() {
				path := session.random.IntN(len(plan.Paths))
				for _, process := range session.random.Perm(len(plan.Addresses)) { // one may be behind the other
					session.read(path, process)
				}
			}
		}()
	}
	running.Wait()
	writeReads(os.Args[2], sessions)
	fmt.Println("done")
}

func (s *Session) read(path, process int) {
	began := time.Now().UnixNano()
	status := s.ask(path, process)
	ended := time.Now().UnixNano()
	r := &s.reads
	r.Session, r.Process, r.Path = append(r.Session, s.number), append(r.Process, process), append(r.Path, path)
	r.Began, r.Ended = append(r.Began, began), append(r.Ended, ended)
	r.Version, r.Status = append(r.Version, s.versions[path]), append(r.Status, status)
}

// ask reads a path and learns its version; gives the status, 0 when there was no answer.
func (s *Session) ask(path, process int) int {
	request, err := http.NewRequest("GET", "http://"+s.plan.Addresses[process]+s.plan.Paths[path], nil)
	if err != nil {
		fail(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.plan.Tokens[s.number%len(s.plan.Tokens)])
	if s.tags[path] != "" {
		request.Header.Set("If-None-Match", s.tags[path])
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0
	}
	if answer.StatusCode == http.StatusOK {
		s.versions[path] = highest(body, s.plan.Marks[path])
		if s.plan.Tags {
			s.tags[path] = answer.Header.Get("ETag")
		}
	}
	return answer.StatusCode
}

// highest is the greatest number that stands behind the mark, 0 when there is none.
func highest(body []byte, mark string) int {
	found := 0
	for {
		at := bytes.Index(body, []byte(mark))
		if at < 0 {
			return found
		}
		body = body[at+len(mark):]
		end := bytes.IndexByte(body, '"')
		if number, err := strconv.Atoi(string(body[:max(end, 0)])); err == nil {
			found = max(found, number)
		}
	}
}

func readPlan(file string) *Plan {
	text, err := os.ReadFile(file)
	if err != nil {
		fail(err)
	}
	plan := &Plan{}
	if err := json.Unmarshal(text, plan); err != nil {
		fail(err)
	}
	return plan
}

func writeReads(file string, sessions []*Session) {
	all := Reads{}
	for _, session := range sessions {
		r := session.reads
		all.Session, all.Process = append(all.Session, r.Session...), append(all.Process, r.Process...)
		all.Path, all.Status = append(all.Path, r.Path...), append(all.Status, r.Status...)
		all.Began, all.Ended = append(all.Began, r.Began...), append(all.Ended, r.Ended...)
		all.Version = append(all.Version, r.Version...)
	}
	text, err := json.Marshal(all)
	if err != nil {
		fail(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "reader:", err)
	os.Exit(1)
}
