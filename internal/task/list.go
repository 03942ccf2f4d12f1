package task

// Names lists the tasks in the order of the documentation.
func Names() []string {
	var names []string
	for _, t := range tasks() {
		names = append(names, t.Name)
	}
	return names
}

// Lookup returns the task of that name.
func Lookup(name string) (*Task, bool) {
	for _, t := range tasks() {
		if t.Name == name {
			return &t, true
		}
	}
	return nil, false
}

func tasks() []Task {
	return []Task{
		hellaswag(),
		arc("arc_easy", "ARC-Easy"),
		arc("arc_challenge", "ARC-Challenge"),
		openbookqa(),
		socialIQA(),
		piqa(),
		winogrande(),
		boolq(),
		gsm8k(),
	}
}

func hellaswag() Task {
	return Task{
		Name: "hellaswag", Version: 1,
		Metrics:    []string{"acc", "acc_norm"},
		DrawsExtra: true,
		Extends:    true,
		Source: Source{
			Dataset:   "Rowan/hellaswag",
			DocToText: "{{query}}", DocToTarget: "{{label}}", DocToChoice: "choices",
			TrainingSplit: "train", EvaluatedSplit: "validation",
		},
		parse: parseHellaSwag,
	}
}

func arc(name, subset string) Task {
	return Task{
		Name: name, Version: 1,
		Metrics: []string{"acc", "acc_norm"},
		Source: Source{
			Dataset: "allenai/ai2_arc", Subset: subset,
			DocToText:     "Question: {{question}}\nAnswer:",
			DocToTarget:   "{{choices.label.index(answerKey)}}",
			DocToChoice:   "{{choices.text}}",
			TrainingSplit: "train", EvaluatedSplit: "test",
		},
		parse: parseARC,
	}
}

func openbookqa() Task {
	return Task{
		Name: "openbookqa", Version: 1,
		Metrics: []string{"acc", "acc_norm"},
		Source: Source{
			Dataset: "allenai/openbookqa", Subset: "main",
			DocToText:     "question_stem",
			DocToTarget:   "{{choices.label.index(answerKey.lstrip())}}",
			DocToChoice:   "{{choices.text}}",
			TrainingSplit: "train", EvaluatedSplit: "test",
		},
		parse: parseOpenBookQA,
	}
}

func socialIQA() Task {
	return Task{
		Name: "social_iqa", Version: 0,
		Metrics:    []string{"acc"},
		DrawsExtra: true,
		Source: Source{
			Dataset:       "lighteval/siqa",
			DocToText:     "Q: {{context}} {{question}}\nA:",
			DocToTarget:   "{{ (label|int) - 1 }}",
			DocToChoice:   "{{[answerA, answerB, answerC]}}",
			TrainingSplit: "train", EvaluatedSplit: "validation",
		},
		parse: parseSocialIQA,
	}
}

func piqa() Task {
	return Task{
		Name: "piqa", Version: 1,
		Metrics:    []string{"acc", "acc_norm"},
		DrawsExtra: true,
		Source: Source{
			Dataset:   "baber/piqa",
			DocToText: "Question: {{goal}}\nAnswer:", DocToTarget: "label", DocToChoice: "{{[sol1, sol2]}}",
			TrainingSplit: "train", EvaluatedSplit: "validation",
		},
		parse: parsePIQA,
	}
}

func winogrande() Task {
	return Task{
		Name: "winogrande", Version: 1,
		Metrics:    []string{"acc"},
		DrawsExtra: true,
		Source: Source{
			Dataset: "allenai/winogrande", Subset: "winogrande_xl",
			DocToText:     `{{ {"1": 0, "2": 1}[answer] }}`,
			DocToTarget:   `{{ sentence[sentence.index("_") + 1:].strip() }}`,
			DocToChoice:   `{{ [sentence[:sentence.index("_")] + option1, sentence[:sentence.index("_")] + option2] }}`,
			TrainingSplit: "train", EvaluatedSplit: "validation",
		},
		parse: parseWinoGrande,
	}
}

func boolq() Task {
	return Task{
		Name: "boolq", Version: 2,
		Metrics:    []string{"acc"},
		DrawsExtra: true,
		Source: Source{
			Dataset: "aps/super_glue", Subset: "boolq",
			DocToText:     "{{passage}}\nQuestion: {{question}}?\nAnswer:",
			DocToTarget:   "label",
			DocToChoice:   `["no", "yes"]`,
			TrainingSplit: "train", EvaluatedSplit: "validation",
		},
		parse: parseBoolQ,
	}
}

func gsm8k() Task {
	return Task{
		Name: "gsm8k", Version: 3, Kind: Generate,
		Metrics:        []string{"exact_match"},
		DefaultFewshot: 5,
		Until:          []string{"Question:", "</s>", "<|im_end|>"},
		Filters: []Filter{
			{Name: "strict-match", pattern: hashNumber},
			{Name: "flexible-extract", pattern: anyNumber, last: true},
		},
		Source: Source{
			Dataset: "openai/gsm8k", Subset: "main",
			DocToText:     "Question: {{question}}\nAnswer:",
			DocToTarget:   "{{answer}}",
			TrainingSplit: "train", EvaluatedSplit: "test",
		},
		parse: parseGSM8K,
	}
}
