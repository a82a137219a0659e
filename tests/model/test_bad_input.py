# ruff: noqa: E501  (one line a mistake reads best)
"""Every mistake a file can hold is reported with its place, the value and a hint."""

import os
import zipfile
from pathlib import Path

import openpyxl
import pytest

import heecon as he
from heecon.analysis.evaluation import run
from heecon.model.load import load
from tests.model.small import (
    FILES,
    MODEL_FILE,
    PARAMETER_FILE,
    SCENARIO_FILE,
    TABLE_FILE,
    edit,
    write,
)

M, P, T, S = MODEL_FILE, PARAMETER_FILE, TABLE_FILE, SCENARIO_FILE

PURPOSE = 'purpose = "The files as they stand."'

# name: (file, old text, new text, place, part of what is said, part of the hint)
MISTAKES: dict[str, tuple[str, str, str, str, str, str]] = {
    # model.toml: shape
    "not TOML": (M, "[states]", "[states", "model.toml", "not valid TOML", "toml.io"),
    "unknown key": (M, "correction ", "corection ", "model.toml:6:", "unknown key 'corection'", "Did you mean 'correction'?"),
    "unknown section": (M, "[variables]", "[variable]", "model.toml", "unknown key 'variable'", "Did you mean 'variables'?"),
    "unknown nested key": (M, 'label = "Well"', 'lable = "Well"', "model.toml:11:", "unknown key 'lable'", "Did you mean 'label'?"),
    "missing key": (M, 'cycle       = "1 year"\n', "", "model.toml", "the key 'cycle' is missing", "Add it"),
    "missing section": (M, '[start]\nwell = "rest"\nill  = "share_ill"\n', "", "model.toml", "the key 'start' is missing", "Add it"),
    "wrong type": (M, 'title       = "Small"', "title = 5", "model.toml:2:9 (model.title)", "text in quotes, not 5", "Correct"),
    "boolean as number": (M, "start_age   = 60", "start_age = true", "model.toml:5:", "a number, or an expression in quotes, not True", "Correct"),
    "unknown kind": (M, 'kind  = "qaly"', 'kind = "qalys"', "model.toml:36:", "'cost', 'qaly', 'life_year' or 'count', not 'qalys'", ""),
    "tunnel of zero": (M, "tunnel = 2", "tunnel = 0", "model.toml:12:", "greater than or equal to 1", ""),
    "title twice": (M, 'title       = "Small"', 'title = "Small"\ntitle = "x"', "model.toml:3:12", "not valid TOML", "each key may stand once"),
    "a number of 5000 digits": (M, "start_age   = 60", "start_age = " + "9" * 5000, "model.toml", "not valid TOML", "toml.io"),
    "a key of 600 parts": (M, 'title       = "Small"', "a." * 600 + 'b = 1', "model.toml:2", "more than 500 dots", "Break it"),
    "truth in quotes": (M, "absorbing = true", 'absorbing = "yes"', "model.toml:13:22 (states.dead.absorbing)", "true or false, without quotes, not 'yes'", "Correct"),
    "tunnel in quotes": (M, "tunnel = 2", 'tunnel = "2"', "model.toml:12:", "a whole number, without quotes, not '2'", "Correct"),
    "tunnel that is true": (M, "tunnel = 2", "tunnel = true", "model.toml:12:", "a whole number, without quotes, not True", "Correct"),
    "number for a state": (M, "dead = { absorbing = true }", "dead = 3", "model.toml:13:8 (states.dead)", "a table, { key = value }, not 3", "Correct"),
    "number for a list": (M, 'comparator  = "usual"', "thresholds = 20000", "model.toml:8:14", "a list, [a, b], not 20000", "Correct"),
    "text for an age": (M, 'comparator  = "usual"', 'max_age = "old"', "model.toml:8:11", "a number, without quotes, not 'old'", "Correct"),
    "infinite rate": (M, "effect = 0.03", "effect = inf", "model.toml:7:39", "a finite number, not inf", "Correct"),
    "huge whole number": (M, "effect = 0.03", "effect = 0x" + "f" * 5000, "model.toml:7:39", "a finite number, not a huge number", "Correct"),
    "wrong key of weights": (M, '"life_table"', '{ weigths = "mortality" }', "model.toml:6:", "unknown key 'weigths'", "Did you mean 'weights'?"),
    "wrong key of a rate step": (M, "effect = 0.03", "effect = [{ form = 0, rate = 0.03 }]", "model.toml:7:", "unknown key 'form'", "Did you mean 'from'?"),
    "misspelt needed key": (M, 'cycle       = "1 year"', 'cylce = "1 year"', "model.toml:3:9", "unknown key 'cylce'", "Did you mean 'cycle'?"),
    "misspelt absorbing": (M, "absorbing = true", "absorbng = true", "model.toml:13:21", "unknown key 'absorbng'", "Did you mean 'absorbing'?"),
    "misspelt rates": (M, 'rates = { ill =', 'rate = { ill =', "model.toml:28:8", "unknown key 'rate'", "Did you mean 'rates'?"),
    "one strategy too few": (M, '[strategies]\nusual = { label = "Usual" }\nnew   = { label = "New" }', "[strategies]", "model.toml:19:1 (strategies)", "there should be at least 1 here, not none", "Add some"),
    "nobody starts": (M, 'well = "rest"\nill  = "share_ill"', "", "model.toml:15:1 (start)", "nobody starts anywhere", "share of the cohort"),
    "draws in quotes": (S, PURPOSE, PURPOSE + '\n[analyses.psa]\ndraws = "500"', "base_case.toml:4:9 (analyses.psa.draws)", "a whole number, without quotes, not '500'", "Correct"),
    "half a seed": (M, "[outcomes.cost]", "[analyses.psa]\nseed = 1.5\n[outcomes.cost]", "model.toml:33:8 (analyses.psa.seed)", "a whole number, without quotes, not 1.5", "Correct"),
    "no draws": (S, PURPOSE, PURPOSE + "\n[analyses.psa]\ndraws = 0", "base_case.toml:4:9", "greater than or equal to 1, not 0", "Correct"),
    "patients as text": (S, PURPOSE, PURPOSE + '\n[analyses.microsim]\npatients = "many"', "base_case.toml:4:12", "a whole number, without quotes, not 'many'", "Correct"),
    "unknown key of an analysis": (S, PURPOSE, PURPOSE + "\n[analyses.psa]\ndarws = 5", "base_case.toml:4:9", "unknown key 'darws'", "Did you mean 'draws'?"),
    "unknown analysis": (S, PURPOSE, PURPOSE + "\n[analyses.pas]\ndraws = 5", "base_case.toml:3:1 ", "unknown key 'pas'", "Did you mean 'psa'?"),
    "prices without a list": (S, PURPOSE, PURPOSE + '\n[analyses.price]\nparameters = "c_care"', "base_case.toml:4:14", "a list, [a, b], not 'c_care'", "Correct"),
    # model.toml: settings
    "unknown unit of time": (M, '"1 year"', '"28 dyas"', "model.toml:3:15 (model.cycle)", "'28 dyas' has no known unit", "Did you mean 'days'?"),
    "no unit of time": (M, '"1 year"', '"28"', "model.toml:3:15", "'28' is not a length of time", "'28 days'"),
    "words for a number": (M, '"1 year"', '"five weeks"', "model.toml:3:15", "not a length of time", "positive amount"),
    "negative horizon": (M, '"10 years"', '"-10 years"', "model.toml:4:15", "'-10 years' is not a length of time", "'lifetime'"),
    "zero horizon": (M, '"10 years"', '"0 years"', "model.toml:4:15", "not a positive length", "'lifetime'"),
    "a billion cycles": (M, '"10 years"', '"1000000000 cycles"', "model.toml:4:15", "1,000,000,000 cycles", "shorten the horizon"),
    "ten million years": (M, '"10 years"', '"10000000 years"', "model.toml:4:15", "10,000,000 cycles", "At most 20,000"),
    "lifetime over": (M, '"10 years"\nstart_age   = 60', '"lifetime"\nstart_age = 100', "model.toml:4:", "has no cycles", "max_age = 100"),
    "unknown correction": (M, '"life_table"', '"life-table"', "model.toml:6:", "'simpson', not 'life-table'", ""),
    "weights without table": (M, '"life_table"', '{ weights = "wieghts" }', "model.toml:6:", "no table 'wieghts'", "There is mortality"),
    "weights of the wrong length": (M, '"life_table"', '{ weights = "mortality" }', "model.toml:6:", "11 time points of 10 cycles", "counting 0, 1, ..., 10"),
    "unknown comparator": (M, 'comparator  = "usual"', 'comparator = "usaul"', "model.toml:8:", "unknown comparator 'usaul'", "Did you mean 'usual'?"),
    "rate in percent": (M, "effect = 0.03", "effect = 35000", "model.toml:7:", "discount rate is 35000", "3.5% as 0.035"),
    "steps not from zero": (M, "effect = 0.03", "effect = [{ from = 5, rate = 0.03 }]", "model.toml:7:", "start at [5.0] years", "first must start at 0"),
    "time in a discount rate": (M, "effect = 0.03", 'effect = "time"', "model.toml:7:", "'time' cannot be used here", "the same in all cycles"),
    "own discount rate of a strategy": (P, "dr,,0.035", "dr,new,0.01,,,,,,,,,published,manual\ndr,,0.035", "model.toml:7:", "'dr' cannot be used here", "the same in all cycles and for all strategies"),
    "points and timing": (M, 'kind  = "qaly"', 'kind = "qaly"\ntiming = "cycle_end"\ncorrection = "simpson"', "model.toml:38:", "timing 'cycle_end' does not go with 'simpson'", "timing = 'cycle_start'"),
    # model.toml: structure
    "no way out": (M, "dead = { absorbing = true }", "dead = {}", "model.toml:13:", "no way out of state 'dead'", "absorbing = true"),
    "absorbing with transitions": (M, 'ill  = { label = "Ill", tunnel = 2 }', "ill = { absorbing = true }", "model.toml:29", "absorbing but has transitions", "Drop"),
    "absorbing that counts time": (M, "dead = { absorbing = true }", "dead = { absorbing = true, residence = 3 }", "model.toml:13:", "absorbing and counts time", "Drop one"),
    "tunnel and residence": (M, "tunnel = 2", "tunnel = 2, residence = 5", "model.toml:12:", "both tunnel and residence", "drop residence"),
    "tunnel without rest": (M, ', well = "rest"', "", "model.toml:30:", "does not say where people go", 'the value "rest"'),
    "tunnel that ends in itself": (M, ', well = "rest"', ', ill = "rest"', "model.toml:30:", "does not say where people go", 'the value "rest"'),
    "rates and probabilities": (M, 'rates = { ill = "h_ill", dead = "h_dead" }', 'rates = { ill = 1 }\nprobabilities = { dead = "rest" }', "model.toml:2", "either rates or probabilities", "exactly one"),
    "rate to itself": (M, 'rates = { ill = "h_ill"', 'rates = { well = 0.1, ill = "h_ill"', "model.toml:28:18", "a rate from 'well' to itself", "whoever has no event stays"),
    "two rests": (M, 'dead = "h_dead * 2", well = "rest"', 'dead = "rest", well = "rest"', "model.toml:30:", "'rest' stands at ['dead', 'well']", "Only one"),
    "unknown destination": (M, 'rates = { ill = "h_ill", dead', 'rates = { ill = "h_ill", daed', "model.toml:28:", "unknown state 'daed'", "Did you mean 'dead'?"),
    "transitions of an unknown state": (M, "[transitions.ill]", "[transitions.il]", "model.toml:29:", "unknown state 'il'", "Did you mean 'ill'?"),
    "unknown start state": (M, 'ill  = "share_ill"', 'sick = "share_ill"', "model.toml:17:", "unknown state 'sick'", "There is well, ill, dead"),
    "time in the start": (M, '"share_ill"', '"share_ill * time"', "model.toml:17:", "'time' cannot be used here", "before the first cycle"),
    "variable of time in the start": (M, '"share_ill"', '"share_ill * h_dead"', "model.toml:17:", "'h_dead' cannot be used here", "without time"),
    "time in state without residence": (M, '"h_ill", dead', '"h_ill * state_time", dead', "model.toml:28:", "'state_time' cannot be used here", "residence = N"),
    "variable of time in state": (M, 'h_ill  = "h_base * hr"', 'h_ill = "h_base * hr * exp(-state_time)"', "model.toml:28:", "'h_ill' cannot be used here", "residence = N"),
    "unknown transition": (M, '"alive -> dead"', '"dead -> well"', "model.toml:40:", "no transition 'dead -> well'", ""),
    "not a transition": (M, '"alive -> dead"', '"dead"', "model.toml:40:", "'dead' is not a transition", "from -> to"),
    "outcome of nothing": (M, "state = { well = 0.8, ill = 0.5 }", "", "model.toml:35:", "counts nothing", "start, state, entering"),
    "corrected one-off": (M, 'transition = { "alive', 'correction = "simpson"\ntransition = { "alive', "model.toml:40:", "one-off values cannot be corrected", "They happen once"),
    "strategies differing by case": (M, 'new   = { label = "New" }', 'new = {}\nNEW = {}', "model.toml:22:", "differ only by case", "Rename"),
    "a keyword as name": (M, 'h_dead = "lookup', 'class = "1"\nh_dead = "lookup', "model.toml:25:", "'class' is a reserved word", "another name"),
    "a built-in as name": (M, 'h_dead = "lookup', 'age = "1"\nh_dead = "lookup', "model.toml:25:", "'age' is reserved", "another name"),
    "variable named like a parameter": (M, 'h_dead = "lookup', 'HR = "1"\nh_dead = "lookup', "model.toml:25:", "has the name of the parameter 'hr'", "Rename"),
    "unknown name counted everywhere": (M, '"c_care"', '"c_crae"', "model.toml:34:", "unknown name 'c_crae'", "did you mean 'c_care'?"),
    "time in state counted everywhere": (M, '"c_care"', '"c_care * state_time"', "model.toml:34:", "'state_time' cannot be used here", "states.well"),
    "unknown name in a move": (M, '"alive -> dead" = 1', '"alive -> dead" = "exp"', "model.toml:40:", "'exp' is a function", "write exp(...)"),
    "time at entry": (M, 'kind       = "count"\ntransition', 'kind = "count"\nentering = { ill = "state_time" }\ntransition', "model.toml:40:", "'state_time' cannot be used here", "moment of entry"),
    "a table named like a parameter": (P, "hr,,1,", "mortality,,2,,,,,,,,,derived,definition\nhr,,1,", "tables/mortality", "has the name of the parameter 'mortality'", "Rename"),
    # expressions
    "unknown name": (M, '"h_base * hr"', '"h_bse * hr"', "model.toml:24:", "unknown name 'h_bse'", "did you mean 'h_base'?"),
    "caret": (M, '"h_base * hr"', '"h_base * hrr"', "model.toml:24:", "^^^", "did you mean 'hr'?"),
    "circular variables": (M, '"h_base * hr"', '"h_x"\nh_x = "h_ill"', "model.toml:24:10", "circular definition: h_ill -> h_x -> h_ill", "those it does not feed"),
    "circle of one": (M, '"h_base * hr"', '"h_ill * hr"', "model.toml:24:10", "h_ill -> h_ill", "those it does not feed"),
    "wrong number of arguments": (M, "lookup(mortality, age)", "exp(age, 2)", "model.toml:25:10", "exp does not take 2 arguments", "write exp(x)"),
    "unknown table": (M, "lookup(mortality, age)", "lookup(mortalty, age)", "model.toml:25:", "mortalty", "did you mean 'mortality'?"),
    "unknown column": (M, "lookup(mortality, age)", "lookup(mortality, rte, age)", "model.toml:25:", "rte", "did you mean 'rate'?"),
    "code": (M, '"h_base * hr"', "\"__import__('os')\"", "model.toml:24:10", "is not part of the language", "there are no strings"),
    "more code": (M, '"h_base * hr"', '"__import__(os)"', "model.toml:24:10", "'__import__' is reserved", "rename it"),
    "a long expression": (M, '"h_base * hr"', '"' + "1+" * 50_000 + '1"', "model.toml:24:", "100,001 characters", "split it"),
    "deep nesting": (M, '"h_base * hr"', '"' + "(" * 500 + "1" + ")" * 500 + '"', "model.toml:24:10", "nested more than 60 deep", "split it"),
    "no character": (M, 'label = "Well"', 'label = "We\\uffffll"', "model.toml:11:", "control character U+FFFF", "Delete it"),
    "line break in a key": (M, 'tunnel = 2', '"a\\nb" = 2', "model.toml:12:", "control character U+000A", "Delete it"),
    "control character": (M, 'label = "Well"', 'label = "\\u001b[31mWell"', "model.toml:11:", "control character U+001B", "Delete it"),
    "reserved outcome": (M, "[outcomes.deaths]", "[outcomes.total_deaths]", "model.toml:38:", "'total_deaths' is reserved", "another name"),
    "unknown strategy of the question": (M, 'comparator  = "usual"', 'question = ["nwe", "usual"]', "model.toml:8:", "the question is about the unknown strategy 'nwe'", "Did you mean 'new'?"),
    "question of one": (M, 'comparator  = "usual"', 'question = ["usual", "usual"]', "model.toml:8:", "the question compares 'usual' with itself", "Name two"),
    "threshold twice": (M, 'comparator  = "usual"', "thresholds = [5, 5]", "model.toml:8:", "stands twice", "Delete one"),
    "horizon below a cycle": (M, '"10 years"', '"10 days"', "model.toml:4:", "shorter than one cycle", "Lengthen"),
    # parameters.csv
    "unknown column of parameters": (P, "name,strategy,value", "name,stratgy,value", "parameters.csv:1", "unknown column 'stratgy'", "Did you mean 'strategy'?"),
    "no value column": (P, "name,strategy,value", "name,strategy,note", "parameters.csv:1", "there is no column 'value'", ""),
    "column twice": (P, "name,strategy,value,low", "name,strategy,value,value", "parameters.csv:1:4", "column 'value' stands twice", ""),
    "not a number": (P, "hr,,1,", "hr,,one,", "parameters.csv:5:3 (value)", "'one' is not a number", ""),
    "discount rate without a value": (P, "dr,,0.035", "dr,,", "parameters.csv:2:3 (value)", "'dr' has no value", "Type a number"),
    "not finite": (P, "hr,,1,", "hr,,nan,", "parameters.csv:5:3 (value)", "not a finite number", ""),
    "infinite": (P, "hr,,1,", "hr,,1e999,", "parameters.csv:5:3 (value)", "too large", ""),
    "percent": (P, "hr,,1,", "hr,,80%,", "parameters.csv:5:3 (value)", "is a percentage", "5% is 0.05"),
    "decimal comma": (P, "hr,,1,", 'hr,,"0,8",', "parameters.csv:5:3 (value)", "has a comma", "1234.5"),
    "no year": (P, "source\ndr,,0.035,,,,,,,,methodological,published,manual", "source,price_year\ndr,,0.035,,,,,,,,methodological,published,manual,2024.5", "parameters.csv:2:14", "'2024.5' is not a year", ""),
    "huge override": (S, PURPOSE, "[parameters]\nc_care = 1" + "0" * 400, "base_case.toml:3:10", "not a finite number", ""),
    "no value": (P, "hr,,1,", "hr,,,", "parameters.csv:5", "'hr' has no value", ""),
    "unknown status": (P, "trial,a trial\nh_base", "trail,a trial\nh_base", "parameters.csv:3:12 (status)", "unknown status 'trail'", "Did you mean 'trial'?"),
    "unknown tag": (P, "unit_cost", "unitcost", "parameters.csv:7:11 (tags)", "unknown tag 'unitcost'", "Did you mean 'unit_cost'?"),
    "unknown distribution": (P, "gamma", "gama", "parameters.csv:7:7 (distribution)", "unknown distribution 'gama'", "Did you mean 'gamma'?"),
    "distribution without spread": (P, "c_care,,500,,,50,gamma", "c_care,,500,,,,gamma", "parameters.csv:7:7", "'gamma' has nothing to be built from", "standard error"),
    "negative standard error": (P, ",50,gamma", ",-50,gamma", "parameters.csv:7:7", "standard error -50 is not positive", "'fixed'"),
    "value outside its interval": (P, "0.2,0.1,0.4", "0.5,0.1,0.4", "parameters.csv:4:3 (value)", "the value 0.5 does not lie inside low 0.1 and high 0.4", "must surround the value"),
    "beta above one": (P, "share_ill,,0.1", "share_ill,,1.5", "parameters.csv:3:7", "between 0 and 1, not 1.5", ""),
    "duplicate parameter": (P, "dr,,0.035", "share_ill,,0.2,,,,,,,,,trial,a trial\ndr,,0.035", "parameters.csv:4:3 (value)", "'share_ill' stands twice (first at parameters.csv:2:3 (value))", "Delete one row"),
    "parameters differing by case": (P, "hr,,1,", "HR,,1,", "parameters.csv:6", "differ only by case", "Rename"),
    "bad name": (P, "hr,,1,", "h-r,,1,", "parameters.csv:5:1 (name)", "'h-r' is not a name", "another name"),
    "unknown strategy of a parameter": (P, "hr,new,", "hr,newer,", "parameters.csv:6", "unknown strategy 'newer'", "Did you mean 'new'?"),
    "tabs": (P, "name,strategy,value,low,high,se,distribution,arg1,arg2,correlation_group,tags,status,source", "name\tvalue", "parameters.csv:1", "separated by tabs", "CSV UTF-8"),
    "row too long": (P, "published,a list", "published,a list,of prices", "parameters.csv:7", "14 cells; the header has 13", "in quotes"),
    "open quote": (P, "published,a list", 'published,"a list', "parameters.csv:", "not valid CSV", ""),
    "no name": (P, "hr,,1,", ",,1,", "parameters.csv:5:1 (name)", "the row has no name", "another name"),
    "a built-in in capitals": (P, "hr,,1,", "Age,,1,,,,,,,,,derived,definition\nhr,,1,", "parameters.csv:5:1 (name)", "'Age' is reserved", "another name"),
    "gap among arguments": (P, "500,,,50,gamma,,", "500,,,50,gamma,,5", "parameters.csv:7:7", "a gap among its arguments", "in this order"),
    "too many arguments": (P, "500,,,50,gamma,,", "500,,,50,gamma,4,", "parameters.csv:7:7", "takes 2 arguments, not 1", "Give shape, scale"),
    "numbers too far apart": (P, "500,,,50,gamma", "500,,,1e-200,gamma", "parameters.csv:7:7", "too far apart", "Check"),
    "a value beyond all": (P, "hr,,1,", "hr,,1e100,", "parameters.csv:5:3 (value)", "1e+100 is too large", "Check"),
    "a number beyond all": (P, "500,,,50,gamma,,", "500,,,50,lognormal,1000,1", "parameters.csv:7:7", "too far apart", "Check"),
    "joint without group": (P, "500,,,50,gamma", "500,,,50,dirichlet", "parameters.csv:7:7", "needs a correlation_group", "Name the block"),
    "joint without file": (P, "500,,,50,gamma,,,", "500,,,50,empirical,,,g", "parameters.csv:7:3", "needs the file joint/g.csv", "Add it"),
    "control character in a cell": (P, "a list", "a\x07list", "parameters.csv:7:13", "control character U+0007", "Delete it"),
    # tables
    "table not sorted": (T, "65,0.02", "75,0.02", "tables/mortality.csv:4:1 (age)", "70 does not come after 75", "Sort the rows"),
    "staying counted as a move": (M, '"alive -> dead"', '"well -> well"', "model.toml:40:", "'well -> well' is no move: whoever stays in 'well'", "tunnel = 1"),
    "a column that begins later": (T, "rate\n60,0.01\n65,0.02\n", "rate\n60,\n65,NaN\n", "tables/mortality.csv:2:2 (rate)", "the cell is empty, and so are 1 cells below it", "delete the row or the column"),
    "not a number in a table": (T, "65,0.02", "65,nan", "tables/mortality.csv:3:2 (rate)", "'nan' is not a finite number", "delete the row"),
    "empty cell in a table": (T, "65,0.02", "65,", "tables/mortality.csv:3:2 (rate)", "the cell is empty", ""),
    "text in a table": (T, "65,0.02", "65,low", "tables/mortality.csv:3:2 (rate)", "'low' is not a number", ""),
    "bad column of a table": (T, "age,rate", "age,the rate", "tables/mortality.csv:1:2", "'the rate' is not a name", "Rename the column"),
    "table with a row too long": (T, "65,0.02", "65,0.02,3", "tables/mortality.csv:3", "3 cells; the header has 2", "in quotes"),
    "percent in a table": (T, "65,0.02", "65,2%", "tables/mortality.csv:3:2 (rate)", "'2%' is a percentage", "0.05"),
    "table of keys only": (T, FILES[T], "age\n60\n", "tables/mortality.csv", "a key column, a value column and a row", ""),
    # scenarios
    "unknown parameter of a scenario": (S, PURPOSE, "[parameters]\nc_crae = 5", "base_case.toml:3:10 (parameters.c_crae)", "unknown parameter 'c_crae'", "Did you mean 'c_care'?"),
    "text for a number": (S, PURPOSE, '[parameters]\nc_care = "5"', "base_case.toml:3:10", "", "Give a number"),
    "nan": (S, PURPOSE, "[parameters]\nc_care = nan", "base_case.toml:3:10", "not a finite number", ""),
    "unknown key of an override": (S, PURPOSE, "[parameters]\nc_care = { vaule = 5 }", "base_case.toml:3:10", "'vaule' is neither a strategy nor a key", "Did you mean 'value'?"),
    "unknown strategy of an override": (S, PURPOSE, "[parameters]\nhr = { nwe = 0.5 }", "base_case.toml:3:6", "'nwe' is neither a strategy", "Did you mean 'new'?"),
    "unknown strategy of a scenario": (S, PURPOSE, 'strategies = ["usual", "nwe"]', "base_case.toml:2:24", "unknown strategy 'nwe'", "Did you mean 'new'?"),
    "comparator left out": (S, PURPOSE, 'strategies = ["new"]', "model.toml:8:", "comparator 'usual' is not among the strategies", "Keep it"),
    "bad setting of a scenario": (S, PURPOSE, '[settings]\nhorizon = "10 parsecs"', "base_case.toml:3:11", "no known unit of time", "days, weeks"),
    "unknown setting of a scenario": (S, PURPOSE, '[settings]\nhorzion = "10 years"', "base_case.toml:3:11", "unknown key 'horzion'", "Did you mean 'horizon'?"),
    "unknown key of a scenario": (S, "purpose", "porpose", "base_case.toml:2:11", "unknown key 'porpose'", "Did you mean 'purpose'?"),
    "text in an override": (S, PURPOSE, '[parameters]\nc_care = { value = "5" }', "base_case.toml:3:20 (value)", "a number, without quotes, not '5'", "Correct"),
    "unknown distribution of an override": (S, PURPOSE, '[parameters]\nc_care = { value = 5, distribution = "gama" }', "base_case.toml:3:38", "unknown distribution 'gama'", "Did you mean 'gamma'?"),
    "override of one strategy": (S, PURPOSE, '[parameters]\nhr = { new = "low" }', "base_case.toml:3:14 (parameters.hr.new)", "'low' cannot be the value", "Give a number"),
    "wrong type in a scenario": (S, PURPOSE, 'strategies = "new"', "base_case.toml:2:14 (strategies)", "a list, [a, b], not 'new'", "Correct"),
    "strategy twice": (S, PURPOSE, 'strategies = ["new", "usual", "new"]', "base_case.toml:2:31", "the strategy 'new' stands twice", "Delete one"),
    "no title": (S, 'title   = "Base case"', "", "base_case.toml", "the key 'title' is missing", "Add it"),
    "unknown parent": (S, PURPOSE, 'extends = "bse"', "base_case.toml:2:11", "no scenario 'bse' beside this one", ""),
    "extends itself": (S, PURPOSE, 'extends = "base_case"', "base_case.toml:2:11", "leads back", ""),
    "extends outside": (S, PURPOSE, 'extends = "../../secret"', "base_case.toml:2:11", "is not the name of a scenario in this folder", "without '.toml' or '/'"),
    "extends absolute": (S, PURPOSE, 'extends = "/etc/passwd"', "base_case.toml:2:11", "is not the name of a scenario", ""),
    "model outside": (S, PURPOSE, 'model = "../.."', "base_case.toml:2:9", "'../..' is not the name of a model", "without '/'"),
    "model absolute": (S, PURPOSE, 'model = "/etc"', "base_case.toml:2:9", "'/etc' is not the name of a model", ""),
    "unknown model": (S, PURPOSE, 'model = "smal"', "base_case.toml:2:9", "no model 'smal'", "Did you mean 'small'?"),
}  # fmt: skip


def problems(source: Path) -> tuple[he.Problem, ...]:
    with pytest.raises(he.InputError) as refused:
        load(source)
    return refused.value.problems


def refusal(source: Path) -> str:
    return "\n".join(map(str, problems(source)))


@pytest.mark.parametrize("name", MISTAKES)
def test_one_mistake_gives_one_problem(name: str, tmp_path: Path) -> None:
    """With place, value and hint; and nothing else looks wrong because of it."""
    file, old, new, place, what, hint = MISTAKES[name]
    scenario = write(tmp_path)
    edit(tmp_path, file, old, new)
    (problem,) = problems(scenario)
    assert place in problem.where
    assert what in str(problem)
    assert hint in problem.hint
    assert problem.hint


TOGETHER = [
    "unknown nested key",
    "wrong type",
    "misspelt absorbing",
    "unknown comparator",
    "unknown name",
    "unknown table",
    "rate to itself",
    "unknown start state",
    "not a transition",
    "negative horizon",
    "not a number",
    "unknown tag",
    "duplicate parameter",
    "empty cell in a table",
    "unknown parameter of a scenario",
]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Of shape and of meaning, in every file; and no more than were made."""
    scenario = write(tmp_path)
    for name in TOGETHER:
        file, old, new, *_ = MISTAKES[name]
        edit(tmp_path, file, old, new)
    found = problems(scenario)
    for name in TOGETHER:
        *_, what, hint = MISTAKES[name]
        assert any(what in str(one) and hint in one.hint for one in found), name
    assert len(found) == len(TOGETHER), "\n".join(map(str, found))


def test_files_that_cannot_be_read_are_named_together(tmp_path: Path) -> None:
    """Without false talk of the names that stand in them."""
    scenario = write(tmp_path)
    for name in (
        "not TOML",
        "row too long",
        "table with a row too long",
        "unknown key of a scenario",
    ):
        file, old, new, *_ = MISTAKES[name]
        edit(tmp_path, file, old, new)
    (tmp_path / "inputs/small/joint").mkdir()
    (tmp_path / "inputs/small/joint/g.csv").write_text("a,b\n1,x\n")
    (tmp_path / "inputs/small/tables/more.csv").write_bytes(b"\xff")
    assert [problem.where.split(":")[0] for problem in problems(scenario)] == [
        "small/base_case.toml",
        "model.toml",
        "parameters.csv",
        "tables/more.csv",
        "tables/mortality.csv",
        "joint/g.csv",
    ]


def test_a_move_is_not_missed_because_of_its_misspelt_state(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    edit(tmp_path, M, '"alive -> dead"', '"well -> dead"')
    edit(tmp_path, M, 'ill = "h_ill", dead', 'ill = "h_ill", daed')
    (problem,) = problems(scenario)
    assert problem.what == "unknown state 'daed'"


def test_too_much_time_in_states(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    edit(tmp_path, M, "tunnel = 2", "residence = 5000")
    edit(tmp_path, M, '"10 years"', '"20000 cycles"')
    (problem,) = problems(scenario)
    assert problem.where == "model.toml:10:1 (states)"
    assert problem.what == "5,002 cycles of residence over 20,000 cycles are too many to keep"


def test_every_circle_is_found(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    edit(tmp_path, M, '"h_base * hr"', '"h_x + h_y"\nh_x = "h_ill"\nh_y = "h_z"\nh_z = "h_y"')
    first, second = problems(scenario)
    assert first.where == "model.toml:24:10 (variables.h_ill)"
    assert first.what == "circular definition: h_ill -> h_x -> h_ill"
    assert second.what == "circular definition: h_y -> h_z -> h_y"


def test_the_model_is_right_before_it_is_broken(tmp_path: Path) -> None:
    model = load(write(tmp_path))
    assert model.warnings == ()
    assert run(model).cost()["new"] > 0


def test_missing_files(tmp_path: Path) -> None:
    assert "there is no such model" in refusal(tmp_path / "nothing" / "here")
    assert "no model.toml" in refusal(tmp_path)
    scenario = write(tmp_path)
    (tmp_path / PARAMETER_FILE).unlink()
    assert "no parameters.csv or parameters.xlsx" in refusal(scenario)
    (tmp_path / MODEL_FILE).unlink()
    assert "there is no model 'small'" in refusal(scenario)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    (tmp_path / "inputs/small/tables/folder.csv").mkdir()
    os.mkfifo(tmp_path / "inputs/small/tables/pipe.csv")
    message = refusal(scenario)
    assert "tables/folder.csv: this is not a regular file" in message
    assert "tables/pipe.csv: this is not a regular file" in message


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    for file in (MODEL_FILE, PARAMETER_FILE, TABLE_FILE, SCENARIO_FILE):
        scenario = write(tmp_path)
        path = tmp_path / file
        path.write_bytes(path.read_bytes() + b"# caf\xe9\n")
        message = refusal(scenario)
        assert "not UTF-8" in message
        assert path.name in message


@pytest.mark.parametrize("name", ["tables/stolen.csv", "parameters.csv", "tables", "model.toml"])
def test_links_out_of_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    scenario = write(tmp_path)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "stolen.csv").write_text("a,b\n1,2\n")
    path = tmp_path / "inputs" / "small" / name
    if name == "tables":
        (path / "mortality.csv").unlink()
        path.rmdir()
        path.symlink_to(secret)
    else:
        path.unlink(missing_ok=True)
        path.symlink_to(secret / "stolen.csv")
    message = refusal(scenario)
    assert "leads out of its folder" in message
    assert "instead of linking" in message


def test_a_linked_scenario_parent_is_refused(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    (tmp_path / "outside.toml").write_text('title = "x"\n')
    (scenario.parent / "parent.toml").symlink_to(tmp_path / "outside.toml")
    scenario.write_text('title = "child"\nextends = "parent"\n')
    assert "leads out of its folder" in refusal(scenario)


def test_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    for file in (TABLE_FILE, PARAMETER_FILE, MODEL_FILE):
        scenario = write(tmp_path)
        os.truncate(tmp_path / file, 10**9)  # sparse: takes no room on disk
        assert "1,000,000,000 bytes" in refusal(scenario)


def test_workbooks_that_are_none(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    path = (tmp_path / PARAMETER_FILE).with_suffix(".xlsx")
    (tmp_path / PARAMETER_FILE).rename(path)
    assert "not a readable .xlsx workbook" in refusal(scenario)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"")
        archive.writestr("xl/workbook.xml", b"0" * 300_000_000)
    assert path.stat().st_size < 1_000_000
    assert "unpacks to 300,000,000 bytes" in refusal(scenario)
    book = openpyxl.Workbook()
    book.save(path)
    path.write_bytes(path.read_bytes()[:2000])
    assert "not a readable .xlsx workbook" in refusal(scenario)


def test_a_cell_of_a_workbook_is_named(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    path = tmp_path / PARAMETER_FILE
    book = openpyxl.Workbook()
    for line in path.read_text().splitlines():
        cells = line.split(",")
        book.active.append([_number(cell) for cell in cells])
    book.active.title = "Inputs"
    book.active["C5"] = "one"
    path.unlink()
    book.save(path.with_suffix(".xlsx"))
    assert "parameters.xlsx:Inputs!C5 (value): 'one' is not a number" in refusal(scenario)
    book.active["C5"] = 1
    book.active["A7"] = "=1+1"
    book.save(path.with_suffix(".xlsx"))
    assert "parameters.xlsx:Inputs!A7" in refusal(scenario)


def _number(cell: str) -> float | str | None:
    try:
        return float(cell)
    except ValueError:
        return cell or None


def test_both_parameter_files(tmp_path: Path) -> None:
    scenario = write(tmp_path)
    openpyxl.Workbook().save((tmp_path / PARAMETER_FILE).with_suffix(".xlsx"))
    assert "both parameters.csv and parameters.xlsx" in refusal(scenario)


def test_mistakes_in_code_are_reported_too() -> None:
    with pytest.raises(he.InputError, match="the key 'states' is missing"):
        he.Model.from_dict({"model": {"title": "x"}})
