package main

import (
	"github.com/spf13/pflag"

	"github.com/stablelora/stablelora/internal/chat"
	"github.com/stablelora/stablelora/internal/eval"
)

// promptOptions are how eval writes its questions.
type promptOptions struct {
	chat, multiturn bool
	system          string
}

func (o *promptOptions) addFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.chat, "apply-chat-template", false, "put each question into the checkpoint's chat template")
	f.BoolVar(&o.multiturn, "fewshot-as-multiturn", true, "with --apply-chat-template, make turns of the few-shot examples")
	f.StringVar(&o.system, "system-instruction", "", "text that stands first; with --apply-chat-template the system message")
}

// prompt loads what the flags ask for.
func (o *promptOptions) prompt(e *env, f *pflag.FlagSet, modelDir string) (eval.Prompt, error) {
	p := eval.Prompt{System: o.system}
	if !o.chat {
		if f.Changed("fewshot-as-multiturn") && o.multiturn {
			return p, usagef("--fewshot-as-multiturn needs --apply-chat-template")
		}
		return p, nil
	}
	template, err := chat.Load(modelDir)
	if err != nil {
		return p, err
	}
	p.Chat, p.Multiturn = template, o.multiturn
	system, user := chat.Message{Role: "system", Content: o.system}, chat.Message{Role: "user", Content: "Hello"}
	if _, err := template.Render([]chat.Message{system, user}, true); err != nil && o.system != "" {
		e.warn("the chat template refuses a system message, so --system-instruction is left out: %v", err)
	}
	return p, nil
}
