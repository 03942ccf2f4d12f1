package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stablelora/stablelora/internal/blas"
	"github.com/stablelora/stablelora/internal/dtype"
	"github.com/stablelora/stablelora/internal/fsutil"
	"github.com/stablelora/stablelora/internal/safetensors"
	"github.com/stablelora/stablelora/internal/tensor"
)

// Load opens a Hugging Face model folder. Every tensor must be there with the
// shape that config.json implies, in F32, F16 or BF16 and finite, and there must
// be no other: each problem is named. Errors are InputErrors.
func Load(dir string) (*Decoder, error) {
	c, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	set, err := safetensors.OpenModel(dir)
	if err != nil {
		return nil, err
	}
	l := &loader{set: set, used: map[string]bool{}}
	m := wire(c, l)
	l.unexpected()
	if len(l.errs) > 0 {
		set.Close()
		return nil, fsutil.Input(dir, joinFirst(l.errs, 8))
	}
	m.weights = set
	return m, nil
}

// CheckTokens reports a tokenizer whose ids, below size, go beyond the rows of
// the embedding.
func (m *Decoder) CheckTokens(size int) error { return m.Config.CheckTokens(m.weights.Dir(), size) }

// CheckTokens is Decoder.CheckTokens before the weights are there; dir is the
// model's folder.
func (c *Config) CheckTokens(dir string, size int) error {
	if size > c.VocabSize {
		return fsutil.Inputf(dir, "tokenizer.json has token ids up to %d, the embedding only %d rows; they belong to different models",
			size-1, c.VocabSize)
	}
	return nil
}

// Hash is the SHA-256 of what config.json says and of every tensor's name, format,
// shape and bytes: of the model, however its weights are sharded.
func (m *Decoder) Hash() string {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(m.Config); err != nil {
		panic(err) // what was read from JSON can be written
	}
	for _, name := range m.weights.Names() {
		t, _ := m.weights.Tensor(name)
		fmt.Fprintf(h, "%q %s %v\n", name, t.DType, t.Shape)
		h.Write(t.Data)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// HasWeights says whether a model folder has weights of the kind that Load opens.
func HasWeights(dir string) bool {
	for _, name := range []string{safetensors.ModelFile, safetensors.IndexFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// StoredBytes is the size of a model folder's tensors as they are stored; only
// the files' headers are read.
func StoredBytes(dir string) (uint64, error) {
	set, err := safetensors.OpenModel(dir)
	if err != nil {
		return 0, err
	}
	defer set.Close()
	var n uint64
	for _, name := range set.Names() {
		t, _ := set.Tensor(name)
		n += uint64(len(t.Data))
	}
	return n, nil
}

// NumParameters counts the elements of all tensors.
func (m *Decoder) NumParameters() int64 {
	var n int64
	for _, name := range m.weights.Names() {
		t, _ := m.weights.Tensor(name)
		n += int64(t.Elements())
	}
	return n
}

// loader takes tensors by name and collects what is wrong with them.
type loader struct {
	set  *safetensors.Set
	used map[string]bool
	errs []error
}

// embeddings returns the embedding and the head. Tied checkpoints may hold
// either one, or both with equal values.
func (l *loader) embeddings(c *Config) (embed, head *tensor.Weight) {
	const embedName, headName = "model.embed_tokens.weight", "lm_head.weight"
	if !c.TieEmbeddings {
		return l.matrix(embedName, c.VocabSize, c.HiddenSize), l.matrix(headName, c.VocabSize, c.HiddenSize)
	}
	e, hasEmbed := l.set.Tensor(embedName)
	h, hasHead := l.set.Tensor(headName)
	name := embedName
	switch {
	case hasEmbed && hasHead:
		l.used[headName] = true
		if e.DType != h.DType || !bytes.Equal(e.Data, h.Data) {
			l.fail("%s and %s differ although config.json ties them", embedName, headName)
		}
	case hasHead:
		name = headName
	}
	w := l.matrix(name, c.VocabSize, c.HiddenSize)
	return w, w
}

// hopeless says that enough is known: the config.json is another model's.
func (l *loader) hopeless() bool { return len(l.errs) > 1000 }

// vector returns a small tensor widened to float32.
func (l *loader) vector(name string, n int) []float32 {
	t, ok := l.take(name, n)
	if !ok {
		return nil
	}
	v, err := t.Float32s()
	if err != nil {
		l.errs = append(l.errs, err)
	}
	return v
}

// matrix returns a weight that aliases the mapped file.
func (l *loader) matrix(name string, rows, cols int) *tensor.Weight {
	t, ok := l.take(name, rows, cols)
	if !ok {
		return &tensor.Weight{}
	}
	w := tensor.NewWeight(name, blas.Source{Rows: rows, Cols: cols})
	if w.DType, _ = t.Format(); w.DType == dtype.F32 { // take has checked it
		w.F32 = t.F32View()
	} else {
		w.U16 = t.U16View()
	}
	return w
}

// take finds a tensor and checks its shape, format and values.
func (l *loader) take(name string, shape ...int) (safetensors.Tensor, bool) {
	t, ok := l.set.Tensor(name)
	if !ok {
		return t, l.fail("%s is missing", name)
	}
	l.used[name] = true
	if !slices.Equal(t.Shape, shape) {
		return t, l.fail("%s has shape %v, config.json implies %v", name, t.Shape, shape)
	}
	if _, err := t.Format(); err != nil {
		return t, l.fail("%w", err)
	}
	if i := t.FirstNonFinite(); i >= 0 {
		return t, l.fail("%s holds a NaN or infinity at element %d; the checkpoint is damaged", name, i)
	}
	return t, true
}

func (l *loader) unexpected() {
	for _, name := range l.set.Names() {
		if !l.used[name] && !strings.HasSuffix(name, "rotary_emb.inv_freq") { // old LLaMA files hold it
			l.fail("%s is not a tensor of this architecture", name)
		}
	}
}

func (l *loader) fail(format string, args ...any) bool {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
	return false
}

// joinFirst joins errors, counting those beyond the first n.
func joinFirst(errs []error, n int) error {
	if len(errs) > n {
		errs = append(errs[:n:n], fmt.Errorf("and %d more problems like these", len(errs)-n))
	}
	return errors.Join(errs...)
}
