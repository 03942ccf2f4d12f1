package task

import "strings"

// Prompts around an instruction, copied byte for byte. Those that models are
// trained with and those that they are asked with stand side by side, since in
// the two protocols they differ.
const (
	alpacaIntro      = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
	alpacaIntroInput = "Below is an instruction that describes a task, paired with an input that provides further context. " +
		"Write a response that appropriately completes the request."
	alpacaInstruction = "\n\n### Instruction:\n"
	alpacaResponse    = "\n\n### Response:"

	// LLM-Adapters' scripts hold f-strings indented by sixteen spaces.
	indent = "                "
)

// AlpacaPrompt is Stanford Alpaca's PROMPT_DICT; train.py puts the answer after it
// without any separator.
func AlpacaPrompt(instruction, input string) string {
	if input == "" {
		return alpacaIntro + alpacaInstruction + instruction + alpacaResponse
	}
	return alpacaIntroInput + alpacaInstruction + instruction + "\n\n### Input:\n" + input + alpacaResponse
}

// MetaMathPrompt is what MetaMath's train_math.py trains with: Alpaca's, the first
// line of the query being the instruction, the others the input.
func MetaMathPrompt(query string) string {
	instruction, input, _ := strings.Cut(query, "\n")
	return AlpacaPrompt(instruction, input)
}

// metamathQuestion is what eval_gsm8k.py asks with. The last sentence was never part
// of the training.
func metamathQuestion(query string) string {
	return alpacaIntro + alpacaInstruction + query + alpacaResponse + " Let's think step by step."
}

// LLMAdaptersPrompt is what LLM-Adapters' finetune.py trains with: sixteen spaces
// also fill the lines between the sections, and two spaces follow the first
// sentence, one where there is an input.
func LLMAdaptersPrompt(instruction, input string) string {
	const gap = "\n" + indent + "\n" + indent
	if input == "" {
		return alpacaIntro + "  \n\n" + indent + "### Instruction:\n" + indent + instruction +
			gap + "### Response:\n" + indent
	}
	return alpacaIntroInput + " \n\n" + indent + "### Instruction:\n" + indent + instruction +
		gap + "### Input:\n" + indent + input + gap + "### Response:\n" + indent
}

// llmAdaptersQuestion is what its evaluation scripts ask with: one space after the
// first sentence, and lines between the sections that are empty. They never give
// an input.
func llmAdaptersQuestion(instruction string) string {
	return alpacaIntro + " \n\n" + indent + "### Instruction:\n" + indent + instruction +
		"\n\n" + indent + "### Response:\n" + indent
}
