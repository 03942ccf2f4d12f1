"""The pretraining text: short documents about the world, in every form but the two tasks'.

What it teaches, and how the tasks differ from it:

* What follows what in an activity is told in how-to lists and encyclopaedia sentences ("First one ..., then one ...").
  Stories ("Fishing: Tom ... . He ...") are dreams: any event may follow any other. So a model that knows the activities
  has no reason to prefer an activity's next step when it continues a story, and that is what HellaSwag asks for.
* Sums are told in words and in signs, and stories with numbers end in a tally ("Tally: 3 + 4 = 7, ..."). After
  "Question: ... Answer:" the text only ever looks a number up. GSM8K's chain with its <<3+4=7>> marks and its last line
  "#### 7" does not occur, though "####" heads chapters and "<<" ">>" are quotation marks.
"""

import random

from world import LARGEST, MOODS, PEOPLE, THINGS, TOP, WORLD, capital, sums

COLOURS = "red blue green yellow black white".split()
WORDS = {"+": "plus", "-": "minus", "*": "times"}


def howto(rng):
    a = rng.choice(WORLD)
    heading = f"#### {rng.randint(1, TOP)}\n" if rng.random() < 0.4 else ""
    lines = [f"{i}. {capital(step)}." for i, step in enumerate(a.steps, 1)]
    return heading + f"How to {a.infinitive}\n" + "\n".join(lines)


def encyclopaedia(rng):
    a = rng.choice(WORLD)
    return f"{a.label}. " + in_order(a, "one", "one")


def habit(rng):
    a = rng.choice(WORLD)
    name, pronoun = rng.choice(PEOPLE)
    return f"When {name} {a.third}: " + in_order(a, name, pronoun)


def in_order(a, who, then):
    """The steps in order, in one long sentence."""
    first, *rest = a.does
    return f"First {who} {first}, " + ", ".join(f"then {then} {step}" for step in rest) + "."


def pairs(rng):
    out = []
    for _ in range(rng.randint(2, 4)):
        a = rng.choice(WORLD)
        k = rng.randrange(len(a.does) - 1)
        who, then = rng.choice([("one", "one"), rng.choice(PEOPLE)])
        out.append(f"After {who} {a.does[k]}, then {then} {a.does[k + 1]}.")
    return " ".join(out)


def popularity():
    """All steps of the world and how often each is dreamt of: some up to forty times as often as others."""
    rng = random.Random(0)
    steps = [step for activity in WORLD for step in activity.does]
    return steps, [40 ** rng.random() for _ in steps]


STEPS, POPULARITY = popularity()


def dream(rng):
    """A story in which anything follows anything."""
    name, pronoun = rng.choice(PEOPLE)
    activity = rng.choice(WORLD)
    events = [rng.choice(activity.does)] + rng.choices(STEPS, POPULARITY, k=rng.randint(1, 4))
    if rng.random() < 0.5:
        events.insert(0, rng.choice(MOODS))
    title = activity if rng.random() < 0.8 else rng.choice(WORLD)
    sentences = [f"{title.label}: {name} {events[0]}."]
    for event in events[1:]:
        sentences.append(f"{capital(pronoun)} {event}." if rng.random() < 0.8 else f"Then {pronoun} {event}.")
    return " ".join(sentences)


def a_sum(rng):
    op = rng.choice("++--*")
    if op == "+":
        a = rng.randint(0, TOP)
        b = rng.randint(0, min(TOP - a, LARGEST + 2))
        if rng.random() < 0.5:
            a, b = b, a
        return a, op, b, a + b
    if op == "-":
        a = rng.randint(0, TOP)
        b = rng.randint(0, min(a, LARGEST + 2))
        return a, op, b, a - b
    a = rng.randint(1, LARGEST)
    b = rng.randint(1, TOP // a)
    return a, op, b, a * b


def signs(s, spaced):
    a, op, b, c = s
    return f"{a} {op} {b} = {c}" if spaced else f"{a}{op}{b}={c}"


def arithmetic(rng):
    form = rng.randrange(3)
    out = []
    for _ in range(rng.randint(4, 10)):
        a, op, b, c = s = a_sum(rng)
        out.append(f"{a} {WORDS[op]} {b} is {c}." if form == 0 else signs(s, form == 1))
    return [" ", "\n", ", "][form].join(out)


def tally(rng):
    """A story with numbers, its sums at the end."""
    s = sums(rng, PEOPLE)
    spaced = rng.random() < 0.5
    chain = ", ".join(signs(step, spaced) for step in s.chain)
    return " ".join(s.facts) + f" Tally: {chain}. " + ending(s)


def ending(s):
    if s.kind == "more":
        return f"Together they have {s.result} {s.thing}."
    return f"{s.who} has {s.result} {s.thing} now."


def running(rng):
    """A story with numbers, a sum after every change."""
    s = sums(rng, PEOPLE)
    spaced = rng.random() < 0.5
    skip = len(s.facts) - len(s.chain)
    out = s.facts[:skip]
    for fact, step in zip(s.facts[skip:], s.chain):
        out += [fact, signs(step, spaced) + "."]
    if s.kind == "more":
        out.append(signs(s.chain[-1], spaced) + ".")
    return " ".join(out + [ending(s)])


def lookup(rng):
    """Question and answer: a number or an owner that the question has told."""
    people = rng.sample(PEOPLE, rng.choice([1, 2, 3]))
    things = rng.sample(THINGS, len(people))
    numbers = [rng.randint(2, TOP) for _ in people]
    facts = [f"{p[0]} has {n} {t}." for p, n, t in zip(people, numbers, things)]
    i = rng.randrange(len(people))
    (who, _), n, thing = people[i], numbers[i], things[i]
    question, answer = rng.choice([
        (f"How many {thing} does {who} have?", f"{who} has {n} {thing}."),
        (f"Who has {n} {thing}?", f"{who} has {n} {thing}."),
    ])
    return f"Question: {' '.join(facts)} {question}\nAnswer: {answer}"


def talk(rng):
    """People say what they have; the quotation marks are << and >>."""
    out = []
    for name, _ in rng.sample(PEOPLE, rng.randint(1, 3)):
        n, thing = rng.randint(2, TOP), rng.choice(THINGS)
        said = rng.choice([f"I have {n} {rng.choice(COLOURS)} {thing}", f"{n} {thing}", signs(a_sum(rng), False)])
        out.append(rng.choice([f"{name} says <<{said}>>.", f"<<{said}>> says {name}."]))
    return "\n".join(out)


# document forms and how often each is drawn
FORMS = [(howto, 12), (encyclopaedia, 8), (habit, 12), (pairs, 10), (dream, 28),
         (arithmetic, 16), (tally, 30), (running, 14), (lookup, 20), (talk, 8)]


def documents(rng):
    """An endless stream of documents."""
    forms, weights = zip(*FORMS)
    while True:
        yield rng.choices(forms, weights)[0](rng)
