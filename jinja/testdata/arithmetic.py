"""Writes arithmetic.json: templates about numbers and counts of any size, and what Jinja2 makes of them (python3 arithmetic.py)."""
import json
import math
import pathlib
import random

import jinja2

TEMPLATES = r'''
{{ (one*5000)|int }}
{{ (one*4300)|int|string|length }}
{{ (one*4301)|int(7) }}
{{ ((eff*5000)|int(7,16)) == 0 }}
{{ ((eff*5000)|int(7,16))|string }}
{{ ten**5000 }}
{{ (ten**4299)|string|length }}
{{ (ten**4300)|string|length }}
{{ (one*4301)|float }}
{{ (ten**400)|float }}
{{ (ten**400)|float(3) }}
{{ "1e400"|int(5) }}
{{ "-1e400"|float }}
{{ (1.5*ten**308)|int(3) }}
{{ (huge*10)|int(3) }}
{{ (huge*10)|round }}
{{ (huge*10)|round(2) }}
{{ nan|int(3) }}
{{ nan|round }}
{{ 5|round(400) }}
{{ five|round(400) }}
{{ five|round(-400) }}
{{ five|round(ten**30) }}
{{ five|round(-(ten**30)) }}
{{ five|round(400, 'ceil') }}
{{ five|round(-400, 'floor') }}
{{ five|round(300, 'ceil') }}
{{ five|round(308, 'floor') }}
{{ (ten**400)|round }}
{{ (ten**400)|round(2, 'ceil') }}
{{ (ten**400)|round(-399) }}
{{ 12345|round(-2) }}
{{ 15|round(-1) }}
{{ 25|round(-1) }}
{{ 2**-one|int }}
{{ 2.0**5000 }}
{{ 0**(-1) }}
{{ 0.0**(-1) }}
{{ range(ten**20)|length }}
{{ range(ten**20)|first }}
{{ range(ten**20)|last }}
{{ range(ten**20)[5] }}
{{ range(ten**20) }}
{{ range(-(ten**20), ten**20, ten**19)|list|length }}
{{ range(0, ten**20, ten**19)|list }}
{{ (5 in range(ten**20)) }}
{{ range(1.5) }}
{{ range(1, 2, 0) }}
{{ (one*(-5))|length }}
{{ (one*(-(ten**30)))|length }}
{{ ([1]*(-(ten**30)))|length }}
{{ 1//0 }}
{{ 1%0 }}
{{ 1/0 }}
{{ 1.5//0 }}
{{ 1.5%0 }}
{{ ten**400/3 }}
{{ ten**400/ten**399 }}
{{ (ten**400)*1.0 }}
{{ (ten**400)+1.0 }}
{{ ten**400 > 1e308 }}
{{ ten**400 < huge*10 }}
{{ ten**400 == huge*10 }}
{{ "%d"|format(ten**5000) }}
{{ "%x"|format(ten**5)}}
{{ ("%x"|format(ten**5000))|length }}
{{ "%f"|format(ten**400) }}
{{ "%e"|format(ten**400) }}
{{ "%s"|format(ten**5000) }}
{{ "%c"|format(ten**30) }}
{{ "%c"|format(-1) }}
{{ "{:d}".format(ten**5000) }}
{{ "{:x}".format(ten**50) }}
{{ "{}".format(ten**5000) }}
{{ "{:e}".format(ten**400) }}
{{ (ten**5000)|filesizeformat }}
{{ (ten**400)|filesizeformat }}
{{ (ten**30)|filesizeformat }}
{{ ("0x"~(eff*5000))|int(0,16) }}
{{ (-(ten**5000)) // 7 == 0 }}
{{ 7 % ten**400 }}
{{ 1.5 % ten**400 }}
{{ -7 // two }}
{{ -7 % two }}
{{ 7 % (-2) }}
{{ -7.5 // two }}
{{ -7.5 % two }}
{{ ten**400 // 1.5 }}
{{ (ten**400)|abs|string|length }}
{{ -(ten**400)|int|string|length }}
{{ "nan"|float|int(4) }}
{{ (("7"*4301)|int(7, 8)) == 7 }}
{{ ("1_"*3000 ~ "1")|int(9)|string|length }}
{{ ("1_"*4300 ~ "1")|int(9) }}
{{ ("0"*5000 ~ "1")|int(9) }}
{{ ("0"*5000 ~ "1.5")|int(9) }}
{{ ("-" ~ one*4300)|int(9)|string|length }}
{{ ("-" ~ one*4301)|int(9) }}
{{ (" " ~ one*4300 ~ " ")|int(9)|string|length }}
{{ (one*4301)|int(9, 7) }}
{{ (one*5000)|int(9, 3) }}
{{ ((one*5000)|int(9, 2)) == 9 }}
{{ ((one*5000)|int(9, 4)) == 9 }}
{{ ((one*5000)|int(9, 32)) == 9 }}
{{ (one*5000)|int(9, 33) }}
{{ (one*5000)|int(9, 36) }}
{{ (one*5000)|int(9, 0) }}
{{ " 12 "|int }}
{{ (one*400 ~ ".5")|int(9) }}
{{ (one*200 ~ ".5")|int(9) }}
{{ (ten**5000)|tojson }}
{{ [ten**5000]|pprint }}
{{ [ten**5000]|string }}
{{ {1: ten**5000} }}
{{ ten**5000 == ten**5000 }}
{{ (ten**5000)|float(2) }}
{{ (ten**5000)~"" }}
{{ (ten**5000)|length }}
{{ [1,2][ten**30] }}
{{ [1,2][:ten**30] }}
{{ [1,2][-(ten**30):] }}
{{ [1,2,3][::ten**30] }}
{{ "abc"[ten**30:] }}
{{ "abc"[ten**30] }}
{{ "abc"|truncate(ten**30) }}
{{ "a b c"|wordwrap(ten**18) }}
{{ [1,2,3]|batch(ten**30)|list }}
{{ [1,2,3]|slice(0)|list }}
{{ [1,2,3]|batch(0)|list }}
{{ [1,2,3]|batch(-1)|list }}
{{ [1,2,3]|sum(start=ten**400)|string|length }}
{{ [1.5, ten**400]|sum }}
{{ [ten**400, 1.5]|max|string|length }}
{{ (ten**400) in [1.5, ten**400] }}
{{ (ten**400) is divisibleby(ten) }}
{{ (ten**400) is even }}
{{ ten is divisibleby(0) }}
{{ one.zfill(ten**30) }}
{{ one.zfill(-5) }}
{{ one.center(-5) }}
{{ one.ljust(-(ten**30)) }}
{{ "%*d"|format(5, 1) }}
{{ "%.400f"|format(five)|length }}
{{ "%.50g"|format(five) }}
{{ "{:.50g}".format(five) }}
{{ five.is_integer() }}
{{ ten.bit_length() }}
{{ (ten**400).bit_length() }}
{{ 2**0.5 }}
{{ 2**two**two**two }}
{{ 4**0.5 }}
{{ ten**-400 }}
{{ (ten**400)**-1 }}
{{ (-two)**0.5 }}
{{ 1e16 }} {{ 1e15 }} {{ 1e-5 }} {{ 123456789012345678901234567890 }}
{{ true + true }} {{ true|int }} {{ true|round }} {{ true|float }} {{ -true }}
{{ "1_000"|int }} {{ "1__0"|int(3) }} {{ "_1"|int(3) }} {{ "0x1F"|int(3,16) }} {{ "0b11"|int(3,2) }} {{ "0o17"|int(3,8) }} {{ "0x1F"|int(3) }} {{ "012"|int(3,0) }}
{{ none|int(3) }} {{ []|int(3) }} {{ {}|float(3) }} {{ "x"|float(3) }} {{ missing|int(3) }} {{ missing|float(3) }}
{{ "9223372036854775807"|int + 1 }} {{ -9223372036854775808 - 1 }} {{ 9223372036854775807 * 9223372036854775807 }} {{ -9223372036854775808 // (-1) }} {{ (-9223372036854775808)|abs }}
{{ 9223372036854775808|float }} {{ 9007199254740993|float }} {{ 9007199254740993 == 9007199254740992.0 }} {{ 1e22|int }} {{ 1e23|int }}
{{ 0.1 + 0.2 }} {{ 1/3 }} {{ 7/2 }} {{ 6/2 }} {{ 2.675|round(2) }} {{ 0.5|round }} {{ 1.5|round }} {{ 2.5|round }} {{ 42.55|round(1) }} {{ 42.55|round(1, 'floor') }} {{ 42.55|round(1, 'ceil') }} {{ (-0.4)|round }}
{{ 0.1 ** 400 }} {{ 1e-320 }} {{ 5e-324 / 2 }} {{ 1e308 * 10 }} {{ -1e308 * 10 }} {{ (huge*10) - (huge*10) }}
{{ "%c"|format(1.5) }}
{{ "%c"|format("ab") }}
{{ "{:c}".format(ten**30) }}
{{ "{:c}".format(-one|int) }}
{{ "{:c}".format(1114112) }}
{{ "{:c}".format(1114111)|length }}
{{ range(10)[::ten**30]|list }}
{{ range(0,ten**18,ten**17)[::100]|list }}
{{ range(0,9223372036854775807,4611686018427387904)[:]|list }}
{{ range(9223372036854775806,0,-4611686018427387904)[::-1]|list }}
{{ range(-9223372036854775807, 9223372036854775807)[0] }}
{{ (-9223372036854775807) in range(9223372036854775807, 0, -1) }}
{{ 9223372036854775800 in range(0, 9223372036854775807, 8) }}
{{ 9223372036854775801 in range(0, 9223372036854775807, 8) }}
{{ 1e300 in range(5) }} {{ 2.0 in range(5) }} {{ 2.5 in range(5) }} {{ ten**30 in range(5) }}
{{ range(-9223372036854775808, 9223372036854775807)|length }}
{{ lipsum(n=0) }}
{{ "a".replace("a","b",ten**30) }}
{{ "a b".split(" ",ten**30) }}
{{ "a".zfill(-(ten**30)) }}
{{ "a"|indent(ten**30) }}
{{ "a"|indent(-(ten**30)) }}
{{ [1].insert(ten**30, 1) }}
{{ [1].pop(ten**30) }}
{{ [1].index(1, -(ten**30)) }}
{{ (5).to_bytes(ten**30,"big") }}
{{ "a"|center(ten**30) }}
{{ "a"|center(-(ten**30)) }}
{{ "a".expandtabs(ten**30) }}
{{ "a"|replace("a","b",ten**30) }}
{{ [1,2]|tojson(indent=-5) }}
{{ "abc"|truncate(2, true, "", ten**30) }}
{{ "abc"|truncate(2, true, "", 0) }}
{{ "abc"|wordwrap(ten**30) }}
'''.strip().split("\n")

CONTEXT = dict(one="1", eff="f", ten=10, two=2, huge=1e308, five=5.5, nan=math.nan)

NUMBERS = ["0", "1", "-1", "2", "3", "-7", "10", "0.5", "-2.5", "1.25", "1e16", "1e-7", "123456789.125", "9223372036854775807",
           "-9223372036854775807", "4294967296", "18446744073709551616", "1e308", "5e-324", "true", "ten**25", "-(ten**40)", "ten**400", "nan"]
TEXTS = ['"12"', '"-7"', '" 3 "', '"1_0"', '"1e3"', '"0x1f"', '"1.9"', '"-0"', '"+5"', '""', '"abc"', '"1e400"', '"inf"', '"nan"', '"\u0664"', '(one*4300)', '(one*4301)']
OPERATORS = ["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!=", ">"]
FILTERS = ["int", "int(7)", "float", "float(2.5)", "round", "round(1)", "round(-2)", "round(0, 'ceil')", "round(1, 'floor')", "abs", "string", "tojson",
           "filesizeformat", "filesizeformat(true)", "int(7, 16)", "int(7, 0)", "pprint"]


def generated():
    """Every filter on every number and text, and sums of two and three numbers."""
    for v in NUMBERS + TEXTS:
        for f in FILTERS:
            yield "{{ (%s)|%s }}" % (v, f)
    rng = random.Random(8)
    for a in NUMBERS:
        for b in NUMBERS:
            yield "{{ (%s) %s (%s) }}" % (a, rng.choice(OPERATORS), b)
    for _ in range(200):
        a, b, c = (rng.choice(NUMBERS) for _ in range(3))
        yield "{{ ((%s) %s (%s)) %s (%s) }}" % (a, rng.choice(OPERATORS), b, rng.choice(OPERATORS), c)
    for a in NUMBERS[:13]:
        for b in ["0", "1", "2", "3", "-1", "0.5", "10", "-2"]:
            yield "{{ (%s) ** (%s) }}" % (a, b)


def case(env, template):
    """What the template makes, or the kind of its error."""
    try:
        return {"template": template, "expect": env.from_string(template).render(**CONTEXT)}
    except Exception as error:
        return {"template": template, "error": type(error).__name__}


# Jinja2 works out constants when it compiles, and then writes inf and nan as names that nobody has defined: not so when unoptimized.
environment = jinja2.Environment(optimized=False)
cases = [case(environment, t) for t in TEMPLATES + list(generated())]
lines = ",\n".join(json.dumps(c) for c in cases)
pathlib.Path(__file__).with_name("arithmetic.json").write_text("[\n" + lines + "\n]\n")
print(len(cases))
