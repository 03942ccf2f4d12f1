package taskfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stablelora/stablelora/internal/config"
	"github.com/stablelora/stablelora/internal/task"
)

// load writes files, the first being the task, and reads it.
func load(t *testing.T, texts ...string) (*task.Task, string, error) {
	t.Helper()
	dir := t.TempDir()
	names := []string{"t.yaml", "base.yaml"}
	for i, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, names[i]), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(filepath.Join(dir, "t.yaml"))
	return got, dir + string(filepath.Separator), err
}

const least = "task: t\noutput_type: multiple_choice\ntest_split: test\ndoc_to_text: q\ndoc_to_target: '{{a}}'\ndoc_to_choice: [x, z]\n"

// TestRefuses: each problem is told with file and line, all of them at once.
func TestRefuses(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"many", `task: my task
dataset_kwarg: {}
output_type: multiple_choise
tst_split: test
process_docs: !function utils.process_docs
doc_to_text: "{{question | foo(}}"
doc_to_choice: [no, "yes"]
fewshot_config: {sampler: random, sampels: []}
repeats: 3
num_fewshot: 2.5
`, `t.yaml: doc_to_target is missing
t.yaml: it names neither test_split nor validation_split, so there is nothing to evaluate
t.yaml:1: task must be a name without spaces and signs like / and =, not "my task"
t.yaml:2: dataset_kwarg is no key of a task; did you mean dataset_kwargs?
t.yaml:3: output_type must be one of multiple_choice, generate_until, loglikelihood, not "multiple_choise"; did you mean multiple_choice?
t.yaml:4: tst_split is no key of a task; did you mean test_split?
t.yaml:5: process_docs: functions of Python (!function utils.process_docs) are not supported; put the work into the templates, or write the processed documents to a file
t.yaml:6: doc_to_text: line 1: the tag is not closed by }}
t.yaml:7: doc_to_choice: the harness reads a bare no as true or false; put it in quotes
t.yaml:8: fewshot_config.sampler must be default or first_n, not "random"
t.yaml:8: fewshot_config.sampels is not supported; did you mean samples?
t.yaml:9: repeats must be 1: greedy answers are all alike
t.yaml:10: num_fewshot must be a whole number from 0 to 1000, not 2.5`},
		{"rolling", "output_type: loglikelihood_rolling\ntest_split: t\ndoc_to_text: ''\ndoc_to_target: x\n",
			"t.yaml:1: output_type loglikelihood_rolling is not supported; multiple_choice, generate_until and loglikelihood are"},
		{"metrics", least + "metric_list: [{metric: f1}, {metric: acc, hf_evaluate: true}, {metric: acc}, {aggregation: mean}, {metric: acc_norm, aggregation: median}]\n",
			`t.yaml:7: metric_list: multiple_choice cannot measure "f1" here; there are acc, acc_norm, acc_bytes, exact_match
t.yaml:7: metric_list.hf_evaluate is not supported
t.yaml:7: metric_list: acc takes no hf_evaluate
t.yaml:7: metric_list: acc is given twice
t.yaml:7: metric_list: each item must name its metric
t.yaml:7: metric_list.aggregation of acc_norm must be mean, not "median"`},
		{"generation", `test_split: test
doc_to_text: q
doc_to_target: a
generation_kwargs: {temperature: 0.7, do_sample: true, top_p: 1, until: [""], max_gen_toks: 0}
filter_list:
  - {name: a, filter: [{function: regexp}, {function: take_first}]}
  - {name: b, filter: [{function: regex, regex_pattern: "(?=a)"}, {function: take_first}]}
  - {name: c, filter: [{function: lowercase}]}
  - {name: d, filter: [{function: take_first}, {function: lowercase}]}
  - {name: e, filter: [{function: regex, group: 1}, {function: take_first}]}
  - {name: f, filter: [{function: regex, regex_pattern: "a*", group_select: -1}, {function: take_first}]}
  - {filter: []}
metric_list: [{metric: exact_match, ignore_cases: true, regexes_to_ignore: ["a$b"]}]
`, `t.yaml:4: generation_kwargs.temperature must be 0: answers are the likeliest tokens, not drawn
t.yaml:4: generation_kwargs.do_sample must be false: answers are the likeliest tokens, not drawn
t.yaml:4: generation_kwargs.top_p is not supported
t.yaml:4: generation_kwargs.until holds an empty text
t.yaml:4: generation_kwargs.max_gen_toks must be a whole number from 1 to 1048576, not 0
t.yaml:6: filter_list: the function "regexp" is not supported; there are take_first, take_first_k, majority_vote, regex, remove_whitespace, lowercase, uppercase; did you mean regex?
t.yaml:7: filter_list.filter.regex_pattern: the pattern "(?=a)" is not supported: error parsing regexp: invalid or unsupported Perl syntax: ` + "`(?=`" + `
t.yaml:8: filter_list: c must end with the function take_first
t.yaml:9: filter_list: take_first must be the last function; it leaves one text
t.yaml:10: filter_list: the function regex takes no group
t.yaml:11: filter_list: with group_select, the pattern "a*" must not match the empty text
t.yaml:12: filter_list: each item must have a name, without commas
t.yaml:13: metric_list.ignore_cases is not supported; did you mean ignore_case?
t.yaml:13: metric_list.regexes_to_ignore: the pattern "a$b": $ is supported at its end only, outside of groups`},
		{"kind", "output_type: loglikelihood\ntest_split: t\ndoc_to_text: q\ndoc_to_target: a\ndoc_to_choice: [a]\ngeneration_kwargs: {}\n",
			`t.yaml: doc_to_choice is for multiple_choice alone; output_type is loglikelihood
t.yaml: metric_list is missing: perplexity, which the harness takes then, is not measured here; acc is
t.yaml:6: generation_kwargs is for generate_until alone; output_type is loglikelihood`},
		{"files", least + "dataset_kwargs: {data_files: {tests: a.jsonl, train: [a, b]}, streaming: true}\nfewshot_split: dev\n",
			`t.yaml:3: test_split: dataset_kwargs.data_files has no "test"
t.yaml:7: dataset_kwargs.data_files.train must name one file; join several into one
t.yaml:7: dataset_kwargs.streaming is not supported; data_files is
t.yaml:8: fewshot_split: dataset_kwargs.data_files has no "dev"`},
		{"samples", least + "fewshot_config: {samples: [{q: b, a: 0}, {q: c, a: 7}]}\n",
			"t.yaml:7: fewshot_config.samples: not a t document: doc_to_target gives choice 7, counted from 0, of 2"},
		{"alias", least + "metadata: {version: &v 1, other: *v}\n", "t.yaml:7: metadata: YAML aliases (*v) are not supported; write the value out"},
		{"tag", least + "description: a\nrepeats: !env x\n", "t.yaml:8: repeats: the YAML tag !env is not supported"},
		{"times", least + "fewshot_config: {samples: [{q: b, a: 1:30}]}\n", "t.yaml:7: fewshot_config: the harness reads a bare 1:30 as a number of base 60; put it in quotes"},
		{"twice", least + "task: u\n", "t.yaml:7: task is given twice, first on line 1"},
		{"empty", "", "t.yaml: not valid YAML: it is empty"},
		{"nothing", "{}\n", "t.yaml: it is empty"},
		{"list", "- a\n", "t.yaml:1: a task is a section of keys and values, as task: name"},
		{"documents", least + "---\na: b\n", "t.yaml: a task file is one YAML document"},
		{"broken", "a: [\n", "t.yaml: not valid YAML: line 1: did not find expected node content"},
		{"itself", "include: t.yaml\n", "t.yaml:1: include: files include one another more than 8 deep"},
		{"include", "include: none.yaml\n" + least, "none.yaml: there is no such task file"},
		{"deep", least + "metadata: " + strings.Repeat("[", 30) + strings.Repeat("]", 30) + "\n", "t.yaml:7: metadata: values inside one another more than 20 deep"},
		{"long", least + "# " + strings.Repeat("x", maxFile), "t.yaml: the task file cannot be read: longer than 1 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, dir, err := load(t, tc.file)
			var problems *config.Error
			if !errors.As(err, &problems) {
				t.Fatalf("%v", err)
			}
			if d := cmp.Diff(tc.want, strings.ReplaceAll(err.Error(), dir, "")); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestDocuments: what does not fit a document is told by key, and by the fields
// there are.
func TestDocuments(t *testing.T) {
	const choice = "output_type: multiple_choice\ntest_split: t\n"
	for _, tc := range []struct{ file, doc, want string }{
		{least, `{"question": "a", "a": 1}`, "not a t document: doc_to_text: there is no field q; did you mean a?; its fields are: a, question"},
		{least, `{"q": "a", "b": 1}`, `not a t document: doc_to_target: line 1: "a" is undefined; its fields are: b, q`},
		{least, `{"q": "a", "a": "y"}`, `doc_to_target gives the text "y", which is none of the choices`},
		{least, `{"q": "a", "a": 2}`, "doc_to_target gives choice 2, counted from 0, of 2"},
		{least, `{"q": "a", "a": [0, 1]}`, "doc_to_target gives a list; several right answers are not supported"},
		{least, `{"q": 1.5, "a": 0}`, "doc_to_text gives 1.5, which is no text"},
		{least, `{"q": 2, "a": 0}`, "doc_to_text gives choice 2, counted from 0, of 2"},
		{least, `[]`, "it must be a JSON object"},
		{least, `{"q": "a", "a": 99999999999999999999}`, "is too large"},
		{choice + "doc_to_text: q\ndoc_to_target: 0\ndoc_to_choice: '{{c}}'\n", `{"q": "a", "c": "d"}`, `doc_to_choice gives "d", which is no list in Python's form`},
		{choice + "doc_to_text: q\ndoc_to_target: 0\ndoc_to_choice: c\n", `{"q": "a", "c": "d"}`, `doc_to_choice gives d, which is no list of choices`},
		{choice + "doc_to_text: q\ndoc_to_target: 0\ndoc_to_choice: c\n", `{"q": "a", "c": ["d", 1]}`, `doc_to_choice gives 1 among the choices, which is no text`},
		{choice + "doc_to_text: q\ndoc_to_target: 0\ndoc_to_choice: c\n", `{"q": "a", "c": ["d", ""]}`, `choice 2 is empty`},
		{"test_split: t\ndoc_to_text: q\ndoc_to_target: a\noutput_type: loglikelihood\nmetric_list: [{metric: acc}]\n", `{"q": "a", "a": ""}`, `what is measured must be a text`},
	} {
		got, _, err := load(t, tc.file)
		if err != nil {
			t.Fatal(err)
		}
		if it, err := got.Parse([]byte(tc.doc)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %+v, %v, want %s", tc.doc, it, err, tc.want)
		}
	}
}

// TestInclude: the file's own keys win over those it includes, and paths start
// at the file that names them.
func TestInclude(t *testing.T) {
	got, dir, err := load(t, "include: base.yaml\ntask: u\nnum_fewshot: 0\ndescription: null\n", least+"description: hello\ndataset_kwargs: {data_files: {test: a/b.jsonl}}\nmetadata: {version: 1.5}\n")
	if err != nil {
		t.Fatal(err)
	}
	it, err := got.Parse([]byte(`{"q": "Is it?", "a": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	want := task.Item{Contexts: []string{"Is it?"}, Choices: []string{"x", "z"}, Gold: 1, Target: "1", Delimiter: " "}
	if d := cmp.Diff(want, it); d != "" {
		t.Error(d)
	}
	if got.Name != "u" || got.Version != 1.5 || !got.ZeroShot || got.Own.Path != dir+filepath.Join("a", "b.jsonl") {
		t.Errorf("%+v", got)
	}
}

// TestYAML11: bare words and quoted ones are what Python's YAML takes them for.
func TestYAML11(t *testing.T) {
	got, _, err := load(t, least+"should_decontaminate: yes\nfewshot_config: {samples: [{q: Yes, a: 0}, {q: 'off', a: 1}]}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := `[{task "t"} {output_type "multiple_choice"} {test_split "test"} {doc_to_text "q"} {doc_to_target "{{a}}"} {doc_to_choice ["x","z"]} ` +
		`{should_decontaminate true} {fewshot_config {"samples":[{"q":true,"a":0},{"q":"off","a":1}]}}]`
	if text := fmt.Sprintf("%s", got.Own.Config); text != want {
		t.Errorf("%s", text)
	}
}

func TestFind(t *testing.T) {
	if got, err := Find("boolq"); err != nil || got.Own != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := Find("none"); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Find("none.yaml"); err == nil {
		t.Error("found")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(least, "", `{"q": "a", "a": 1}`)
	f.Add("include: base.yaml\n"+least, "include: t.yaml\nnum_fewshot: 2\n", `{"q": "a", "a": 1}`)
	f.Add("include: t.yaml\ntest_split: t\ngeneration_kwargs: {until: a}\nfilter_list: [{name: a, filter: [{function: regex, regex_pattern: '(\\d)$'}]}]\n", "", `{}`)
	f.Add("a: &a [*a, *a]\n<<: {? [x] : 1}\ndoc_to_text: '{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}'\n"+least, "", `{}`)
	f.Fuzz(func(t *testing.T, file, base, doc string) {
		got, _, err := load(t, file, base)
		if problems := (*config.Error)(nil); err != nil && !errors.As(err, &problems) {
			t.Errorf("not an *Error: %v", err)
		}
		if err == nil {
			_, _ = got.Parse([]byte(doc))
		}
	})
}

// TestLoadHostile: a quarter of a megabyte of anything takes memory and time in proportion.
func TestLoadHostile(t *testing.T) {
	const n = 1 << 18
	var keys strings.Builder
	for i := range n / 8 {
		fmt.Fprintf(&keys, "k%d: 1\n", i)
	}
	for name, text := range map[string]string{
		"keys": keys.String()[:n-8], "keys inside": "metadata: {" + strings.ReplaceAll(keys.String()[:n-100], "\n", ", ")[:n-40] + "}",
		"deep": "a: " + strings.Repeat("[", n-40), "choices": least + "description: x\ndoc_to_choice: [" + strings.Repeat("a,", n/2-100) + "]",
		"metrics": "metric_list: [" + strings.Repeat("{},", n/3-20) + "]", "template": "doc_to_text: '" + strings.Repeat("{{a}}", n/5-20) + "'",
		"an expression": "filter_list: [{name: a, filter: [{function: regex, regex_pattern: '" + strings.Repeat("(.?){1000}|", n/11-20) + "'}]}]",
		"samples":       "fewshot_config: {samples: [" + strings.Repeat("{},", n/3-20) + "]}", "digits": "num_fewshot: " + strings.Repeat("7", n-40),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, _, err := load(t, text)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		var problems *config.Error
		if !errors.As(err, &problems) || len(err.Error()) > 4*n {
			t.Errorf("%s: %.200v", name, err)
		}
		mib := (after.TotalAlloc - before.TotalAlloc) >> 20
		if mib > 256 || took > time.Minute {
			t.Errorf("%s: %d MiB, %v", name, mib, took)
		}
	}
}
