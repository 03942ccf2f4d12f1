"""Writes internal/jinja/testdata/task.jsonl with lm-evaluation-harness's Jinja.

    python scripts/golden/jinja.py    (in the project's root; needs lm-eval 0.4.13)

Each line holds a template, a document and the text; null where the harness
raises. The last lines hold Python literals and the repr of what they mean. Many
templates are those of the harness's own tasks.
"""

import ast
import json
import pathlib

from lm_eval.utils import apply_template

OUT = pathlib.Path("internal/jinja/testdata/task.jsonl")
DOCS = [
    {
        "question": "What is hard? ", "choices": {"text": ["gas", "l'eau", 'a "b" c\'d', "é\n鯨\t\\"], "label": ["A", "B", "C", "D"]},
        "answerKey": " B", "label": 1, "answer": "1+1=<<1+1=2>>2\n#### 1,000", "ok": True, "f": 1e16, "none": None, "text": "Äpfel _ mill_x",
        "list": [1, 2.5, False, None, [], {"a": "b"}], "premise": "It rained.", "premises": [{"a": "x"}, {"a": "y"}], "sep": ", ", "pattern": "-",
    },
    {
        "question": "", "choices": {"text": [], "label": []}, "answerKey": "A", "label": "3", "answer": "none", "ok": False, "f": 0.1, "text": "_",
        "list": ["a"], "premise": "x", "premises": [], "sep": "", "target": "t", "pattern": "x-y-z",
    },
]
TEMPLATES = [
    "Question: {{question}}\nAnswer:", "{{choices.label.index(answerKey)}}", "{{choices.label.index(answerKey.lstrip())}}", "{{choices.text}}",
    "{{ (label|int) - 1 }}", "{{[question, text, answer]}}", "{{answer}}", "{{answer.split('####')[-1].strip() if answer is defined else target}}",
    "{{target if target is defined else answer.split('### ')[-1].rstrip()}}", '{{ {"1": 0, "3": 1}[label|string] }}', '{{ text[text.index("_") + 1:].strip() }}',
    '{{ [text[:text.index("_")] + question, text[:text.index("_")] + premise] }}', '{{premise[:-1].strip() + " " + {"cause": "because", "effect": "therefore"}["cause"]}}',
    "{{label}}", "{{ok}}", "{{f}}", "{{none}}", "{{list}}", "{{choices}}", "{{text[0]}}", "{{text[-1]}}", "{{text[1:3]}}", "{{text[99]}}", "{{text.split(' ')[:-1]|join(' ')}}",
    "{{choices.text[0]}}", "{{choices['text'][label]}}", "{{choices['label'][-1]}}", "{{missing}}", "{{choices.missing}}", "{{choices['missing']}}", "{{missing is defined}}",
    "{{missing if ok else question}}", "{% if missing %}a{% endif %}", "{{none is none}}", "{{ok and 'yes'}}", "{{ok == true}}", "{{label == 1}}", "{{label == '3'}}", "{{not ok}}",
    "line\n", "line\n\n", "  {% if ok %}\n  yes\n  {% endif %}\nend\n", "a {%- if ok -%} b {%- endif -%} c", "a {{- question -}} b", "{{ question }}\n{{ text }}\n",
    "{%- set x = premise -%}{{ x }}", "{% for c in choices.text %}{{ loop.index }}. {{ c }}\n{% endfor %}", "{% for c in choices.text %}{{ choices.label[loop.index0] }}: {{ c }}{% if not loop.last %}{{ sep }}{% endif %}{% endfor %}",
    "{% for p in premises %}{{ p.a }}{{ p['a'] }}{% endfor %}", "{{ premises | map(attribute='a') | join(', ') }}", "{{choices.text|length}}", "{{ question|trim }}", "{{ question.strip()|upper }}",
    "{{ text | replace('_', '---') }}", "{{ text.replace('_', '') }}", "{{ question ~ label ~ ok ~ none }}", "{{ 'a' 'b' }}", "{{ label + 1 }}", "{{ 'A' if label == 1 else 'B' if ok else 'C' }}",
    "{{- 'A' if ok else 'B' -}} tail", "{{ pattern | regex_replace('-', '+') }}", "{{ pattern | regex_replace('[a-y]', '') }}", "{{ [premise, question][ok|int] }}", "{{ ['no', 'yes'][label|int - 1] }}",
    "{{ text.capitalize() }}", "{{ ', '.join(choices.text) }}", "{{ text.find('_') }}", "{{ text.startswith('Ä') }}", "{{ choices.text|first }}", "{{ choices.text|last }}", "{{ label > 2 }}",
    "{{ question[0] if question else 'empty' }}", "{{ text.split('_')[0].strip() }}", "{{ text.split() }}", "{{ [1, 'a', None, True, 1.0] }}", "{{ {'a': [text]} }}", "{{ '\\n' }}", "{{ \"it's\" }}",
    '["{{premise}}", "{{label}}"]', "['{{premise}}', '{{sep}}']", "{{ premise|lower }}", "{{ choices.text|list }}", "{{ 'B' in choices.label }}", "{{ 'B' not in choices.label }}",
    "{# comment #}x", "{{ '{{' }}", "{% raw %}{{ x }}{% endraw %}", "{{ question.index('zz') }}", "{{ list[0] + list[1] }}", "{{ (choices.text + ['x'])[-1] }}", "{{ list[-1].a }}", "{{ question|default('d') }}", "{{ missing|default('d') }}",
    "{{ ok == 1 }}{{ ok != 0 }}{{ 1 == True }}{{ none == False }}", "{{ 'A' if ok == label else 'B' if not label|int - 1 == 0 and f == 0.1 else 'C' }}", "{% set x = label|int == 3 %}{{ x }}",
    "{% for x in list if x == 'a' or not x == none and x != 1 %}{{ x }}{% endfor %}", "{{ [ok == 1, {'a': label == 1}['a'], (sep == ', ')] }}", "{% if text[0] == '_' %}a{% elif (label|string)[0] != '3' %}b{% endif %}",
    "{{ missing == 1 }}", "{{ question is defined == true }}", "{{ 'a' == 'a' in [true] }}", "{{ 0 < label|int < 2 }}", "{{ -3 is odd }}{{ 3 is odd }}{{ 4 is odd }}", "{{ }}", "{{ choices|tojson }}",
    "{{ list|select('nothing')|list }}", "{{ premises|selectattr('a', 'eq', 'x')|list }}", "{{ premises|rejectattr('a', 'nothing')|list }}", "{{ pattern|regex_replace('[[:alpha:]]', '') }}",
]
LITERALS = ["[]", "['a', \"b\"]", "('a', 1)", "[1, -2, 2.5, 1e3, True, None]", " ['a' 'b']", "[['a'], []]", "['\\n\\x41\\u00e9']", "['a',]", "[,]", "['a' b]", "['a\nb']", "[x]", "", "7", "007", "'t'", "[1 2]", "['a'", "{{", "[\n'a',\n'b'\n]", "['a'] x", "(1)", "(('a'))", "(1,)", "[(1), ('b')]", "()", "(1,,)"]


def attempt(f, *args):
    try:
        return f(*args)
    except Exception:
        return None


with OUT.open("w") as out:
    for template in TEMPLATES:
        for doc in DOCS:
            print(json.dumps({"template": template, "doc": doc, "text": attempt(apply_template, template, doc)}), file=out)
    for text in LITERALS:
        value = attempt(ast.literal_eval, text)
        value = list(value) if isinstance(value, tuple) else value  # a List is both
        print(json.dumps({"literal": text, "text": None if value is None else str(value)}), file=out)
