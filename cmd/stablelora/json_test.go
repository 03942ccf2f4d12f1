package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// json [-rows=N] FILE CHECK... checks a file, or stdout, that is one JSON
// document, or with -rows N of them, one a line. CHECK, which every document
// must pass, is one of
//
//	a/b/0      there is such a value
//	!a/b       there is none
//	a/b=VALUE  it is this, written as JSON
//	a/b#N      it has N items
//	a/b:k1,k2  it is an object with exactly these keys
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	rows := 0
	if len(args) > 0 && strings.HasPrefix(args[0], "-rows=") {
		n, err := strconv.Atoi(args[0][len("-rows="):])
		ts.Check(err)
		rows, args = n, args[1:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: json [-rows=N] FILE CHECK...")
	}
	docs := decodeAll(ts, []byte(ts.ReadFile(args[0])))
	if want := max(rows, 1); len(docs) != want {
		ts.Fatalf("%s holds %d JSON documents, not %d", args[0], len(docs), want)
	}
	for i, doc := range docs {
		for _, check := range args[1:] {
			if complaint := checkJSON(doc, check); complaint != "" {
				ts.Fatalf("%s, document %d: %s: %s", args[0], i+1, check, complaint)
			}
		}
	}
}

// decodeAll reads documents up to the end; anything else is fatal.
func decodeAll(ts *testscript.TestScript, data []byte) []any {
	var docs []any
	d := json.NewDecoder(bytes.NewReader(data))
	for {
		var v any
		err := d.Decode(&v)
		if err == io.EOF {
			return docs
		}
		ts.Check(err)
		docs = append(docs, v)
	}
}

func checkJSON(doc any, check string) (complaint string) {
	if path, ok := strings.CutPrefix(check, "!"); ok {
		if _, found := lookup(doc, path); found {
			return "is there"
		}
		return ""
	}
	i := strings.IndexAny(check, "=#:")
	if i < 0 {
		i = len(check)
	}
	v, found := lookup(doc, check[:i])
	if !found {
		return "is not there"
	}
	got, _ := json.Marshal(v)
	if i == len(check) {
		return ""
	}
	switch arg := check[i+1:]; check[i] {
	case '=':
		var want any
		if err := json.Unmarshal([]byte(arg), &want); err != nil {
			return err.Error()
		}
		if !reflect.DeepEqual(v, want) {
			return "is " + string(got)
		}
	case '#':
		if n := reflect.ValueOf(v).Len(); strconv.Itoa(n) != arg {
			return "has " + strconv.Itoa(n) + " items"
		}
	case ':':
		m, ok := v.(map[string]any)
		want := strings.Split(arg, ",")
		if !ok || len(m) != len(want) || slices.ContainsFunc(want, func(k string) bool { _, has := m[k]; return !has }) {
			return "is " + string(got)
		}
	}
	return ""
}

// lookup follows a path of keys and places with slashes between; a key with a
// comma or a dot needs no quoting.
func lookup(v any, path string) (any, bool) {
	if path == "" {
		return v, true
	}
	for key := range strings.SplitSeq(path, "/") {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[key]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// setjson FILE PATH VALUE changes or adds a value of a JSON file whose path
// leads through objects; without VALUE it removes it.
func cmdSetJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: setjson FILE PATH [VALUE]")
	}
	var doc map[string]json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &doc))
	value := ""
	if len(args) == 3 {
		value = args[2]
	}
	ts.Check(setPath(doc, strings.Split(args[1], "/"), value))
	data, err := json.Marshal(doc)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}

func setPath(doc map[string]json.RawMessage, path []string, value string) error {
	switch {
	case len(path) == 1 && value == "":
		delete(doc, path[0])
		return nil
	case len(path) == 1:
		doc[path[0]] = json.RawMessage(value)
		return nil
	}
	var inner map[string]json.RawMessage
	if err := json.Unmarshal(doc[path[0]], &inner); err != nil {
		return err
	}
	if err := setPath(inner, path[1:], value); err != nil {
		return err
	}
	data, err := json.Marshal(inner)
	doc[path[0]] = data
	return err
}
