package eval

import (
	"context"
	"iter"

	"github.com/stablelora/stablelora/internal/infer"
)

// Model is what eval needs of a language model and its tokenizer.
type Model interface {
	// Encode returns the tokens of text; addSpecial adds those the tokenizer's
	// post-processor adds.
	Encode(text string, addSpecial bool) []int32
	// Decode returns the text of ids; skipSpecial leaves out special tokens.
	Decode(ids []int32, skipSpecial bool) string
	// PrefixToken stands in for an empty context: BOS, else EOS.
	PrefixToken() int32
	// EOSText is how the end-of-sequence token is written; "" for none.
	EOSText() string
	// MaxLength is the longest sequence the model takes, in tokens.
	MaxLength() int
	// Score answers each group of requests, those of a document's choices, and
	// hands them to each in the groups' order.
	Score(ctx context.Context, groups iter.Seq[[]Request], each func([]Score) error) error
	// Generate continues each prompt greedily until an end-of-sequence token,
	// which it leaves out, until there are maxNew tokens, or until stop says so
	// of the tokens generated so far. It hands them to each in the prompts' order.
	Generate(ctx context.Context, prompts iter.Seq[[]int32], maxNew int, stop func([]int32) bool, each func(ids []int32) error) error
	// BeamSearch does so by beam search, without stop texts.
	BeamSearch(ctx context.Context, prompts iter.Seq[[]int32], beams, maxNew int, each func(infer.Hypothesis) error) error
}

// Request and Score are infer's, so that its Engine is a Model.
type (
	Request = infer.Request
	Score   = infer.Score
)
