"""LaTeX and plain text."""

from __future__ import annotations

import pytest

from heecon.language import Binary, Name, Negate, Number, parse, to_latex, to_text


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a + b * c", r"\mathrm{a} + \mathrm{b} \cdot \mathrm{c}"),
        ("(a + b) * c", r"\left(\mathrm{a} + \mathrm{b}\right) \cdot \mathrm{c}"),
        ("a - (b - c)", r"\mathrm{a} - \left(\mathrm{b} - \mathrm{c}\right)"),
        ("(a + 1) / b", r"\frac{\mathrm{a} + 1}{\mathrm{b}}"),
        ("-a ** 2", r"-\mathrm{a}^{2}"),
        ("(-a) ** 2", r"\left(-\mathrm{a}\right)^{2}"),
        ("exp(a) ** 2", r"\left(\exp\left(\mathrm{a}\right)\right)^{2}"),
        ("(a / b) ** c", r"\left(\frac{\mathrm{a}}{\mathrm{b}}\right)^{\mathrm{c}}"),
        ("h_death * hr", r"\mathrm{h\_death} \cdot \mathrm{HR}"),
        ("sqrt(a)", r"\sqrt{\mathrm{a}}"),
        ("min(a, b, 1)", r"\min\left(\mathrm{a},\,\mathrm{b},\,1\right)"),
        ("normal_quantile(a)", r"\Phi^{-1}\left(\mathrm{a}\right)"),
        ("odds(a)", r"\operatorname{odds}\left(\mathrm{a}\right)"),
        ("lookup(life, a)", r"\mathit{life}\left(\mathrm{a}\right)"),
        ("lookup(us_life, qx, a)", r"\mathit{us\_life}_{\mathit{qx}}\left(\mathrm{a}\right)"),
        ("1.5e-7 * a", r"1.5 \cdot 10^{-7} \cdot \mathrm{a}"),
        ("a ** 1e20", r"\mathrm{a}^{1 \cdot 10^{20}}"),
        (
            "1 if a <= 2 and not b != 3 else 2 if a > 1 or b > 1 else 3",
            r"\begin{cases} 1 & \text{if } \mathrm{a} \le 2 \land \lnot "
            r"\left(\mathrm{b} \ne 3\right) \\ "
            r"2 & \text{if } \mathrm{a} > 1 \lor \mathrm{b} > 1 \\ "
            r"3 & \text{otherwise} \end{cases}",
        ),
    ],
)
def test_latex(text: str, latex: str) -> None:
    assert to_latex(parse(text), {"hr": r"\mathrm{HR}"}) == latex


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("((a))+b*(c)", "a + b * c"),
        ("(a+b)*c", "(a + b) * c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("a**(b**c)", "a ** b ** c"),
        ("(a**b)**c", "(a ** b) ** c"),
        ("(-a)**2", "(-a) ** 2"),
        ("-(a**2)", "-a ** 2"),
        ("a**-b", "a ** -b"),
        ("-(-a)", "--a"),
        ("1.0 + 1e3 + 1e22 + .5", "1 + 1000 + 1e+22 + 0.5"),
        ("a<b<c", "a < b and b < c"),
        ("a<b and (c<a or not (b<c))", "a < b and (c < a or not b < c)"),
        ("not (a<b and c<a)", "not (a < b and c < a)"),
        ("a<b and (b<c and c<a)", "a < b and (b < c and c < a)"),
        ("(a if a>b else b) + c", "(a if a > b else b) + c"),
        ("a if a>b else (b if b>c else c)", "a if a > b else b if b > c else c"),
        ("(a if b>c else b) if a>b else c", "(a if b > c else b) if a > b else c"),
        ("max( a,b ,(c) )", "max(a, b, c)"),
        ("\n a\t+\r\n b", "a + b"),
    ],
)
def test_text(text: str, canonical: str) -> None:
    assert to_text(parse(text)) == canonical
    assert parse(canonical) == parse(text)


def test_a_negative_number_node_reads_back_as_a_sign() -> None:
    assert to_text(Number(-2.0)) == "-2"
    assert to_text(Binary("**", Number(-2.0), Number(2.0))) == "(-2) ** 2"
    assert parse("-2") == Negate(Number(2.0))
    assert to_text(parse("a")) == to_text(Name("a"))
