package train

import (
	"encoding/json"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/data"
	"github.com/stablelora/stablelora/internal/model"
	"github.com/stablelora/stablelora/internal/tokenizer"
)

// Shared is what runs one after the other have in common: the last base model
// with its hash and its tokenizer, and every data set, by the settings it was
// read with. They are opened when first asked for and must not change on the
// disk meanwhile. The zero value is ready.
type Shared struct {
	modelPath, tokPath string
	model              *model.Decoder // without an adapter between runs
	hash               string         // of model; "": not computed yet
	tok                *tokenizer.Tokenizer
	data               map[string]*data.Set
}

// Close gives the model back.
func (s *Shared) Close() error {
	if s.model == nil {
		return nil
	}
	err := s.model.Close()
	s.model, s.modelPath, s.hash = nil, "", ""
	return err
}

// loadModel closes the model of another path first: two may not fit.
func (s *Shared) loadModel(path string) (*model.Decoder, error) {
	if s.model != nil && s.modelPath == path {
		return s.model, nil
	}
	err := s.Close()
	if err == nil {
		s.model, err = model.Load(path)
	}
	s.modelPath = path
	return s.model, err
}

func (s *Shared) modelHash() string {
	if s.hash == "" {
		s.hash = s.model.Hash()
	}
	return s.hash
}

func (s *Shared) loadTokenizer(path string) (*tokenizer.Tokenizer, error) {
	if s.tok != nil && s.tokPath == path {
		return s.tok, nil
	}
	t, err := tokenizer.Load(path)
	if err == nil {
		s.tok, s.tokPath = t, path
	}
	return t, err
}

// loadData reads files, which are of cfg, as the model of cfg wants them.
func (s *Shared) loadData(cfg *config.Config, files []config.DataFile, enc data.Encoding) (*data.Set, error) {
	how := cfg.Data
	how.Train, how.Eval, how.Shuffle = files, nil, false
	key, err := json.Marshal([]any{cfg.Model.Path, how})
	if err != nil {
		return nil, err
	}
	if set := s.data[string(key)]; set != nil {
		return set, nil
	}
	set, err := data.Load(cfg.Data, files, enc)
	if err != nil {
		return nil, err
	}
	if s.data == nil {
		s.data = map[string]*data.Set{}
	}
	s.data[string(key)] = set
	return set, nil
}
