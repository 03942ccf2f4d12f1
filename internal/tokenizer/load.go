package tokenizer

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/stablelora/stablelora/internal/fsutil"
)

// Load reads dir/tokenizer.json, and the added and the named tokens of
// tokenizer_config.json where there is one. Truncation and padding settings are ignored: lengths are
// the caller's business. Errors are *fsutil.InputError; they name the part of
// the file that is broken or not implemented.
func Load(dir string) (*Tokenizer, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fsutil.Inputf(dir, "there is no such folder")
	}
	path := filepath.Join(dir, "tokenizer.json")
	data, err := fsutil.ReadFile(path, fsutil.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fsutil.Inputf(path, "there is no such file; the tokenizer is read from tokenizer.json alone (a tokenizer.model or vocab.json must be converted first: transformers writes it with save_pretrained)")
	} else if err != nil {
		return nil, fsutil.Input(path, err)
	}
	t, err := parse(data)
	if err != nil {
		return nil, fsutil.Input(path, err)
	}
	path = filepath.Join(dir, "tokenizer_config.json")
	data, err = fsutil.ReadFile(path, fsutil.MaxSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	} else if err == nil {
		err = t.addConfigTokens(data)
		t.readNamed(data)
	}
	if err != nil {
		return nil, fsutil.Input(path, err)
	}
	return t, nil
}

// parse builds a tokenizer from the bytes of tokenizer.json.
func parse(data []byte) (*Tokenizer, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("is not UTF-8")
	}
	root, err := rootNode(data)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{addedIDs: map[string]int32{}, named: map[string]int32{}}
	want(root, "version", "1.0", "1.0")
	root.drop("truncation", "padding")
	if root.has("normalizer") {
		t.normalizers = parseNormalizer(root.object("normalizer"))
	}
	t.pre = wholeText{}
	if root.has("pre_tokenizer") {
		t.pre = parsePreTokenizer(root.object("pre_tokenizer"))
	}
	t.decoders = parseDecoder(root.object("decoder"))
	_, t.model.byteLevel = t.pre.(byteLevel)
	t.pieces = t.model.parse(root.object("model"))
	t.special = make([]bool, len(t.pieces))
	for _, n := range root.list("added_tokens") {
		t.add(parseAdded(n), n)
	}
	if root.has("post_processor") {
		t.parsePostProcessor(root.object("post_processor"))
	}
	root.drop("normalizer", "pre_tokenizer", "post_processor") // null
	root.done()
	return t, root.file.err
}

// addConfigTokens adds the tokens that tokenizer_config.json has beyond
// tokenizer.json, as transformers does, and checks the ids of the others.
func (t *Tokenizer) addConfigTokens(data []byte) error {
	root, err := rootNode(data)
	if err != nil || !root.has("added_tokens_decoder") {
		return err
	}
	tokens := root.object("added_tokens_decoder")
	for _, id := range sortedIDs(tokens) {
		key := strconv.Itoa(id)
		n := tokens.object(key)
		n.drop("__type")
		token := parseAdded(n)
		token.id = int32(id)
		if known, ok := t.addedIDs[token.content]; !ok {
			t.add(token, n)
		} else if known != token.id {
			n.fail("content", "%q has id %d in tokenizer.json", token.content, known)
		}
	}
	return root.file.err
}

// readNamed takes bos_token and eos_token, each a text or an object with
// content, of a tokenizer_config.json. null names none.
func (t *Tokenizer) readNamed(data []byte) {
	var config map[string]json.RawMessage
	if json.Unmarshal(data, &config) != nil {
		return
	}
	for _, name := range []string{"bos_token", "eos_token"} {
		var text string
		var object struct{ Content string }
		if json.Unmarshal(config[name], &text) != nil && json.Unmarshal(config[name], &object) == nil {
			text = object.Content
		}
		if id, ok := t.ID(text); ok && text != "" {
			t.named[name] = id
		}
	}
}

// sortedIDs returns the keys of an object, which must be ids.
func sortedIDs(n *node) []int {
	ids := make([]int, 0, len(n.fields))
	for key := range n.fields {
		id, err := strconv.ParseInt(key, 10, 32)
		if err != nil || strconv.FormatInt(id, 10) != key {
			n.fail(key, "want a token id")
			return nil
		}
		ids = append(ids, int(id))
	}
	slices.Sort(ids)
	return ids
}

// parseAdded reads an entry of added_tokens.
func parseAdded(n *node) addedToken {
	special := take(n, "special", false)
	token := addedToken{
		id:         take(n, "id", int32(-1)),
		content:    take(n, "content", ""),
		singleWord: take(n, "single_word", false),
		lstrip:     take(n, "lstrip", false),
		rstrip:     take(n, "rstrip", false),
		normalized: take(n, "normalized", !special),
		special:    special,
	}
	n.done()
	return token
}

// add registers an added token. Its id follows from its place, as in the
// tokenizers library: the vocabulary's, or the next after all before it.
func (t *Tokenizer) add(token addedToken, n *node) {
	if n.file.err != nil {
		return
	}
	if _, ok := t.addedIDs[token.content]; ok {
		n.fail("content", "%q is there twice", token.content)
		return
	}
	id := int32(len(t.pieces))
	if known, ok := t.model.vocab.GetID(token.content); ok {
		id = int32(known)
	}
	if token.id != id {
		n.fail("id", "%q has id %d, but the vocabulary and the tokens before it give it %d", token.content, token.id, id)
		return
	}
	t.addPattern(token, n)
	if int(id) == len(t.pieces) {
		t.pieces = append(t.pieces, token.content)
		t.special = append(t.special, false)
	}
	t.special[id] = token.special
	t.addedIDs[token.content] = id
}

// addPattern makes text that an added token matches be found.
func (t *Tokenizer) addPattern(token addedToken, n *node) {
	trie, pattern := &t.raw, token.content
	if token.normalized && len(pattern) <= maxAdded {
		trie = &t.normed
		for _, normalize := range t.normalizers {
			pattern = normalize(aligned{text: pattern}).text
		}
	}
	if len(pattern) > maxAdded {
		n.fail("content", "an added token of more than %d bytes is not implemented", maxAdded)
		return
	}
	if pattern == "" || !trie.insert(pattern, &token) {
		n.fail("content", "%q matches nothing or the same text as another added token", token.content)
	}
}
