package safetensors

import (
	"bytes"
	"encoding/binary"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// build puts the length before a header and data after it.
func build(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// one is the header of a single U8 tensor "a" with the given shape and offsets.
func one(shape, offsets string) string {
	return `{"a":{"dtype":"U8","shape":` + shape + `,"data_offsets":` + offsets + `}}`
}

// two is the header of two U8 tensors of two elements.
func two(offsetsA, offsetsB string) string {
	return `{"a":{"dtype":"U8","shape":[2],"data_offsets":` + offsetsA + `},"b":{"dtype":"U8","shape":[2],"data_offsets":` + offsetsB + `}}`
}

func TestParseRefuses(t *testing.T) {
	huge := build("{}", "")
	binary.LittleEndian.PutUint64(huge, 1<<63+1)
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty file", nil, "not a safetensors file: 0 bytes"},
		{"shorter than the length", []byte("1234567"), "7 bytes"},
		{"HeaderTooLarge", binary.LittleEndian.AppendUint64(nil, maxHeader+1), "at most 100000000"},
		{"HeaderTooLarge, negative if signed", huge, "at most 100000000"},
		{"InvalidHeaderLength", build("{}", "")[:9], "header of 2 bytes in a file of 9 bytes"},
		{"InvalidHeader", build("{\"\xff\":1}", ""), "not valid UTF-8"},
		{"InvalidHeaderStart", build(" {}", ""), "does not start with '{'"},
		{"no header", build("", ""), "does not start with '{'"},
		{"not closed", build(`{"a":`, ""), "header: "},
		{"empty object not closed", build(`{`, ""), "stops short"},
		{"not JSON", build(`{a:1}`, ""), "invalid character"},
		{"comma missing", build(`{"__metadata__":{} "a":1}`, ""), "invalid character"},
		{"two documents", build(`{}{}`, ""), "follows the closing brace"},
		{"garbage behind", build(`{}x`, ""), "follows the closing brace"},
		{"null", build(`{"a":null}`, ""), `found <nil> where '{' is due`},
		{"tensor is a number", build(`{"a":1}`, ""), "found 1 where '{' is due"},
		{"deep nesting", build(`{"a":`+strings.Repeat("[", 1<<20), ""), "found [ where '{' is due"},
		{"deep shape", build(one(strings.Repeat("[", 1<<20), "[0,0]"), ""), "where a number is due"},
		{"duplicate tensor", build(strings.Replace(two("[0,2]", "[2,4]"), `"b"`, `"a"`, 1), "1234"), `key "a" comes twice`},
		{"duplicate field", build(`{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}`, "1"), `key "dtype" comes twice`},
		{"duplicate metadata", build(`{"__metadata__":{},"__metadata__":{}}`, ""), `key "__metadata__" comes twice`},
		{"duplicate metadata key", build(`{"__metadata__":{"k":"1","k":"2"}}`, ""), `key "k" comes twice`},
		{"metadata value", build(`{"__metadata__":{"k":1}}`, ""), `value of "k": found 1 where a string is due`},
		{"metadata kind", build(`{"__metadata__":["k"]}`, ""), "found [ where '{' is due"},
		{"field missing", build(`{"a":{"dtype":"U8","shape":[1]}}`, "1"), "needs dtype, shape and data_offsets"},
		{"field unknown", build(`{"a":{"dtype":"U8","shape":[1],"offsets":[0,1]}}`, "1"), `unexpected field "offsets"`},
		{"dtype unknown", build(`{"a":{"dtype":"Q8","shape":[1],"data_offsets":[0,1]}}`, "1"), `unknown dtype "Q8"`},
		{"dtype kind", build(`{"a":{"dtype":8,"shape":[1],"data_offsets":[0,1]}}`, "1"), "found 8 where a string is due"},
		{"one offset", build(one("[1]", "[0]"), "1"), "hold 1 numbers, not 2"},
		{"three offsets", build(one("[1]", "[0,1,2]"), "1"), "more than 2 numbers"},
		{"negative offset", build(one("[1]", "[-1,0]"), "1"), "-1 is not an integer"},
		{"fractional offset", build(one("[1]", "[0,1.0]"), "1"), "1.0 is not an integer"},
		{"exponent", build(one("[1]", "[0,1e0]"), "1"), "1e0 is not an integer"},
		{"offset as string", build(one("[1]", `["0",1]`), "1"), "found 0 where a number is due"},
		{"offset beyond int64", build(one("[1]", "[0,9223372036854775808]"), "1"), "is not an integer of 0 to 2^63-1"},
		{"offset beyond uint64", build(one("[1]", "[0,99999999999999999999999]"), "1"), "is not an integer of 0 to 2^63-1"},
		{"negative shape", build(one("[-1]", "[0,1]"), "1"), "-1 is not an integer"},
		{"fractional shape", build(one("[0.5]", "[0,1]"), "1"), "0.5 is not an integer"},
		{"too many dimensions", build(one("["+strings.Repeat("1,", 64)+"1]", "[0,1]"), "1"), "more than 64 numbers"},
		{"InvalidOffset, backwards", build(one("[1]", "[1,0]"), "1"), "run backwards"},
		{"InvalidOffset, overlap", build(two("[0,2]", "[1,3]"), "123"), `tensor "b": data_offsets [1, 3] overlap`},
		{"InvalidOffset, the same twice", build(two("[0,2]", "[0,2]"), "12"), "overlap"},
		{"InvalidOffset, hole", build(two("[0,2]", "[3,5]"), "12345"), "leave a hole after 2"},
		{"InvalidOffset, hole in front", build(two("[1,3]", "[3,5]"), "12345"), "leave a hole after 0"},
		{"TensorInvalidInfo, too few bytes", build(one("[2]", "[0,1]"), "1"), "takes 2 bytes, but data_offsets [0, 1] hold 1"},
		{"TensorInvalidInfo, too many bytes", build(one("[]", "[0,2]"), "12"), "takes 1 bytes, but data_offsets [0, 2] hold 2"},
		{"ValidationOverflow, elements", build(one("[4294967296,4294967296]", "[0,0]"), ""), "overflows"},
		{"ValidationOverflow, bytes", build(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, ""), "overflows"},
		{"ValidationOverflow, hidden by a zero", build(one("[4294967296,4294967296,0]", "[0,0]"), ""), "overflows"},
		{"MisalignedSlice", build(`{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, "1"), "does not fill whole bytes"},
		{"MetadataIncompleteBuffer, short", build(two("[0,2]", "[2,4]"), "123"), `tensor "b": data_offsets [2, 4] reach beyond the 3 bytes`},
		{"MetadataIncompleteBuffer, long", build(two("[0,2]", "[2,4]"), "12345"), "5 bytes of data, but the tensors cover only 4"},
		{"data without tensors", build("{}", "1"), "1 bytes of data, but the tensors cover only 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := parse(c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("message of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	for _, c := range []struct {
		name, header, data string
		want               []Tensor
	}{
		{"nothing", `{}`, "", []Tensor{}},
		{"padding", "{} \n\t ", "", []Tensor{}},
		{"any order", two("[2,4]", "[0,2]"), "1234", []Tensor{{"a", "U8", []int{2}, []byte("34")}, {"b", "U8", []int{2}, []byte("12")}}},
		{"fields in any order", `{"a":{"data_offsets":[0,1],"shape":[],"dtype":"BOOL"}}`, "1", []Tensor{{"a", "BOOL", []int{}, []byte("1")}}},
		{"empty tensors", `{"a":{"dtype":"F32","shape":[0,7],"data_offsets":[1,1]},"b":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"c":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, "1",
			[]Tensor{{"a", "F32", []int{0, 7}, []byte{}}, {"b", "I8", []int{1}, []byte("1")}, {"c", "F32", []int{0}, []byte{}}}},
		{"packed", `{"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}`, "123", []Tensor{{"a", "F6_E2M3", []int{4}, []byte("123")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := parse(build(c.header, c.data))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Fatalf("parse = %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

// A hostile header may cost memory in proportion to its own size at most.
func TestParseAllocatesInProportion(t *testing.T) {
	var entries []string
	for i := range 20000 {
		entries = append(entries, `"`+strconv.Itoa(i)+`":{"dtype":"U8","shape":[0,1,1,1],"data_offsets":[0,0]}`)
	}
	file := build("{"+strings.Join(entries, ",")+"}", "")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := parse(file); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if per := (after.TotalAlloc - before.TotalAlloc) / uint64(len(file)); per > 40 {
		t.Errorf("%d bytes allocated per byte of header", per)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(build(`{}`, ""))
	f.Add(build(two("[0,2]", "[2,4]"), "1234"))
	f.Add(build(`{"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]}}  `, "1234"))
	f.Add(build(`{"é\u0001":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}`, "12"))
	f.Add(build(one("[4294967296,4294967296]", "[0,0]"), ""))
	if b, err := os.ReadFile("testdata/dtypes.safetensors"); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, metadata, err := parse(file)
		if err != nil {
			return
		}
		for _, x := range tensors {
			x.FirstNonFinite()
			if v, err := x.Float32s(); err == nil && len(v) != x.Elements() {
				t.Fatalf("%d values for shape %v", len(v), x.Shape)
			}
		}
		// What was accepted can be written, and what was written stays as it is.
		var first, second bytes.Buffer
		if err := Write(&first, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		again, metadata, err := parse(first.Bytes())
		if err != nil || len(again) != len(tensors) {
			t.Fatalf("own output: %d tensors of %d, %v", len(again), len(tensors), err)
		}
		if err := Write(&second, again, metadata); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("write, read, write is not stable: %v", err)
		}
	})
}
