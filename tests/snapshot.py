"""What heecon says and writes, frozen: record it before a change, compare after.

``python -m tests.snapshot record FOLDER`` runs every command of COMMANDS with the heecon
beside this file and keeps its console text, CSV and JSON files and the cells of its workbooks.
``python -m tests.snapshot compare FOLDER`` records again and tells what differs.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from fnmatch import fnmatch
from itertools import zip_longest
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "tests" / "snapshot_models"  # for what no bundled model does
SHOWN = 3  # differing lines shown of a file

# A line a command: its name, then what follows `heecon`.
COMMANDS = """
batch_bone_metastases       batch bone_metastases
batch_early_breast_cancer   batch early_breast_cancer
batch_hiv                   batch hiv
batch_krijkamp              batch krijkamp
batch_sick_sicker           batch sick_sicker
batch_sre_trial             batch sre_trial
batch_starter               batch starter
workbook_bone_metastases    workbook export bone_metastases --draws 20
workbook_sick_sicker        workbook export sick_sicker/published --draws 20
run_bone_metastases         run
run_early_breast_cancer     run early_breast_cancer/base_case
run_hiv                     run hiv/base_case
run_krijkamp                run krijkamp/base_case
run_sick_sicker             run sick_sicker/published
run_sre_trial               run sre_trial/base_case
run_starter                 run starter/base_case
microsim_krijkamp_history   run krijkamp_history --engine microsim --patients 2000
microsim_sick_sicker        run sick_sicker --engine microsim --patients 2000 --seed 3
continuous_weibull          run weibull --patients 2000
batch_krijkamp_history      batch krijkamp_history
continuous_starter          run starter --engine continuous
psa_bone_metastases         psa --draws 200 --seed 1 --people 1000
psa_sick_sicker             psa sick_sicker/published --draws 200 --seed 2 --method sobol
psa_early_breast_cancer     psa early_breast_cancer/base_case --draws 200
psa_microsim                psa sick_sicker/published --engine microsim --draws 10 --patients 200
mix_starter                 psa-mixture starter/base_case=0.6 starter/cheaper_drug=0.4 --draws 200
one_way_bone_metastases     one-way --of denosumab
one_way_sick_sicker         one-way sick_sicker --of AB --icer
two_way_hiv                 two-way rr dmc_A hiv/base_case --steps 5 --threshold 5000
threshold_bone_metastases   threshold c_unit[denosumab] --low 0 --high 400
threshold_hiv               threshold c_lamivudine hiv/base_case --low 0 --high 20000
price_bone_metastases       price
price_hiv                   price hiv --input c_lamivudine --of comb
discounts_bone_metastases   price-grid bone_metastases
discounts_prices            price-grid bone_metastases --price 1 --price 100
voi_sick_sicker             evppi sick_sicker/published --draws 200 --group u_S1,u_S2
voi_bone_metastases         evppi --draws 200
trial_bone_metastases       evsi rr_sre_v_za[denosumab] --hazard-ratio 0.35 --draws 200
sobol_sick_sicker           sobol sick_sicker --size 16
sobol_hiv                   sobol hiv --size 32 --second-order
morris_bone_metastases      morris --trajectories 4
calibrate_bone_metastases   calibrate --input months_first_sre --target stopeck_median_za
evidence                    evidence
evidence_figure             evidence stopeck_rate_ratio
evidence_network            evidence --network sre_metastatic
evidence_network_reml       evidence --network sre_metastatic --method reml
evidence_audit              evidence --audit
evidence_audit_early        evidence --audit early_breast_cancer
validate_bone_metastases    validate
validate_early              validate early_breast_cancer
diff_bone_metastases        diff bone_metastases bone_metastases/discount_1_5
diff_sick_sicker            diff sick_sicker sick_sicker/age_dependent
check_bone_metastases       check
check_early_breast_cancer   check early_breast_cancer
check_hiv                   check hiv
list                        list
new                         new my_model
error_no_model              run nothing_of_the_kind
error_no_parameter          threshold no_such_input hiv
error_draws                 psa hiv --draws 0
error_discounts             price-grid hiv
help                        --help
help_run                    run --help
help_psa                    psa --help
"""

# What varies from run to run or machine to machine, and what stands for it.
VARYING = [
    (r".*Compiling the engine for this machine.*\n", ""),
    (r'("(?:seconds|duration)": )[\d.e+-]+', r"\1<seconds>"),
    (r"\b\d+(?:\.\d+)? (?:s|seconds?)\b(?! per)", "<seconds>"),
    (
        r'("(?:python|platform|heecon|num(?:py|ba)|scipy|pandas|pydantic)": )"[^"]*"',
        r'\1"<version>"',
    ),
    (r"\bheecon \d+\.\d+[\w.+]*", "heecon <version>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?", "<time>"),
    (rf"\b{date.today().isoformat()}\b", "<today>"),
    (r"(?<![\w.:/])/[^\s\"',;:]*/(?=(?:inputs|scenarios|heecon|reports)\b)", "<folder>/"),
]

NUMBER = r"(?<![A-Za-z_\d.])[-+]?{whole}(?:\.\d+)?(?:[eE][-+]?\d+)?"
PLAIN = re.compile(NUMBER.format(whole=r"\d+"))
WITH_THOUSANDS = re.compile(NUMBER.format(whole=r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)"))


def normalise(text: str) -> str:
    """The text with what varies from run to run replaced by a word."""
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text


def commands(only: str) -> dict[str, list[str]]:
    """Names and arguments of the commands whose name holds or matches ``only``."""
    rows = (line.split(maxsplit=1) for line in COMMANDS.strip().splitlines())
    return {n: shlex.split(a) for n, a in rows if only in n or fnmatch(n, only)}


def record(folder: Path, only: str = "") -> None:
    """Run the commands, two at a time, and keep what they say and write in a folder each."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "160", "PYTHONHASHSEED": "0"}

    def one(item: tuple[str, list[str]]) -> None:
        name, argv = item
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as work:
            for model in MODELS.iterdir():
                if model.name in argv:
                    shutil.copytree(model, Path(work) / model.name)
            done = subprocess.run(
                [sys.executable, "-m", "heecon.cli", *argv],
                cwd=work,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            console = f"$ heecon {shlex.join(argv)}\nexit {done.returncode}\n{done.stdout}"
            keep(console, folder / name / "console.txt", Path(work))
            for path in sorted(Path(work).rglob("*")):
                kept = folder / name / path.relative_to(work)
                if path.suffix in {".csv", ".json"}:
                    keep(path.read_text(), kept, Path(work))
                elif path.suffix == ".xlsx":
                    for sheet, text in workbook_cells(path):
                        keep(text, kept / f"{sheet}.csv", Path(work))
        print(f"{time.perf_counter() - started:6.1f} s  {name}", file=sys.stderr)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, commands(only).items()))


def keep(text: str, path: Path, work: Path) -> None:
    """Write one normalised text, with the folder of the command named <work>."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(normalise(text.replace(str(work), "<work>")))


def workbook_cells(path: Path) -> Iterator[tuple[str, str]]:
    """Each sheet's name and its cells, a line each: place, formula with its attributes, value.

    The XML is read directly: a reading library takes minutes for the larger workbooks.
    """
    with zipfile.ZipFile(path) as archive:
        parts = set(archive.namelist())
        shared = []
        if "xl/sharedStrings.xml" in parts:
            strings = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
            shared = ["".join(item.itertext()) for item in strings]
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        targets = {link.get("Id"): link.get("Target", "") for link in links}
        names = [f"{n.get('name')}\t{n.text}\n" for n in book.iterfind(".//{*}definedName")]
        yield "defined names", "".join(names)
        for sheet in book.iterfind(".//{*}sheet"):
            link = next(v for k, v in sheet.attrib.items() if k.endswith("}id"))
            part = "xl/" + targets[link].removeprefix("/xl/")
            yield str(sheet.get("name")), sheet_cells(archive, part, shared)


def sheet_cells(archive: zipfile.ZipFile, part: str, shared: list[str]) -> str:
    """The cells of one sheet that hold anything."""
    lines = []
    with archive.open(part) as stream:
        for _, row in ElementTree.iterparse(stream):
            if not row.tag.endswith("}row"):
                continue
            for cell in row:
                formula, value = cell.find("{*}f"), cell.find("{*}v")
                text = "".join(cell.itertext()) if value is None else value.text or ""
                if cell.get("t") == "s" and text:
                    text = shared[int(text)]
                rule = ""
                if formula is not None:
                    rule = " ".join([f"={formula.text or ''}", *map(str, formula.attrib.items())])
                if text or rule:
                    lines.append(f"{cell.get('r')}\t{rule}\t{text!r}\n")
            row.clear()
    return "".join(lines)


def number_difference(a: str, b: str, pattern: re.Pattern[str]) -> float | None:
    """Largest relative difference of the numbers of two lines; None if their words differ.

    Spaces and ruled lines do not count: they follow the width of the numbers.
    """
    words_a, words_b = (re.sub(r"[\s─]+", " ", pattern.sub("#", x)).strip() for x in (a, b))
    if words_a != words_b:
        return None
    numbers = zip(pattern.findall(a), pattern.findall(b), strict=True)
    pairs = [(float(x.replace(",", "")), float(y.replace(",", ""))) for x, y in numbers]
    return max((abs(x - y) / max(abs(x), abs(y)) for x, y in pairs if x != y), default=0.0)


def compare_texts(old: str, new: str, *, thousands: bool) -> tuple[float | None, list[str]]:
    """Largest relative difference (None: words differ) and the first lines that differ."""
    pattern = WITH_THOUSANDS if thousands else PLAIN
    largest: float | None = 0.0
    shown: list[str] = []
    for place, (a, b) in enumerate(zip_longest(old.splitlines(), new.splitlines()), 1):
        if a == b:
            continue
        difference = None if a is None or b is None else number_difference(a, b, pattern)
        largest = None if largest is None or difference is None else max(largest, difference)
        if len(shown) < 2 * SHOWN:
            shown += [f"    {place} - {a}"[:300], f"    {place} + {b}"[:300]]
    return largest, shown


def compare(old: Path, new: Path, tolerance: float = 0.0, only: str = "") -> bool:
    """Print what differs file by file; whether nothing does."""
    names = commands(only)
    before, after = (
        {p.relative_to(f) for n in names for p in (f / n).rglob("*") if p.is_file()}
        for f in (old, new)
    )
    counts = dict.fromkeys(["same", "missing", "new", "numbers differ", "text differs"], 0)
    worst = 0.0
    for path in sorted(before | after):
        shown: list[str] = []
        verdict, detail = "same", ""
        if path not in after:
            verdict = "missing"
        elif path not in before:
            verdict = "new"
        elif (a := (old / path).read_text()) != (b := (new / path).read_text()):
            largest, shown = compare_texts(a, b, thousands=path.suffix == ".txt")
            if largest is None:
                verdict = "text differs"
            elif largest > tolerance or not tolerance:
                verdict, detail = "numbers differ", f" by at most {largest:.3g} relative"
                worst = max(worst, largest)
        counts[verdict] += 1
        if verdict != "same":
            print("\n".join([f"{path}: {verdict}{detail}", *shown]))
    print(", ".join(f"{v} {k}" for k, v in counts.items()), f"(largest {worst:.3g} relative)")
    return counts["same"] == sum(counts.values()) > 0


def main() -> int:
    """Record or compare; 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.snapshot", description=__doc__)
    parser.add_argument("action", choices=["record", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="commands whose name holds or matches this")
    parser.add_argument("--tolerance", type=float, default=0.0, help="relative, of numbers")
    chosen = parser.parse_args()
    if chosen.action == "record":
        record(chosen.folder, chosen.only)
        return 0
    with tempfile.TemporaryDirectory() as new:
        record(Path(new), chosen.only)
        return 0 if compare(chosen.folder, Path(new), chosen.tolerance, chosen.only) else 1


if __name__ == "__main__":
    sys.exit(main())
