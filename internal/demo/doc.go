// Package demo holds the demonstration that comes inside the program: a decoder
// of 1.3 million parameters that was pretrained on synthetic text, and two small
// data sets in HellaSwag's and GSM8K's formats, each with a held-out part. The
// scripts in scripts/demo made all of it.
//
// The package only keeps the files and writes them out. It must not know what is
// in them, nor the configuration that trains the demo: that is
// configs/quickstart.yaml.
package demo
