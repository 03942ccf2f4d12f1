package task

import "slices"

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
	return slices.Concat([]Task{
		hellaswag(),
		arc("arc_easy"),
		arc("arc_challenge"),
		openbookqa(),
		socialIQA(),
		piqa(),
		winogrande(),
		boolq(),
		gsm8k(),
		gsm8kCoT(),
		gsm8kCoTZeroShot(),
		gsm8kCoTLlama(),
		metamathGSM8K(),
		metamathClean(),
	}, llmAdapters())
}

func hellaswag() Task {
	return Task{
		Name: "hellaswag", Version: 1,
		Metrics:         []string{"acc", "acc_norm"},
		TargetDelimiter: " ",
		DrawsExtra:      true,
		Extends:         true,
		DocToText:       "{{query}}", DocToTarget: "{{label}}", DocToChoice: "choices",
		parse: parseHellaSwag,
	}
}

func arc(name string) Task {
	return Task{
		Name: name, Version: 1,
		Metrics:         []string{"acc", "acc_norm"},
		TargetDelimiter: " ",
		DocToText:       "Question: {{question}}\nAnswer:",
		DocToTarget:     "{{choices.label.index(answerKey)}}",
		DocToChoice:     "{{choices.text}}",
		parse:           parseARC,
	}
}

func openbookqa() Task {
	return Task{
		Name: "openbookqa", Version: 1,
		Metrics:         []string{"acc", "acc_norm"},
		TargetDelimiter: " ",
		DocToText:       "question_stem",
		DocToTarget:     "{{choices.label.index(answerKey.lstrip())}}",
		DocToChoice:     "{{choices.text}}",
		parse:           parseOpenBookQA,
	}
}

func socialIQA() Task {
	return Task{
		Name: "social_iqa", Version: 0,
		Metrics:         []string{"acc"},
		TargetDelimiter: " ",
		DrawsExtra:      true,
		DocToText:       "Q: {{context}} {{question}}\nA:",
		DocToTarget:     "{{ (label|int) - 1 }}",
		DocToChoice:     "{{[answerA, answerB, answerC]}}",
		parse:           parseSocialIQA,
	}
}

func piqa() Task {
	return Task{
		Name: "piqa", Version: 1,
		Metrics:         []string{"acc", "acc_norm"},
		TargetDelimiter: " ",
		DrawsExtra:      true,
		DocToText:       "Question: {{goal}}\nAnswer:", DocToTarget: "label", DocToChoice: "{{[sol1, sol2]}}",
		parse: parsePIQA,
	}
}

// winogrande's wording is Python in the harness; it is put into Jinja here.
func winogrande() Task {
	return Task{
		Name: "winogrande", Version: 1,
		Metrics:         []string{"acc"},
		TargetDelimiter: " ",
		DrawsExtra:      true,
		DocToText:       `{{ {"1": 0, "2": 1}[answer] }}`,
		DocToTarget:     `{{ sentence[sentence.index("_") + 1:].strip() }}`,
		DocToChoice:     `{{ [sentence[:sentence.index("_")] + option1, sentence[:sentence.index("_")] + option2] }}`,
		parse:           parseWinoGrande,
	}
}

func boolq() Task {
	return Task{
		Name: "boolq", Version: 2,
		Metrics:         []string{"acc"},
		TargetDelimiter: " ",
		DrawsExtra:      true,
		DocToText:       "{{passage}}\nQuestion: {{question}}?\nAnswer:",
		DocToTarget:     "label",
		DocToChoice:     `["no", "yes"]`,
		parse:           parseBoolQ,
	}
}
