package metrics

// StepRow is one optimizer step in metrics.jsonl.
type StepRow struct {
	Step             int     `json:"step"`          // from 1
	Epoch            float64 `json:"epoch"`         // passes through the data so far
	Loss             float64 `json:"loss"`          // mean over the step's supervised tokens, in nats
	LearningRate     float64 `json:"learning_rate"` // used in this step
	GradNorm         float64 `json:"grad_norm"`     // before clipping
	Tokens           int     `json:"tokens"`        // all tokens of the step's examples
	SupervisedTokens int     `json:"supervised_tokens"`
	TokensPerSecond  float64 `json:"tokens_per_second"`
	ElapsedSeconds   float64 `json:"elapsed_seconds"`
}

// EvalRow is one evaluation in metrics.jsonl, after Step steps: the held-out
// loss, or metrics by task and name ("hellaswag", "acc,none"). What is nil is
// left out.
type EvalRow struct {
	Step     int                           `json:"step"`
	EvalLoss *float64                      `json:"eval_loss,omitempty"`
	Tasks    map[string]map[string]float64 `json:"tasks,omitempty"`
}

// StabilityRow is one step of one adapted module in stability.jsonl. Norms are
// taken before shrink and update. Delta1 to Delta3 are the sizes of the three
// terms of the update of the module's output, left out where nil.
type StabilityRow struct {
	Step      int      `json:"step"` // from 1
	Module    string   `json:"module"`
	NormA     float64  `json:"norm_a"`
	NormB     float64  `json:"norm_b"`
	Shrinking bool     `json:"shrinking"` // whether A was shrunk in this step
	Delta1    *float64 `json:"delta1,omitempty"`
	Delta2    *float64 `json:"delta2,omitempty"`
	Delta3    *float64 `json:"delta3,omitempty"`
}
