package task

import (
	"regexp"
	"strings"
)

var (
	hashNumber        = regexp.MustCompile(`#### (\-?[0-9\.\,]+)`)
	anyNumber         = regexp.MustCompile(`(-?[$0-9.,]{2,})|(-?[0-9]+)`)
	answerNumber      = regexp.MustCompile(`The answer is (\-?[0-9\.\,]+).`) // takes one more character after it
	finalAnswerNumber = regexp.MustCompile(`The final answer is ((-?[$0-9.,]{2,})|(-?[0-9]+))`)
)

func gsm8k() Task {
	return Task{
		Name: "gsm8k", Version: 3, Kind: Generate,
		Metrics:         []string{"exact_match"},
		DefaultFewshot:  5,
		TargetDelimiter: " ",
		Until:           []string{"Question:", "</s>", "<|im_end|>"},
		Filters:         answerFilters(Filter{pattern: hashNumber}),
		DocToText:       "Question: {{question}}\nAnswer:",
		DocToTarget:     "{{answer}}",
		parse:           problem("Question: ", "\nAnswer:", func(answer string) string { return answer }),
	}
}

// gsm8kCoT shows the examples of Wei et al., Chain-of-Thought Prompting
// (arXiv 2201.11903).
func gsm8kCoT() Task {
	t := gsm8k()
	t.Name, t.DefaultFewshot = "gsm8k_cot", 8
	t.Until, t.Arguments = []string{"Q:", "</s>", "<|im_end|>"}, []string{"do_sample", "until"}
	t.Filters = answerFilters(Filter{pattern: answerNumber})
	t.DocToText, t.DocToTarget = "Q: {{question}}\nA:", "{{answer.split('####')[-1].strip() if answer is defined else target}}"
	t.parse = problem("Q: ", "\nA:", afterHashes)
	t.Examples = solved("Q: ", "\nA:", t.TargetDelimiter, "The answer is ", ".")
	return t
}

func gsm8kCoTZeroShot() Task {
	t := gsm8kCoT()
	t.Name, t.DefaultFewshot, t.ZeroShot, t.Examples = "gsm8k_cot_zeroshot", 0, true, nil
	t.Arguments = []string{"until", "do_sample"}
	t.DocToText, t.DocToTarget = "Q: {{question}}\nA: Let's think step by step.", "{{answer}}"
	t.parse = problem("Q: ", "\nA: Let's think step by step.", func(answer string) string { return answer })
	return t
}

// gsm8kCoTLlama has Meta's wording for Llama 3.1, to be asked with a chat
// template and the examples as turns.
func gsm8kCoTLlama() Task {
	const (
		before = "Given the following problem, reason and give a final answer to the problem.\nProblem: "
		after  = "\nYour response should end with \"The final answer is [answer]\" where [answer] is the response to the problem.\n"
	)
	t := gsm8kCoT()
	t.Name, t.Version, t.TargetDelimiter = "gsm8k_cot_llama", 4, ""
	t.Until = []string{"<|eot_id|>", "<|start_header_id|>user<|end_header_id|>", "Q:", "</s>", "<|im_end|>"}
	t.Filters = answerFilters(Filter{pattern: finalAnswerNumber, last: true})
	t.DocToText = before + "{{question}}" + after
	t.parse = problem(before, after, afterHashes)
	t.Examples = solved(before, after, t.TargetDelimiter, "The final answer is ", "")
	return t
}

// answerFilters are those of every GSM8K task; they differ in the strict one.
func answerFilters(strict Filter) []Filter {
	strict.Name = "strict-match"
	return []Filter{strict, {Name: "flexible-extract", pattern: anyNumber, last: true}}
}

// problem words a document of question and answer.
func problem(before, after string, target func(answer string) string) func(fields) (Item, error) {
	return func(f fields) (Item, error) {
		if !f.has("question", "answer") {
			return Item{}, f.missing("question, answer")
		}
		it := Item{Contexts: []string{before + f.text("question") + after}, Target: target(f.text("answer"))}
		return it, f.err
	}
}

// afterHashes is what follows the last "####" of a GSM8K answer.
func afterHashes(answer string) string {
	parts := strings.Split(answer, "####")
	return strip(parts[len(parts)-1])
}

// solved words the chains of thought; each ends with its answer between says and end.
func solved(before, after, delimiter, says, end string) []Item {
	var items []Item
	for _, c := range chainsOfThought {
		items = append(items, Item{
			Contexts: []string{before + c.question + after}, Target: c.thought + " " + says + c.answer + end, Delimiter: delimiter,
		})
	}
	return items
}

var chainsOfThought = []struct{ question, thought, answer string }{
	{
		"There are 15 trees in the grove. Grove workers will plant trees in the grove today. After they are done, there will be 21 trees. How many trees did the grove workers plant today?",
		"There are 15 trees originally. Then there were 21 trees after some more were planted. So there must have been 21 - 15 = 6.",
		"6",
	},
	{
		"If there are 3 cars in the parking lot and 2 more cars arrive, how many cars are in the parking lot?",
		"There are originally 3 cars. 2 more cars arrive. 3 + 2 = 5.",
		"5",
	},
	{
		"Leah had 32 chocolates and her sister had 42. If they ate 35, how many pieces do they have left in total?",
		"Originally, Leah had 32 chocolates. Her sister had 42. So in total they had 32 + 42 = 74. After eating 35, they had 74 - 35 = 39.",
		"39",
	},
	{
		"Jason had 20 lollipops. He gave Denny some lollipops. Now Jason has 12 lollipops. How many lollipops did Jason give to Denny?",
		"Jason started with 20 lollipops. Then he had 12 after giving some to Denny. So he gave Denny 20 - 12 = 8.",
		"8",
	},
	{
		"Shawn has five toys. For Christmas, he got two toys each from his mom and dad. How many toys does he have now?",
		"Shawn started with 5 toys. If he got 2 toys each from his mom and dad, then that is 4 more toys. 5 + 4 = 9.",
		"9",
	},
	{
		"There were nine computers in the server room. Five more computers were installed each day, from monday to thursday. How many computers are now in the server room?",
		"There were originally 9 computers. For each of 4 days, 5 more computers were added. So 5 * 4 = 20 computers were added. 9 + 20 is 29.",
		"29",
	},
	{
		"Michael had 58 golf balls. On tuesday, he lost 23 golf balls. On wednesday, he lost 2 more. How many golf balls did he have at the end of wednesday?",
		"Michael started with 58 golf balls. After losing 23 on tuesday, he had 58 - 23 = 35. After losing 2 more, he had 35 - 2 = 33 golf balls.",
		"33",
	},
	{
		"Olivia has $23. She bought five bagels for $3 each. How much money does she have left?",
		"Olivia had 23 dollars. 5 bagels for 3 dollars each will be 5 x 3 = 15 dollars. So she has 23 - 15 dollars left. 23 - 15 is 8.",
		"8",
	},
}
