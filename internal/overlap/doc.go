// Package overlap tells which evaluation documents are among the training
// records: word for word, or sharing 13 words in a row, the rule of GPT-3's
// paper (arXiv 2005.14165, appendix C) and of lm-evaluation-harness's
// decontamination. The evaluation's side is indexed and the training records
// pass by, so that memory grows with the former only.
//
// It must not know files, tasks or formats.
package overlap
