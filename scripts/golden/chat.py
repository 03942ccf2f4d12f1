"""Writes internal/chat/testdata/cases.jsonl with transformers' Jinja environment.

    python scripts/golden/chat.py

Needs transformers 5 and jinja2 3.1. Each line holds a template of our own, that
uses the constructs of the families named below, and what it gives for each of
CONVERSATIONS without and with the generation prompt; null where it raises.
The first line holds the conversations, the special tokens and the date.
"""

import datetime
import json
import pathlib

from transformers.utils.chat_template_utils import _compile_jinja_template

OUT = pathlib.Path(__file__).parents[2] / "internal/chat/testdata/cases.jsonl"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
DATE = datetime.datetime(2025, 3, 7, 14, 5, 9)

CONVERSATIONS = [
    [("user", "Hi")],
    [("system", "Be brief. "), ("user", " What's \"x\" <&>? ")],
    [("user", "é 你"), ("assistant", "<think>\nhm\n</think>\n\nyes\n"), ("user", "go\n\non")],
    [("system", ""), ("user", "x"), ("assistant", "y"), ("tool", "1"), ("tool", "2"), ("assistant", "z")],
]
CONVERSATIONS = [[{"role": r, "content": c} for r, c in turns] for turns in CONVERSATIONS]

TEMPLATES = {
    # ChatML on one line, with a default system turn (Qwen1.5, Qwen2)
    "chatml": "{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '[[system\nDefault.]]\n' }}{% endif %}{{'[[' + m['role'] + '\n' + m['content'] + ']]' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[[assistant\n' }}{% endif %}",
    # tools branch, loop.last, neighbours (Qwen2.5)
    "tools": """{%- if tools %}
    {{- "# Tools\\n{\\"name\\": 1}" }}
    {%- for tool in tools %}
        {{- tool | tojson }}
    {%- endfor %}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '[' + messages[0]['content'] + ']\\n' }}
    {%- else %}
        {{- '[default]\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<' + message.role + '>' + message.content + '\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<results>' }}
        {%- endif %}
        {{- '\\n(' }}
        {{- message.content }}
        {{- ')' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '</results>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<assistant>' }}
{%- endif %}
""",
    # namespace, reversed loop, string methods, undefined attributes (Qwen3)
    "thinking": """{%- set ns = namespace(open=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.open and message.role == "user" and message.content is string and not(message.content.startswith('<t>') and message.content.endswith('</t>')) %}
        {%- set ns.open = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- set thought = '' %}
    {%- if message.thought is string %}
        {%- set thought = message.thought %}
    {%- elif '</think>' in content %}
        {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {%- if loop.index0 > ns.last and (loop.last or (not loop.last and thought)) %}
        {{- message.role + '(' + thought.strip('\\n') + ')' + content.lstrip('\\n') }}
    {%- else %}
        {{- message.role + ':' + content }}
    {%- endif %}
{{ '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- 'assistant:' }}
    {%- if enable is defined and enable is false %}
        {{- '()' }}
    {%- endif %}
{%- endif %}
""",
    # date, trim, cut-off first message, tests on messages, raise_exception (Llama-3.2)
    "headers": """{{- bos_token }}
{%- if extra is defined %}
    {%- set tools = extra %}
{%- endif %}
{%- if not date is defined %}
    {%- if strftime_now is defined %}
        {%- set date = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date = "1 Jan 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system message, if any #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{{- "<h>system</h>\\n\\n" }}
{%- if tools is not none %}
    {{- "Tools\\n" }}
{%- endif %}
{{- "Today: " + date + "\\n\\n" }}
{{- system }}
{{- "<e>" }}

{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<h>' + message['role'] + '</h>\\n\\n'+ message['content'] | trim + '<e>' }}
    {%- elif 'tool_calls' in message %}
        {{- raise_exception("one call at once") }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<h>ipython</h>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<e>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<h>assistant</h>\\n\\n' }}
{%- endif %}
""",
    # alternating roles or raise_exception (Llama-2)
    "inst": "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0]['content'] %}"
    "{% else %}{% set rest = messages %}{% set system = false %}{% endif %}{% for m in rest %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if loop.index0 == 0 and system != false %}{% set content = '<<' + system + '>>\\n' + m['content'] %}"
    "{% else %}{% set content = m['content'] %}{% endif %}{% if m['role'] == 'user' %}"
    "{{ bos_token + '[I] ' + content.strip() + ' [/I]' }}{% elif m['role'] == 'assistant' %}"
    "{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    # lines of statements, trimmed by trim_blocks and lstrip_blocks (TinyLlama)
    "lines": "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
    # What gonja alone misreads
    "breaks": "{{ '<' +\n   messages[0]['role']\n + '>' }}{% if messages[0]['role'] == 'user'\n  and\n true %}yes{% endif %}{{\nmessages[0].role\n}}",
    "words": "{% if (true)and(false) %}1{% endif %}{% if 'a'in 'abc' %}2{% endif %}{% if not('a' in 'bc') %}3{% endif %}"
    "{% set android = 1 %}{% set order = 2 %}{% set note = 3 %}{{ android+order-note }}{{ {'a':{'b':1}}['a']['b'] }}",
    "strings": r"""{{ 'a\nb\tc\\n \'q\' "d" \\' }}|{{ '\\' }}|{{ "it's" }}|{{ '\u00e9\x41\101\d\U0001F600' }}|{{ '{{ %} }}' }}|{{ 'a' "b"
'c' }}|{{ "a
b" }}""",
    "last": "{{ 'abc'.split('x')[-1] }}{{ messages[-1].role }}{{ messages[0:1][-1].content }}{{ (messages|list)[-1].role }}"
    "{{ (messages|selectattr('role','eq','user')|list)[-1].content }}{{ 'a b  c'.split()[-1] }}",
    "none": "{{ none }}{{ None ~ 'x' }}{{ tools is defined }}{{ tools is none }}{{ foo is none }}{{ foo is not defined }}"
    "{{ messages[0].get('x') is none }}{{ none is iterable }}{{ tools or 'no' }}{{ foo }}|{{ [none, true] }}",
    "dict": "{{ messages[0] }}{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}{% set d = {'b': 1, 'a': {'c': 2}} %}"
    "{{ d.a.c }}{{ d['b'] }}{{ d.keys()|list }}{{ d.get('z', 5) }}{{ 'a' in d }}{% for k in d %}{{ k }}{% endfor %}{{ d|length }}",
    "json": "{{ messages[0]|tojson }}|{{ {'b':1,'a':[15,none,true,'é\\n<>&\\'\\x07\u2028']}|tojson }}|{{ messages|tojson(indent=2) }}|{{ [] | tojson }}|{{ {} | tojson(indent=4) }}",
    "words2": "{{ 'straße'|upper }}{{ 'ÀÉ'.lower() }}{{ \"user o'x (a-b)\"|title }}{{ \"o'x y\".title() }}{{ 'éa bC'|capitalize }}"
    "{{ ' \u2003\\x1cx\\x85 '.strip() }}{{ 'xxabxx'.strip('x') }}{{ 'aXb'.replace('X', '-') }}{{ 'abc'.startswith(('x', 'a')) }}{{ 'é你'|length }}",
    "filters": "{{ messages|map(attribute='role')|join(',') }}{{ messages|rejectattr('role','equalto','user')|list|length }}{{ foo|default('d') }}"
    "{{ ''|default('d', true) }}{{ 'ab'|first }}{{ (messages|last).role }}{{ 3|string + 'x' }}{{ '3'|int + 1 }}{{ [3,1,2]|sort }}{{ [1,2,3]|reverse|list }}{{ 'x'|safe }}{{ [1,1,2]|unique|list }}{{ 'abc'|list }}",
    "loops": "{% for m in messages if m.role != 'system' %}{% if loop.index == 3 %}{% break %}{% endif %}{% if m.role == 'tool' %}{% continue %}{% endif %}"
    "{{ loop.index }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.length }}{{ loop.cycle('a','b') }};{% else %}none{% endfor %}"
    "{% for i in range(messages|length - 1, -1, -1) %}{{ messages[i].role }}{% endfor %}{{ range(1, 4)|list }}{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}",
    "scopes": "{% set x = 1 %}{% for m in messages %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 9 %}{% endif %}{{ x }}{% set b %}[{{ x }}]{% endset %}{{ b }}",
    "spaces": "  {% if true %}\n  a\n  {% endif %}\n  b {%- if true -%}  c  {%- endif -%} \n d\n{{ 'x' }}\n\n  {{- 'y' -}}  \n z {# c #}\n {#- d -#} \n e {%+ if true %} f {% endif +%}\ng\r\nh\n\n",
    "generation": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}-{% endif %}{% endfor %}",
    "choices": "{{ 'a' if messages[0].role == 'system' else 'b' }}{{ 'x' if false }}{% set r = 'p' if messages|length > 1 else 'q' %}{{ r }}{{ '' or 'x' }}{{ 'a' and 'b' }}{{ not 1 == 2 }}{{ 1 + 2 - 4 // 3 }}{{ 7 % 3 }}{{ 1 / 2 }}",
    "date": "{{ strftime_now('%Y-%m-%d %H:%M:%S %j %a %A %B %y %I %p %%') }}",
}


def render(template, messages, prompt):
    try:
        return template.render(
            messages=messages, tools=None, documents=None, add_generation_prompt=prompt, strftime_now=DATE.strftime, **TOKENS
        )
    except Exception:
        return None


def main():
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with open(OUT, "w", encoding="utf-8") as out:
        rows = [{"conversations": CONVERSATIONS, "tokens": TOKENS, "date": DATE.isoformat() + "Z"}]
        for name, source in TEMPLATES.items():
            template = _compile_jinja_template(source)
            texts = [render(template, m, prompt) for m in CONVERSATIONS for prompt in (False, True)]
            rows.append({"name": name, "template": source, "texts": texts})
        for row in rows:
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
