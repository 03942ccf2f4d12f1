"""The demo's little world: everything the pretraining text and the two data sets are made of.

Forty activities of five steps each, forty people, some things that can be counted, and sums up to TOP.
All of it was written for this project; nothing is taken from anywhere else.
"""

# Each line: the activity's name (a gerund, HellaSwag's activity_label), then its five steps in their order,
# each beginning with a verb in its base form. The last ten are never used for fine-tuning (see tasks.py).
ACTIVITIES = """
Making tea | fill the kettle with water | put the kettle on the stove | drop a tea bag in the pot | pour hot water on the leaves | drink the warm tea
Baking bread | mix flour and yeast | knead the soft dough | let the dough rise | slide the loaf in the oven | cut a slice of bread
Planting a tree | carry a spade outside | dig a deep hole | set the roots in the ground | cover the roots with soil | tie the trunk to a stake
Washing a car | park near the garden hose | rinse the dusty doors | rub the hood with a sponge | wipe the windows dry | polish the chrome lights
Painting a wall | tape the edges of the room | open the can of paint | dip the brush in the paint | cover the wall with colour | peel off the tape
Fishing | walk to the quiet lake | hook a worm on the line | throw the line far out | wait for a fish to bite | reel in the big fish
Walking the dog | call the dog to the door | clip on the leash | follow the dog down the street | throw a stick in the park | bring the tired dog home
Making a salad | wash the green lettuce | chop the tomatoes | toss it all in a bowl | pour oil over the leaves | serve the fresh salad
Building a snowman | roll a big snowball | stack two smaller balls on top | press in coal for the eyes | push in a carrot nose | put a hat on its head
Writing a letter | take out a sheet of paper | write dear friend at the top | sign the page at the bottom | fold the page in an envelope | stick a stamp on it
Brushing teeth | squeeze the toothpaste tube | brush the back teeth | spit out the foam | rinse with cold water | smile at the mirror
Lighting a campfire | gather dry branches | make a ring of stones | pile the wood in the ring | strike a match | roast marshmallows over the flames
Flying a kite | unroll the long string | wait for a strong wind | run across the field | let the kite climb up high | wind the string back in
Sewing a button | pick a matching thread | push the thread in the needle | hold the button on the shirt | stitch up and down | tie a small knot
Mowing the lawn | check the fuel of the mower | pull the starter cord | push the mower over the grass | empty the bag of clippings | rake the last blades
Making soup | peel the potatoes | boil the vegetables | stir the pot slowly | taste a little with a spoon | ladle the soup in plates
Milking a cow | lead the cow to the barn | sit on a low stool | place a bucket under the cow | squeeze milk in the bucket | carry the milk to the dairy
Riding a horse | comb the mane | lay the saddle on its back | climb up by the stirrup | trot along the path | jump over the fence
Fixing a bicycle | turn the bicycle upside down | take off the wheel | patch the flat tube | pump air in the tyre | ring the bell for a test
Doing laundry | sort the dirty clothes | load the washing machine | add some soap powder | hang the wet shirts on the rope | iron the dry shirts
Playing chess | set up the pieces | move a white pawn | take the black bishop | trap the king in a corner | say checkmate
Making a pizza | flatten the pizza base | spread the red sauce | sprinkle cheese over the sauce | heat it until the crust is brown | share the pizza slices
Picking apples | lean a ladder on the trunk | climb up to the branches | twist the ripe apples off | lower the full basket | store the fruit in the cellar
Climbing a mountain | lace up the boots | hike through the forest | cross the narrow ridge | reach the windy summit | wave a flag at the view
Taking a photo | choose a pretty view | steady the camera | turn the lens to focus | press the shutter | show the picture around
Making pancakes | beat the eggs and milk | grease the pan | tip some batter in the pan | flip the pancake in the air | eat it with syrup
Going swimming | change in a cabin | pull on a bathing cap | dive in the pool | swim ten lengths | towel off beside the pool
Shaving | splash warm water on the cheeks | lather the chin | slide the razor over the skin | dab the face dry | pat on some lotion
Knitting a scarf | buy soft wool | cast on forty stitches | knit row after row | bind off the stitches | wrap the scarf around the neck
Feeding chickens | scoop grain from the sack | open the gate of the coop | scatter the grain | count the hens | collect the brown eggs
Making coffee | grind the beans | put a filter in the machine | spoon the powder in the filter | switch the machine on | sip from the black cup
Sailing a boat | untie the boat from the pier | hoist the white sail | steer past the lighthouse | drop the anchor in a bay | row to the shore
Playing the violin | open the violin case | tighten the bow | tune the four strings | play a slow melody | bow to the listeners
Changing a light bulb | turn off the lamp | fetch the step ladder | unscrew the burnt bulb | screw in the new bulb | test the light switch
Bathing a baby | warm up the bathroom | undress the baby | lower the baby in the tub | wash its tiny hair | dress the baby for bed
Carving a pumpkin | buy a round pumpkin | slice the lid off | scrape out the seeds | cut a scary mouth | light a candle inside
Bowling | rent a pair of shoes | pick a heavy ball | aim down the lane | knock over the pins | write down the score
Washing dishes | scrape the scraps in the bin | soak the plates in suds | scrub the greasy pots | stand the plates on the rack | hang up the apron
Camping | unfold the tent | hammer in the pegs | spread out the sleeping bags | zip up the entrance | fall asleep under the stars
Making jam | wash the strawberries | crush the berries | cook them with sugar | scoop the jam in jars | close the jars with lids
"""

SHE = "Mia Anna Ella Lucy Nora Rosa Emma Lily Zoe Ida Clara Julia Maria Olga Sara Vera Alice Eva Lena Ruth".split()
HE = "Tom Ben Max Leo Paul Sam Oscar Hugo Felix Adam Karl Noah Ivan Luis Omar Peter Jack Finn Otto Carl".split()
PEOPLE = [(name, "she") for name in SHE] + [(name, "he") for name in HE]

THINGS = ("apples pears plums nuts eggs cards coins stamps books pens shells stones balls cakes keys roses "
          "cups hats toys beans").split()
BOXES = "bags boxes baskets jars".split()
GAIN = "finds gets buys picks wins".split()   # verbs that add
LOSE = "loses sells drops breaks hides".split()   # verbs that take away

# What a story may begin with, after the person's name.
MOODS = "is at home|is on holiday|wakes up early|is in a good mood|has a free day|gets up late|feels fine".split("|")

TOP = 20       # no number in the world is larger
LARGEST = 9    # no change in a story is larger


class Activity:
    """An activity: its label ("Making tea"), the third person ("makes tea"), the infinitive, and its steps."""

    def __init__(self, line):
        self.label, *self.steps = [part.strip() for part in line.split("|")]
        gerund, _, rest = self.label.partition(" ")
        verb = INFINITIVES.get(gerund) or gerund[:-3].lower()
        self.infinitive = (verb + " " + rest).strip()
        self.third = third_person(self.infinitive)
        self.does = [third_person(step) for step in self.steps]


INFINITIVES = {"Making": "make", "Baking": "bake", "Writing": "write", "Riding": "ride", "Taking": "take",
               "Shaving": "shave", "Knitting": "knit", "Changing": "change", "Bathing": "bathe", "Carving": "carve",
               "Swimming": "swim"}


def third_person(phrase):
    """third_person("wash the car") is "washes the car"; a verb after "and" is not touched."""
    verb, space, rest = phrase.partition(" ")
    if verb.endswith(("ch", "sh", "ss", "x", "o", "zz")):
        verb += "es"
    elif verb.endswith("y") and verb[-2] not in "aeou":
        verb = verb[:-1] + "ies"
    else:
        verb += "s"
    return verb + space + rest


def capital(text):
    return text[:1].upper() + text[1:]


WORLD = [Activity(line) for line in ACTIVITIES.strip().splitlines()]
HELD_OUT_ACTIVITIES = 10   # the last ones


class Sums:
    """A problem with numbers: the facts it tells (sentences) and the chain of sums that solves it.

    who: the person asked about; facts: sentences; chain: (a, op, b, result) in order; thing: what is counted;
    kind: "chain", "boxes" or "more".
    """

    def __init__(self, kind, who, facts, chain, thing, other=None):
        self.kind, self.who, self.facts, self.chain, self.thing, self.other = kind, who, facts, chain, thing, other

    @property
    def result(self):
        return self.chain[-1][3]


def change(rng, count, who, thing):
    """One sentence that changes a count, and its sum. Nobody ever has one thing: no singular is needed."""
    while True:
        by = rng.randint(2, LARGEST)
        op = rng.choice("+-")
        after = count + by if op == "+" else count - by
        if after == 0 or 2 <= after <= TOP:
            return f"{who} {rng.choice(GAIN if op == '+' else LOSE)} {by} {thing}.", (count, op, by, after)


def sums(rng, people):
    """A random problem of two or three sums about some of the people."""
    (who, pronoun), (other, _) = rng.sample(people, 2)
    thing = rng.choice(THINGS)
    kind = rng.choice(["chain", "chain", "boxes", "more"])
    if kind == "more":   # two people, the second has more or fewer; asked: together
        a = rng.randint(2, LARGEST)
        more = rng.random() < 0.5 or a == 2
        by = rng.randint(1, min(LARGEST, TOP - 2 * a)) if more else rng.randint(1, a - 2)
        b = a + by if more else a - by
        facts = [f"{who} has {a} {thing}.", f"{other} has {by} {'more' if more else 'fewer'} than {who}."]
        return Sums(kind, who, facts, [(a, "+" if more else "-", by, b), (a, "+", b, a + b)], thing, other)
    if kind == "boxes":
        n = rng.randint(2, 5)
        each = rng.randint(2, min(LARGEST, TOP // n))
        facts = [f"{who} has {n} {rng.choice(BOXES)} with {each} {thing} each."]
        chain = [(n, "*", each, n * each)]
        rounds = 1
    else:
        start = rng.randint(2, TOP - 5)
        facts = [f"{who} has {start} {thing}."]
        chain = []
        rounds = rng.choice([2, 2, 3])
    count = chain[-1][3] if chain else start
    for _ in range(rounds):
        fact, step = change(rng, count, capital(pronoun), thing)
        facts.append(fact)
        chain.append(step)
        count = step[3]
    return Sums(kind, who, facts, chain, thing)
