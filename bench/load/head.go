package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// Head is what stands before an answer's body.
type Head struct {
	status int
	length int
	closes bool // the server ends the connection after this answer
	text   []byte
}

// parse reads the head of an answer, which has to tell its length.
func parse(text []byte) (Head, error) {
	lines := bytes.Split(text, []byte("\r\n"))
	if len(lines[0]) < 12 {
		return Head{}, fmt.Errorf("no status line")
	}
	status, err := strconv.Atoi(string(lines[0][9:12]))
	if err != nil {
		return Head{}, fmt.Errorf("no status")
	}
	head := Head{status: status, length: -1}
	for _, line := range lines[1:] {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("content-length")):
			if head.length, err = strconv.Atoi(string(value)); err != nil {
				return Head{}, err
			}
		case bytes.EqualFold(name, []byte("connection")):
			head.closes = bytes.EqualFold(value, []byte("close"))
		}
	}
	if head.length < 0 {
		return Head{}, fmt.Errorf("no Content-Length")
	}
	return head, nil
}
