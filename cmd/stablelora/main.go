// Command stablelora fine-tunes LLaMA and Qwen language models with LoRA on a
// CPU, scores them, and folds adapters into their weights.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
