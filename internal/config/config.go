package config

// Config is a whole configuration. The yaml tags are the keys of the file; the
// order of the fields is the order of config.resolved.yaml.
type Config struct {
	Model     Model     `yaml:"model"`
	LoRA      LoRA      `yaml:"lora"`
	Optimizer Optimizer `yaml:"optimizer"`
	Data      Data      `yaml:"data"`
	Train     Train     `yaml:"train"`
	Eval      Eval      `yaml:"eval"`
	Output    Output    `yaml:"output"`
	Log       Log       `yaml:"log"`
}

// Model says which base model is trained and in which arithmetic.
type Model struct {
	Path    string `yaml:"path"`    // folder with config.json, *.safetensors, tokenizer.json
	Compute string `yaml:"compute"` // fp32 | bf16
}

// LoRA describes the adapter; the names are those of PEFT where it has one.
type LoRA struct {
	R              int     `yaml:"r"`
	Alpha          float64 `yaml:"alpha"`
	Dropout        float64 `yaml:"dropout"`
	TargetModules  Targets `yaml:"target_modules"`
	ExcludeModules Targets `yaml:"exclude_modules"`
	Layers         []int   `yaml:"layers"` // empty: all
	UseRSLoRA      bool    `yaml:"use_rslora"`
	Init           string  `yaml:"init"`      // kaiming | he | gaussian | zero
	InitFrom       string  `yaml:"init_from"` // PEFT adapter folder, or ""
}

// Targets names modules, as PEFT's target_modules does: by a list of names
// or, where Pattern is not "", by a regular expression or "all-linear".
type Targets struct {
	Names   []string
	Pattern string
}

// AllLinear is the Pattern that means every linear layer but the output head.
const AllLinear = "all-linear"

// MarshalYAML writes the form that was read: a text or a list.
func (t Targets) MarshalYAML() (any, error) {
	if t.Pattern != "" {
		return t.Pattern, nil
	}
	return t.Names, nil
}

// Optimizer holds the settings of all optimizers; each takes those it knows.
type Optimizer struct {
	Name        string     `yaml:"name"` // stable_lora | adamw | lora_plus | riemann | lora_rite
	Betas       [2]float64 `yaml:"betas"`
	Eps         float64    `yaml:"eps"`
	WeightDecay float64    `yaml:"weight_decay"`

	// stable_lora
	ShrinkRatio   float64 `yaml:"shrink_ratio"` // lambda
	StopCondition bool    `yaml:"stop_condition"`
	TestEvery     int     `yaml:"test_every"` // steps between tests of the condition

	// lora_plus
	LRRatio float64 `yaml:"lr_ratio"` // learning rate of B over that of A

	// riemann
	Reg            float64 `yaml:"reg"` // delta
	UpdatedFactors bool    `yaml:"updated_factors"`
	CorrectBias    bool    `yaml:"correct_bias"`

	// lora_rite, by the names of the authors' code; thresholds of 0 are off
	ClipUnmagnifiedGrad float64 `yaml:"clip_unmagnified_grad"`
	UpdateSkipping      float64 `yaml:"update_skipping"`
	UpdateCapping       float64 `yaml:"update_capping"`
	ApplyEscape         bool    `yaml:"apply_escape"`
	BalanceParam        bool    `yaml:"balance_param"`
}

// Data says which records are trained on and how they become tokens.
type Data struct {
	Train      []DataFile `yaml:"train"`
	Eval       []DataFile `yaml:"eval"` // held out, for the loss
	MaxLength  int        `yaml:"max_length"`
	OnOverflow string     `yaml:"on_overflow"` // error | drop | truncate
	TrainOn    string     `yaml:"train_on"`    // completion | all
	AppendEOS  bool       `yaml:"append_eos"`
	Shuffle    bool       `yaml:"shuffle"`
}

// DataFile is one file of records.
type DataFile struct {
	Path       string            `yaml:"path"`
	Format     string            `yaml:"format"`
	Weight     float64           `yaml:"weight"`      // how often a record comes per epoch
	MaxSamples int               `yaml:"max_samples"` // the first records only; 0: all
	Columns    map[string]string `yaml:"columns"`     // the format's field to the file's
}

// Train holds the settings of the loop.
type Train struct {
	Epochs         int     `yaml:"epochs"`    // 0 where MaxSteps is given
	MaxSteps       int     `yaml:"max_steps"` // 0 where Epochs is given
	BatchSize      int     `yaml:"batch_size"`
	MicroBatchSize int     `yaml:"micro_batch_size"` // at most BatchSize
	LearningRate   float64 `yaml:"learning_rate"`
	LRScheduler    string  `yaml:"lr_scheduler"` // constant | linear | cosine
	WarmupSteps    int     `yaml:"warmup_steps"`
	WarmupRatio    float64 `yaml:"warmup_ratio"` // of all steps; one of the two is 0
	MinLRRatio     float64 `yaml:"min_lr_ratio"`
	MaxGradNorm    float64 `yaml:"max_grad_norm"` // 0: off
	Seed           uint64  `yaml:"seed"`
	Recompute      string  `yaml:"recompute"` // auto | never | always
}

// Eval says what is scored, and when.
type Eval struct {
	Tasks      []EvalTask `yaml:"tasks"`
	Base       bool       `yaml:"base"`
	EverySteps int        `yaml:"every_steps"` // 0: at the end only
}

// EvalTask is one evaluation task with its documents.
type EvalTask struct {
	Name        string  `yaml:"name"`
	Path        string  `yaml:"path"`
	FewshotPath string  `yaml:"fewshot_path"`
	NumFewshot  *int    `yaml:"num_fewshot"` // nil: the task's own
	Limit       float64 `yaml:"limit"`       // documents, or below 1 a fraction of them; 0: all
}

// Output says where a run is written.
type Output struct {
	Dir       string `yaml:"dir"`        // as given: it starts at the current folder
	SaveEvery int    `yaml:"save_every"` // steps between checkpoints; 0: none on the way
	KeepLast  int    `yaml:"keep_last"`
}

// Log says how often the run reports.
type Log struct {
	Every int `yaml:"every"`
}

// riteEps is the default of optimizer.eps for lora_rite.
const riteEps = 1e-6

// Default returns the default of every key.
func Default() Config {
	return Config{
		Model: Model{Compute: "fp32"},
		LoRA: LoRA{
			R:              8,
			Alpha:          16,
			TargetModules:  Targets{Names: []string{"q_proj", "v_proj"}},
			ExcludeModules: Targets{Names: []string{}},
			Layers:         []int{},
			Init:           "kaiming",
		},
		Optimizer: Optimizer{
			Name:                "stable_lora",
			Betas:               [2]float64{0.9, 0.999},
			Eps:                 1e-8, // lora_rite: riteEps
			WeightDecay:         0.01,
			ShrinkRatio:         0.0005,
			StopCondition:       true,
			TestEvery:           1,
			LRRatio:             4,
			Reg:                 0.01,
			CorrectBias:         true,
			ClipUnmagnifiedGrad: 1,
			UpdateSkipping:      1,
		},
		Data: Data{
			Train:      []DataFile{defaultDataFile()},
			Eval:       []DataFile{},
			MaxLength:  512,
			OnOverflow: "error",
			TrainOn:    "completion",
			AppendEOS:  true,
			Shuffle:    true,
		},
		Train: Train{
			Epochs:         1,
			BatchSize:      16,
			MicroBatchSize: 4,
			LearningRate:   1e-4,
			LRScheduler:    "linear",
			MaxGradNorm:    1,
			Seed:           42,
			Recompute:      "auto",
		},
		Eval:   Eval{Tasks: []EvalTask{}, Base: true},
		Output: Output{Dir: "runs/default", KeepLast: 2},
		Log:    Log{Every: 10},
	}
}

func defaultDataFile() DataFile {
	return DataFile{Format: "auto", Weight: 1, Columns: map[string]string{}}
}
