package tokenizer

import "unicode/utf8"

// Bounds on what a small file can ask for; real ones stay far below.
const (
	maxGrowth   = 64
	maxParts    = 32 // of a normalizer or a decoder, each of which goes over the text
	maxTemplate = 64
)

// parseNormalizer reads NFC, Prepend, Replace of a string, and Sequence of them.
func parseNormalizer(n *node) []normalizer {
	var out []normalizer
	switch kind := n.kind(); kind {
	case "NFC":
		out = []normalizer{nfc}
	case "Prepend":
		s := takeText(n, "prepend")
		if len(s) > maxGrowth {
			n.fail("prepend", "more than %d bytes are not implemented", maxGrowth)
		}
		out = []normalizer{prepend(s)}
	case "Replace":
		out = []normalizer{replace(takeReplace(n))}
	case "Sequence":
		for _, child := range n.list("normalizers") {
			out = append(out, parseNormalizer(child)...)
		}
		if len(out) > maxParts {
			n.fail("normalizers", "more than %d parts are not implemented", maxParts)
			return nil
		}
	default:
		n.refuse(kind)
		return nil
	}
	n.done()
	return out
}

// takeText reads a field that must not be empty.
func takeText(n *node, key string) string {
	s := take(n, key, "")
	if s == "" {
		n.fail(key, "must not be empty")
	}
	return s
}

// takeReplace reads the string to look for and the one to put in its place.
func takeReplace(n *node) (old, with string) {
	pattern := n.object("pattern")
	old = takeText(pattern, "String")
	pattern.done()
	with = take(n, "content", "")
	if len(old) > 0 && len(with) > len(old) {
		n.file.growth *= min(len(with)/len(old)+1, maxGrowth+1)
	}
	if n.file.growth > maxGrowth {
		n.fail("content", "replacements that lengthen a text more than %d times are not implemented", maxGrowth)
		n.file.growth = 1
	}
	return old, with
}

// parsePreTokenizer reads ByteLevel with GPT-2's pattern, a Split by a known
// pattern followed by ByteLevel, or Metaspace.
func parsePreTokenizer(n *node) preTokenizer {
	var pre preTokenizer = wholeText{}
	switch kind := n.kind(); kind {
	case "ByteLevel":
		parseByteLevel(n, true)
		pre = byteLevel{scanGPT2}
	case "Metaspace":
		pre = parseMetaspace(n)
	case "Sequence":
		children := n.list("pretokenizers")
		if len(children) != 2 {
			n.fail("pretokenizers", "only a Split and a ByteLevel are implemented as a sequence, not %d parts", len(children))
			break
		}
		if kind := children[0].kind(); kind != "Split" {
			children[0].refuse(kind)
		}
		pre = byteLevel{parseSplit(children[0])}
		if kind := children[1].kind(); kind != "ByteLevel" {
			children[1].refuse(kind)
		}
		parseByteLevel(children[1], false)
	default:
		n.refuse(kind)
		return pre
	}
	n.done()
	return pre
}

func parseSplit(n *node) func(string, int) int {
	pattern := n.object("pattern")
	scan := scanTiktoken(1)
	switch want(pattern, "Regex", "", patternQwen2, patternLlama3) {
	case patternLlama3:
		scan = scanTiktoken(3)
	}
	pattern.done()
	want(n, "behavior", "", "Isolated")
	want(n, "invert", false, false)
	n.done()
	return scan
}

func parseByteLevel(n *node, useRegex bool) {
	want(n, "add_prefix_space", true, false)
	want(n, "use_regex", true, useRegex)
	n.drop("trim_offsets")
	n.done()
}

// parseMetaspace reads both spellings of the prefix: a missing prepend_scheme
// means always, and add_prefix_space: false, which old files have, never.
func parseMetaspace(n *node) metaspace {
	m := metaspace{replacement: take(n, "replacement", "▁")}
	if utf8.RuneCountInString(m.replacement) != 1 {
		n.fail("replacement", "want one character")
	}
	m.scheme = want(n, "prepend_scheme", "always", "always", "first", "never")
	if !take(n, "add_prefix_space", true) {
		m.scheme = "never"
	}
	m.split = take(n, "split", true)
	n.drop("str_rep")
	return m
}

// parsePostProcessor reads ByteLevel, which only trims offsets,
// TemplateProcessing, and Sequence of them.
func (t *Tokenizer) parsePostProcessor(n *node) {
	switch kind := n.kind(); kind {
	case "ByteLevel":
		n.drop("add_prefix_space", "trim_offsets", "use_regex")
	case "TemplateProcessing":
		t.parseTemplate(n)
	case "Sequence":
		for _, child := range n.list("processors") {
			t.parsePostProcessor(child)
		}
	default:
		n.refuse(kind)
		return
	}
	n.done()
}

// parseTemplate reads what is put around a single text.
func (t *Tokenizer) parseTemplate(n *node) {
	if t.prefix != nil {
		n.fail("", "a second TemplateProcessing is not implemented")
		return
	}
	tokens := n.object("special_tokens")
	ids, seen := []int32{}, false
	for _, part := range n.list("single") {
		if part.has("Sequence") {
			seq := part.object("Sequence")
			want(seq, "id", "", "A")
			seq.drop("type_id")
			seq.done()
			if seen {
				part.fail("Sequence", "the text twice is not implemented")
			}
			t.prefix, ids, seen = ids, nil, true
		} else {
			ref := part.object("SpecialToken")
			name := take(ref, "id", "")
			ref.drop("type_id")
			ref.done()
			ids = append(ids, t.templateIDs(tokens, name)...)
		}
		part.done()
		if len(ids) > maxTemplate {
			n.fail("single", "more than %d tokens around a text are not implemented", maxTemplate)
			return
		}
	}
	if !seen {
		n.fail("single", "the text itself is missing")
	}
	t.suffix = ids
	n.drop("pair")
}

// templateIDs returns the ids that a special token of a template stands for.
func (t *Tokenizer) templateIDs(tokens *node, name string) []int32 {
	if !tokens.has(name) {
		tokens.fail(name, "is missing")
		return nil
	}
	raw := tokens.fields[name] // may be used again
	token := tokens.object(name)
	tokens.fields[name] = raw
	ids := take(token, "ids", []int32{})
	for _, id := range ids {
		if !t.known(id) {
			token.fail("ids", "there is no token %d", id)
		}
	}
	token.drop("id", "tokens")
	token.done()
	return ids
}

// parseDecoder reads ByteLevel, Metaspace, Replace of a string, ByteFallback,
// Fuse, Strip at the start, and Sequence of them.
func parseDecoder(n *node) []decoder {
	var out []decoder
	switch kind := n.kind(); kind {
	case "ByteLevel":
		n.drop("add_prefix_space", "trim_offsets", "use_regex")
		out = []decoder{decodeByteLevel}
	case "Metaspace":
		out = []decoder{decodeMetaspace(parseMetaspace(n))}
	case "Replace":
		out = []decoder{decodeReplace(takeReplace(n))}
	case "ByteFallback":
		out = []decoder{decodeByteFallback}
	case "Fuse":
		out = []decoder{decodeFuse}
	case "Strip":
		want(n, "stop", 0, 0)
		out = []decoder{decodeStrip(takeText(n, "content"), take(n, "start", 0))}
	case "Sequence":
		for _, child := range n.list("decoders") {
			out = append(out, parseDecoder(child)...)
		}
		if len(out) > maxParts {
			n.fail("decoders", "more than %d parts are not implemented", maxParts)
			return nil
		}
	default:
		n.refuse(kind)
		return nil
	}
	n.done()
	return out
}
