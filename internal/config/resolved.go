package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML writes every key with its value in the order of Config, always as the
// same bytes. Load gives the same Config back.
func (c *Config) YAML() ([]byte, error) {
	var root yaml.Node
	if err := root.Encode(c); err != nil {
		return nil, err
	}
	dotFloats(&root)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&root); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

var dotless = regexp.MustCompile(`^(\d+)(e[-+]\d+)$`)

// dotFloats writes 1e-08 as 1.0e-08, which YAML 1.1 (Python) takes for a number too.
func dotFloats(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Style == 0 {
		n.Value = dotless.ReplaceAllString(n.Value, "${1}.0${2}")
	}
	for _, child := range n.Content {
		dotFloats(child)
	}
}

// outside are the keys, or beginnings of keys, that a training trajectory does
// not depend on. Paths are among them: what counts is what lies there, and the
// model and the data have hashes of their own.
func outside() []string {
	return []string{"model.path", "lora.init_from", "data.eval.", "train.micro_batch_size", "train.recompute",
		"eval.", "output.", "log."}
}

// trajectory calls fn for each key that the trained factors depend on.
func (c *Config) trajectory(fn func(key, value string)) {
	leaves(reflect.ValueOf(*c), "", func(key, value string) {
		for _, prefix := range outside() {
			if strings.HasPrefix(key, prefix) {
				return
			}
		}
		if strings.HasPrefix(key, "data.train.") && strings.HasSuffix(key, ".path") {
			return
		}
		fn(key, value)
	})
}

// TrajectoryHash is the SHA-256, in hexadecimal, of every value that alters the
// course of training, the contents of files apart. Runs of equal hash, model
// and data go through the same steps, so one may be resumed with the other's settings.
func (c *Config) TrajectoryHash() string {
	h := sha256.New()
	c.trajectory(func(key, value string) { fmt.Fprintf(h, "%s=%s\n", key, value) })
	return hex.EncodeToString(h.Sum(nil))
}

// Diff tells in what TrajectoryHash differs: "train.seed: 42, now 43".
func Diff(old, now *Config) []string {
	was := map[string]string{}
	old.trajectory(func(key, value string) { was[key] = value })
	var diff []string
	now.trajectory(func(key, value string) {
		before, ok := was[key]
		if !ok {
			before = "absent"
		}
		if before != value {
			diff = append(diff, fmt.Sprintf("%s: %s, now %s", key, before, value))
		}
		delete(was, key)
	})
	old.trajectory(func(key, value string) {
		if _, left := was[key]; left {
			diff = append(diff, fmt.Sprintf("%s: %s, now absent", key, value))
		}
	})
	return diff
}
