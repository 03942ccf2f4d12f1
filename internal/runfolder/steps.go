package runfolder

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Steps are the rows of metrics.jsonl that training steps wrote, by column.
type Steps struct {
	Step         []float64 // from 1, increasing
	Epoch        []float64
	Loss         []float64 // nats per supervised token
	LearningRate []float64
	GradNorm     []float64 // before clipping
	Elapsed      []float64 // seconds
	Tokens       int       // of all steps
}

// Evaluation is a row that an evaluation wrote, after Step steps.
type Evaluation struct {
	Step  float64
	Loss  *float64                      // held out
	Tasks map[string]map[string]float64 // metrics by task and name
}

// Last is the number of steps done.
func (s *Steps) Last() int {
	if len(s.Step) == 0 {
		return 0
	}
	return int(s.Step[len(s.Step)-1])
}

const maxStep = 1 << 40 // far beyond any run, far from what float64 rounds

func checkStep(step *int64) error {
	if step == nil || *step < 0 || *step > maxStep {
		return errors.New("not a row with a step")
	}
	return nil
}

func (r *Run) readMetrics(path string) error {
	return eachRow(path, !r.Finished(), func(raw []byte) error {
		var row struct {
			Step         *int64
			Epoch        float64
			Loss         *float64
			LearningRate *float64 `json:"learning_rate"`
			GradNorm     *float64 `json:"grad_norm"`
			Elapsed      float64  `json:"elapsed_seconds"`
			Tokens       int
			EvalLoss     *float64 `json:"eval_loss"`
			Tasks        map[string]map[string]float64
		}
		if err := json.Unmarshal(raw, &row); err != nil {
			return fmt.Errorf("not a row of metrics: %w", err)
		}
		if err := checkStep(row.Step); err != nil {
			return err
		}
		step := float64(*row.Step)
		if row.LearningRate == nil {
			r.Evaluations = append(r.Evaluations, Evaluation{step, row.EvalLoss, row.Tasks})
			return nil
		}
		if row.Loss == nil || row.GradNorm == nil {
			return errors.New("the row of a step lacks loss or grad_norm")
		}
		s := &r.Steps
		if n := len(s.Step); n > 0 && step <= s.Step[n-1] {
			return fmt.Errorf("step %g follows step %g", step, s.Step[n-1])
		}
		s.Step, s.Epoch = append(s.Step, step), append(s.Epoch, row.Epoch)
		s.Loss, s.LearningRate = append(s.Loss, *row.Loss), append(s.LearningRate, *row.LearningRate)
		s.GradNorm, s.Elapsed = append(s.GradNorm, *row.GradNorm), append(s.Elapsed, row.Elapsed)
		s.Tokens += row.Tokens
		return nil
	})
}
