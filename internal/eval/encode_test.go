package eval

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mergingModel has one more token, 300, for "a b".
type mergingModel struct{ byteModel }

func (m *mergingModel) Encode(text string, addSpecial bool) []int32 {
	var ids []int32
	for i, part := range strings.Split(text, "a b") {
		if i > 0 {
			ids = append(ids, 300)
		}
		ids = append(ids, m.byteModel.Encode(part, addSpecial && i == 0)...)
	}
	return ids
}

func TestRequest(t *testing.T) {
	ids := func(s string) []int32 { return (&byteModel{}).Encode(s, false) }
	qwen, llama := &byteModel{max: 100}, &byteModel{bos: 256, max: 100}
	for _, tc := range []struct {
		name                  string
		m                     Model
		context, continuation string
		want                  Request
	}{
		{"plain", qwen, "ab", " c", Request{Tokens: ids("ab c"), From: 2}},
		{"BOS", llama, "ab", " c", Request{Tokens: ids("<s>ab c"), From: 3}},
		{"BOS written out", llama, "<s>ab", " c", Request{Tokens: ids("<s>ab c"), From: 3}},
		{"space moves", qwen, "ab \u3000\n\x1f", " c", Request{Tokens: ids("ab \u3000\n\x1f c"), From: 2}},
		{"empty context", qwen, "", " c", Request{Tokens: append([]int32{257}, ids(" c")...), From: 1}},
		{"empty context, BOS", llama, "", " c", Request{Tokens: ids("<s> c"), From: 1}},
		{"empty context, BOS written out", llama, "", "<s> c", Request{Tokens: ids("<s> c"), From: 1}},
		{"white space only", llama, " \n", "c", Request{Tokens: ids("<s> \nc"), From: 1}},
		{"truncated", &byteModel{bos: 256, max: 3}, "abcd", " e", Request{Tokens: ids("cd e"), From: 2}},
		{"truncated to the continuation", &byteModel{bos: 256, max: 2}, "abcd", " e", Request{Tokens: ids("d e"), From: 1}},
		// whole: x, "a b", c; context alone: x, a; so "b" is charged to nobody
		{"merge over the boundary", &mergingModel{byteModel{max: 100}}, "xa", " bc", Request{Tokens: ids("xac"), From: 2}},
		{"merge of all of it", &mergingModel{byteModel{max: 100}}, "xa", " b", Request{Tokens: ids("xa"), From: 2}},
	} {
		got, cut, err := newEncoder(tc.m).request(tc.context, tc.continuation)
		if err != nil || cut != strings.HasPrefix(tc.name, "truncated") {
			t.Errorf("%s: cut %v, %v", tc.name, cut, err)
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
	for _, tc := range []struct {
		m                           Model
		context, continuation, want string
	}{
		{&byteModel{max: 3}, "a", " bcd", "the continuation has 4 tokens, but the model takes 3"},
		{&byteModel{max: 3}, " ", "b", "the context has no token"},
	} {
		if _, _, err := newEncoder(tc.m).request(tc.context, tc.continuation); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q and %q: %v", tc.context, tc.continuation, err)
		}
	}
}
