package data

import "strings"

// The prompts are copied byte for byte. After "### Response:" Stanford's train.py
// and MetaMath's train_math.py put the answer without any separator.
const (
	alpacaIntro      = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
	alpacaIntroInput = "Below is an instruction that describes a task, paired with an input that provides further context. " +
		"Write a response that appropriately completes the request."
)

// alpacaPrompt is Stanford Alpaca's PROMPT_DICT.
func alpacaPrompt(instruction, input string) string {
	if input == "" {
		return alpacaIntro + "\n\n### Instruction:\n" + instruction + "\n\n### Response:"
	}
	return alpacaIntroInput + "\n\n### Instruction:\n" + instruction + "\n\n### Input:\n" + input + "\n\n### Response:"
}

// metamathPrompt is that of MetaMath's train_math.py: the first line of the
// query is the instruction, the others are the input.
func metamathPrompt(query string) string {
	instruction, input, _ := strings.Cut(query, "\n")
	return alpacaPrompt(instruction, input)
}

// llmAdaptersPrompt is that of LLM-Adapters' finetune.py, a Python f-string
// indented by sixteen spaces, which also fill the lines between the sections.
// Without an input two spaces follow the first sentence, with one, one. (Its
// evaluation script uses yet another layout.)
func llmAdaptersPrompt(instruction, input string) string {
	const indent = "                "
	const gap = "\n" + indent + "\n" + indent
	if input == "" {
		return alpacaIntro + "  \n\n" + indent + "### Instruction:\n" + indent + instruction +
			gap + "### Response:\n" + indent
	}
	return alpacaIntroInput + " \n\n" + indent + "### Instruction:\n" + indent + instruction +
		gap + "### Input:\n" + indent + input + gap + "### Response:\n" + indent
}
