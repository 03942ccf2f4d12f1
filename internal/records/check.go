package records

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep a record may nest.
const maxDepth = 100

// check says what is wrong with one record: it must be UTF-8, JSON, an object,
// not nest too deep, name each key once, and hold no half of a surrogate pair
// (encoding/json would silently change such a text).
func check(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("the record is not UTF-8; save the file as UTF-8")
	}
	var valid json.RawMessage
	if err := json.Unmarshal(raw, &valid); err != nil {
		return fmt.Errorf("the record is not JSON: %w; each line must hold one object, or the file one array of objects", err)
	}
	if raw[0] != '{' {
		return errors.New("the record is not a JSON object")
	}
	return checkStrings(raw)
}

// checkStrings walks over valid JSON and looks at each string, those before a
// colon being keys.
func checkStrings(raw []byte) error {
	var keys []map[string]bool // one per open object or array (nil)
	for i := 0; i < len(raw); i++ {
		if len(keys) > maxDepth {
			return fmt.Errorf("the record nests deeper than %d objects and arrays", maxDepth)
		}
		switch raw[i] {
		case '{':
			keys = append(keys, map[string]bool{})
		case '[':
			keys = append(keys, nil)
		case '}', ']':
			keys = keys[:len(keys)-1]
		case '"':
			start := i
			var err error
			if i, err = checkString(raw, i); err != nil {
				return err
			}
			if !isKey(raw[i+1:]) {
				continue
			}
			var key string
			if err := json.Unmarshal(raw[start:i+1], &key); err != nil {
				return err
			}
			seen := keys[len(keys)-1]
			if seen[key] {
				return fmt.Errorf("the record names %q twice", key)
			}
			seen[key] = true
		}
	}
	return nil
}

// checkString returns where the string that opens at raw[i] closes.
func checkString(raw []byte, i int) (int, error) {
	high := false // the escape just before was the first half of a pair
	for i++; ; i++ {
		var code rune
		end := raw[i] == '"'
		if raw[i] == '\\' {
			i++
			if raw[i] == 'u' {
				u, _ := strconv.ParseUint(string(raw[i+1:i+5]), 16, 16)
				code = rune(u)
				i += 4
			}
		}
		low := 0xdc00 <= code && code <= 0xdfff
		if low != high {
			return 0, errors.New(`the record holds half of a surrogate pair (\ud800 to \udfff), which is no text`)
		}
		high = utf16.IsSurrogate(code) && !low
		if end {
			return i, nil
		}
	}
}

func isKey(rest []byte) bool {
	for _, c := range rest {
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			return c == ':'
		}
	}
	return false
}
