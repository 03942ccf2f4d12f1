package eval

import "github.com/stablelora/stablelora/internal/task"

// config is the task's configuration as the harness dumps it, the data being
// local files.
func (r *TaskResult) config() object {
	t := r.Task
	if t.Own != nil {
		return r.ownConfig()
	}
	evaluated := "test"
	if t.DrawsExtra {
		evaluated = "validation"
	}
	files := object{{evaluated, r.Spec.Path}}
	o := object{{"task", t.Name}, {"dataset_path", "json"}}
	if r.Spec.FewshotPath != "" {
		files = append(files, field{"train", r.Spec.FewshotPath})
		o = append(o, field{"training_split", "train"})
	}
	o = append(o,
		field{"dataset_kwargs", object{{"data_files", files}}},
		field{evaluated + "_split", evaluated},
		field{"doc_to_text", t.DocToText}, field{"doc_to_target", t.DocToTarget},
	)
	kind := "multiple_choice"
	if t.Kind == task.Choice {
		o = append(o, field{"doc_to_choice", t.DocToChoice})
	} else {
		kind = "generate_until"
	}
	o = append(o,
		field{"description", ""}, field{"target_delimiter", t.TargetDelimiter}, field{"fewshot_delimiter", t.FewshotDelimiter()},
		field{"num_fewshot", r.NumFewshot}, field{"metric_list", metricList(t)}, field{"output_type", kind},
	)
	if t.Kind == task.Generate {
		o = append(o, field{"generation_kwargs", r.generationArguments()}, field{"filter_list", filterList(t)})
	}
	return append(o, field{"repeats", 1}, field{"metadata", object{{"version", number(t.Version)}}})
}

// ownConfig is the task file's, with what was evaluated in its place.
func (r *TaskResult) ownConfig() object {
	var o object
	for _, s := range r.Task.Own.Config {
		if s.Name != "num_fewshot" {
			o = append(o, field{s.Name, s.Value})
		}
	}
	return append(o, field{"num_fewshot", r.NumFewshot})
}

func metricList(t *task.Task) []object {
	var list []object
	for _, name := range t.Metrics {
		list = append(list, object{{"metric", name}, {"aggregation", "mean"}, {"higher_is_better", true}})
	}
	return list
}

func filterList(t *task.Task) []object {
	var list []object
	for _, f := range t.Filters {
		function, pattern, index := f.Source()
		list = append(list, object{{"name", f.Name}, {"filter", []object{
			{{"function", function}, {"regex_pattern", pattern}, {"group_select", index}},
			{{"function", "take_first"}},
		}}})
	}
	return list
}
