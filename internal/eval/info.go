package eval

import (
	"regexp"
	"strconv"
	"time"

	"github.com/stablelora/stablelora/internal/overlap"
)

// Info is what results files say about the models and the run.
type Info struct {
	Version       string // of this program
	Model         string // folder
	Adapter       string // folder; "" for none
	NumParameters int64
	Dtype         string // of the stored weights
	MaxLength     int
	Limit         float64
	MaxGenToks    int // 0: the default
	Prompt        Prompt
	Started       time.Time
	Elapsed       time.Duration
	Overlap       []overlap.Found // with the training records; nil: not looked for
}

var unsanitary = regexp.MustCompile(`["<>:/|\\?*\[\]]+`)

// fields are the harness's entries about the run. Those about Python are left
// out.
func (i Info) fields() object {
	name := i.Model
	arguments := object{{"pretrained", i.Model}}
	if i.Adapter != "" {
		name = i.Adapter
		arguments = append(arguments, field{"peft", i.Adapter})
	}
	var limit, generation any
	if i.Limit != 0 {
		limit = number(i.Limit)
	}
	if i.MaxGenToks != 0 {
		generation = object{{"max_gen_toks", i.MaxGenToks}}
	}
	var system, systemHash, template, templateHash any
	if i.Prompt.System != "" {
		system, systemHash = i.Prompt.System, hashText(i.Prompt.System)
	}
	if i.Prompt.Chat != nil {
		template, templateHash = i.Prompt.Chat.Source(), hashText(i.Prompt.Chat.Source())
	}
	return object{
		{"config", object{
			{"model", "stablelora"}, {"model_args", arguments},
			{"model_num_parameters", i.NumParameters}, {"model_dtype", i.Dtype}, {"device", "cpu"},
			{"limit", limit}, {"gen_kwargs", generation},
			{"random_seed", 0}, {"numpy_seed", 1234}, {"torch_seed", 1234}, {"fewshot_seed", fewshotSeed},
		}},
		{"date", number(float64(i.Started.UnixMicro()) / 1e6)},
		{"max_length", i.MaxLength},
		{"model_source", "stablelora"}, {"model_name", name}, {"model_name_sanitized", unsanitary.ReplaceAllString(name, "__")},
		{"system_instruction", system}, {"system_instruction_sha", systemHash}, {"fewshot_as_multiturn", i.Prompt.Multiturn},
		{"chat_template", template}, {"chat_template_sha", templateHash},
		{"total_evaluation_time_seconds", strconv.FormatFloat(i.Elapsed.Seconds(), 'f', -1, 64)},
	}
}
