package main

import (
	"bytes"
	"net/http"
	"strconv"
	"sync/atomic"
)

const numberMark = "{n}"

// Post is a request with a body, each with another number in it wherever it says {n}.
type Post struct {
	Body   string `json:"body"`
	Header string `json:"header"` // a line beside the usual ones, without its end; "": none
	First  int64  `json:"first"`  // the first number

	posted atomic.Int64
}

// append writes what stands after the usual header lines: the rest of the head, and the body.
func (p *Post) append(request []byte) []byte {
	number := strconv.FormatInt(p.First+p.posted.Add(1)-1, 10)
	body := numbered(p.Body, number)
	if p.Header != "" {
		request = append(append(request, numbered(p.Header, number)...), "\r\n"...)
	}
	request = append(request, "Content-Type: application/json\r\nContent-Length: "...)
	request = strconv.AppendInt(request, int64(len(body)), 10)
	return append(append(request, "\r\n\r\n"...), body...)
}

func numbered(text, number string) []byte {
	return bytes.ReplaceAll([]byte(text), []byte(numberMark), []byte(number))
}

// verb is the method of a plan's requests, and the status of those that succeed.
func (p *Plan) verb() (string, int) {
	if p.Post == nil {
		return http.MethodGet, http.StatusOK
	}
	return http.MethodPost, http.StatusCreated
}
